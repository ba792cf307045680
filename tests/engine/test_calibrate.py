"""What is timed on a machine becomes what the rule of XLA weighs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nnrun.engine import calibrate as engine
from nnrun.engine.calibrate import TRIALS, Timing, costs_of
from nnrun.engine.executors.choice import choose
from nnrun.engine.executors.xla_rule import Costs, machine, read
from nnrun.pipeline.calibrate import calibrate

#: Timings that were made from costs: 100 us a layer, 0.001 us a weight, 50 us a time step.
LARGE_WEIGHTS = 784 * 784 + 784 + 7840 + 10
TIMED = {
    ("small", False): Timing(400.0, 0.5),
    ("small", True): Timing(100.0, 1.5),
    ("large", False): Timing(5000.0, 0.5),
    ("large", True): Timing(5000.0 - 200 - 0.001 * LARGE_WEIGHTS, 2.5),
    ("recurrent", False): Timing(4000.0, 1.0),
    ("recurrent", True): Timing(4000.0 - 100 - 50 * 20, 6.0),
}


def test_costs_are_found_again_in_timings() -> None:
    """Gains are told a fifth smaller than timed, for caution, and compiling as long as the slowest took."""
    costs = costs_of(TIMED)
    assert costs == Costs(layer=80.0, weight=0.0008, time=40.0, compiling=2.0, recurrent=3.0)


def test_where_xla_gains_nothing_no_cost_is_negative() -> None:
    """XLA that is slower than no XLA gains nothing, so that the rule never takes it."""
    slower = {(name, xla): replace(one, step=9000.0 if xla else one.step) for (name, xla), one in TIMED.items()}
    costs = costs_of(slower)
    assert (costs.layer, costs.weight, costs.time) == (0.0, 0.0, 0.0)
    assert costs.compiling > 0


@pytest.mark.keras
def test_a_machine_is_measured_and_its_profile_decides(
    keras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The file holds positive costs of compiling and this machine's marks; what is weighed comes from it."""
    small = {name: replace(trial, steps=3) for name, trial in TRIALS.items()}
    monkeypatch.setattr(engine, "TRIALS", small)
    told: list[str] = []
    profile = calibrate(tmp_path / "new" / "profile.json", told.append)
    assert read(tmp_path / "new" / "profile.json") == profile
    assert json.loads((tmp_path / "new" / "profile.json").read_text(encoding="utf-8"))["machine"] == machine()
    assert profile.costs.compiling > 0
    assert set(profile.bfloat16) == {"large", "pictures"}
    assert min(profile.bfloat16.values()) > 0
    assert len(told) == 8
    assert capfd.readouterr().err == ""
    assert keras.config.dtype_policy().name == "float32"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    eager, shy = Costs(1e6, 0.0, 0.0, 0.1, 0.1), Costs(0.0, 0.0, 0.0, 0.1, 0.1)
    assert choose(model, 10, costs=(eager, "profile a")).xla
    assert not choose(model, 10**9, costs=(shy, "profile b")).xla
    assert "(profile b)" in choose(model, 10**9, costs=(shy, "profile b")).why
