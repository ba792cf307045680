"""A config said out in full: bases, `--set`, defaults and paths; runnable wherever it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.spec.resolve import resolved

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.pipeline.check import Examined


def resolved_config(examined: Examined) -> dict[str, Any]:
    """Say a config out as plain data which, written as YAML, is the same experiment."""
    return resolved(examined.experiment, lambda name: _absolute(examined.places, name))


def _absolute(places: DataPaths, name: str) -> str:
    found = places.find(name)
    return str(found.resolve()) if found is not None else name
