"""Warnings and notes that a config silences."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine, resolve_config

TEXT = """
data: {source: digits}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, batch_size: 5000}
"""


def test_a_silenced_warning_is_not_said(tmp_path: Path) -> None:
    """What the config names under `silence:` is left out."""
    (tmp_path / "x.yaml").write_text(TEXT)
    assert [one.name for one in examine(tmp_path / "x.yaml", (), None).problems] == ["batch-larger-than-data"]
    (tmp_path / "x.yaml").write_text(TEXT + "silence: [batch-larger-than-data]\n")
    assert examine(tmp_path / "x.yaml", (), None).problems == ()


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("monitor-unknown", "monitor-unknown is an error, and errors cannot be silenced", "nnrun explain"),
        ("batch-larger-then-data", "no finding has the name", "Did you mean 'batch-larger-than-data'?"),
    ],
)
def test_errors_and_unknown_names_cannot_be_silenced(tmp_path: Path, name: str, text: str, hint: str) -> None:
    """Both are problems at their place in the list."""
    (tmp_path / "x.yaml").write_text(f"{TEXT}silence:\n  - undecided\n  - {name}\n")
    with pytest.raises(ConfigError) as caught:
        examine(tmp_path / "x.yaml", (), None)
    (problem,) = caught.value.problems
    assert text in problem.text
    assert hint in (problem.hint or "")
    assert problem.mark is not None
    assert (problem.mark.line, problem.mark.column) == (7, 5)


def test_the_resolved_config_stays_silent(tmp_path: Path) -> None:
    """`silence:` is part of the experiment said out in full."""
    (tmp_path / "x.yaml").write_text(TEXT + "silence: [batch-larger-than-data]\n")
    assert resolve_config(examine(tmp_path / "x.yaml", (), None))["silence"] == ["batch-larger-than-data"]
