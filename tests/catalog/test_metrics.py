"""What is known of Keras' metrics: their better side, their names, and which return several figures."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup, metrics


def test_every_metric_of_the_catalog_has_a_better_side() -> None:
    """Whatever a config can name is better when smaller or larger, so that any figure of it can be monitored."""
    assert [name for name in lookup.names("metrics") if metrics.direction(name) is None] == []


@pytest.mark.keras
def test_better_sides_are_those_of_keras(keras) -> None:
    """Where Keras itself has a side, it is the same."""
    arguments = {
        "num_classes": 3,
        "target_class_ids": [0],
        "recall": 0.5,
        "precision": 0.5,
        "specificity": 0.5,
        "sensitivity": 0.5,
    }
    compared = 0
    for name in lookup.names("metrics"):
        entry = lookup.entry("metrics", name)
        if entry.is_function or name == "accuracy":
            continue
        required = {one.name: arguments[one.name] for one in entry.parameters.values() if one.required}
        made = getattr(keras.metrics, name)(**required)
        side = {"up": "max", "down": "min"}.get(getattr(made, "_direction", None))
        compared += side is not None
        assert side in (None, metrics.direction(name)), name
    assert compared > 25


@pytest.mark.parametrize(
    ("name", "keras_name"),
    [
        ("MeanSquaredError", "mean_squared_error"),
        ("AUC", "auc"),
        ("F1Score", "f1_score"),
        ("FBetaScore", "fbeta_score"),
        ("LogCoshError", "logcosh"),
        ("accuracy", "accuracy"),
        ("TopKCategoricalAccuracy", "top_k_categorical_accuracy"),
    ],
)
def test_metrics_are_named_as_keras_names_them(name: str, keras_name: str) -> None:
    """A metric has the name of its signature, else its class in snake case."""
    assert metrics.default_name(name)[0] == keras_name
