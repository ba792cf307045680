"""Learning curves."""

from __future__ import annotations

from math import isnan, log, nan
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.curves import curves, lines_of, mean_of, names_of

EPOCHS = [
    {"epoch": 1, "fold": None, "loss": 2.0, "accuracy": 0.5, "val_loss": 2.5, "learning_rate": 0.1, "seconds": 1.0},
    {"epoch": 2, "fold": None, "loss": 1.0, "accuracy": 0.75, "val_loss": 1.5, "learning_rate": 0.05, "seconds": 1.0},
]
FOLDS = [
    {"epoch": epoch, "fold": fold, "loss": 10.0 * fold + epoch} for fold in range(3) for epoch in range(1, 5 + fold)
]


def _drawn(plot: Any) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in plot.figure.axes[0].lines
    }


def test_a_curve_is_what_the_epochs_say() -> None:
    """Training and validation are drawn with the very figures of the file, one plot a figure."""
    loss, accuracy, rate = curves(EPOCHS)
    assert _drawn(loss) == {"training": ([1, 2], [2.0, 1.0]), "validation": ([1, 2], [2.5, 1.5])}
    assert _drawn(accuracy) == {"training": ([1, 2], [0.5, 0.75])}
    assert _drawn(rate) == {"learning rate": ([1, 2], [0.1, 0.05])}
    assert "training, from 2 to 1; validation, from 2.5 to 1.5" in loss.alt


def test_a_rate_that_never_changes_needs_no_plot() -> None:
    """The learning rate is drawn only where it moves."""
    assert [plot.name for plot in curves([{**row, "learning_rate": 0.1} for row in EPOCHS])] == [
        "curve_loss",
        "curve_accuracy",
    ]


def test_folds_are_thin_and_their_mean_is_thick() -> None:
    """Each fold has its own line over all its epochs; the mean ends where the first fold does."""
    (plot,) = curves(FOLDS)
    *each, mean = plot.figure.axes[0].lines
    assert [list(line.get_ydata()) for line in each] == [
        [10.0 * fold + epoch for epoch in range(1, 5 + fold)] for fold in range(3)
    ]
    assert list(mean.get_xdata()) == [1, 2, 3, 4]
    assert list(mean.get_ydata()) == [11.0, 12.0, 13.0, 14.0]
    assert all(line.get_linewidth() < mean.get_linewidth() for line in each)


def test_bits_are_nats_by_ln_2() -> None:
    """Of a text, the loss is told in bits for each character too."""
    plot = curves(EPOCHS, nats=True)[0]
    assert plot.name == "curve_bits_per_character"
    assert np.allclose(_drawn(plot)["training"][1], [2.0 / log(2), 1.0 / log(2)])


def test_a_metric_that_is_the_loss_is_drawn_once() -> None:
    """A second plot of the same figures is replaced by a word."""
    rows = [{"epoch": at, "loss": 1.0 / at, "mean_squared_error": 1.000001 / at} for at in (1, 2, 3)]
    (plot,) = curves(rows)
    assert plot.name == "curve_loss"
    assert "mean squared error" in plot.caption


def test_what_is_no_number_is_a_gap() -> None:
    """A NaN or a missing figure leaves a gap, and a figure without any number no plot."""
    rows = [{"epoch": 1, "loss": 1.0}, {"epoch": 2}, {"epoch": 3, "loss": nan}, {"epoch": 4, "loss": 0.5, "f": nan}]
    (plot,) = curves(rows)
    x, y = _drawn(plot)["training"]
    assert x == [1, 2, 3, 4]
    assert [isnan(value) for value in y] == [False, True, True, False]


def test_figures_of_many_sizes_are_drawn_by_their_logarithm() -> None:
    """Where the first loss is hundreds of times the last, the last epochs can still be told apart; ticks are plain."""
    (plot,) = curves([{"epoch": at, "loss": 10.0 ** (3 - at)} for at in range(1, 6)])
    axes = plot.figure.axes[0]
    assert axes.get_yscale() == "log"
    plot.figure.canvas.draw()
    assert all("$" not in label.get_text() for label in axes.get_yticklabels())
    (other,) = curves([{"epoch": at, "loss": 10.0 - at} for at in range(1, 6)])
    assert other.figure.axes[0].get_yscale() == "linear"


def test_a_name_cannot_lead_a_file_elsewhere() -> None:
    """A metric of the user's own names a file of letters alone."""
    (plot,) = curves([{"epoch": 1, "../../a/b é": 1.0}])
    assert plot.name == "curve_______a_b__"


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), st.floats(allow_nan=False)), min_size=1))
def test_lines_hold_every_figure_once(rows: list[tuple[int, int, float]]) -> None:
    """However lines are mixed up in the file, each fold's are put in order, and the last of an epoch counts."""
    told = [{"epoch": epoch, "fold": fold, "loss": value} for epoch, fold, value in rows]
    last = {(fold, epoch): value for epoch, fold, value in rows}
    found = {
        (line.fold, epoch): value
        for line in lines_of(told, "loss")
        for epoch, value in zip(line.epochs, line.values, strict=True)
    }
    assert found == (last if any(abs(value) < float("inf") for value in last.values()) else {})
    assert all(list(line.epochs) == sorted(line.epochs) for line in lines_of(told, "loss"))


def test_names_and_means() -> None:
    """A figure and its validation are one name; one fold has no mean."""
    assert names_of(EPOCHS) == ["loss", "accuracy"]
    assert mean_of(lines_of(EPOCHS, "loss")) is None
