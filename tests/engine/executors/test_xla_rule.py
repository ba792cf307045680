"""A profile of a machine is read as it was written, and decides only where it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.executors import xla_rule as profiles
from nnrun.engine.executors.xla_rule import Costs, Profile, costs_here, machine, place, read
from nnrun.errors import RunError

MEASURED = Profile(Costs(10.0, 0.001, 20.0, 2.0, 1.0), {"large": 1.5}, machine(), "2026-01-02T03:04:05+00:00")
COST = some.floats(0, 1e6)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that runs of this test read their profile from; it is not there yet."""
    monkeypatch.setenv(profiles.VARIABLE, str(tmp_path / "profile.json"))
    return tmp_path / "profile.json"


def keep(profile: Profile, file: Path) -> None:
    """Write a profile."""
    file.write_text(json.dumps(profile.as_json()), encoding="utf-8")


@given(some.builds(Costs, COST, COST, COST, COST, COST))
def test_a_profile_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, costs: Costs) -> None:
    """Every number comes back, and with them the digest."""
    written, file = replace(MEASURED, costs=costs), tmp_path_factory.mktemp("profile") / "profile.json"
    keep(written, file)
    assert read(file) == written
    assert read(file).digest == written.digest


def test_without_a_profile_built_in_estimates_decide(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no file, or the variable is empty; otherwise the user's configuration is the place."""
    assert costs_here() == (Costs(), "built-in estimates")
    monkeypatch.setenv(profiles.VARIABLE, "")
    assert place() is None
    assert costs_here()[0] == Costs()
    monkeypatch.delenv(profiles.VARIABLE)
    assert place().name == "profile.json"
    assert "nnrun" in place().parts


def test_a_profile_decides_where_it_holds(file: Path) -> None:
    """The record names its digest; one of other cores or another TensorFlow is not used, and that is said."""
    keep(MEASURED, file)
    assert costs_here() == (MEASURED.costs, f"profile {MEASURED.digest}")
    keep(replace(MEASURED, machine={**machine(), "cores": 999}), file)
    costs, origin = costs_here()
    assert costs == Costs()
    assert "other cores" in origin


@pytest.mark.parametrize("change", [{"format": 9}, {"costs": {}}, {"costs": {"layer": "x"}}, {"machine": 3}])
def test_what_is_no_profile_is_refused(file: Path, change: dict[str, object]) -> None:
    """The file is named, with the command that makes it anew."""
    file.write_text(json.dumps({**MEASURED.as_json(), **change}), encoding="utf-8")
    with pytest.raises(RunError, match=r"profile\.json: expected a profile") as caught:
        costs_here()
    assert caught.value.hint == f"nnrun calibrate --profile {file}"
    file.write_text("no JSON", encoding="utf-8")
    with pytest.raises(RunError):
        read(file)


def test_only_what_decides_is_in_the_digest() -> None:
    """Measuring again at another time gives another digest only where it gives other costs."""
    assert replace(MEASURED, measured="later").digest == MEASURED.digest
    assert replace(MEASURED, costs=replace(MEASURED.costs, layer=11.0)).digest != MEASURED.digest
