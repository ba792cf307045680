"""Explanations of the findings, read from `explanations.yaml`; imported only where one is shown or silenced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Severity

#: The sections that examples leave out.
EXAMPLE_SECTIONS = {
    "data": "data: {source: digits}",
    "model": "model:\n  - Flatten\n  - Dense: {units: $classes, activation: softmax}",
    "training": "training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy]}",
}


class Explanation(NamedTuple):
    """What a finding means, with a config that has it and one that does not.

    Attributes:
        severity: An error refuses the config, warnings and notes do not.
        what: What is found, in one sentence.
        why: Why it matters and what to do, in one or two sentences.
        wrong: Sections of a config with the finding; those left out are as in `EXAMPLE_SECTIONS`.
        right: The same config without the finding.
        files: Data files that the examples name, with their text; a `.py` file is given with `--code`.
    """

    severity: Severity
    what: str
    why: str
    wrong: str
    right: str
    files: Mapping[str, str] = {}


EXPLANATIONS: Mapping[str, Explanation] = {
    name: Explanation(**fields)
    for name, fields in load_package_data(Path(__file__).with_name("explanations.yaml")).items()
}


def silenceable() -> list[str]:
    """Return the names that `silence:` accepts: those of warnings and notes, not of errors."""
    return [name for name, explanation in EXPLANATIONS.items() if explanation.severity != "error"]
