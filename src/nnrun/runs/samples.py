"""`samples.jsonl`: one line for each text that a model wrote while it was trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.runs.disk import disk_error
from nnrun.runs.json_text import dumps

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder


def add(folder: RunFolder, epoch: int, seed_text: str, text: str) -> None:
    """Add a text; the file is written whole, so that a process killed meanwhile leaves no torn line.

    Args:
        folder: The run's folder.
        epoch: After which epoch it was written, counted from 1.
        seed_text: What it goes on from.
        text: The text.

    Raises:
        RunError: The disk refuses, or the folder has vanished.
    """
    line = dumps({"epoch": epoch, "seed_text": seed_text, "text": text}, indent=None)
    folder.write_text(folder.samples, f"{_before(folder, epoch)}{line}\n")


def _before(folder: RunFolder, epoch: int) -> str:
    """The lines of earlier epochs: a resumed run writes those after its checkpoint again."""
    try:
        lines = folder.samples.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise disk_error(error, folder.samples) from error
    return "".join(f"{line}\n" for line in lines if _is_before(line, epoch))


def _is_before(line: str, epoch: int) -> bool:
    try:
        return bool(json.loads(line)["epoch"] < epoch)
    except (ValueError, KeyError, TypeError):
        return False
