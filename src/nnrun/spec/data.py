"""The section `data:`: where examples come from, how they are prepared and split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import PlainValidator, StrictBool, model_validator

from nnrun.config.render import show
from nnrun.spec.section import Section, part_field, parts_field, refusal


def _share(other: str) -> PlainValidator:
    """A share of rows, or the word that says openly that a part serves twice."""

    def validate(value: object) -> float | str | None:
        if value is None or value == other:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
            return float(value)
        text = f"expected a share of rows between 0 and 1, or the word '{other}', received {show(value)}"
        raise refusal(text, "write 0.2 for a fifth of the rows")

    return PlainValidator(validate)


class Split(Section):
    """How rows are dealt out to training, validation and test part.

    Attributes:
        test: Share of all rows that have no test part of their own; `train` scores the training rows themselves.
        validation: Share of what then remains for training; `test` lets the test part serve twice.
        stratify: Keep the classes' shares in every part.
        shuffle: Deal rows out in a seeded random order; false takes the last rows of the file.
    """

    test: Annotated[float | Literal["train"] | None, _share("train")] = None
    validation: Annotated[float | Literal["test"] | None, _share("test")] = None
    stratify: StrictBool = False
    shuffle: StrictBool = True

    @model_validator(mode="after")
    def _stratify_shuffles(self) -> Split:
        if self.stratify and not self.shuffle:
            text = "stratify: true deals rows out by class, which cannot keep the file's order (shuffle: false)"
            raise refusal(text, "leave out one of the two")
        return self


class DataSpec(Section):
    """Where examples come from, how they are prepared and split.

    Attributes:
        source: A named data set or a reader.
        prepare: Steps fitted on the training part alone, in order.
        split: How rows are dealt out; None keeps the source's own parts.
    """

    source: part_field("sources")  # type: ignore[valid-type]
    prepare: parts_field("preparation") = ()  # type: ignore[valid-type]
    split: Split | None = None
