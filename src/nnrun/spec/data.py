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
class Forward(Section):
    """Parts in the order of time, as of scikit-learn's `TimeSeriesSplit`: every test part lies after its training rows.

    Rows are ordered by the source's column of `time` (rows of one time stay together), else by their place in the file.
    A single split is a test part; several are the folds of a cross-validation.

    Attributes:
        n_splits: The number of test parts, one after the other, at the end of the data.
        test_size: The rows (or times) of each test part, or their share of all; default: the data divided by
            `n_splits` + 1.
        gap: How many rows (or times) before a test part, or a validation part, are left out of training.
        max_train_size: The most rows (or times) to train on, the last ones before the gap: a sliding window; default:
            all before it, an expanding window.
        final_fit: Train one more model, on all rows, for `nnrun predict`.
    """

    n_splits: int = key(Integer(1), 5)
    test_size: int | float | None = key(AnyOf((Integer(1), _FRACTION)), None)
    gap: int = key(Integer(0), 0)
    max_train_size: int | None = key(Integer(1), None)
    final_fit: bool = key(Boolean(), default=False)

    # What is asked of every cross-validation, under the names that `KFold` has.
    repeats, stratify, shuffle, groups = 1, False, False, None

    @property
    def folds(self) -> int:
        """The number of folds."""
        return self.n_splits

    def refusal(self) -> Refusal | None:
        """Refuse a final fit next to a single test part."""
        if self.final_fit and self.n_splits == 1:
            return Refusal("final_fit is for several folds, and n_splits is 1", "leave it out", "final_fit")
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
        by: The column, by name or index, that names the part of each row: `train`, `validation` or `test`. It is no
            feature.
        forward: Test parts in the order of time, each after its training rows; `validation` is then the last fraction
            of these.
    """

    test: float | Literal["train"] | None = key(AnyOf((_FRACTION, Choice(("train",)))), None)
    validation: float | Literal["test"] | None = key(AnyOf((_FRACTION, Choice(("test",)))), None)
    stratify: bool = key(Boolean(), default=False)
    shuffle: bool = key(Boolean(), default=True)
    k_fold: KFold | None = key(KFold, None)
    by: str | int | None = key(AnyOf((String(), Integer())), None)
    forward: Forward | None = key(Forward, None)

    @property
    def cross_validation(self) -> KFold | Forward | None:
        """The cross-validation that it asks for, or None."""
        return self.forward if self.forward is not None and self.forward.n_splits > 1 else self.k_fold

    @property
    def path(self) -> tuple[str, ...]:
        """The place in the config of what decides how rows are split."""
        inner = "k_fold" if self.k_fold is not None else "forward" if self.forward is not None else None
        return ("data", "split") if inner is None else ("data", "split", inner)

    def refusal(self) -> Refusal | None:
        """Refuse to stratify in the file's order, and what cannot be combined."""
        return self._column_refusal() or self._order_refusal() or self._folds_refusal()

    def _column_refusal(self) -> Refusal | None:
        """Refuse two ways to make parts."""
        given = {"by": self.by is not None, "forward": self.forward is not None, "k_fold": self.k_fold is not None}
        given |= {"test": isinstance(self.test, float)}
        first, *others = [name for name in given if given[name]] or [""]
        if first in ("", "k_fold", "test") or not others:
            return self._forward_refusal()
        what = "the column of `by` names the parts" if first == "by" else "`forward` makes the test parts"
        return Refusal(f"{what}, so {others[0]} cannot be given", "leave out one of the two", others[0])

    def _forward_refusal(self) -> Refusal | None:
        if self.forward is None:
            return None
        if self.stratify:
            return Refusal("`forward` splits rows by time, not by class", "leave out stratify", "stratify")
        if self.validation == "test" and self.forward.final_fit:
            text = "final_fit trains on all rows, so there is no test part for validation: test"
            return Refusal(text, "write validation: 0.1", "validation")
        return None

    def _order_refusal(self) -> Refusal | None:
        if self.stratify and not self.shuffle:
            text = "stratify: true assigns rows by class, which cannot keep the file's order (shuffle: false)"
            return Refusal(text, "leave out one of the two", "stratify")
        return None

    def _folds_refusal(self) -> Refusal | None:
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
        prepare_target: Steps of targets that a loss compares as numbers, fitted on the training part alone, and undone
            in predictions and scores; or of targets of text: `MultiLabelBinarizer` for sets of labels,
            `TextVectorization` for a tag of each token, and `StartEndPacker` after it for a text that the model writes.
    """

    source: Part = key(part_of("sources"))
    prepare: tuple[Part, ...] = key(parts_of("preparation"), ())
    split: Split | None = key(Split, None)
    prepare_target: tuple[Part, ...] = key(parts_of("preparation"), ())
