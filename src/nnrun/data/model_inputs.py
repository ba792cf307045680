"""What each input of a model receives: the whole prepared example, or some of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.errors import DataError
from nnrun.formatting import format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from nnrun.spec.facts import Facts
    from nnrun.spec.model import ModelInput


def fields(facts: Facts) -> tuple[str, ...]:
    """Return the words for the input as a whole that suit these data, the most specific first; none where unknown."""
    if facts.input_shape is None:
        return ()
    if facts.vocabulary is not None and not facts.columns:
        return ("$codes", "$input")
    if facts.columns or facts.input_shape == (None,):
        return ("$row", "$input")
    # A picture that was flattened is still a picture to the author of the config.
    return ("$image", "$input") if len(facts.input_shape) > 1 else ("$row", "$image", "$input")


def is_chain(inputs: Sequence[ModelInput]) -> bool:
    """Return whether the model takes the whole example as one array without a name."""
    return len(inputs) == 1 and inputs[0].columns is None and inputs[0].field is None


def select(x: np.ndarray, facts: Facts, inputs: Sequence[ModelInput]) -> np.ndarray | dict[str, np.ndarray]:
    """Return what each input of a model receives of the prepared examples.

    Args:
        x: The prepared examples.
        facts: The facts of the data; `facts.columns` are the columns of `x`.
        inputs: The inputs of the model.

    Returns:
        `x` itself for a chain, else an array for each input by its name: `x` itself where it takes the whole example,
        else the columns side by side, C-contiguous.

    Raises:
        DataError: An input names a column or a field that the data do not have.
    """
    wrong = findings(facts, inputs)
    if wrong:
        raise DataError(f"model: {wrong[0].text}", hint=wrong[0].hint)
    return x if is_chain(inputs) else {one.name: _select_columns(x, facts, one) for one in inputs}


def shapes(facts: Facts, inputs: Sequence[ModelInput]) -> dict[str, tuple[int | None, ...] | None]:
    """Return the shape of one example at each input, by its name; None where it is unknown or impossible."""
    return {one.name: _shape(facts, one) for one in inputs}


def findings(facts: Facts, inputs: Sequence[ModelInput]) -> list[Finding]:
    """Return a finding for each column and field that an input names and the data do not have."""
    return [finding for one in inputs for finding in _findings(facts, one)]


def _select_columns(x: np.ndarray, facts: Facts, model_input: ModelInput) -> np.ndarray:
    import numpy as np

    if model_input.columns is None:
        return x
    indices = [index for name in model_input.columns for index in _indices(name, facts.columns)]
    if indices == list(range(len(facts.columns))):
        return x
    # A stream selects its columns where it is read.
    return x.select_columns(indices) if hasattr(x, "select_columns") else np.ascontiguousarray(x[:, indices])


def _shape(facts: Facts, model_input: ModelInput) -> tuple[int | None, ...] | None:
    if model_input.columns is None:
        return None if list(_findings(facts, model_input)) else facts.input_shape
    if not facts.columns:
        return (None,) if facts.input_shape == (None,) else None
    found = [_indices(name, facts.columns) for name in model_input.columns]
    return (sum(map(len, found)),) if all(found) else None


def _indices(name: str, columns: Sequence[str]) -> list[int]:
    """Return where a column is: alone, or as the `name=category` columns of OneHot; empty where it is not."""
    if name in columns:
        return [columns.index(name)]
    return [index for index, column in enumerate(columns) if column.startswith(f"{name}=")]


def _findings(facts: Facts, model_input: ModelInput) -> Iterator[Finding]:
    takes = f"the input '{model_input.name}' takes"
    known = fields(facts)
    if model_input.columns is None:
        if model_input.field is not None and known and model_input.field not in known:
            text = f"{takes} {model_input.field}, which these data do not have"
            yield Finding(model_input.path, text, f"write {known[0]}", "unknown-field")
    elif facts.columns:
        for index, name in enumerate(model_input.columns):
            if not _indices(name, facts.columns):
                text = f"{takes} the column {name!r}, which the data do not have"
                yield Finding((*model_input.path, index), text, _column_hint(facts, name), "unknown-column")
        for index, name in enumerate(model_input.columns):
            if name in model_input.columns[:index]:
                text = f"{takes} the column {name!r} twice"
                yield Finding((*model_input.path, index), text, "take one of them out", "unknown-column")
    elif facts.input_shape not in {None, (None,)}:
        text = f"{takes} columns, but an example has the shape {list(facts.input_shape or ())}"
        yield Finding(model_input.path, text, f"write {known[0]}, which takes the whole example", "unknown-column")


def _column_hint(facts: Facts, name: str) -> str:
    if name in facts.target_names:
        return f"{name!r} is a target, which no input may take"
    # A column before OneHot (`colour`) and one after it (`colour=red`) can both be named.
    before = list(dict.fromkeys(column.partition("=")[0] for column in facts.columns))
    known = [one for column in facts.columns for one in (column.partition("=")[0], column) if one]
    return did_you_mean(name, known) or f"there are: {format_names(before, 12)}"
