"""The section `data:`: where examples come from, how they are prepared and split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Number
from nnrun.spec.section import Key, Refusal, Section, part_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.part import Part

_SHARE = Number(0, 1, least_excluded=True, most_excluded=True)


@dataclass(frozen=True)
class Split(Section):
    """How rows are dealt out to training, validation and test part.

    Attributes:
        test: Share of all rows that have no test part of their own; `train` scores the training rows themselves.
        validation: Share of what then remains for training; `test` lets the test part serve twice.
        stratify: Keep the classes' shares in every part.
        shuffle: Deal rows out in a seeded random order; false takes the last rows of the file.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "test": Key(AnyOf((_SHARE, Choice(("train",)))), None),
        "validation": Key(AnyOf((_SHARE, Choice(("test",)))), None),
        "stratify": Key(Boolean(), default=False),
        "shuffle": Key(Boolean(), default=True),
    }

    test: float | Literal["train"] | None = None
    validation: float | Literal["test"] | None = None
    stratify: bool = False
    shuffle: bool = True

    def refusal(self) -> Refusal | None:
        """Refuse dealing out by class in the file's order."""
        if self.stratify and not self.shuffle:
            text = "stratify: true deals rows out by class, which cannot keep the file's order (shuffle: false)"
            return text, "leave out one of the two"
        return None


@dataclass(frozen=True)
class DataSpec(Section):
    """Where examples come from, how they are prepared and split.

    Attributes:
        source: A named data set or a reader.
        prepare: Steps fitted on the training part alone, in order.
        split: How rows are dealt out; None keeps the source's own parts.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "source": Key(part_of("sources")),
        "prepare": Key(parts_of("preparation"), ()),
        "split": Key(Split, None),
    }

    source: Part
    prepare: tuple[Part, ...] = ()
    split: Split | None = None
