"""`--out FILE`: a place that can be written, and a text written there as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path


def require_place(out: Path, name: str) -> None:
    """Refuse a place that cannot be written, before anything is computed.

    Args:
        out: What the user typed.
        name: What a file there could be called.

    Raises:
        RunError: It is a folder, or lies in one that is not there.
    """
    if out.is_dir():
        raise RunError(f"--out {out}: expected a file to write, received a folder", f"--out {out / name}")
    if not out.absolute().parent.is_dir():
        raise RunError(f"--out {out}: there is no folder {out.parent}", f"mkdir -p {out.parent}")


def write(out: Path, text: str) -> None:
    """Write a text as a whole.

    Raises:
        RunError: The disk refuses.
    """
    from nnrun.runs.disk import write_whole

    try:
        write_whole(out, text.encode("utf-8"))
    except RunError as error:
        raise RunError(error.text, "choose another file with --out FILE") from error
