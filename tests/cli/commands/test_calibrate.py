"""Requirements of `nnrun calibrate`, but for the measuring itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nnrun.engine.executors.xla_rule import Costs, Profile, machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

PROFILE = Profile(Costs(10.0, 0.001, 20.0, 2.0, 1.0), {"large": 1.5, "pictures": 0.9}, machine(), "2026-01-02T03:04:05")


@pytest.fixture
def kept(place: Path) -> Path:
    """Keep a profile in the folder of the test."""
    (place / "p.json").write_text(json.dumps(PROFILE.as_json()), encoding="utf-8")
    return place / "p.json"


def test_a_profile_is_shown(say: Callable[..., Result], kept: Path) -> None:
    """Its digest, what XLA gains and costs, and for which models bfloat16 is proposed."""
    shown = say("calibrate", "--show", "--profile", "p.json").stdout
    assert PROFILE.digest in shown
    assert "10 us a step for each layer" in shown
    assert "bfloat16 pays on this machine for models like large" in shown
    told = json.loads(say("calibrate", "--show", "--profile", "p.json", "--json").stdout)
    assert (told["digest"], told["costs"]["time"]) == (PROFILE.digest, 20.0)


def test_a_profile_is_removed(say: Callable[..., Result], kept: Path) -> None:
    """What is gone is said; a second time there was none, and showing says how to make one."""
    assert "removed" in say("calibrate", "--reset", "--profile", "p.json").stdout
    assert not kept.exists()
    assert "there was none" in say("calibrate", "--reset", "--profile", "p.json").stdout
    result = say("calibrate", "--show", "--profile", "p.json")
    assert result.exit_code == 1
    assert "nnrun calibrate" in result.stderr


def test_show_and_reset_exclude_each_other(say: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a mistake of the command's; and where runs use no profile, a file must be named."""
    assert say("calibrate", "--show", "--reset").exit_code == 2
    monkeypatch.setenv("NNRUN_PROFILE", "")
    assert "--profile FILE" in say("calibrate", "--show").stderr
