"""What a config's `data:` will give, told without numpy and without loading anything large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import text_left
from nnrun.data.labels import number
from nnrun.data.one_hot import OneHot
from nnrun.data.prepare import STEPS
from nnrun.data.shares import part_rows
from nnrun.data.sources import SOURCES
from nnrun.data.step import View
from nnrun.spec.facts import Facts
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.places import Places
    from nnrun.data.raw import Outline
    from nnrun.data.shares import SpecLike
    from nnrun.data.step import Step
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.facts import TargetForm
    from nnrun.spec.part import Part


def foresee(spec: SpecLike, *, form: TargetForm, places: Places) -> tuple[Facts | None, tuple[Finding, ...]]:
    """Tell what the data will teach, as far as that can be known, and what is wrong with `data:`.

    Args:
        spec: The config's `data:`.
        form: How the loss takes targets.
        places: Where files lie.

    Returns:
        The facts (None where nothing is known), unknown ones left None; and all findings.
    """
    source, findings = _made(SOURCES, spec.source)
    steps: list[tuple[Part, Step]] = []
    for part in spec.prepare:
        step, wrong = _made(STEPS, part)
        findings += wrong
        steps += [(part, step)] if step is not None else []
    if source is None:
        return None, tuple(findings)
    outline, found = source.foresee(places, spec.source.path)
    findings += found
    if outline is None:
        return None, tuple(findings)
    view, wrong = _through(outline, steps)
    rows, unsplit = _rows(spec, outline)
    stated = any(isinstance(step, OneHot) and step.target for _, step in steps)
    findings += [*wrong, *unsplit, *_targets(spec, outline, form, stated=stated)]
    return _facts(outline, view, "one_hot" if stated else form, rows), tuple(findings)


def _made(table: Mapping[str, type], part: Part) -> tuple[Any, list[Finding]]:
    """The source or step, or what is wrong with its arguments."""
    try:
        return table[part.name](**part.arguments), []
    except (TypeError, ValueError) as error:
        return None, [Finding(part.path, f"{error}", None, "unusable-arguments")]


def _through(outline: Outline, steps: list[tuple[Part, Step]]) -> tuple[View | None, list[Finding]]:
    """What the examples look like after all steps; None from the first step that cannot be."""
    if outline.shape is None:
        return None, []
    view = View(outline.shape, outline.columns, outline.values, outline.text)
    for part, step in steps:
        try:
            view = step.shape(view)
        except ValueError as error:
            return None, [Finding(part.path, str(error), None, "impossible-preparation")]
    if view.text:
        return view, [Finding(("data", "prepare"), text_left(sorted(view.text)), None, "text-left")]
    return view, []


def _rows(spec: SpecLike, outline: Outline) -> tuple[Mapping[str, int], list[Finding]]:
    """The rows of each part."""
    try:
        rows = part_rows(outline.rows if outline.rows is not None else 10**9, outline.test_rows, spec.split)
    except ValueError as error:
        return {}, [Finding(("data", "split"), str(error), None, "impossible-split")]
    return (rows if outline.rows is not None else {}), []


def _targets(spec: SpecLike, outline: Outline, form: TargetForm, *, stated: bool) -> list[Finding]:
    """Targets that do not suit the loss, as far as the source says what they are."""
    where = spec.source.path
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
    return _classes(where, outline.class_names or (), form, stated=stated)


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


def _facts(outline: Outline, view: View | None, form: TargetForm, rows: Mapping[str, int]) -> Facts:
    names = () if form == "number" or outline.class_names is None else outline.class_names
    shape = view.shape if view else None
    count = len(names) or None
    return Facts(
        task="regression" if form == "number" else "classification",
        form=form,
        input_shape=shape,
        classes=count,
        features=shape[-1] if shape else None,
        targets=count if form == "one_hot" else len(outline.target_names),
        class_names=names,
        columns=(view.columns or ()) if view else (),
        target_names=outline.target_names,
        rows=rows,
    )
