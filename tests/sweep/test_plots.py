"""Names and labels of a sweep's plots are short, and tell what they stand for from each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.report.style import plot_style
from nnrun.runs import metrics
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Trial
from nnrun.sweep.plots import curve_plots, short_names, tick_labels
from nnrun.sweep.study import Group, Objective, summarize

WORDS = some.lists(some.sampled_from(["model", "0", "1", "Dense", "units", "training", "rate"]), min_size=1, max_size=4)


def test_the_last_word_of_a_path_is_its_name() -> None:
    """Or as many words as it takes; a number alone says nothing."""
    paths = ["training.batch_size", "model.0.Dense.units", "model.1.Dense.units", "model.2"]
    assert list(short_names(paths).values()) == ["batch_size", "0.Dense.units", "1.Dense.units", "model.2"]


@given(some.lists(WORDS.map(".".join), unique=True, max_size=6))
def test_no_two_paths_have_one_name(paths: list[str]) -> None:
    """Each name is an end of its path."""
    names = short_names(paths)
    assert len(set(names.values())) == len(paths)
    assert all(path.endswith(name) for path, name in names.items())


def test_layers_that_begin_alike_are_labelled_by_their_ends() -> None:
    """Others by their beginnings, without the braces."""
    assert tick_labels(["{Dropout: {rate: 0.2}}", "BatchNormalization"]) == [
        "Dropout: {rate: 0.2}",
        "BatchNormalization",
    ]
    texts = [f"{{Dense: {{units: 4, activation: {one}}}}}" for one in ("relu", "tanh")]
    assert tick_labels(texts) == ["\u2026 4, activation: relu}", "\u2026 4, activation: tanh}"]


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_the_band_of_a_curve_is_the_interval_of_its_mean(tmp_path: Path, seeds: int) -> None:
    """Of the epochs that all seeds have; each seed is drawn, too, and the axis shows what they span."""
    folder = SweepFolder.create(tmp_path, "made")
    values = [[0.5 + 0.1 * seed + 0.01 * epoch for epoch in range(3 + seed % 2)] for seed in range(seeds)]
    for seed, accuracies in enumerate(values):
        run = folder.run(seed)
        run.path.mkdir(parents=True)
        for epoch, accuracy in enumerate(accuracies):
            metrics.append(run.metrics, {"epoch": epoch + 1, "val_accuracy": accuracy})
    trials = [Trial(seed, 0, seed, {}, "done") for seed in range(seeds)]
    group = Group(0, {}, trials, 0.5, None, None)
    with plot_style():
        (plot,), damaged = curve_plots(folder, [group], Objective("validation.accuracy", False))
    (axes,) = plot.figure.axes
    expected = [summarize([one[epoch] for one in values], "val_accuracy") for epoch in range(3)]
    assert damaged == []
    assert axes.lines[0].get_ydata() == pytest.approx([mean for mean, _, _ in expected])
    drawn = [list(line.get_ydata()) for line in axes.lines[1:]]
    assert drawn == ([] if seeds == 1 else [pytest.approx(one[:3]) for one in values])
    if seeds > 1:
        bounds = axes.collections[0].get_paths()[0].vertices
        for epoch, (_, known, _) in enumerate(expected, 1):
            assert known is not None
            found = sorted({round(float(y), 9) for x, y in bounds if x == epoch})
            assert (found[0], found[-1]) == pytest.approx((known.low, known.high))
        assert 0.4 < axes.get_ylim()[0] < 0.5 < values[-1][2] < axes.get_ylim()[1] < 1
