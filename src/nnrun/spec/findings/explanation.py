"""What there is to say of a finding beside the finding itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Severity


class Explanation(NamedTuple):
    """Why a finding is said, with a config that has it and one that has not.

    Attributes:
        severity: What it does: an error refuses the config, warnings and notes do not.
        what: What is found, in one sentence.
        why: Why that matters and what to do, in one or two sentences.
        wrong: Sections of a config that has the finding; those left out are as in `BASE`.
        right: The same put right.
        files: Data files that the examples name, with their text.
    """

    severity: Severity
    what: str
    why: str
    wrong: str
    right: str
    files: Mapping[str, str] = {}


#: The sections that examples leave out.
BASE = {
    "data": "data: {source: digits}",
    "model": "model:\n  - Flatten\n  - Dense: {units: $classes, activation: softmax}",
    "training": "training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy]}",
}
