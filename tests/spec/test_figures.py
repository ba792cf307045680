"""The names of the figures of an epoch, and their better side."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.spec.figures import direction_of, figure_names, logged_metrics

TWO = """
layers:
  - Dense: {units: 1, name: price}
  - Dense: {from: input, units: 3, activation: softmax, name: species}
outputs:
  price: {loss: mse, metrics: [mae, AUC, AUC]}
  species: {loss: categorical_crossentropy, metrics: [AUC, F1Score, F1Score, {F1Score: {name: mine}}]}
"""


def test_metrics_of_several_outputs_are_numbered_as_in_keras(experiment) -> None:
    """Keras numbers objects without a name over all outputs, and results of one name within each."""
    names = [one.name for one in logged_metrics(experiment(model=TWO, training="optimizer: Adam"))]
    assert names == [
        "price_mean_absolute_error",
        "price_auc",
        "price_auc_1",
        "species_auc_2",
        "species_f1_score",
        "species_f1_score_1",
        "species_mine",
    ]


@pytest.mark.parametrize(
    ("labels", "size", "names"),
    [
        (("hi", "lo"), 2, ["f_hi", "f_lo"]),
        (("hi", "lo"), 3, ["f_0", "f_1", "f_2"]),
        (("hi", "lo"), 1, ["f"]),
        (("a b", "a-b", "c/d", "e.f"), 4, ["f_a_b", "f_a-b", "f_c_d", "f_e_f"]),
        (("a b", "a_b"), 2, ["f_a_b", "f_a_b_1"]),
        (("", "é", "{x}"), 3, ["f_0", "f_é", "f_x"]),
        (("taken",), 1, ["f"]),
        (("taken", "free"), 2, ["f_taken_0", "f_free"]),
    ],
)
def test_figures_are_named_by_labels(labels: tuple[str, ...], size: int, names: list[str]) -> None:
    """A figure has its label's letters and digits; its number where there is no label; no name twice."""
    assert figure_names("f", labels, size, ["f_taken"]) == names


@given(st.lists(st.text(st.sampled_from(string.printable), max_size=3), min_size=2, max_size=6))
def test_names_of_figures_are_unique(labels: list[str]) -> None:
    """Whatever the classes are called, no two figures have one name, and none has a character of a path or pattern."""
    names = figure_names("f", labels, len(labels), ["f_0", "f_a"])
    assert len({*names, "f_0", "f_a"}) == len(labels) + 2
    assert not any(set(name) & set("./{}: ") for name in names)


@pytest.mark.parametrize(
    ("monitor", "side"),
    [
        ("loss", "min"),
        ("val_species_loss", "min"),
        ("val_price_mean_absolute_error", "min"),
        ("species_auc_2", "max"),
        ("val_species_f1_score_1_setosa", "max"),
        ("val_species_mine_x_loss", "max"),
        ("learning_rate", None),
        ("val_accuracy", None),
    ],
)
def test_what_can_be_known_has_a_better_side(experiment, monitor: str, side: str | None) -> None:
    """Losses of outputs are better when less, metrics by the catalog; what the config has not, has no side."""
    assert direction_of(experiment(model=TWO, training="optimizer: Adam"), monitor) == side


def test_updates_of_the_perceptron_are_better_when_less(experiment) -> None:
    """The count of rows that were wrong is a figure of the perceptron rule."""
    made = experiment(model="- Dense: {units: 1, activation: binary_step}", training="rule: perceptron")
    assert direction_of(made, "updates") == "min"
