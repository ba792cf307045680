"""Lays out what benchmarks/run.py measured: tables for docs/performance.md, and a plot."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

from works import HOME, LSTM_STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from run import Round
    from works import Work

PAGE, PICTURE = HOME / "docs" / "performance.md", HOME / "docs" / "performance.png"
BEGIN, END = "<!-- benchmarks/run.py writes from here -->", "<!-- to here -->"
_SIDES = ("plain", "ours")
HEAD = (
    "| work | rounds | fit | ratio | whole process | ratio | peak memory | ratio | error or MSE |\n" + "|---" * 9 + "|"
)


def ratios(found: Sequence[Round], what: str) -> list[float]:
    """Give the ratio of each round: plain / ours, so that more is better; for memory ours / plain."""
    pairs = [(getattr(one.plain, what), getattr(one.ours, what)) for one in found]
    return [mine / theirs if what == "memory" else theirs / mine for theirs, mine in pairs]


def spread(values: Sequence[float]) -> str:
    """Say a median and its range."""
    return f"**{statistics.median(values):.2f}** ({min(values):.2f}-{max(values):.2f})"


def row(work: Work, found: Sequence[Round]) -> str:
    """Lay a work out as a line of the table."""
    cells = [work.name, str(len(found))]
    for what, unit in (("fit", " s"), ("process", " s"), ("memory", " MB")):
        if what == "process" and not work.whole:
            cells += ["-", "-"]
            continue
        digits = 0 if unit == " MB" else (3 if work.text else 2)
        sides = [statistics.median(getattr(getattr(one, side), what) for one in found) for side in _SIDES]
        cells += [f"{sides[0]:.{digits}f} / {sides[1]:.{digits}f}{unit}", spread(ratios(found, what))]
    told = [[getattr(one, side).quality for one in found] for side in _SIDES]
    known = [statistics.median(one) if None not in one else None for one in told]
    cells.append(" / ".join("-" if one is None else f"{one:.2f}" for one in known) if any(known) else "-")
    return "| " + " | ".join(cells) + " |"


def against_the_limit(everything: Mapping[Work, Sequence[Round]]) -> str:
    """Lay out how near the networks of matrix products come to what the machine reaches beside them."""
    lines = [
        "| work | plain, GFLOP/s | ours, GFLOP/s | product 2048 x 2048 | ours, share | product of its shape | share |",
        "|---" * 7 + "|",
    ]
    for work, found in everything.items():
        if work.flops is None:
            continue
        shape = "LSTM" if work.text else "mnist_mlp"
        speeds = {side: [work.flops / getattr(one, side).fit / 1e9 for one in found] for side in _SIDES}
        cells = [work.name, *(f"{statistics.median(speeds[side]):.0f}" for side in _SIDES)]
        for product in ("square", shape):
            tops = [one.peak[product] for one in found]
            share = [100 * speed / top for speed, top in zip(speeds["ours"], tops, strict=True)]
            cells += [f"{statistics.median(tops):.0f}"]
            cells += [f"{statistics.median(share):.0f} % ({min(share):.0f}-{max(share):.0f})"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def more(started: Sequence[tuple[float, float]], grown: Mapping[str, Mapping[int, float]]) -> str:
    """Say how long starting takes, and how time grows."""
    said = []
    if started:
        bare, first = (statistics.median(one[side] for one in started) for side in (0, 1))
        said.append(
            f"Starting: a process that only does `import keras` takes {bare:.2f} s; `nnrun train digits_mlp` has the "
            f"first epoch's figures on disk {first:.2f} s after it was called (medians of {len(started)})."
        )
    if grown:
        said.append("| seconds of training | small | larger | largest |\n" + "|---" * 4 + "|")
        said[-1] += "".join(
            f"\n| {what} | " + " | ".join(f"{size:,}: {seconds:.2f} s" for size, seconds in sizes.items()) + " |"
            for what, sizes in grown.items()
        )
    return "\n\n".join(said)


def page(
    everything: Mapping[Work, Sequence[Round]],
    started: Sequence[tuple[float, float]],
    grown: Mapping[str, Mapping[int, float]],
) -> str:
    """Give the tables, with where and when they were measured."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    head = (
        f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} cores, load averages at the end {load}. "
        "Plain / ours; more is better, but for memory (ours / plain). Medians, and the range of the rounds. The LSTM's "
        f"seconds are those of one step, of {LSTM_STEPS}."
    )
    table = "\n".join([HEAD, *(row(work, found) for work, found in everything.items())])
    limit = against_the_limit(everything)
    told = (
        "Against the limit: the operations of matrix products and convolutions alone, of training and validation, by "
        "the time of `fit`, beside what TensorFlow's own matrix product reached in the same round."
    )
    parts = [head, table, *([told, limit] if limit else []), more(started, grown)]
    return "\n\n".join(part for part in parts if part)


def write(file: Path, text: str) -> None:
    """Put the tables into the page, between its two marks."""
    old = file.read_text(encoding="utf-8")
    before, after = old.partition(BEGIN)[0], old.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def draw(everything: Mapping[Work, Sequence[Round]]) -> None:
    """Draw the ratios as bars, with their range."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.8 * len(everything)), layout="constrained")
    for offset, what, name in ((-0.2, "fit", "fit"), (0.2, "process", "whole process")):
        both = [(place, work, found) for place, (work, found) in enumerate(everything.items())]
        shown = [(place, found) for place, work, found in both if what == "fit" or work.whole]
        values = [ratios(found, what) for _, found in shown]
        middles = [statistics.median(one) for one in values]
        reach = [
            [center - min(one) for center, one in zip(middles, values, strict=True)],
            [max(one) - center for center, one in zip(middles, values, strict=True)],
        ]
        axes.barh([place + offset for place, _ in shown], middles, 0.36, xerr=reach, label=name, capsize=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(everything)), [work.name for work in everything])
    axes.invert_yaxis()
    axes.set_xlabel("how many times as fast as the plain script (median and range)")
    axes.legend()
    figure.savefig(PICTURE, dpi=120)
