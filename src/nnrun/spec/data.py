"""The section `data:`: the source of examples, their preparation, and how they are split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, Number, String
from nnrun.spec.section import Refusal, Section, key, part_of, parts_of

if TYPE_CHECKING:
    from nnrun.spec.part import Part

_FRACTION = Number(0, 1, exclusive_minimum=True, exclusive_maximum=True)


@dataclass(frozen=True)
class KFold(Section):
    """A cross-validation: every row is tested once in each repeat, by a model trained on the other folds.

    Attributes:
        folds: The number of folds.
        shuffle: Assign rows to folds in a seeded random order; false keeps the file's order.
        repeats: How many times the cross-validation is done, each time with other folds.
        stratify: Keep the proportions of the classes in every fold.
        groups: The column, by name or index, whose rows of one value stay in one fold; it is then no feature.
        final_fit: Train one more model, on all rows, for `nnrun predict`.
    """

    folds: int = key(Integer(2), 10)
    shuffle: bool = key(Boolean(), default=False)
    repeats: int = key(Integer(1), 1)
    stratify: bool = key(Boolean(), default=False)
    groups: str | int | None = key(AnyOf((String(), Integer())), None)
    final_fit: bool = key(Boolean(), default=False)

    def refusal(self) -> Refusal | None:
        """Refuse repeats that would all have the same folds."""
        if self.repeats > 1 and not self.shuffle:
            text = f"repeats: {self.repeats} would use the same folds each time, in the file's order"
            return Refusal(text, "add shuffle: true", "repeats")
        return None


@dataclass(frozen=True)
class Split(Section):
    """How rows are split into a training, a validation and a test part.

    Attributes:
        test: The fraction of rows for the test part, of a source that has none; `train` scores the training rows.
        validation: The fraction of the remaining rows for validation; `test` validates on the test part.
        stratify: Keep the proportions of the classes in every part.
        shuffle: Split in a seeded random order; false takes the last rows of the file.
        k_fold: A cross-validation instead of one test part; `validation` is then a fraction of each fold's training
            rows.
    """

    test: float | Literal["train"] | None = key(AnyOf((_FRACTION, Choice(("train",)))), None)
    validation: float | Literal["test"] | None = key(AnyOf((_FRACTION, Choice(("test",)))), None)
    stratify: bool = key(Boolean(), default=False)
    shuffle: bool = key(Boolean(), default=True)
    k_fold: KFold | None = key(KFold, None)

    def refusal(self) -> Refusal | None:
        """Refuse to stratify in the file's order, and what cannot be combined with a cross-validation."""
        if self.stratify and not self.shuffle:
            text = "stratify: true assigns rows by class, which cannot keep the file's order (shuffle: false)"
            return Refusal(text, "leave out one of the two", "stratify")
        if self.k_fold is None:
            return None
        if self.test is not None:
            text = f"with k_fold every fold has its own test part, so test: {self.test} cannot be given"
            return Refusal(text, "leave out one of the two", "test")
        if self.validation == "test" and self.k_fold.final_fit:
            text = "final_fit trains on all rows, so there is no test part for validation: test"
            return Refusal(text, "write validation: 0.1", "validation")
        if self.validation is None and (self.stratify or not self.shuffle):
            name = "stratify" if self.stratify else "shuffle"
            text = f"'{name}' next to k_fold is about the validation part, and there is none"
            return Refusal(text, f"write it inside k_fold: {{{name}: {str(self.stratify).lower()}}}", name)
        return None


@dataclass(frozen=True)
class DataSpec(Section):
    """The source of examples, their preparation, and how they are split.

    Attributes:
        source: A named data set or a reader.
        prepare: Preparation steps, in order, fitted on the training part alone.
        split: How rows are split; None keeps the source's own parts.
    """

    source: Part = key(part_of("sources"))
    prepare: tuple[Part, ...] = key(parts_of("preparation"), ())
    split: Split | None = key(Split, None)
