"""What is known of targets of text before anything is loaded, and what is wrong with the steps that encode them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nnrun.data.columns import labels
from nnrun.data.prepare.cells import CellValueError, check_cells, split_cell
from nnrun.data.prepare.label_sets import MultiLabelBinarizer
from nnrun.data.prepare.start_end import StartEndPacker
from nnrun.data.prepare.text_vectorization import TextVectorization
from nnrun.data.target_encoding import forms_by_target, loss_place
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.data.dataset import DataFacts
    from nnrun.data.prepare.step import ExampleSpec, Step
    from nnrun.data.target_encoding import LossPlaces
    from nnrun.errors import Path
    from nnrun.spec.facts import TargetForm, TargetForms
    from nnrun.spec.part import Part

#: The refusal of windows over rows whose target is text.
NO_WINDOWS = "tokens and labels of text are no targets of windows over the rows of a table"
NO_WINDOWS_HINT = "leave out `window`, or forecast a column of numbers or classes"
_PLACE = ("data", "prepare_target")
_STEPS = ("MultiLabelBinarizer", "TextVectorization", "StartEndPacker")
_ORDERS = (("MultiLabelBinarizer",), ("TextVectorization",), ("TextVectorization", "StartEndPacker"))
_ORDER_HINT = "write MultiLabelBinarizer, or TextVectorization, or TextVectorization and then StartEndPacker"


def makes_tokens(parts: Sequence[Part]) -> bool:
    """Return whether the steps of `prepare_target` make labels or tokens of text, and no numbers of numbers."""
    return any(part.name in _STEPS for part in parts)


def wrong_steps(parts: Sequence[Part], names: Sequence[str]) -> Finding | None:
    """Return what is wrong with the steps of a target of text; None where nothing is."""
    if tuple(part.name for part in parts) not in _ORDERS:
        received = ", ".join(part.name for part in parts)
        return Finding(_PLACE, f"received {received}, which make no target", _ORDER_HINT, "target-preparation")
    if len(names) != 1:
        text = f"{parts[0].name} takes one target column, received {len(names)}"
        return Finding(_PLACE, text, "name one: `target: NAME`", "target-preparation")
    if parts[0].arguments.get("columns") is not None:
        text = f"{parts[0].name} takes the whole target here"
        return Finding((*parts[0].path, parts[0].name, "columns"), text, "leave out columns", "target-preparation")
    if parts[0].name == "TextVectorization" and parts[0].arguments.get("output_mode", "int") != "int":
        place = (*parts[0].path, parts[0].name, "output_mode")
        return Finding(place, "a target is token numbers", "leave out output_mode", "target-preparation")
    return None


def decoder_columns(column: str, length: int) -> list[str]:
    """Return the names of the columns of a decoder's input."""
    return [f"{column}[{at}]" for at in range(length)]


def with_token_target(
    steps: Sequence[tuple[Part, Step]],
    data: DataFacts,
    prepared: ExampleSpec | None,
    form: TargetForms,
    places: LossPlaces,
) -> tuple[DataFacts, ExampleSpec | None, list[Finding]]:
    """Return the facts and the prepared examples where the target is labels or tokens of text, and what is wrong.

    Args:
        steps: The steps of `prepare_target`.
        data: What is known about the source.
        prepared: The prepared examples, as far as they are known.
        form: The form in which the loss takes the target.
        places: Where the loss of each target is written, as of `nnrun.spec.targets.target_places`.
    """
    if data.windows is not None:
        return data, prepared, [Finding(_PLACE, NO_WINDOWS, NO_WINDOWS_HINT, "target-preparation")]
    made = [step for _, step in steps]
    column = data.target_names[0] if data.target_names else ""
    data, findings, length = token_target_facts([part for part, _ in steps], made, data, form, places)
    if prepared is None or length == 0:
        return data, prepared, findings
    if prepared.columns is None or length is None:
        return data, replace(prepared, shape=(None,), columns=None), findings
    columns = (*prepared.columns, *decoder_columns(column, length))
    return data, replace(prepared, shape=(len(columns),), columns=columns), findings


def token_target_facts(
    parts: Sequence[Part], steps: Sequence[Step], data: DataFacts, form: TargetForms, places: LossPlaces
) -> tuple[DataFacts, list[Finding], int | None]:
    """Return what is known of data whose target is text, what is wrong with it, and the columns of a decoder's input.

    Args:
        parts: The steps of `prepare_target` in the config.
        steps: The steps.
        data: What is known about the source.
        form: The form in which the loss takes the target.
        places: Where the loss of each target is written.

    Returns:
        The facts, the findings, and how many columns the decoder's input has: 0 where there is none, None where that is
        not known yet.
    """
    wrong = wrong_steps(parts, data.target_names)
    if wrong is not None:
        return data, [wrong], 0
    (column,), step = data.target_names, steps[0]
    values = {name: found for name, found in data.values.items() if name != column}
    texts = data.values.get(column) or data.class_names
    findings = list(_form_findings(step, forms_by_target(form), places))
    data = replace(data, class_names=None, values=values)
    if isinstance(step, MultiLabelBinarizer):
        try:
            check_cells(column, texts or (), step.separator)
        except ValueError as error:
            return data, [*findings, wrong_value(error, parts[0].path, data, "no-list")], 0
        known = step.given or _labels(texts, step.separator)
        names = tuple(known) if known else (column,)
        return replace(data, target_names=names, open_targets=not known, task=None), findings, 0
    assert isinstance(step, TextVectorization), "refused before"  # noqa: S101
    findings += _loses_text(parts[0], step)
    size = None if step.length is None else step.length + len(parts) - 1
    classes, packer = None if step.given is None else ["", "[UNK]", *step.given], steps[-1]
    if classes is not None and isinstance(packer, StartEndPacker):
        try:
            classes = packer.vocabulary(classes)
        except ValueError as error:
            findings.append(Finding(parts[-1].path, str(error), None, "target-preparation"))
    # Of a loss for something else nothing else is reported.
    suits = not any(one.name == "loss-target-mismatch" for one in findings)
    tokens = None if classes is None else tuple(classes)
    facts = replace(data, positions=(size,), task="classification" if suits else None, class_names=tokens)
    return facts, findings, 0 if len(parts) == 1 else size


def wrong_value(error: ValueError, path: Path, data: DataFacts, name: str) -> Finding:
    """Return the finding that a step refuses values, with the line of the first cell that holds no list.

    Args:
        error: What is wrong.
        path: The place of the step in the config.
        data: What is known about the source.
        name: The name of the finding.
    """
    mark = None
    if isinstance(error, CellValueError) and data.place_of is not None:
        mark = data.place_of(error.column, error.value)
    text = str(error) if mark is None else f"line {mark.line}, {error}"
    return Finding(path, text, None, name, mark=mark)


def _labels(texts: Sequence[str] | None, separator: str | None) -> list[str]:
    return list(labels(item for text in texts or () for item in split_cell(text, separator)))


def _form_findings(step: Step, forms: Mapping[str, TargetForm], places: LossPlaces) -> Iterator[Finding]:
    suits = {"binary"} if isinstance(step, MultiLabelBinarizer) else {"integer", "one_hot"}
    for key in (key for key, form in forms.items() if form not in suits):
        loss = "binary_crossentropy" if "binary" in suits else "sparse_categorical_crossentropy"
        what = "sets of labels" if "binary" in suits else "sequences of tokens"
        place = loss_place(places, key)
        yield Finding(place, f"the loss does not compare {what}", f"write `loss: {loss}`", "loss-target-mismatch")


def _loses_text(part: Part, step: TextVectorization) -> Iterator[Finding]:
    if step.standardize is not None:
        text = f"`standardize: {step.standardize}` changes the target's texts, so predictions can never be the original"
        hint = "write `standardize: null` in prepare_target's TextVectorization"
        yield Finding((*part.path, part.name), text, hint, "target-text-changed", "warning")
