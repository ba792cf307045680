"""The lineage of a run that was forked from another one, as its record has it and as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.runs.record import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder


def describe(fields: Mapping[str, Any]) -> str | None:
    """Return the parent of a run, where it was forked and what was changed; None if it was not forked.

    Args:
        fields: The run's record.
    """
    lineage = fields.get("lineage")
    if not isinstance(lineage, dict):
        return None
    within = f", step {lineage['step']}" if lineage["step"] else ""
    changed = [f"{key} {one['now']} (was {one['before']})" for key, one in lineage["changed"].items()]
    return f"{lineage['run']} after epoch {lineage['epoch']}{within}" + (
        f", with {', '.join(changed)}" if changed else ""
    )


def describe_run(folder: RunFolder) -> str | None:
    """Return what `describe` returns for the run in a folder.

    Raises:
        RunError: Its record cannot be read.
    """
    return describe(read(folder))
