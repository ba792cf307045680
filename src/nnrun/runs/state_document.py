"""What the document of a saved state must hold: its digest says only that the file is whole, not who has made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.schema import (
    Mismatch,
    check_depth,
    fields,
    finite,
    flag,
    list_of,
    mapping,
    mapping_of,
    or_null,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: More epochs or steps than any training has.
_MOST = 2**53


def _number(value: object) -> None:
    """Expect a number; this JSON has NaN and the infinities."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Mismatch("a number", value)


_count, _texts = whole(0, _MOST), mapping_of(or_null(text))
_position = fields(
    {
        "epoch": _count,
        "step": _count,
        "learning_rate": or_null(_number),
        "seconds": finite(0),
        "logs": mapping_of(_number),
        "stopped": flag,
        "rollbacks": _count,
    },
    required=("epoch", "step"),
)
_context = fields(
    {
        "versions": _texts,
        "cpu": or_null(text),
        "onednn": or_null(flag),
        "threads": or_null(whole()),
        "backend": text,
        "code": list_of(text),
        "executor": or_null(text),
        "data": _texts,
        "folds": list_of(or_null(whole())),
        "epochs": whole(1),
    }
)
_state = fields(
    {
        "position": _position,
        "files": mapping_of(_count),
        "callbacks": list_of(fields({"name": text}, required=("name", "state"))),
        "context": _context,
        "epoch_start": mapping,
    },
    required=("position", "callbacks", "context"),
)


def require_state(path: Path, document: Mapping[str, Any]) -> None:
    """Check the document of a state.

    Raises:
        RunError: Something in it is missing, or is something else than expected; with the key.
    """
    try:
        check_depth(document)
        _state(document)
    except Mismatch as mismatch:
        text = f"{path}: this state cannot be used: {mismatch}"
        raise RunError(text, "restore the file from a backup, or train again from the config") from None
