"""Tests of wrong configs with their exact messages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from nnrun.spec.findings.explanations import EXPLANATIONS

_SPEC = importlib.util.spec_from_file_location("gallery", Path(__file__).parent / "gallery.py")
gallery = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(gallery)
CONFIGS = sorted(gallery.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("config", CONFIGS, ids=[config.stem for config in CONFIGS])
def test_messages_are_those_that_were_reviewed(config: Path) -> None:
    """The messages of each wrong config are those that were reviewed and committed."""
    assert gallery.messages(config) + "\n" == config.with_suffix(".txt").read_text(encoding="utf-8")


def test_the_gallery_is_large() -> None:
    """There are at least 120 wrong configs."""
    assert len(CONFIGS) >= 120


def test_every_config_has_something_wrong() -> None:
    """Every config of the gallery has a message."""
    without = [config.stem for config in CONFIGS if ":" not in config.with_suffix(".txt").read_text(encoding="utf-8")]
    assert without == []


def test_every_finding_is_shown() -> None:
    """Each finding has a config in the gallery."""
    text = gallery.all_messages()
    assert [name for name in EXPLANATIONS if f"[{name}]" not in text] == []


def test_every_kind_is_shown() -> None:
    """Each kind of value in the catalog has a config with a wrong value (`--missing` adds one)."""
    text = gallery.all_messages()
    missing = [expects for expects in gallery.kinds() if f"expected {' '.join(expects.split())} for" not in text]
    assert missing == []
