"""A part of an experiment: one thing that the catalog knows by name, with its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Path


@dataclass(frozen=True)
class Part:
    """A named thing of the catalog with the arguments that the config gives it.

    Attributes:
        category: The catalog's category (`layers`, `optimizers`, `sources`, ...).
        name: The catalog's own name (`Adam`, even where the config says `adam`).
        arguments: Only what the config says; nested parts are `Part`s, facts are words with a dollar.
        path: Where the part stands in the config, so that a failure inside Keras finds its place. Two parts
            that say the same are equal wherever they stand.
    """

    category: str
    name: str
    arguments: Mapping[str, Any]
    path: Path = field(default=(), compare=False)
