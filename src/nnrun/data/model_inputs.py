"""What enters a model at each of its inputs: the whole prepared input, a field of it, or some of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nnrun.spec.facts import Facts
    from nnrun.spec.model import ModelInput


def fields(facts: Facts) -> tuple[str, ...]:
    """The words for the input as a whole that suit these data, the most telling first; none where nothing is known."""
    if facts.input_shape is None:
        return ()
    if facts.vocabulary is not None and not facts.columns:
        return ("$codes", "$input")
    if facts.columns or facts.input_shape == (None,):
        return ("$row", "$input")
    # A picture that was flattened is still one to whoever wrote the config.
    return ("$image", "$input") if len(facts.input_shape) > 1 else ("$row", "$image", "$input")


def is_chain(inputs: Sequence[ModelInput]) -> bool:
    """Whether the model takes the whole input as one array without a name."""
    return len(inputs) == 1 and inputs[0].columns is None and inputs[0].field is None


def select(x: np.ndarray, facts: Facts, inputs: Sequence[ModelInput]) -> np.ndarray | dict[str, np.ndarray]:
    """What each input takes of the prepared examples.

    Args:
        x: The prepared examples.
        facts: What the data teach; `facts.columns` are the columns of `x`.
        inputs: The model's inputs.

    Returns:
        `x` itself for a chain, else an array for each input by its name: `x` itself where it is meant whole, else the
        columns side by side, row after row in memory.

    Raises:
        DataError: An input names a column or a field that the data do not have.
    """
    wrong = findings(facts, inputs)
    if wrong:
        raise DataError(f"model: {wrong[0].text}", hint=wrong[0].hint)
    return x if is_chain(inputs) else {model_input.name: _part(x, facts, model_input) for model_input in inputs}


def shapes(facts: Facts, inputs: Sequence[ModelInput]) -> dict[str, tuple[int | None, ...] | None]:
    """The shape of one example at each input, by its name; None where it is not known or cannot be."""
    return {model_input.name: _shape(facts, model_input) for model_input in inputs}


def findings(facts: Facts, inputs: Sequence[ModelInput]) -> list[Finding]:
    """Columns and fields that the model's inputs name and the data do not have."""
    return [finding for model_input in inputs for finding in _wrong(facts, model_input)]


def _part(x: np.ndarray, facts: Facts, model_input: ModelInput) -> np.ndarray:
    import numpy as np

    if model_input.columns is None:
        return x
    places = [place for name in model_input.columns for place in _places(name, facts.columns)]
    if places == list(range(len(facts.columns))):
        return x
    # A stream takes its columns where it is read.
    return x.columns(places) if hasattr(x, "columns") else np.ascontiguousarray(x[:, places])


def _shape(facts: Facts, model_input: ModelInput) -> tuple[int | None, ...] | None:
    if model_input.columns is None:
        return facts.input_shape if not _wrong(facts, model_input) else None
    if not facts.columns:
        return (None,) if facts.input_shape == (None,) else None
    found = [_places(name, facts.columns) for name in model_input.columns]
    return (sum(len(places) for places in found),) if all(found) else None


def _places(name: str, columns: Sequence[str]) -> list[int]:
    """Where a column stands: alone, or spread by OneHot into `name=category` columns; empty where it does not."""
    if name in columns:
        return [columns.index(name)]
    return [place for place, column in enumerate(columns) if column.startswith(f"{name}=")]


def _wrong(facts: Facts, model_input: ModelInput) -> list[Finding]:
    if model_input.columns is not None:
        return _wrong_columns(facts, model_input, model_input.columns)
    there = fields(facts)
    if model_input.field is None or model_input.field in there or not there:
        return []
    text = f"the input '{model_input.name}' takes {model_input.field}, which these data do not have"
    return [Finding(model_input.path, text, f"write {there[0]}", "unknown-field")]


def _wrong_columns(facts: Facts, model_input: ModelInput, asked: Sequence[str]) -> list[Finding]:
    if facts.input_shape is None or (not facts.columns and facts.input_shape == (None,)):
        return []
    if not facts.columns:
        text = f"the input '{model_input.name}' takes columns, but an example has the shape {list(facts.input_shape)}"
        hint = f"write {fields(facts)[0]}, which takes the whole example"
        return [Finding(model_input.path, text, hint, "unknown-column")]
    return [
        *(
            _unknown(facts, model_input, index, name)
            for index, name in enumerate(asked)
            if not _places(name, facts.columns)
        ),
        *(
            Finding(
                (*model_input.path, index),
                f"the input '{model_input.name}' takes the column {name!r} twice",
                "take one of them out",
                "unknown-column",
            )
            for index, name in enumerate(asked)
            if name in asked[:index]
        ),
    ]


def _unknown(facts: Facts, model_input: ModelInput, index: int, name: str) -> Finding:
    known = list(dict.fromkeys(column for one in facts.columns for column in (one.partition("=")[0], one) if column))
    shown = list(dict.fromkeys(column.partition("=")[0] for column in facts.columns))
    listed = f"there are: {', '.join(shown[:12])}{', ...' if len(shown) > 12 else ''}"
    if name in facts.target_names:
        hint = f"{name!r} is a target, which no input may take"
    else:
        hint = did_you_mean(name, known) or listed
    text = f"the input '{model_input.name}' takes the column {name!r}, which the data do not have"
    return Finding((*model_input.path, index), text, hint, "unknown-column")
