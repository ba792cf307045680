"""What each input of a model receives: the whole prepared example, or some of its columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
    """Return the words for the input as a whole that suit these data, the most specific first; none where unknown.

    Arrays next to columns have none: each input takes one of them, or columns.
    """
    if facts.input_shape is None or facts.arrays:
        return ()
    if facts.vocabulary is not None and not facts.columns:
        return ("$codes", "$input")
    if facts.columns or facts.horizon is not None or facts.input_shape == (None,):
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


def _select_columns(x: Any, facts: Facts, model_input: ModelInput) -> Any:
    import numpy as np

    if model_input.columns is None:
        return x
    if facts.arrays:
        # A list of one name, as `_findings` has seen to.
        name = model_input.columns[0]
        if name in facts.arrays:
            (start, stop), shape = facts.array_place(name), facts.arrays[name]
            flat = x if hasattr(x, "select_array") else np.ascontiguousarray(x[:, start:stop])
            return flat.select_array(start, stop, shape) if flat is x else flat.reshape(len(x), *shape)
    indices = [index for name in model_input.columns for index in _indices(name, facts.columns)]
    if indices == list(range(len(facts.columns))) and not facts.arrays:
        return x
    # A stream selects its columns where it is read.
    return x.select_columns(indices) if hasattr(x, "select_columns") else np.ascontiguousarray(x[:, indices])


def _shape(facts: Facts, model_input: ModelInput) -> tuple[int | None, ...] | None:
    if model_input.columns is None:
        return None if list(_findings(facts, model_input)) else facts.input_shape
    if model_input.columns[0] in facts.arrays:
        return None if len(model_input.columns) > 1 else facts.arrays[model_input.columns[0]]
    if not facts.columns:
        return (None,) if facts.input_shape == (None,) else None
    found = [_indices(name, facts.columns) for name in model_input.columns]
    return (*(facts.input_shape or ())[:-1], sum(map(len, found))) if all(found) else None


def _indices(name: str, columns: Sequence[str]) -> list[int]:
    """Return where a column is: alone, or as the `name=category` and `name[0]` columns of a step; empty where not."""
    if name in columns:
        return [columns.index(name)]
    return [index for index, column in enumerate(columns) if column.startswith((f"{name}=", f"{name}["))]


def _findings(facts: Facts, model_input: ModelInput) -> Iterator[Finding]:
    takes = f"the input '{model_input.name}' takes"
    known = fields(facts)
    if facts.arrays and (model_input.columns is None or not facts.arrays.keys().isdisjoint(model_input.columns)):
        yield from _array_findings(facts, model_input)
    elif model_input.columns is None:
        if model_input.field is not None and known and model_input.field not in known:
            text = f"{takes} {model_input.field}, which these data do not have"
            yield Finding(model_input.path, text, f"write {known[0]}", "unknown-field")
    elif facts.columns or (facts.arrays and facts.input_shape not in {None, (None,)}):
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


def _array_findings(facts: Facts, model_input: ModelInput) -> Iterator[Finding]:
    """Yield a finding where an input does not take one array next to the columns alone."""
    inputs = ", ".join(f"{name}: [{name}]" for name in facts.arrays)
    if model_input.columns is None:
        columns = f", others: [{', '.join(_names_before(facts)[:4])}]" if facts.columns else ""
        others = [] if facts.input_shape is not None and not facts.columns else ["other columns"]
        text = f"an example has {' and '.join([*facts.arrays, *others])}, which no single input takes together"
        hint = f"write inputs that take them by name: `inputs: {{{inputs}{columns}}}`"
        yield Finding(model_input.path or ("model",), text, hint, "unknown-field")
    elif len(model_input.columns) > 1:
        text = f"the input '{model_input.name}' takes pictures and other columns together"
        yield Finding(model_input.path, text, f"give each an input of its own: `{inputs}`", "unknown-column")


def _names_before(facts: Facts) -> list[str]:
    """Return the names that columns had before OneHot (`colour`), where those after it are `colour=red` and the like.

    Both can be named, and so can `text`, of which a step made `text[0]`, `text[1]`, ...
    """
    return list(dict.fromkeys(re.split(r"=|\[\d", column, maxsplit=1)[0] for column in facts.columns))


def _column_hint(facts: Facts, name: str) -> str:
    if name in facts.target_names:
        return f"{name!r} is a target, which no input may take"
    before = [*_names_before(facts), *facts.arrays]
    known = [*facts.arrays, *(one for column in facts.columns for one in (column.partition("=")[0], column) if one)]
    return did_you_mean(name, known) or f"there are: {format_names(before, 12)}"
