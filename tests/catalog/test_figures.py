"""Ranges of losses and metrics: every metric of the catalog has one, under every name that a run gives it."""

from __future__ import annotations

from math import inf

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.figures import UNKNOWN, Figure, figure_of, figure_of_loss, figure_of_metric
from nnrun.catalog.shapes.names import snake_case


@pytest.mark.parametrize("name", lookup.names("metrics"))
def test_every_metric_of_the_catalog_is_known(name: str) -> None:
    """A metric is known by its class and by its name: of a part, an output, a class, a second object."""
    figure, keras_name = figure_of_metric(name), snake_case(name)
    assert figure != UNKNOWN
    assert figure.better is not None
    names = ("", "val_", "price_", "val_price_")
    assert {figure_of(f"{before}{keras_name}{after}") for before in names for after in ("", "_1", "_yes")} == {figure}


@pytest.mark.parametrize("name", lookup.names("losses"))
def test_every_loss_of_the_catalog_is_better_when_less(name: str) -> None:
    """Losses are minimised; all but Poisson's and the cosine's are not negative."""
    figure = figure_of_loss(name)
    assert figure.better == "smaller"
    least = {"poisson": -inf, "cosinesimilarity": -1}
    assert figure.low == least.get(snake_case(name).replace("_", ""), 0)


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("error_percent", Figure(0, 100, "smaller")),
        ("y_error_rate", Figure(0, 1, "smaller")),
        ("roc_auc", Figure(0, 1, "larger")),
        ("log_loss", Figure(0, inf, "smaller")),
        ("r2", Figure(-inf, 1, "larger")),
        ("val_y_loss", Figure(better="smaller")),
        ("fbeta_score", Figure(0, 1, "larger")),
        ("my_gain", UNKNOWN),
    ],
)
def test_scores_and_figures_of_ones_own(name: str, figure: Figure) -> None:
    """Scores that nnrun adds have their ranges; of a metric with any other name nothing is known."""
    assert figure_of(name) == figure


def test_a_renamed_metric_is_what_the_config_says() -> None:
    """A name of the config's own stands for the metric's class."""
    known = {"quality": figure_of_metric("AUC")}
    assert figure_of("val_quality", known) == Figure(0, 1, "larger")
