"""The names of metrics and scores, and the check of the scores that `expect:` and `sweep.choose_by` name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nnrun.catalog import lookup, metrics
from nnrun.catalog.figures import figure_of
from nnrun.config.hints import did_you_mean
from nnrun.spec.figures import LoggedMetric, figure_names, has_user_figures, logged_metrics, target_of
from nnrun.spec.finding import Finding
from nnrun.spec.targets import output_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.context import CheckContext

_ERRORS = ("errors", "error_rate", "error_percent")
_OF_CLASSES = ("roc_auc", "pr_auc", "log_loss", "expected_calibration_error")
_PER_CLASS = ("precision", "recall", "f1", "support")
_OF_MASKS = ("pixel_accuracy", "mean_iou")
#: The dimensions of an example that is a picture.
_PICTURE = ("height", "width", "channels")
_OF_NUMBERS = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2")
#: How many names of a metric's figures a hint lists.
_SHOWN_FIGURES = 3
#: Scores of texts that a model writes token by token.
_OF_WRITTEN = ("exact_match", "token_error_rate", "bleu", "chrf")
_OF_TEXT = ("bits_per_character", "nats_per_character", "perplexity")


@dataclass(frozen=True)
class SeveralFigures:
    """A metric with a figure for each class, output or threshold.

    Attributes:
        names: The names of its figures; empty where they are not known.
        each: What has a figure of its own: `class or output`, `threshold`.
        as_one: What makes one figure of them.
    """

    names: tuple[str, ...]
    each: str
    as_one: str

    @property
    def hint(self) -> str:
        """What to write instead of the metric's own name, which no figure has."""
        shown = ", ".join(self.names[:_SHOWN_FIGURES])
        more = f" (of {len(self.names)})" if len(self.names) > _SHOWN_FIGURES else ""
        of_each = f"there is one for each {self.each}: write {shown}{more}" if shown else f"one for each {self.each}"
        return f"{of_each}; for a single figure write {self.as_one}"


@dataclass(frozen=True)
class FigureNames:
    """The names of figures that a run will have, as far as they are known before it.

    Attributes:
        known: The names.
        several: The metrics that have several figures, by their own names, which no figure has.
        open_names: Those of them whose figures have unknown names.
        is_open: Whether there may be any other names: code of the user may name or add figures.
    """

    known: tuple[str, ...]
    several: Mapping[str, SeveralFigures]
    open_names: tuple[str, ...]
    is_open: bool

    def may_have(self, name: str) -> bool:
        """Return whether there will be a figure of this name, as far as known."""
        if name in self.known:
            return True
        if name in self.several:
            return False
        return self.is_open or any(name.startswith(f"{one}_") for one in self.open_names)

    def prefixed(self, prefix: str) -> FigureNames:
        """Return the names with a prefix, such as `val_`."""

        def longer(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(f"{prefix}{name}" for name in names)

        several = {f"{prefix}{name}": replace(one, names=longer(one.names)) for name, one in self.several.items()}
        return FigureNames(longer(self.known), several, longer(self.open_names), self.is_open)

    def __add__(self, other: FigureNames) -> FigureNames:
        known, several = (*self.known, *other.known), {**self.several, **other.several}
        return FigureNames(known, several, (*self.open_names, *other.open_names), self.is_open or other.is_open)


def part_figures(context: CheckContext) -> FigureNames:
    """Return the figures of one part of the data: the loss, each output's loss where there are several, metrics."""
    experiment, outputs = context.experiment, context.graph.outputs
    losses = ["loss", *(f"{one.name}_loss" for one in outputs if len(outputs) > 1)]
    logged = logged_metrics(experiment)
    sizes = {one.name: _size(context, one) for one in logged}
    # As in the engine, names of single figures are taken before those of several.
    taken = [*losses, *(one.name for one in logged if sizes[one.name] == 1)]
    several: dict[str, SeveralFigures] = {}
    for one in logged:
        size = sizes[one.name]
        if size != 1:
            several[one.name] = _several(context, one, size, taken)
            taken += several[one.name].names
    figures = (several[one.name].names if one.name in several else (one.name,) for one in logged)
    known = [*losses, *(name for names in figures for name in names)]
    open_names = tuple(one.name for one in logged if sizes[one.name] is None)
    return FigureNames(tuple(known), several, open_names, has_user_figures(experiment))


def _several(context: CheckContext, metric: LoggedMetric, size: int | None, taken: Sequence[str]) -> SeveralFigures:
    labels = metric.labels(*((None, ()) if context.facts is None else target_of(metric.output, context.facts)))
    count, name = size or len(labels), metric.part.name
    names = tuple(figure_names(metric.name, labels, count, taken)) if count > 1 else ()
    aggregation = metrics.aggregation(name)
    if aggregation is None:
        return SeveralFigures(names, "threshold", f"one threshold in {name}")
    argument, value = aggregation
    return SeveralFigures(names, "class or output", f"metrics: [{{{name}: {{{argument}: {value}}}}}]")


def _size(context: CheckContext, metric: LoggedMetric) -> int | None:
    """Return the number of a metric's figures; None where it is not known."""
    if not metric.has_several:
        return 1
    thresholds = metrics.thresholds_of(metric.part.name, metric.part.arguments)
    if thresholds:
        return len(thresholds)
    shape = context.output_shape(metric.output)
    return shape[-1] if shape else None


def epoch_figures(context: CheckContext) -> FigureNames:
    """Return the figures of an epoch: those of training, and those of validation where there is such a part."""
    figures = part_figures(context)
    if context.training.is_perceptron:
        figures += FigureNames(("updates",), {}, (), is_open=False)
    return figures + part_figures(context).prefixed("val_") if context.has_validation else figures


def full_metric_name(word: str, known: Sequence[str]) -> str | None:
    """Return the known metric of which `word` is another name: `val_accuracy` for `val_acc`; None where none is."""
    bare = word.removeprefix("val_")
    entry = lookup.entry("metrics", bare)
    full = None if entry is None else word.removesuffix(bare) + metrics.default_name(entry.name)[0]
    return full if full in known else None


def metric_hint(word: str, figures: FigureNames) -> str:
    """Return what to write instead of an unknown metric."""
    known = figures.known
    full = full_metric_name(word, (*known, *figures.several))
    several = figures.several.get(full or word)
    if several is not None:
        return several.hint
    return f"write {full}" if full else did_you_mean(word, known) or f"the names are: {', '.join(known)}"


def check_expectations(context: CheckContext) -> Iterator[Finding]:
    """Find scores of `expect:` that `scores.json` will not have."""
    if not context.experiment.expect or context.facts is None or has_user_figures(context.experiment):
        return
    figures = part_figures(context)
    known = _score_paths(context)
    parts = {path.partition(".")[0] for path in known}
    for path in context.experiment.expect:
        # The scores of a cross-validation are computed from those of every fold.
        part, _, name = path.partition(".")
        may_be = part in parts and figures.may_have(name)
        if path not in known and not path.startswith("cross_validation.") and not may_be:
            text = f"expect: names '{path}', which scores.json will not have"
            several = figures.prefixed(f"{part}.").several.get(path) if part in parts else None
            hint = _score_hint(path, known) if several is None else several.hint
            yield Finding(("expect", path), text, hint, "expect-path-unknown", at_key=True)


def check_chosen_score(context: CheckContext) -> Iterator[Finding]:
    """Find a `sweep.choose_by` that no trial will have, or of which nobody knows whether more is better."""
    sweep = context.experiment.sweep
    if sweep is None or sweep.choose_by is None:
        return
    path, place = sweep.choose_by, ("sweep", "choose_by")
    part, _, name = path.rpartition(".")
    if context.facts is not None and not has_user_figures(context.experiment):
        known = _chosen_paths(context)
        parts = {one.rpartition(".")[0] for one in known}
        if path not in known and not (part in parts and part_figures(context).may_have(name)):
            text = f"choose_by names '{path}', a score that no trial will have"
            yield Finding(place, text, _score_hint(path, known), "chosen-score-unknown")
            return
    if sweep.mode == "auto" and figure_of(name).better is None:
        text = f"nothing says whether a small or a large '{path}' is better"
        yield Finding(place, text, "add a line 'mode: max' or 'mode: min' to sweep", "chosen-score-without-mode")


def _chosen_paths(context: CheckContext) -> list[str]:
    """Return the paths of the scores by which a sweep can choose: those of classes are not in its ledger."""
    paths = [path for path in _score_paths(context) if ".per_class." not in path]
    split = context.experiment.data.split
    if split is None or split.k_fold is None:
        return paths
    # Of the scores of the folds' test parts; those of outputs are nested, and are left out there.
    names = (*part_figures(context).known, *_added_scores(context))
    return [*(f"cross_validation.mean.{name}" for name in names if "." not in name), *paths]


def _score_hint(path: str, known: list[str]) -> str:
    before, _, name = path.rpartition(".")
    full = full_metric_name(name, [one.removeprefix(f"{before}.") for one in known if one.startswith(f"{before}.")])
    plain, part = [one for one in known if ".per_class." not in one], path.partition(".")[0]
    names = ", ".join(one for one in plain if one.startswith(f"{part}.")) or ", ".join(plain)
    return f"write {before}.{full}" if full else did_you_mean(path, known) or f"the names are: {names}"


def _score_paths(context: CheckContext) -> list[str]:
    rows = context.facts.rows if context.facts is not None else {}
    parts = [part for part in rows if rows[part]] if rows else ["test", "validation", "train"]
    names = ("rows", *part_figures(context).known, *_added_scores(context))
    split = context.experiment.data.split
    scores_training = split is not None and split.test == "train"
    # Scores of training rows that take long to compute are left out unless these are the test part.
    return [
        f"{part}.{name}"
        for part in parts
        for name in names
        if part != "train"
        or scores_training
        or not (".per_class." in f".{name}" or name.split(".")[-1] in (*_OF_CLASSES, *_OF_WRITTEN))
    ]


def _added_scores(context: CheckContext) -> list[str]:
    """Return the scores that nnrun adds to Keras' metrics, those of each output where there are several."""
    outputs, found = context.graph.outputs, list[str]()
    for one in outputs:
        target, kind = context.target_facts(one), output_kind(context.experiment.losses[one.name])
        added: list[str] = []
        if kind == "label_sequences":
            added += [*_ERRORS, "exact_match", "label_error_rate"]
        elif kind == "embeddings":
            continue
        elif target is None or target.task == "classification":
            added += [*_ERRORS, *_OF_CLASSES, *_class_scores(target)]
            added += _mask_scores(target)
        if kind == "predictions" and (target is None or target.task == "regression"):
            added += _OF_NUMBERS
            added += ["psnr"] if len(context.output_shape(one) or ()) == len(_PICTURE) else []
            added += ["mean_absolute_scaled_error"] if context.facts is not None and context.facts.horizon else []
        found += [f"outputs.{one.name}.{name}" if len(outputs) > 1 else name for name in added]
    if any(part.name == "StartEndPacker" for part in context.experiment.data.prepare_target):
        found += _OF_WRITTEN
    is_text = context.facts is not None and context.facts.vocabulary and not context.facts.columns
    # A metric of the config may have the name of one of these.
    return list(dict.fromkeys([*found, *(_OF_TEXT if is_text else ())]))


def _mask_scores(target: Facts | TargetFacts | None) -> list[str]:
    """Return the scores of a target with a class at each pixel."""
    if target is None or len(target.positions) < len(_PICTURE) - 1:
        return []
    return [*_OF_MASKS, *(f"iou.{name}" for name in target.class_names)]


def _class_scores(target: Facts | TargetFacts | None) -> list[str]:
    names = target.class_names if target is not None else ()
    return [f"per_class.{name}.{score}" for name in names for score in _PER_CLASS]
