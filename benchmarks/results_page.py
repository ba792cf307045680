"""The tables of docs/results.md, made from docs/results.json."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import fmean, median, pstdev, stdev
from typing import TYPE_CHECKING, Any

from nnrun.runs.statistics import MeanEstimate, corrected_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The number of seeds with which the configs of a group are measured.
SEEDS = {"gates": 5, "pima": 5, "boston": 5, "iris": 5, "mnist": 3, "mnist_best": 1, "leaking": 5}
_MSE, _PERCENT = "cross_validation.mean.mean_squared_error", "test.error_percent"
_FOLDS_PERCENT = "cross_validation.mean.error_percent"


@dataclass(frozen=True)
class PublishedExperiment:
    """One config of the published experiments.

    Attributes:
        name: The config's name.
        group: The group that it is measured with.
        figure: The path of its score in `scores.json`.
        published: The result in the thesis of 2017.
        plain: The result of plain Keras 3 scripts.
        leaks_from: The config from which it is made by scaling all rows before the folds are made; empty for others.
    """

    name: str
    group: str
    figure: str
    published: str = "-"
    plain: str = "-"
    leaks_from: str = ""


EXPERIMENTS = (
    PublishedExperiment("and", "gates", "test.errors", "0"),
    PublishedExperiment("or", "gates", "test.errors", "0"),
    PublishedExperiment("nand", "gates", "test.errors", "0"),
    PublishedExperiment("xor_perceptron", "gates", "test.errors", "at least 1"),
    PublishedExperiment("xor_mlp", "gates", "test.errors", "0"),
    PublishedExperiment("pima", "pima", _PERCENT, plain="21 to 22"),
    PublishedExperiment("pima_holdout", "pima", _PERCENT),
    PublishedExperiment("pima_kfold", "pima", _FOLDS_PERCENT),
    PublishedExperiment("boston_baseline", "boston", _MSE, "38.04 (28.15)", "36.46 (23.84)"),
    PublishedExperiment("boston_standardized", "boston", _MSE, "28.24 (26.25)", "23.30 (23.73)"),
    PublishedExperiment("boston_deeper", "boston", _MSE, "about 24", "21.34 (24.80)"),
    PublishedExperiment("boston_wider", "boston", _MSE, "about 21", "21.76 (24.99)"),
    PublishedExperiment("boston_shuffled", "boston", _MSE),
    PublishedExperiment("iris", "iris", "test.errors"),
    PublishedExperiment("mnist_mlp", "mnist", _PERCENT, "1.74", "1.77 to 2.10"),
    PublishedExperiment("mnist_cnn", "mnist", _PERCENT, "1.10", "1.00 to 1.19"),
    PublishedExperiment("mnist_cnn_large", "mnist", _PERCENT, "0.89", "0.83"),
    PublishedExperiment("mnist_best", "mnist_best", _PERCENT),
    PublishedExperiment("pima_kfold_leaking", "leaking", _FOLDS_PERCENT, leaks_from="pima_kfold"),
    PublishedExperiment("boston_standardized_leaking", "leaking", _MSE, leaks_from="boston_standardized"),
)


@dataclass(frozen=True)
class Pair:
    """Two configs over the same folds, the second against the first."""

    first: str
    second: str

    @property
    def key(self) -> str:
        """The name of the pair in `results.json`."""
        return f"{self.second} against {self.first}"


_SCALING = (
    Pair("boston_baseline", "boston_standardized"),
    Pair("boston_baseline", "boston_deeper"),
    Pair("boston_baseline", "boston_wider"),
    Pair("boston_deeper", "boston_wider"),
)
_LEAKS = (Pair("pima_kfold", "pima_kfold_leaking"), Pair("boston_standardized", "boston_standardized_leaking"))
PAIRS = (*_SCALING, *_LEAKS)


def filled(text: str, kept: dict[str, Any]) -> str:
    """Return the page with every block between its markers replaced.

    Raises:
        ValueError: The page has no place for a block.
    """
    for name, block in blocks(kept).items():
        begin, end = f"<!-- {name}: made by benchmarks/results.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text, count = pattern.subn(lambda _, block=block, begin=begin, end=end: f"{begin}\n\n{block}\n\n{end}", text)
        if count != 1:
            raise ValueError(f"the page has {count} places for {name}: {begin} ... {end}")
    return text


def blocks(kept: dict[str, Any]) -> dict[str, str]:
    """Return every generated block of the page, by name."""
    configs, pairs = kept["configs"], kept["pairs"]
    return {
        "machine": _machines(configs),
        "gates": _table(("gates",), configs),
        "pima": _table(("pima",), configs),
        "boston": _table(("boston",), configs),
        "boston pairs": _paired(_SCALING, configs, pairs),
        "iris": _table(("iris",), configs),
        "mnist": _table(("mnist", "mnist_best"), configs),
        "leaking": _table(("leaking",), configs),
        "leaking pairs": _paired(_LEAKS, configs, pairs),
    }


def _machines(configs: dict[str, Any]) -> str:
    """Return the machines and versions of the measurements, one line for each combination."""
    lines: dict[str, list[str]] = {}
    for name, one in configs.items():
        m = one["machine"]
        machine = (
            f"{m['date']}, {m['cpu']}, {m['cores']} cores, Python {m['python']}, Keras {m['keras']}, "
            f"TensorFlow {m['tensorflow']}, NumPy {m['numpy']}"
        )
        lines.setdefault(machine, []).append(name)
    if len(lines) < 2:
        return "".join(f"Measured {line}." for line in lines) or "Nothing is measured yet."
    return "\n".join(f"- {line}: {', '.join(names)}" for line, names in lines.items())


def _table(groups: Sequence[str], configs: dict[str, Any]) -> str:
    """Return a table with a row for each config of some groups."""
    experiments = [one for one in EXPERIMENTS if one.group in groups]
    folded = any(one.figure.startswith("cross_validation") for one in experiments)
    head = ["config", "published", "plain Keras 3", "ours, mean over seeds", "sd", "range", "seeds"]
    head += [*(["sd over folds"] if folded else []), "parameters", "training", "whole run"]
    rows = [_row(one, configs.get(one.name), folded=folded) for one in experiments]
    return _markdown(head, rows)


def _row(experiment: PublishedExperiment, one: dict[str, Any] | None, *, folded: bool) -> list[str]:
    name = f"`{experiment.name}`" if not experiment.leaks_from else f"`{experiment.leaks_from}`, scaled with all rows"
    if one is None:
        return [name, experiment.published, experiment.plain, "not measured", *[""] * (7 if folded else 6)]
    seeds = list(one["seeds"].values())
    values = [seed["figure"] for seed in seeds]
    spread = f"{stdev(values):.2f}" if len(values) > 1 else "-"
    reach = f"{_plain(min(values))} to {_plain(max(values))}" if len(values) > 1 else "-"
    cells = [
        name,
        experiment.published,
        experiment.plain,
        f"**{_plain(fmean(values))}**",
        spread,
        reach,
        str(len(values)),
    ]
    if folded:
        cells.append(f"{fmean(pstdev(seed['folds']) for seed in seeds):.2f}" if "folds" in seeds[0] else "-")
    times = [median(seed[f"{what}_seconds"] for seed in seeds) for what in ("train", "run")]
    return [*cells, f"{one['parameters']:,}", *map(_seconds, times)]


def _paired(wanted: Sequence[Pair], configs: dict[str, Any], pairs: dict[str, Any]) -> str:
    """Return a table with a row for each pair of configs: the test over all seeds, and that of single seeds."""
    head = ["compared", "difference", "95 % interval", "p", "better in", "p of single seeds"]
    rows = []
    for pair in wanted:
        alone = pairs.get(pair.key)
        if alone is None or pair.first not in configs or pair.second not in configs:
            rows.append([_compared(pair), "not measured", "", "", "", ""])
            continue
        values, mean = compared_folds(configs[pair.first], configs[pair.second], list(alone))
        ps = sorted(seed["p"] for seed in alone.values())
        single = f"{ps[0]:.2g} to {ps[-1]:.2g}" if len(ps) > 1 else f"{ps[0]:.2g}"
        interval = f"{mean.low:+.2f} to {mean.high:+.2f}"
        better = f"{sum(value < 0 for value in values)} of {len(values)} folds"
        rows.append([_compared(pair), f"**{mean.mean:+.2f}**", interval, f"{mean.p:.2g}", better, single])
    return _markdown(head, rows)


def _compared(pair: Pair) -> str:
    if pair in _LEAKS:
        return f"`{pair.first}` scaled with all rows, against inside each fold"
    return f"`{pair.second}` against `{pair.first}`"


def compared_folds(
    first: dict[str, Any], second: dict[str, Any], seeds: Sequence[str]
) -> tuple[list[float], MeanEstimate]:
    """Return the differences between two configs over folds, and the corrected resampled t-test of their mean.

    If every seed has the same folds, the difference of a fold is its mean over the seeds: seeds are no new rows, so
    that they reduce the variance of each fold's score and add no degrees of freedom. If each seed has its own folds,
    the folds of all seeds count, as in repeated cross-validation (Bouckaert and Frank 2004).
    """
    sides = [(first["seeds"][seed]["folds"], second["seeds"][seed]["folds"]) for seed in seeds]
    gaps = [[right - left for left, right in zip(*side, strict=True)] for side in sides]
    if first["folds_by_seed"]:
        values = [gap for one in gaps for gap in one]
    else:
        values = [fmean(fold) for fold in zip(*gaps, strict=True)]
    return values, corrected_mean(values, 1 / (first["folds"] - 1))


def _plain(value: float) -> str:
    return f"{value:.2f}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
