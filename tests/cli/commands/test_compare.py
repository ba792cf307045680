"""The command `nnrun compare`, and the options of `train` for folds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SMALL = """name: {name}
seed: 7
data:
  source: iris
  split: {{k_fold: {{folds: 3, shuffle: true, stratify: true}}}}
model: [{{Dense: {{units: {units}, activation: tanh}}}}, {{Dense: {{units: $classes, activation: softmax}}}}]
training: {{loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 2}}
"""


@pytest.mark.keras
def test_two_cross_validations_are_compared(invoke, workdir: Path) -> None:
    """Each fold is a line during training, the means follow, and `compare` tests the difference."""
    for name, units in (("small", 2), ("large", 16)):
        (workdir / f"{name}.yaml").write_text(SMALL.format(name=name, units=units), encoding="utf-8")
        done = invoke("train", f"{name}.yaml")
        assert done.exit_code == 0, done.stderr
        assert [line.split("  ")[0] for line in done.stderr.splitlines() if line.startswith("fold ")] == [
            "fold 1/3",
            "fold 2/3",
            "fold 3/3",
        ]
        assert "epoch" not in done.stderr.replace("epochs", "")
        assert "95 % interval" in done.stdout
        assert "corrected resampled t (Nadeau and Bengio 2003)" in done.stdout
        assert "next  nnrun report " in done.stdout
    done = invoke("compare", "small", "large", "--metric", "loss")
    assert done.exit_code == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[4:9]] == ["fold", "0", "1", "2", "mean"]
    assert "(p = " in done.stdout
    plain = json.loads(invoke("compare", "small", "large", "--json", "--metric", "loss").stdout)
    assert plain["metric"] == "loss"
    assert len(plain["each"]) == 3
    assert plain["interval_95"][0] <= plain["difference"] <= plain["interval_95"][1]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("train",), "Missing argument 'CONFIG'"),
        (("train", "tiny.yaml", "--time-limit", "soon"), "expected a duration such as 30m, 8h or 1-12:00:00"),
        (("train", "tiny.yaml", "--jobs", "0"), "--jobs"),
        (("resume", "last"), "There is no run"),
        (("compare", "a", "b"), "There is no run"),
    ],
)
def test_contradictions_and_missing_runs_are_refused(invoke, words: tuple[str, ...], text: str) -> None:
    """Contradicting options and runs that do not exist are refused with a hint."""
    result = invoke(*words)
    assert result.exit_code in (1, 2)
    assert text in result.output
