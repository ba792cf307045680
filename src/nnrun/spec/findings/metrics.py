"""The names of metrics and scores, and the check of the scores that `expect:` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.shapes.names import snake_case
from nnrun.config.hints import did_you_mean
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.part import Part

_ERRORS = ("errors", "error_rate", "error_percent")
_OF_CLASSES = ("roc_auc", "pr_auc", "log_loss", "expected_calibration_error")
_PER_CLASS = ("precision", "recall", "f1", "support")
_OF_NUMBERS = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2")
_OF_TEXT = ("bits_per_character", "nats_per_character", "perplexity")


def part_metrics(experiment: Experiment) -> list[str]:
    """Return the metrics of one part of the data: the loss, each output's loss where there are several, metrics."""
    outputs = experiment.graph.outputs
    several = len(outputs) > 1
    names = ["loss", *(f"{one.name}_loss" for one in outputs if several)]
    for one in outputs:
        metrics = experiment.training.metrics if one.metrics is None else one.metrics
        names += [f"{one.name}_{name}" if several else name for name in _unique_names(metrics)]
    return names


def epoch_metrics(experiment: Experiment, *, validation: bool) -> list[str]:
    """Return the metrics of an epoch: those of training, and those of validation where there is such a part."""
    names = part_metrics(experiment)
    return [*names, *(f"val_{name}" for name in names)] if validation else names


def has_user_metrics(experiment: Experiment) -> bool:
    """Return whether code of the user, which is not run here, may name or add metrics."""
    parts = [*experiment.training.metrics, *experiment.training.callbacks]
    parts += [metric for one in experiment.graph.outputs for metric in one.metrics or ()]
    found = (lookup.entry(part.category, part.name) for part in parts)
    return any(entry is not None and entry.origin == "user" for entry in found)


def metric_name(class_name: str) -> str:
    """Turn a class's name into the one that Keras gives its objects: `MeanSquaredError` to `mean_squared_error`."""
    return snake_case(class_name)


def full_metric_name(word: str, known: Sequence[str]) -> str | None:
    """Return the known metric of which `word` is another name: `val_accuracy` for `val_acc`; None where none is."""
    bare = word.removeprefix("val_")
    entry = lookup.entry("metrics", bare)
    full = None if entry is None else word.removesuffix(bare) + metric_name(entry.name)
    return full if full in known else None


def metric_hint(word: str, known: Sequence[str]) -> str:
    """Return what to write instead of an unknown metric."""
    full = full_metric_name(word, known)
    return f"write {full}" if full else did_you_mean(word, known) or f"the names are: {', '.join(known)}"


def _unique_names(metrics: Sequence[Part]) -> list[str]:
    """Name metrics; of two objects with one name Keras numbers the second."""
    names: list[str] = []
    for part in metrics:
        own = part.arguments.get("name")
        name = str(own) if own else metric_name(part.name)
        names.append(f"{name}_{names.count(name)}" if name in names and not own else name)
    return names


def check_expectations(context: CheckContext) -> Iterator[Finding]:
    """Find scores of `expect:` that `scores.json` will not have."""
    if not context.experiment.expect or context.facts is None or has_user_metrics(context.experiment):
        return
    known = _score_paths(context)
    for path in context.experiment.expect:
        # The scores of a cross-validation are computed from those of every fold.
        if path not in known and not path.startswith("cross_validation."):
            text = f"expect: names '{path}', which scores.json will not have"
            yield Finding(("expect", path), text, _score_hint(path, known), "expect-path-unknown")


def _score_hint(path: str, known: list[str]) -> str:
    part, _, name = path.partition(".")
    full = full_metric_name(name, [one.partition(".")[2] for one in known if one.startswith(f"{part}.")])
    plain = [one for one in known if ".per_class." not in one]
    names = ", ".join(one for one in plain if one.startswith(f"{part}.")) or ", ".join(plain)
    return f"write {part}.{full}" if full else did_you_mean(path, known) or f"the names are: {names}"


def _score_paths(context: CheckContext) -> list[str]:
    rows = context.facts.rows if context.facts is not None else {}
    parts = [part for part in rows if rows[part]] if rows else ["test", "validation", "train"]
    names = ("rows", *part_metrics(context.experiment), *_added_scores(context))
    split = context.experiment.data.split
    scores_training = split is not None and split.test == "train"
    # Scores of training rows that take long to compute are left out unless these are the test part.
    return [
        f"{part}.{name}"
        for part in parts
        for name in names
        if part != "train" or scores_training or not (".per_class." in f".{name}" or name.split(".")[-1] in _OF_CLASSES)
    ]


def _added_scores(context: CheckContext) -> list[str]:
    """Return the scores that nnrun adds to Keras' metrics, those of each output where there are several."""
    outputs, found = context.graph.outputs, list[str]()
    for one in outputs:
        target = context.target_facts(one)
        added: list[str] = []
        if target is None or target.task == "classification":
            added += [*_ERRORS, *_OF_CLASSES, *_class_scores(target)]
        if target is None or target.task == "regression":
            added += _OF_NUMBERS
        found += [f"outputs.{one.name}.{name}" if len(outputs) > 1 else name for name in added]
    # A metric of the config may have the name of one of these.
    return list(dict.fromkeys([*found, *(_OF_TEXT if context.facts is not None and context.facts.vocabulary else ())]))


def _class_scores(target: Facts | TargetFacts | None) -> list[str]:
    names = target.class_names if target is not None else ()
    return [f"per_class.{name}.{score}" for name in names for score in _PER_CLASS]
