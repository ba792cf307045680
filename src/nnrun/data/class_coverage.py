"""Which classes are absent from parts and folds, and targets of a single class."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.divisions import divide
from nnrun.data.splits.alternatives import other_splits
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.data.class_counts import ClassTable
    from nnrun.data.dataset import SourceData
    from nnrun.data.divisions import Division
    from nnrun.errors import Path, Severity
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms

#: So many classes are named, the others are counted.
_SHOWN = 5


@dataclass(frozen=True)
class ClassCoverage:
    """The classes of one target in every part and fold.

    Attributes:
        data: The data of the source.
        spec: The config's `data:`.
        table: The classes.
        target: The name of the target where there are several.
        seed: The seed of the experiment.
        forms: The forms of all targets.
    """

    data: SourceData
    spec: DataSpec
    table: ClassTable
    target: str
    seed: int
    forms: TargetForms

    def findings(self, divisions: Sequence[Division]) -> Iterator[Finding]:
        """Yield what is wrong with the target."""
        totals = self._totals()
        if (totals > 0).sum() < 2 and not self.table.is_multi_label:
            yield self._one_class(totals)
            return
        untrained, untested = self._absent(divisions)
        if untrained:
            yield self._not_in_training(untrained, divisions)
        unlearned = {number for _, number, _ in untrained}
        untested = {place: count for place, count in untested.items() if place[1] not in unlearned}
        if untested:
            yield self._not_in_part(untested, divisions)

    def _totals(self) -> np.ndarray:
        own = (self.table.count(numbers) for numbers in self.table.own.values())
        return np.asarray(sum(own, self.table.count(self.table.train)))

    def _one_class(self, totals: np.ndarray) -> Finding:
        name = self.table.names[int(totals.argmax())]
        rows = format_count(len(self.data.train) + sum(len(one) for one in self.table.own.values()), "row")
        target = f" {self.target!r}" if self.target else ""
        text = f"the target{target} has one class only, {name!r} in all {rows}: there is nothing to learn"
        hint = "name another target column, or add rows of another class"
        return Finding(self.spec.source.path, text, hint, "one-class-target")

    def _counts(self, division: Division) -> dict[str, np.ndarray]:
        """Return the number of rows of each class in each part."""
        table = self.table
        counts = {part: table.count(table.train[rows]) for part, rows in division.rows.items() if part != "train"}
        if sum(map(len, division.rows.values())) == len(table.train):
            counts["train"] = table.count(table.train) - sum(counts.values())
        else:
            counts["train"] = table.count(table.train[division.rows["train"]])
        if division.fold is None:
            counts |= {part: table.count(numbers) for part, numbers in table.own.items()}
        return counts

    def _absent(
        self, divisions: Sequence[Division]
    ) -> tuple[list[tuple[Division, int, dict[str, int]]], dict[tuple[str, int], int]]:
        """Return the classes that training lacks, with how many rows other parts have; and those that a part lacks.

        The latter are counted by part and class. A part with fewer rows than there are classes has to lack some.
        """
        untrained, untested = [], defaultdict[tuple[str, int], int](int)
        for division in divisions:
            counts = self._counts(division)
            total = sum(counts.values())
            present = np.flatnonzero(total)
            for number in present[counts["train"][present] == 0].tolist():
                rows = {part: int(found[number]) for part, found in counts.items() if found[number]}
                untrained.append((division, number, rows))
            for part, found in counts.items():
                if part != "train" and found.sum() >= len(present):
                    for number in present[found[present] == 0].tolist():
                        untested[part, number] += 1
        return untrained, untested

    def _not_in_training(
        self, absent: Sequence[tuple[Division, int, dict[str, int]]], divisions: Sequence[Division]
    ) -> Finding:
        by_class: dict[int, list[tuple[Division, dict[str, int]]]] = defaultdict(list)
        for division, number, rows in absent:
            by_class[number].append((division, rows))
        shown = []
        for number, places in list(by_class.items())[:_SHOWN]:
            division, rows = places[0]
            place = "the" if division.fold is None else f"fold {division.fold}'s"
            where = ", ".join(f"{count:,} in {place} {part} part" for part, count in rows.items())
            others = f"; likewise in {format_count(len(places) - 1, 'other fold')}" if len(places) > 1 else ""
            shown.append(f"{self.table.names[number]!r} ({where}{others})")
        more = f" and {len(by_class) - _SHOWN:,} more" if len(by_class) > _SHOWN else ""
        several = len(by_class) > 1
        part = "the training part has" if divisions[0].fold is None else "the training rows of a fold have"
        text = (
            f"{part} no row of the {'classes' if several else 'class'} {', '.join(shown)}{more}"
            f"{self._of_target()}: a model cannot learn {'them' if several else 'it'}, and gets these rows wrong"
        )
        totals = self._totals()
        lonely = [number for number in by_class if totals[number] == 1]
        hint = None
        if len(lonely) < len(by_class):
            hint = self._remedy(accept=lambda untrained, _: all(number in lonely for _, number, _ in untrained))
        # Where no split would do, it is for the user to decide whether to train without these rows' classes.
        is_unavoidable = hint is None and not self.table.own
        if hint is None and lonely:
            name = self.table.names[lonely[0]]
            hint = f"{name!r} has 1 row, which cannot be trained on and tested: leave it out, or join it with a class"
        severity: Severity = "warning" if is_unavoidable else "error"
        return Finding(self._path(), text, hint or self._no_remedy(), "class-not-in-training", severity)

    def _not_in_part(self, absent: Mapping[tuple[str, int], int], divisions: Sequence[Division]) -> Finding:
        totals, folded = self.table.count(self.table.train), divisions[0].fold is not None
        by_part = defaultdict[str, list[str]](list)
        for (part, number), count in absent.items():
            has = f"{self.table.names[number]!r} ({format_count(int(totals[number]), 'row')}"
            by_part[part].append(f"{has}; {count} of {format_count(len(divisions), 'fold')})" if folded else f"{has})")
        texts = []
        for part, shown in by_part.items():
            more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
            noun = "classes" if len(shown) > 1 else "class"
            of_fold = " of folds" if folded else ""
            texts.append(f"the {part} part{of_fold} has no row of the {noun} {', '.join(shown[:_SHOWN])}{more}")
        text = f"{'; '.join(texts)}{self._of_target()}: no figure says how well they are predicted there"
        least = min(int(totals[number]) for _, number in absent)
        hint = self._remedy(accept=lambda untrained, untested: not untrained and not untested, fewest=least)
        return Finding(self._path(), text, hint or self._no_remedy(), "class-not-in-part", "warning")

    def _of_target(self) -> str:
        return f" of the target {self.target!r}" if self.target else ""

    def _path(self) -> Path:
        split = self.spec.split
        return self.spec.source.path if split is None else split.path

    def _remedy(self, accept: Callable[[Any, Any], bool], fewest: int = 0) -> str | None:
        """Return the first other split, as a line to write, that has what is asked for with this seed."""
        for changed, line in other_splits(self.spec.split, fewest):
            try:
                divisions = divide(self.data, replace(self.spec, split=changed), forms=self.forms, seed=self.seed)
            except DataError:
                continue
            if accept(*self._absent(divisions)):
                return f"write {line}"
        return None

    def _no_remedy(self) -> str:
        if self.table.own:
            return "give both parts rows of every class, or join them into one and write `split: {test: 0.2}`"
        if self.data.groups is not None:
            return "the rows of a group stay together: take other groups, or leave the class out"
        return "leave the class out, join it with another, or add rows of it"
