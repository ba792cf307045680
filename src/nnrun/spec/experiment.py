"""A whole experiment, validated and frozen: what a config says, and nothing that the data teach."""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from nnrun.config.render import show
from nnrun.errors import ConfigError
from nnrun.spec.data import DataSpec
from nnrun.spec.messages import problems_of
from nnrun.spec.section import Section, parts_field, place_parts, refusal
from nnrun.spec.training import TrainingSpec

if TYPE_CHECKING:
    from nnrun.config.document import Document

#: Seeds fit NumPy's and Keras' generators: 32 bits, not negative.
LARGEST_SEED = 2**32 - 1


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", value):
        text = f"expected a name of letters, digits, '.', '_' and '-' (80 at most), received {show(value)}"
        raise refusal(text, f"write {re.sub('[^A-Za-z0-9._-]+', '_', value).strip('_.-')[:80] or 'experiment'}")
    return value


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        text = f"expected a number, received {show(value)}"
        raise refusal(text)
    return float(value)


Finite = Annotated[float, PlainValidator(_finite)]


class Expectation(Section):
    """What a figure of `scores.json` should be; exactly one of the three forms.

    Attributes:
        value: The figure measured, with `within` as the distance allowed.
        within: The distance allowed on both sides.
        at_most: The largest figure allowed.
        at_least: The smallest figure allowed.
    """

    value: Finite | None = None
    within: Finite | None = None
    at_most: Finite | None = None
    at_least: Finite | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Expectation:
        given = self.model_fields_set
        if given not in ({"value", "within"}, {"at_most"}, {"at_least"}):
            text = (
                f"expected value and within, or at_most, or at_least; received {', '.join(sorted(given)) or 'nothing'}"
            )
            raise refusal(text, "write {value: 1.10, within: 0.35} or {at_most: 1.4}")
        return self


class KerasSpec(Section):
    """Keras' own settings for this experiment, as `keras.json` would say them (a user's `keras.json` is not read)."""

    floatx: Literal["float16", "bfloat16", "float32", "float64"] = "float32"
    epsilon: Annotated[StrictFloat, Field(gt=0)] = 1e-7
    image_data_format: Literal["channels_last", "channels_first"] = "channels_last"


class Experiment(Section):
    """What a config says.

    Attributes:
        name: What runs are called; the file's name without its ending where the config says none.
        seed: Where all randomness starts.
        backend: Keras' backend.
        keras: Keras' own settings.
        data: Where examples come from.
        model: The layers, in order.
        training: How the model is trained.
        expect: What `scores.json` should say, by dotted path.
    """

    name: Annotated[StrictStr, AfterValidator(_name)]
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] = 0
    backend: Literal["tensorflow"] = "tensorflow"
    keras: KerasSpec = KerasSpec()
    data: DataSpec
    model: Annotated[parts_field("layers"), Field(min_length=1)]  # type: ignore[valid-type]
    training: TrainingSpec
    expect: dict[str, Expectation] = Field(default_factory=dict)


def validate(document: Document) -> Experiment:
    """Turn a document into a frozen experiment.

    Raises:
        ConfigError: With every problem the document has, each at its place.
    """
    data = document.data
    if "name" not in data:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", FilePath(document.file).stem).strip("_.-")
        data = {**data, "name": stem[:80] or "experiment"}
    try:
        return place_parts(Experiment.model_validate(data))
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, Experiment)) from None
