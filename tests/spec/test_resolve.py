"""The resolved config is the same experiment with every default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.config.document import parse
from nnrun.config.dump import dump
from nnrun.spec.experiment import validate
from nnrun.spec.resolve import resolved

LAYERS = some.sampled_from(
    [
        "Flatten",
        {"Dense": 8},
        {"Dense": {"units": "$classes", "activation": "softmax"}},
        {"Dropout": 0.25},
        {"Conv2D": {"filters": 4, "kernel_size": [3, 5], "padding": "same"}},
        "MaxPooling2D",
        {"Reshape": [-1]},
        {"Dense": {"units": 3, "kernel_regularizer": {"L2": 1e-4}, "bias_initializer": "ones", "name": "named"}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 4, "return_sequences": True}}}},
        {"TimeDistributed": {"layer": {"Dense": 2}}},
        "BatchNormalization",
        {"Embedding": {"input_dim": 10, "output_dim": 4}},
        {"Input": {"shape": [None, 3]}},
    ]
)
OPTIMIZERS = some.sampled_from(
    [
        "Adam",
        "sgd",
        {"SGD": {"learning_rate": 1e-3, "momentum": 0.9, "nesterov": True}},
        {"RMSprop": 0.01},
        {
            "Adam": {
                "learning_rate": {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10}},
                "clipnorm": 1.0,
            }
        },
    ]
)
CONFIGS = some.fixed_dictionaries(
    {
        "name": some.sampled_from(["a", "b-2"]),
        "seed": some.integers(0, 2**32 - 1),
        "data": some.fixed_dictionaries(
            {
                "source": some.sampled_from(["digits", "iris", {"csv": {"file": "a.csv"}}]),
                "split": some.sampled_from([{"test": 0.2, "validation": 0.1}, {"test": "train"}]),
            }
        ),
        "model": some.lists(LAYERS, min_size=1, max_size=5),
        "training": some.fixed_dictionaries(
            {
                "loss": some.sampled_from(
                    ["mse", "categorical_crossentropy", {"BinaryCrossentropy": {"label_smoothing": 0.1}}]
                ),
                "optimizer": OPTIMIZERS,
                "metrics": some.sampled_from([[], ["accuracy", "AUC"], [{"TopKCategoricalAccuracy": 3}]]),
                "epochs": some.integers(1, 99),
                "callbacks": some.sampled_from(
                    [[], [{"EarlyStopping": {"monitor": "loss", "patience": 3}}, "ModelCheckpoint"]]
                ),
            }
        ),
    }
)


@given(CONFIGS)
def test_a_resolved_config_is_the_same_experiment(config: dict[str, object]) -> None:
    """Resolving, writing, reading and resolving again changes nothing."""
    once = resolved(validate(parse(dump(config), "x.yaml")), str)
    again = resolved(validate(parse(dump(once), "elsewhere/resolved.yaml")), str)
    assert again == once


def test_defaults_are_in_the_resolved_config(experiment) -> None:
    """The resolved config contains Keras' defaults, so that a later Keras cannot change them unnoticed."""
    made = resolved(experiment(), str)
    assert made["training"]["optimizer"]["Adam"]["learning_rate"] == 0.001
    assert made["model"][0]["Dense"]["kernel_initializer"] == "GlorotUniform"


def test_file_names_become_paths(experiment) -> None:
    """A data file's name becomes a path that is valid wherever the resolved config is stored."""
    made = resolved(experiment(data="source: {csv: {file: a.csv}}"), lambda name: f"/data/{name}")
    assert made["data"]["source"]["csv"]["file"] == "/data/a.csv"


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("{npz: {arrays: {x: x.npy, y: y.npy}}}", {"arrays": {"x": "/data/x.npy", "y": "/data/y.npy"}}),
        ("{npz: {file: a.npz, arrays: {x: x, y: y}}}", {"file": "/data/a.npz", "arrays": {"x": "x", "y": "y"}}),
        (
            "{idx: {images: i, labels: l, test_images: ti, test_labels: tl}}",
            {"images": "/data/i", "labels": "/data/l", "test_images": "/data/ti", "test_labels": "/data/tl"},
        ),
    ],
)
def test_every_file_of_a_source_becomes_a_path(experiment, source: str, paths: dict[str, object]) -> None:
    """Files of arrays and of test parts become paths, too; names of arrays inside a file do not."""
    made = resolved(experiment(data=f"source: {source}"), lambda name: f"/data/{name}")
    ((_, arguments),) = made["data"]["source"].items()
    assert {key: arguments[key] for key in paths} == paths


def test_a_null_of_the_config_is_kept(experiment) -> None:
    """`activation: null` is kept, because it may differ from the default."""
    made = resolved(experiment(model="- Dense: {units: 10, activation: null}"), str)
    assert made["model"][0]["Dense"]["activation"] is None
