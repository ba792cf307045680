"""`importance.json` of a run folder: how much worse its predictions are without what a column says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.runs.json_files import read_json
from nnrun.runs.schema import fields, figure, list_of, text, whole

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder

_column = fields(
    {"column": text, "importance": figure, "interval_95": list_of(figure, length=2)},
    required=("column", "importance", "interval_95"),
)
_output = fields(
    {"name": text, "error": text, "value": figure, "columns": list_of(_column)},
    required=("name", "error", "value", "columns"),
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
    },
    required=("checkpoint", "part", "rows", "repeats", "outputs", "notes"),
)


def read_importance_if_any(folder: RunFolder) -> dict[str, Any]:
    """Read the importance of the columns of a run; empty where it was not computed.

    Raises:
        RunError: It is damaged.
    """
    is_there = folder.importance.exists() or folder.importance.is_symlink()
    return read_json(folder.importance, _importance) if is_there else {}
