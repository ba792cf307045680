"""What a config's `data:` will give, told without numpy and without loading anything large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.data.all_sources import new_source
from nnrun.data.columns import number, text_left
from nnrun.data.model_inputs import fields
from nnrun.data.prepare.categories import OneHot
from nnrun.data.prepare.registry import allow_missing, new_step
from nnrun.data.prepare.step import RAGGED_LEFT, ExampleSpec
from nnrun.data.splits.groups import column_of, foreseen
from nnrun.data.splits.parts import NO_FOLDS, part_rows
from nnrun.data.streaming.memory import refusal
from nnrun.spec.facts import FIELDS, Facts, TargetFacts
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts
    from nnrun.data.prepare.step import Step
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForm, TargetForms
    from nnrun.spec.part import Part


#: The key of all target columns together.
_ALL = ""
#: The word for all target columns together where each target is given a form.
_WHOLE = "target"


def infer_facts(spec: DataSpec, *, form: TargetForms, paths: DataPaths) -> tuple[Facts | None, tuple[Finding, ...]]:
    """Tell what the data will teach, as far as that can be known, and what is wrong with `data:`.

    Args:
        spec: The config's `data:`.
        form: How the loss takes targets, or how each output's loss takes its own (as `nnrun.data.load.load` takes it).
        paths: Where files lie.

    Returns:
        The facts (None where nothing is known), unknown ones left None; and all findings.
    """
    source, findings = _created(new_source, spec.source)
    steps: list[tuple[Part, Step]] = []
    for part in spec.prepare:
        step, wrong = _created(new_step, part)
        findings += wrong
        steps += [(part, step)] if step is not None else []
    if source is None:
        return None, tuple(findings)
    allow_missing(source, spec.prepare)
    outline, found = source.facts(paths, spec.source.path)
    findings += found
    if outline is None:
        return None, tuple(findings)
    outline, separate_groups = _ungrouped(spec, outline)
    unstreamed = _unstreamed(outline, steps)
    view, wrong = _through(outline, steps)
    rows, unsplit = _rows(spec, outline, form)
    stated = any(isinstance(step, OneHot) and step.target for _, step in steps)
    facts = _facts(outline, view, _by_key(form, outline, view, stated=stated), rows)
    findings += [*separate_groups, *unstreamed, *wrong, *unsplit, *_targets(spec, outline, form, facts, stated=stated)]
    return facts, tuple(findings)


def _created(create: Callable[[Part], Any], part: Part) -> tuple[Any, list[Finding]]:
    """Return the source or step that a part names, or what is wrong with its arguments."""
    try:
        return create(part), []
    except (TypeError, ValueError) as error:
        return None, [Finding(part.path, f"{error}", None, "unusable-arguments")]


def _through(outline: DataFacts, steps: list[tuple[Part, Step]]) -> tuple[ExampleSpec | None, list[Finding]]:
    """What the examples look like after all steps; None from the first step that cannot be, or that cannot be told."""
    shape = outline.shape
    view = None if shape is None else ExampleSpec(shape, outline.columns, outline.values, outline.text, outline.ragged)
    for part, step in steps:
        if view is None:
            break
        try:
            view = step.shape(view)
        except ValueError as error:
            return None, [Finding(part.path, str(error), None, "impossible-preparation")]
    return view, [] if view is None else _unfit(view)


def _unstreamed(outline: DataFacts, steps: list[tuple[Part, Step]]) -> list[Finding]:
    """Steps that need all examples at once where these stay on disk."""
    if not outline.streamed:
        return []
    told = [(part, refusal(step, table=outline.columns is not None)) for part, step in steps]
    return [Finding(part.path, text, "leave it out", "impossible-preparation") for part, text in told if text]


def _unfit(view: ExampleSpec) -> list[Finding]:
    """What no model can take."""
    if view.text:
        return [Finding(("data", "prepare"), text_left(sorted(view.text)), None, "text-left")]
    if view.ragged:
        return [Finding(("data", "prepare"), RAGGED_LEFT, "add a step: `PadSequences: 100`", "impossible-preparation")]
    return []


def _ungrouped(spec: DataSpec, outline: DataFacts) -> tuple[DataFacts, list[Finding]]:
    """What is known of the source without the column that a cross-validation groups rows by."""
    column = column_of(spec.split)
    if column is None:
        return outline, []
    try:
        return foreseen(outline, column), []
    except ValueError as error:
        return outline, [Finding(("data", "split", "k_fold", "groups"), str(error), None, "impossible-split")]


def _rows(spec: DataSpec, outline: DataFacts, form: TargetForms) -> tuple[Mapping[str, int], list[Finding]]:
    """The rows of each part."""
    try:
        _refuse_folds(spec, outline)
        if outline.cut is not None:
            return outline.cut(spec.split), []
        rows = part_rows(outline.rows if outline.rows is not None else 10**9, outline.test_rows, spec.split)
        _refuse_strata(spec, outline, form)
        _refuse_parted(spec, outline)
    except ValueError as error:
        return {}, [Finding(("data", "split"), str(error), None, "impossible-split")]
    # How large groups are is known only once they are read.
    told = outline.rows is not None and (outline.group is None or set(rows) <= {"train"})
    return (rows if told else {}), []


def _refuse_folds(spec: DataSpec, outline: DataFacts) -> None:
    """Refuse to deal out what can only be cut."""
    if outline.cut is not None and spec.split is not None and spec.split.k_fold is not None:
        raise ValueError(NO_FOLDS)


def _refuse_parted(spec: DataSpec, outline: DataFacts) -> None:
    """Refuse to part groups by class."""
    if outline.group is not None and spec.split is not None and spec.split.stratify:
        raise ValueError("`stratify: true` deals rows out by class, which parts groups; k_fold can do both")


def _refuse_strata(spec: DataSpec, outline: DataFacts, form: TargetForms) -> None:
    """Refuse to keep the shares of classes where there surely are none."""
    k_fold = spec.split.k_fold if spec.split is not None else None
    if k_fold is None or not k_fold.stratify:
        return
    if len(outline.target_names) > 1:
        raise ValueError("`stratify: true` needs a single target column")
    if outline.task == "regression" or (outline.task is None and form == "number"):
        raise ValueError("`stratify: true` needs classes, but this data set's target is a number")


def _targets(
    spec: DataSpec, outline: DataFacts, forms: TargetForms, facts: Facts, *, stated: bool
) -> Iterator[Finding]:
    """Targets that are not there or do not suit their losses, as far as the source says what they are."""
    asked = {_ALL: forms} if isinstance(forms, str) else forms
    for key, form in asked.items():
        if key in FIELDS:
            yield from _no_such_field(key, facts)
        elif not outline.target_names:
            hint = "name a target in `source`, or make the input itself the target of an output: `$input`"
            yield Finding(spec.source.path, f"{spec.source.name} has no target", hint, "no-target")
        elif key not in {_ALL, _WHOLE, *outline.target_names}:
            yield _no_such_target(key, outline)
        else:
            yield from _unsuited(spec, outline, key, form, stated=stated and (form != "number" or _lone(asked)))


def _lone(forms: Mapping[str, TargetForm]) -> bool:
    """Whether there is one target beside the input itself."""
    return sum(key not in FIELDS for key in forms) == 1


def _no_such_field(key: str, facts: Facts) -> list[Finding]:
    there = fields(facts)
    if key in there or not there:
        return []
    text = f"the target {key} is no field of these data"
    return [Finding(("model", "outputs", key), text, f"they have: {', '.join(there)}", "unknown-field")]


def _no_such_target(key: str, outline: DataFacts) -> Finding:
    known = [*outline.target_names, *FIELDS]
    text = f"the data have no target {key!r}"
    hint = did_you_mean(key, known) or f"there are: {', '.join(known)}"
    return Finding(("model", "outputs", key), text, hint, "unknown-target")


def _unsuited(spec: DataSpec, outline: DataFacts, key: str, form: TargetForm, *, stated: bool) -> list[Finding]:
    """A target that does not suit its loss."""
    where = spec.source.path
    if key in {_ALL, _WHOLE} and (worded := _worded(outline)):
        return [
            Finding(
                where,
                f"target columns that one loss compares must all hold numbers, but {worded!r} holds text",
                "name one target, encode the text as numbers, or give each target an output of its own",
                "loss-target-mismatch",
            )
        ]
    if outline.task == "regression" and (form != "number" or stated):
        return [
            Finding(
                where,
                f"{spec.source.name}'s target is a number, but the loss compares classes",
                "choose a loss for numbers, such as mean_squared_error",
                "loss-target-mismatch",
            )
        ]
    if form == "integer" and stated:
        return [
            Finding(
                where,
                "OneHot: target gives one-hot rows, but the loss compares class numbers",
                "take the step out, or write `loss: categorical_crossentropy`",
                "loss-target-mismatch",
            )
        ]
    if outline.task == "classification" and form == "number" and not stated:
        return [
            Finding(
                where,
                f"{spec.source.name}'s target is a class, but the loss compares numbers",
                "write `loss: sparse_categorical_crossentropy`",
                "class-scored-as-number",
                "warning",
            )
        ]
    return _classes(where, _class_names(outline, key), form, stated=stated)


def _worded(outline: DataFacts) -> str | None:
    """The first of several target columns that holds text."""
    several = outline.target_names if len(outline.target_names) > 1 else ()
    return next((name for name in several if any(number(said) is None for said in outline.values.get(name, ()))), None)


def _classes(where: ConfigPath, names: Sequence[str], form: TargetForm, *, stated: bool) -> list[Finding]:
    """Classes that do not suit the loss."""
    text = [name for name in names if number(name) is None]
    if form == "number" and text and not stated:
        return [
            Finding(
                where,
                f"the loss compares numbers, but the target holds text such as {text[0]!r}",
                "choose a loss for classes, such as sparse_categorical_crossentropy",
                "loss-target-mismatch",
            )
        ]
    fractions = [name for name in names if (said := number(name)) is not None and not said.is_integer()]
    if fractions and (form != "number" or stated):
        return [
            Finding(
                where,
                f"the loss compares classes, but the target holds numbers such as {fractions[0]}",
                "choose a loss for numbers, such as mean_squared_error",
                "loss-target-mismatch",
            )
        ]
    if form == "binary" and not stated and len(names) > 2:
        return [
            Finding(
                where,
                f"a binary loss compares with 0 and 1, but the target has {len(names)} classes",
                "write `loss: sparse_categorical_crossentropy` and as many outputs as classes",
                "loss-target-mismatch",
            )
        ]
    return []


def _class_names(outline: DataFacts, key: str) -> tuple[str, ...]:
    """The classes of a target, where they are known."""
    if key in {_ALL, _WHOLE} or len(outline.target_names) == 1:
        return outline.class_names or ()
    return tuple(outline.values.get(key, ()))


def _by_key(
    forms: TargetForms, outline: DataFacts, view: ExampleSpec | None, *, stated: bool
) -> dict[str, TargetFacts]:
    """Each target's facts, as far as they are known; unknown targets are left out."""
    asked = {_ALL: forms} if isinstance(forms, str) else forms
    found = {}
    for key, form in asked.items():
        if key in FIELDS:
            width = view.shape[-1] if view and view.shape else None
            found[key] = TargetFacts("number", "regression", targets=width)
        elif key in {_ALL, _WHOLE, *outline.target_names}:
            one_hot = stated and (form != "number" or _lone(asked))
            found[key] = _target(outline, key, "one_hot" if one_hot else form)
    return found


def _target(outline: DataFacts, key: str, form: TargetForm) -> TargetFacts:
    count = len(outline.target_names) if key in {_ALL, _WHOLE} else 1
    if form == "number":
        return TargetFacts(form, "regression", targets=outline.positions[-1] if outline.positions else count)
    names = _class_names(outline, key)
    width = (len(names) or None) if form == "one_hot" else count
    return TargetFacts(form, "classification", len(names) or None, width, names, outline.positions)


def _facts(
    outline: DataFacts, view: ExampleSpec | None, targets: Mapping[str, TargetFacts], rows: Mapping[str, int]
) -> Facts:
    shape = view.shape if view else None
    first = next(iter(targets.values()), TargetFacts("number", "regression"))
    return Facts(
        task=first.task,
        form=first.form,
        input_shape=shape,
        classes=first.classes,
        features=shape[-1] if shape else None,
        targets=first.targets,
        class_names=first.class_names,
        columns=(view.columns or ()) if view else (),
        target_names=outline.target_names,
        rows=rows,
        vocabulary=outline.vocabulary,
        window=shape[0] if outline.vocabulary and shape else None,
        positions=first.positions,
        by_target={} if _ALL in targets else targets,
        streamed=outline.streamed,
    )
