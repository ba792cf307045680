"""Helpers of the tests of the schema."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from nnrun.config.document import parse
from nnrun.errors import ConfigError
from nnrun.spec.experiment import Experiment, validate

SECTIONS = {
    "data": "source: digits",
    "model": "- Dense: {units: 10, activation: softmax}",
    "training": "loss: sparse_categorical_crossentropy\noptimizer: Adam",
}


def config_text(**sections: str) -> str:
    """Return a whole config in which `sections` replace or follow the smallest valid ones."""
    merged = {**SECTIONS, **sections}
    lines = []
    for name, body in merged.items():
        plain = dedent(body).strip("\n")
        inline = "\n" not in plain and name not in SECTIONS
        lines.append(f"{name}: {plain}" if inline else f"{name}:\n{indent(plain, '  ')}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def experiment() -> Callable[..., Experiment]:
    """Validate a config made of sections."""
    return lambda **sections: validate(parse(config_text(**sections), "x.yaml"))


@pytest.fixture
def refused() -> Callable[..., list[tuple[str, str, str | None]]]:
    """Return the problems of a wrong config: the marked word, the text and the hint of each."""

    def problems(**sections: str) -> list[tuple[str, str, str | None]]:
        with pytest.raises(ConfigError) as caught:
            validate(parse(config_text(**sections), "x.yaml"))
        return [
            (p.mark.text[p.mark.column - 1 : p.mark.column - 1 + p.mark.length], p.text, p.hint)
            for p in caught.value.problems
        ]

    return problems
