"""The targets of a config: all columns together, or each with a form of its own; or the input itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.config.hints import did_you_mean
from nnrun.data.columns import Columns
from nnrun.data.encode import encode, find_positions, learn_classes
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.raw import Raw
    from nnrun.spec.facts import Facts, TargetForm, TargetForms

#: The key of all target columns together, which no column has.
_ALL = ""
#: The word for all target columns together where each target is given a form.
_WHOLE = "target"


@dataclass(frozen=True)
class Targets:
    """How targets are encoded.

    Attributes:
        names: The names of the target columns.
        facts: Each target's facts by its key.
    """

    names: tuple[str, ...]
    facts: Mapping[str, TargetFacts]

    @classmethod
    def known(cls, facts: Facts) -> Targets:
        """The targets of a run that is done."""
        alone = TargetFacts(
            facts.form, facts.task, facts.classes, facts.targets, facts.class_names, tuple(facts.positions)
        )
        return cls(facts.target_names, facts.by_target or {_ALL: alone})

    @property
    def alone(self) -> bool:
        """Whether all columns together have one form, so that `y` is one array."""
        return _ALL in self.facts

    @property
    def need_truth(self) -> bool:
        """Whether any target is more than the input itself."""
        return any(key not in FIELDS for key in self.facts)

    def encode(self, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Targets as the losses take them: one array, or one by key.

        Raises:
            DataError: A target is no class, or no number.
        """
        encoded = {key: self._one(key, about, y, x) for key, about in self.facts.items()}
        return encoded[_ALL] if self.alone else encoded

    def _one(self, key: str, about: TargetFacts, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray:
        if key in FIELDS:
            return x.astype("float32", copy=False)
        return encode(_column(y, self.names, key), about.form, about.class_names, about.positions)


def learn_targets(
    raw: Raw, truths: Sequence[np.ndarray | Columns | None], forms: TargetForms, shape: tuple[int, ...]
) -> Targets:
    """Learn each target's classes from all parts.

    Args:
        raw: The source's examples.
        truths: Every part's targets.
        forms: One form for all columns together, or one for each target.
        shape: The shape of one prepared example.

    Raises:
        DataError: A target does not exist, or does not suit its form.
    """
    asked = {_ALL: forms} if isinstance(forms, str) else forms
    return Targets(raw.target_names, {key: _learn(raw, truths, key, form, shape) for key, form in asked.items()})


def _learn(
    raw: Raw, truths: Sequence[np.ndarray | Columns | None], key: str, form: TargetForm, shape: tuple[int, ...]
) -> TargetFacts:
    if key in FIELDS:
        return TargetFacts("number", "regression", targets=shape[-1] if shape else None)
    if raw.task == "regression" and form != "number":
        raise DataError(
            "the loss compares classes, but this data set's target is a number",
            hint="choose a loss for numbers, such as mean_squared_error",
        )
    columns = [_column(y, raw.target_names, key) for y in truths]
    if form == "number":
        width = columns[0].shape[-1] if columns[0].ndim > 1 else 1
        return TargetFacts(form, "regression", targets=width)
    places = find_positions(columns, form) if raw.positions is None else raw.positions
    named = raw.class_names if len(raw.target_names) == 1 else ()
    names = raw.target_names if key in {_ALL, _WHOLE} else ()
    classes = named or learn_classes(columns, form, names, places)
    many = columns[0].ndim > 1 and form == "binary" and not places
    width = len(classes) if form == "one_hot" else columns[0].shape[-1] if many else 1
    return TargetFacts(form, "classification", len(classes) or None, width, classes, places)


def _column(y: np.ndarray | Columns | None, names: Sequence[str], key: str) -> np.ndarray:
    """The target of this key; a lone column whatever its shape."""
    if y is None:
        raise DataError("the source has no target", hint="name one, or make the input itself the target: `$input`")
    whole = key == _ALL or (key == _WHOLE and key not in names)
    if not whole and key not in names:
        listed = f"there are: {', '.join([*names, *FIELDS])}"
        raise DataError(f"there is no target {key!r}", hint=did_you_mean(key, [*names, *FIELDS]) or listed)
    if isinstance(y, Columns):
        if whole:
            raise DataError(
                "several target columns that one loss compares must all hold numbers",
                hint="name one target, encode the text as numbers, or give each target an output of its own",
            )
        return np.asarray(y.values[key])
    return y if whole or len(names) == 1 else y[:, list(names).index(key)]
