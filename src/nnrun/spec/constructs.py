"""The constructs of `model:` and `define:` that are not Keras' own, read from `constructs.yaml` where one is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ConstructKey:
    """One key of a construct.

    Attributes:
        type: The type of its value, a key of `EXPECTED`.
        meaning: What it is for.
        required: Whether it must be there.
        default: Its value where it is not there, in words; empty where it has none.
    """

    type: str
    meaning: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Construct:
    """One construct.

    Attributes:
        meaning: What it is, in one sentence.
        keys: Its keys in the order in which they are usually written.
        example: One line of YAML.
    """

    meaning: str
    keys: Mapping[str, ConstructKey]
    example: str

    @property
    def example_value(self) -> str:
        """The example without the key in front of it."""
        return self.example.partition(": ")[2]


_TABLE = load_package_data(Path(__file__).with_suffix(".yaml"))
#: What a value of each type is, as the end of "expected ...".
EXPECTED: Mapping[str, str] = _TABLE["types"]
CONSTRUCTS: Mapping[str, Construct] = {
    name: Construct(one["meaning"], {key: ConstructKey(**row) for key, row in one["keys"].items()}, one["example"])
    for name, one in _TABLE["constructs"].items()
}
