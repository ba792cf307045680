"""The section `data:`: where examples come from, how they are prepared and split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, Number, String
from nnrun.spec.section import Key, Refusal, Section, part_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.part import Part

_SHARE = Number(0, 1, exclusive_minimum=True, exclusive_maximum=True)


@dataclass(frozen=True)
class KFold(Section):
    """A cross-validation: every row is tested once in each repeat, by a model trained on the other folds.

    Attributes:
        folds: How many parts the rows are dealt into.
        shuffle: Deal rows out in a seeded random order; false takes them as they stand in the file.
        repeats: How many times all rows are dealt out anew.
        stratify: Keep the classes' shares in every fold.
        groups: The column, by name or index, whose rows of one value never part; it is no feature then.
        final_fit: Train one more model, on all rows, for `nnrun predict`.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "folds": Key(Integer(2), 10),
        "shuffle": Key(Boolean(), default=False),
        "repeats": Key(Integer(1), 1),
        "stratify": Key(Boolean(), default=False),
        "groups": Key(AnyOf((String(), Integer())), None),
        "final_fit": Key(Boolean(), default=False),
    }

    folds: int = 10
    shuffle: bool = False
    repeats: int = 1
    stratify: bool = False
    groups: str | int | None = None
    final_fit: bool = False

    def refusal(self) -> Refusal | None:
        """Refuse to repeat what would be the same again."""
        if self.repeats > 1 and not self.shuffle:
            text = f"repeats: {self.repeats} needs an order of its own for each repeat, but rows keep the file's order"
            return text, "add shuffle: true"
        return None


@dataclass(frozen=True)
class Split(Section):
    """How rows are dealt out to training, validation and test part.

    Attributes:
        test: Share of all rows that have no test part of their own; `train` scores the training rows themselves.
        validation: Share of what then remains for training; `test` lets the test part serve twice.
        stratify: Keep the classes' shares in every part.
        shuffle: Deal rows out in a seeded random order; false takes the last rows of the file.
        k_fold: A cross-validation instead of one test part; `validation` is then a share of each fold's training rows.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "test": Key(AnyOf((_SHARE, Choice(("train",)))), None),
        "validation": Key(AnyOf((_SHARE, Choice(("test",)))), None),
        "stratify": Key(Boolean(), default=False),
        "shuffle": Key(Boolean(), default=True),
        "k_fold": Key(KFold, None),
    }

    test: float | Literal["train"] | None = None
    validation: float | Literal["test"] | None = None
    stratify: bool = False
    shuffle: bool = True
    k_fold: KFold | None = None

    def refusal(self) -> Refusal | None:
        """Refuse dealing out by class in the file's order, and what cannot stand beside a cross-validation."""
        if self.stratify and not self.shuffle:
            text = "stratify: true deals rows out by class, which cannot keep the file's order (shuffle: false)"
            return text, "leave out one of the two"
        return None if self.k_fold is None else self._beside(self.k_fold)

    def _beside(self, k_fold: KFold) -> Refusal | None:
        if self.test is not None:
            text = f"k_fold gives every fold its own test part, so that test: {self.test} cannot be"
            return text, "leave out one of the two"
        if self.validation == "test" and k_fold.final_fit:
            return "final_fit trains on all rows, so that no test part is left for validation: test", "validation: 0.1"
        if self.validation is None and (self.stratify or not self.shuffle):
            name = "stratify" if self.stratify else "shuffle"
            text = f"'{name}' beside k_fold deals out the validation share, of which there is none"
            return text, f"say it of the folds: k_fold: {{{name}: {str(self.stratify).lower()}}}"
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
