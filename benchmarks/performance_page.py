"""The tables and the plot of docs/performance.md, from the measurements of benchmarks/run.py."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

from experiments import HOME, LSTM_STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments import Experiment, Round

PAGE, PLOT = HOME / "docs" / "performance.md", HOME / "docs" / "performance.png"
BEGIN, END = "<!-- benchmarks/run.py writes from here -->", "<!-- to here -->"
_SIDES = ("plain", "ours")
HEAD = (
    "| work | rounds | fit | ratio | whole process | ratio | peak memory | ratio | error or MSE |\n" + "|---" * 9 + "|"
)


def ratios(found: Sequence[Round], what: str) -> list[float]:
    """Return the ratio of each round: plain / ours, so that more is better; for memory ours / plain."""
    pairs = [(getattr(one.plain, what), getattr(one.ours, what)) for one in found]
    return [mine / theirs if what == "memory" else theirs / mine for theirs, mine in pairs]


def spread(values: Sequence[float]) -> str:
    """Format a median and its range."""
    return f"**{statistics.median(values):.2f}** ({min(values):.2f}-{max(values):.2f})"


def row(experiment: Experiment, found: Sequence[Round]) -> str:
    """Return the row of an experiment."""
    cells = [experiment.name, str(len(found))]
    for what, unit in (("fit", " s"), ("process", " s"), ("memory", " MB")):
        if what == "process" and not experiment.whole:
            cells += ["-", "-"]
            continue
        digits = 0 if unit == " MB" else (3 if experiment.text else 2)
        sides = [statistics.median(getattr(getattr(one, side), what) for one in found) for side in _SIDES]
        cells += [f"{sides[0]:.{digits}f} / {sides[1]:.{digits}f}{unit}", spread(ratios(found, what))]
    qualities = [[getattr(one, side).quality for one in found] for side in _SIDES]
    known = [statistics.median(one) if None not in one else None for one in qualities]
    cells.append(" / ".join("-" if one is None else f"{one:.2f}" for one in known) if any(known) else "-")
    return "| " + " | ".join(cells) + " |"


def limit_table(measured: Mapping[Experiment, Sequence[Round]]) -> str:
    """Return the table that compares the speed of networks with that of the machine's matrix products."""
    lines = [
        "| work | plain, GFLOP/s | ours, GFLOP/s | product 2048 x 2048 | ours, share | product of its shape | share |",
        "|---" * 7 + "|",
    ]
    for experiment, found in measured.items():
        if experiment.flops is None:
            continue
        shape = "LSTM" if experiment.text else "mnist_mlp"
        speeds = {side: [experiment.flops / getattr(one, side).fit / 1e9 for one in found] for side in _SIDES}
        cells = [experiment.name, *(f"{statistics.median(speeds[side]):.0f}" for side in _SIDES)]
        for product in ("square", shape):
            tops = [one.peak[product] for one in found]
            share = [100 * speed / top for speed, top in zip(speeds["ours"], tops, strict=True)]
            cells += [f"{statistics.median(tops):.0f}"]
            cells += [f"{statistics.median(share):.0f} % ({min(share):.0f}-{max(share):.0f})"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def start_and_growth(started: Sequence[tuple[float, float]], grown: Mapping[str, Mapping[int, float]]) -> str:
    """Return the paragraph on the start, and the table of the growth of training time."""
    paragraphs = []
    if started:
        bare, first = (statistics.median(one[side] for one in started) for side in (0, 1))
        paragraphs.append(
            f"Start: a process that only runs `import keras` takes {bare:.2f} s; `nnrun train digits_mlp` has written "
            f"the metrics of the first epoch {first:.2f} s after its start (medians of {len(started)})."
        )
    if grown:
        paragraphs.append("| seconds of training | small | larger | largest |\n" + "|---" * 4 + "|")
        paragraphs[-1] += "".join(
            f"\n| {what} | " + " | ".join(f"{size:,}: {seconds:.2f} s" for size, seconds in sizes.items()) + " |"
            for what, sizes in grown.items()
        )
    return "\n\n".join(paragraphs)


def tables(
    measured: Mapping[Experiment, Sequence[Round]],
    started: Sequence[tuple[float, float]],
    grown: Mapping[str, Mapping[int, float]],
) -> str:
    """Return the tables, with the date and the machine of the measurement."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    head = (
        f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} cores, load averages at the end {load}. "
        "Plain / ours; more is better. For memory ours / plain; less is better. Medians, and the range of the rounds. "
        f"The LSTM's seconds are those of one of {LSTM_STEPS} steps."
    )
    table = "\n".join([HEAD, *(row(experiment, found) for experiment, found in measured.items())])
    limit = limit_table(measured)
    explanation = (
        "Relative to the limit: the operations of the matrix products and convolutions of training and validation, "
        "divided by the time of `fit`, and compared with the speed of TensorFlow's own matrix product in the same "
        "round."
    )
    parts = [head, table, *([explanation, limit] if limit else []), start_and_growth(started, grown)]
    return "\n\n".join(part for part in parts if part)


def write_tables(text: str) -> None:
    """Replace the tables of the page, between its two markers."""
    old = PAGE.read_text(encoding="utf-8")
    before, after = old.partition(BEGIN)[0], old.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def draw_ratios(measured: Mapping[Experiment, Sequence[Round]]) -> None:
    """Draw the ratios as bars, with their range."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.8 * len(measured)), layout="constrained")
    for offset, what, name in ((-0.2, "fit", "fit"), (0.2, "process", "whole process")):
        both = [(place, experiment, found) for place, (experiment, found) in enumerate(measured.items())]
        shown = [(place, found) for place, experiment, found in both if what == "fit" or experiment.whole]
        values = [ratios(found, what) for _, found in shown]
        middles = [statistics.median(one) for one in values]
        reach = [
            [center - min(one) for center, one in zip(middles, values, strict=True)],
            [max(one) - center for center, one in zip(middles, values, strict=True)],
        ]
        axes.barh([place + offset for place, _ in shown], middles, 0.36, xerr=reach, label=name, capsize=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(measured)), [experiment.name for experiment in measured])
    axes.invert_yaxis()
    axes.set_xlabel("how many times as fast as the plain script (median and range)")
    axes.legend()
    figure.savefig(PLOT, dpi=120)
