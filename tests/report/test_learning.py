"""Learning curves, their table, and generated texts."""

from __future__ import annotations

import json
from math import isnan, log, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.learning import (
    curves_of,
    learning_plots,
    learning_section,
    mean_curve,
    metric_curves,
    samples_section,
)
from nnrun.report.run_contents import read_run
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow

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


def test_a_curve_has_the_values_of_the_epochs() -> None:
    """Each metric has a plot of its training and validation values."""
    loss, accuracy, rate = learning_plots(EPOCHS)
    assert _drawn(loss) == {"training": ([1, 2], [2.0, 1.0]), "validation": ([1, 2], [2.5, 1.5])}
    assert _drawn(accuracy) == {"training": ([1, 2], [0.5, 0.75])}
    assert _drawn(rate) == {"learning rate": ([1, 2], [0.1, 0.05])}
    assert "training, from 2 to 1; validation, from 2.5 to 1.5" in loss.alt


def test_a_constant_learning_rate_has_no_plot() -> None:
    """The learning rate is drawn only if it changes."""
    assert [plot.name for plot in learning_plots([{**row, "learning_rate": 0.1} for row in EPOCHS])] == [
        "curve_loss",
        "curve_accuracy",
    ]


def test_folds_are_thin_and_their_mean_is_thick() -> None:
    """Each fold has a line over all its epochs; the mean ends where the shortest fold does."""
    (plot,) = learning_plots(FOLDS)
    *each, mean = plot.figure.axes[0].lines
    assert [list(line.get_ydata()) for line in each] == [
        [10.0 * fold + epoch for epoch in range(1, 5 + fold)] for fold in range(3)
    ]
    assert list(mean.get_xdata()) == [1, 2, 3, 4]
    assert list(mean.get_ydata()) == [11.0, 12.0, 13.0, 14.0]
    assert all(line.get_linewidth() < mean.get_linewidth() for line in each)


def test_bits_are_nats_divided_by_ln_2() -> None:
    """The loss of a text model is also drawn in bits per character."""
    plot = learning_plots(EPOCHS, in_nats=True)[0]
    assert plot.name == "curve_bits_per_character"
    assert np.allclose(_drawn(plot)["training"][1], [2.0 / log(2), 1.0 / log(2)])


def test_a_metric_that_is_the_loss_is_drawn_once() -> None:
    """A second plot of the same values is replaced by a caption."""
    rows = [{"epoch": at, "loss": 1.0 / at, "mean_squared_error": 1.000001 / at} for at in (1, 2, 3)]
    (plot,) = learning_plots(rows)
    assert plot.name == "curve_loss"
    assert "mean squared error" in plot.caption


def test_a_missing_value_is_a_gap() -> None:
    """A NaN or a missing value is a gap, and a metric without a finite value has no plot."""
    rows = [{"epoch": 1, "loss": 1.0}, {"epoch": 2}, {"epoch": 3, "loss": nan}, {"epoch": 4, "loss": 0.5, "f": nan}]
    (plot,) = learning_plots(rows)
    x, y = _drawn(plot)["training"]
    assert x == [1, 2, 3, 4]
    assert [isnan(value) for value in y] == [False, True, True, False]


def test_values_of_many_magnitudes_have_a_logarithmic_axis() -> None:
    """If the first loss is hundreds of times the last, the axis is logarithmic, with plain numbers at its ticks."""
    (plot,) = learning_plots([{"epoch": at, "loss": 10.0 ** (3 - at)} for at in range(1, 6)])
    axes = plot.figure.axes[0]
    assert axes.get_yscale() == "log"
    plot.figure.canvas.draw()
    assert all("$" not in label.get_text() for label in axes.get_yticklabels())
    (other,) = learning_plots([{"epoch": at, "loss": 10.0 - at} for at in range(1, 6)])
    assert other.figure.axes[0].get_yscale() == "linear"


def test_the_name_of_a_metric_cannot_change_the_folder() -> None:
    """A file named after the user's metric has only safe characters."""
    (plot,) = learning_plots([{"epoch": 1, "../../a/b é": 1.0}])
    assert plot.name == "curve_______a_b__"


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 2), st.floats(-1e100, 1e100) | st.just(float("inf"))), min_size=1
    )
)
def test_curves_hold_every_value_once(rows: list[tuple[int, int, float]]) -> None:
    """Lines in any order give each fold's values by epoch; of several for one epoch, the last counts."""
    epochs = [{"epoch": epoch, "fold": fold, "loss": value} for epoch, fold, value in rows]
    last = {(fold, epoch): value for epoch, fold, value in rows}
    found = {
        (line.fold, epoch): value
        for line in curves_of(epochs, "loss")
        for epoch, value in zip(line.epochs, line.values, strict=True)
    }
    assert found == (last if any(abs(value) < float("inf") for value in last.values()) else {})
    assert all(list(line.epochs) == sorted(line.epochs) for line in curves_of(epochs, "loss"))


def test_names_and_means() -> None:
    """A metric and its validation have one name; one fold has no mean."""
    assert list(metric_curves(EPOCHS)) == ["loss", "accuracy"]
    assert mean_curve(curves_of(EPOCHS, "loss")) is None


def test_the_table_has_every_epoch(finished: Callable[..., RunFolder]) -> None:
    """The table has a row for each epoch; of hundreds only every n-th, and the last."""
    folder = finished()
    for epoch in range(1, 452):
        metrics.append(folder.metrics, {"epoch": epoch, "loss": 1 / epoch, "learning_rate": 0.01})
    section = learning_section(read_run(folder))
    (table,) = section.tables
    assert table.headings == ("epoch", "loss", "learning rate")
    assert [row[0] for row in table.rows[:2]] == ["5", "10"]
    assert table.rows[-1][:2] == ("451", "0.0022")
    assert "every 5th row" in table.caption
    assert section.notes == ("The learning rate was 0.01 throughout.",)


def test_values_that_are_not_finite_are_pointed_out(finished: Callable[..., RunFolder]) -> None:
    """A note states the first epoch with a value that is not finite."""
    folder = finished()
    for epoch, loss in ((1, 1.0), (2, float("inf")), (3, float("nan"))):
        metrics.append(folder.metrics, {"epoch": epoch, "fold": 2, "loss": loss})
    assert (
        "From epoch 2 of fold 2 on, some values are not finite: the curves have gaps there."
        in learning_section(read_run(folder)).notes
    )


def test_a_run_without_epochs_says_so(finished: Callable[..., RunFolder]) -> None:
    """A run without epochs has a note instead of curves."""
    assert learning_section(read_run(finished())).notes == ("No epoch was completed.",)


def test_bits_are_drawn_if_the_loss_is_in_nats(finished: Callable[..., RunFolder]) -> None:
    """If the loss of a text model is its nats per character, the curve in bits is first."""
    folder = finished()
    metrics.append(folder.metrics, {"epoch": 1, "loss": 2.0})
    for loss, first in ((1.9, "curve_bits_per_character"), (2.5, "curve_loss")):
        folder.write_json(folder.scores, {"validation": {"loss": loss, "nats_per_character": 1.9}})
        assert learning_section(read_run(folder)).plots[0].name == first


def test_generated_texts_are_shown_with_their_seed(finished: Callable[..., RunFolder]) -> None:
    """The first and the last generated texts are shown unchanged after their seed, each with its epoch."""
    folder = finished()
    assert samples_section(read_run(folder)).is_empty
    lines = [{"epoch": epoch, "seed_text": "Once ", "text": f"<b>{epoch}\n"} for epoch in range(1, 21)]
    folder.write_text(folder.samples, "".join(json.dumps(line) + "\n" for line in lines) + '{"epoch": 21, "te')
    section = samples_section(read_run(folder))
    assert [text.title for text in section.texts] == [
        f"After epoch {epoch}" for epoch in (1, 2, 3, 14, 15, 16, 17, 18, 19, 20)
    ]
    assert section.texts[0].content == "Once <b>1\n"
    assert section.notes == ("10 of 20 texts: the first and the last.",)
