"""`importance.json` of a run folder: how much worse its predictions are without what a column says."""

from __future__ import annotations

from os.path import lexists
from typing import TYPE_CHECKING, Any

from nnrun.runs.json_files import as_number, read_json
from nnrun.runs.schema import fields, figure, list_of, or_null, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder

#: How many words of a text are shown, of those that speak for its prediction and of those against it.
_SHOWN_WORDS = 3
_column = fields(
    {"column": text, "importance": figure, "interval_95": list_of(figure, length=2)},
    required=("column", "importance", "interval_95"),
)
_output = fields(
    {"name": text, "error": text, "value": figure, "columns": list_of(_column)},
    required=("name", "error", "value", "columns"),
)
_text = fields(
    {
        "row": whole(),
        "column": text,
        "output": text,
        "quantity": text,
        "predicted": or_null(text),
        "truth": or_null(text),
        "value": or_null(figure),
        "words": list_of(fields({"word": text, "drop": figure}, required=("word", "drop"))),
    },
    required=("row", "column", "output", "quantity", "predicted", "truth", "value", "words"),
)
_importance = fields(
    {
        "checkpoint": text,
        "part": text,
        "rows": whole(),
        "repeats": whole(),
        "seed": whole(),
        "outputs": list_of(_output),
        "notes": list_of(text),
        "texts": list_of(_text),
        "texts_selection": text,
    },
    required=("checkpoint", "part", "rows", "repeats", "outputs", "notes"),
)


def read_importance_if_any(folder: RunFolder) -> dict[str, Any]:
    """Read the importance of the columns of a run; empty where it was not computed.

    Raises:
        RunError: It is damaged.
    """
    return read_json(folder.importance, _importance) if lexists(folder.importance) else {}


def strongest_words(example: Mapping[str, Any]) -> tuple[str, str]:
    """Return the words of a text that speak for its prediction and those against it, the strongest three first.

    Args:
        example: One of the texts of `importance.json`.
    """
    words = [(str(one["word"]), as_number(one["drop"]) or 0.0) for one in example["words"]]
    ordered = sorted(words, key=lambda one: -one[1])
    speaking_for = [f"{word} ({drop:.3g})" for word, drop in ordered[:_SHOWN_WORDS] if drop > 0]
    against = [f"{word} ({drop:.3g})" for word, drop in ordered[::-1][:_SHOWN_WORDS] if drop < 0]
    return ", ".join(speaking_for) or "-", ", ".join(against) or "-"
