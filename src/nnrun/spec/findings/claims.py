"""Claims of `expect:` about figures that `scores.json` will not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.spec.finding import Finding
from nnrun.spec.findings.figures import figures, meant, undecided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.case import Case

_ERRORS = ("errors", "error_rate", "error_percent")
_OF_CLASSES = ("roc_auc", "pr_auc", "log_loss", "expected_calibration_error")
_BY_CLASS = ("precision", "recall", "f1", "support")
_OF_NUMBERS = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2")
_TEXT = ("bits_per_character", "nats_per_character", "perplexity")


def claims(case: Case) -> Iterator[Finding]:
    """Find paths of `expect:` that lead nowhere."""
    if not case.experiment.expect or case.facts is None or undecided(case.experiment):
        return
    known = _paths(case)
    for path in case.experiment.expect:
        # What a cross-validation gives is computed from figures of every fold.
        if path not in known and not path.startswith("cross_validation."):
            text = f"expect: names '{path}', which scores.json will not have"
            yield Finding(("expect", path), text, _instead(path, known), "expect-path-unknown")


def _instead(path: str, known: list[str]) -> str:
    part, _, name = path.partition(".")
    full = meant(name, [one.partition(".")[2] for one in known if one.startswith(f"{part}.")])
    told = [one for one in known if ".per_class." not in one]
    there = ", ".join(one for one in told if one.startswith(f"{part}.")) or ", ".join(told)
    return f"write {part}.{full}" if full else did_you_mean(path, known) or f"there will be {there}"


def _paths(case: Case) -> list[str]:
    paths = [f"{part}.{name}" for part in _parts(case) for name in ("rows", *figures(case.experiment), *_errors(case))]
    split = case.experiment.data.split
    if split is not None and split.test == "train":
        return paths
    return [path for path in paths if not (path.startswith("train.") and _is_detail(path))]


def _is_detail(path: str) -> bool:
    """Tell whether a figure is one that costs too much to be told of the rows that were learnt."""
    return ".per_class." in path or path.rpartition(".")[2] in _OF_CLASSES


def _parts(case: Case) -> list[str]:
    rows = case.facts.rows if case.facts is not None else {}
    return ["test", "validation", "train"] if not rows else [one for one in rows if rows[one]]


def _errors(case: Case) -> list[str]:
    """List the figures that nnrun adds to Keras', each output's own where there are several."""
    exits, found = case.graph.outputs, list[str]()
    for one in exits:
        about = case.about(one)
        added = [*_ERRORS, *_OF_CLASSES, *_of_each(about)] if about is None or about.task == "classification" else []
        added += _OF_NUMBERS if about is None or about.task == "regression" else ()
        found += [f"outputs.{one.name}.{name}" if len(exits) > 1 else name for name in added]
    # A metric of the config's may have the name of one of nnrun's own.
    return list(dict.fromkeys([*found, *(_TEXT if case.facts is not None and case.facts.vocabulary else ())]))


def _of_each(about: Facts | TargetFacts | None) -> list[str]:
    names = about.class_names if about is not None else ()
    return [f"per_class.{name}.{figure}" for name in names for figure in _BY_CLASS]
