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


def is_chain(entrances: Sequence[ModelInput]) -> bool:
    """Whether the model takes the whole input as one array without a name."""
    return len(entrances) == 1 and entrances[0].columns is None and entrances[0].field is None


def select(x: np.ndarray, facts: Facts, entrances: Sequence[ModelInput]) -> np.ndarray | dict[str, np.ndarray]:
    """What each input takes of the prepared examples.

    Args:
        x: The prepared examples.
        facts: What the data teach; `facts.columns` are the columns of `x`.
        entrances: The model's inputs.

    Returns:
        `x` itself for a chain, else an array for each input by its name: `x` itself where it is meant whole, else the
        columns side by side, row after row in memory.

    Raises:
        DataError: An input names a column or a field that the data do not have.
    """
    wrong = findings(facts, entrances)
    if wrong:
        raise DataError(f"model: {wrong[0].text}", hint=wrong[0].hint)
    return x if is_chain(entrances) else {entrance.name: _part(x, facts, entrance) for entrance in entrances}


def shapes(facts: Facts, entrances: Sequence[ModelInput]) -> dict[str, tuple[int | None, ...] | None]:
    """The shape of one example at each input, by its name; None where it is not known or cannot be."""
    return {entrance.name: _shape(facts, entrance) for entrance in entrances}


def findings(facts: Facts, entrances: Sequence[ModelInput]) -> list[Finding]:
    """Columns and fields that the model's inputs name and the data do not have."""
    return [finding for entrance in entrances for finding in _wrong(facts, entrance)]


def _part(x: np.ndarray, facts: Facts, entrance: ModelInput) -> np.ndarray:
    import numpy as np

    if entrance.columns is None:
        return x
    places = [place for name in entrance.columns for place in _places(name, facts.columns)]
    if places == list(range(len(facts.columns))):
        return x
    # A stream takes its columns where it is read.
    return x.columns(places) if hasattr(x, "columns") else np.ascontiguousarray(x[:, places])


def _shape(facts: Facts, entrance: ModelInput) -> tuple[int | None, ...] | None:
    if entrance.columns is None:
        return facts.input_shape if not _wrong(facts, entrance) else None
    if not facts.columns:
        return (None,) if facts.input_shape == (None,) else None
    found = [_places(name, facts.columns) for name in entrance.columns]
    return (sum(len(places) for places in found),) if all(found) else None


def _places(name: str, columns: Sequence[str]) -> list[int]:
    """Where a column stands: alone, or spread by OneHot into `name=category` columns; empty where it does not."""
    if name in columns:
        return [columns.index(name)]
    return [place for place, column in enumerate(columns) if column.startswith(f"{name}=")]


def _wrong(facts: Facts, entrance: ModelInput) -> list[Finding]:
    if entrance.columns is not None:
        return _wrong_columns(facts, entrance, entrance.columns)
    there = fields(facts)
    if entrance.field is None or entrance.field in there or not there:
        return []
    text = f"the input '{entrance.name}' takes {entrance.field}, which these data do not have"
    return [Finding(entrance.path, text, f"write {there[0]}", "unknown-field")]


def _wrong_columns(facts: Facts, entrance: ModelInput, asked: Sequence[str]) -> list[Finding]:
    if facts.input_shape is None or (not facts.columns and facts.input_shape == (None,)):
        return []
    if not facts.columns:
        text = f"the input '{entrance.name}' takes columns, but an example has the shape {list(facts.input_shape)}"
        hint = f"write {fields(facts)[0]}, which takes the whole example"
        return [Finding(entrance.path, text, hint, "unknown-column")]
    return [
        *(
            _unknown(facts, entrance, index, name)
            for index, name in enumerate(asked)
            if not _places(name, facts.columns)
        ),
        *(
            Finding(
                (*entrance.path, index),
                f"the input '{entrance.name}' takes the column {name!r} twice",
                "take one of them out",
                "unknown-column",
            )
            for index, name in enumerate(asked)
            if name in asked[:index]
        ),
    ]


def _unknown(facts: Facts, entrance: ModelInput, index: int, name: str) -> Finding:
    known = list(dict.fromkeys(column for one in facts.columns for column in (one.partition("=")[0], one) if column))
    shown = list(dict.fromkeys(column.partition("=")[0] for column in facts.columns))
    listed = f"there are: {', '.join(shown[:12])}{', ...' if len(shown) > 12 else ''}"
    if name in facts.target_names:
        hint = f"{name!r} is a target, which no input may take"
    else:
        hint = did_you_mean(name, known) or listed
    text = f"the input '{entrance.name}' takes the column {name!r}, which the data do not have"
    return Finding((*entrance.path, index), text, hint, "unknown-column")
