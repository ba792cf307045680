"""Folds on JAX are trained in one program, with the figures that they have one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from nnrun.config.document import parse
from nnrun.data.dataset import DataPart, Dataset
from nnrun.pipeline.mapped_folds import MOST_BYTES, PreparedFold, folds_in_memory, groups, reason_not_mapped
from nnrun.runs import metrics, record
from nnrun.runs.folder import RunFolder
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.facts import Facts

CONFIG = """name: tiny
seed: 7
backend: jax
data:
  source: {inline: {rows: ROWS}}
  prepare: [Standardize]
  split: {validation: 0.2, k_fold: {folds: 4, repeats: 2, shuffle: true, final_fit: true}}
model:
  - Dense: {units: 6, activation: tanh, kernel_regularizer: L2}
  - BatchNormalization
  - Dropout: 0.2
  - Dense: 1
training:
  loss: mean_squared_error
  optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.01, decay_steps: 5, decay_rate: 0.9}}}}
  metrics: [mean_absolute_error]
  epochs: 3
  batch_size: 5
"""

#: What one process finds, which wakes JAX once: a cross-validation mapped, one by one, resumed, and with a callback.
FIND = """
import json, shutil, sys
from pathlib import Path
from nnrun.engine.executors import resident
from nnrun.pipeline import cross_validate, mapped_folds
from nnrun.pipeline.resume import resume_folds
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record

home, text = Path(sys.argv[1]), sys.argv[2]

class Noting(NullProgress):
    def __init__(self): self.said = []
    def say(self, text): self.said.append(text)

def run(name, text):
    (home / f"{name}.yaml").write_text(text)
    noting = Noting()
    return train(TrainRequest(str(home / f"{name}.yaml"), (), home / "runs", home, ()), noting), noting.said

def found(folder):
    folds = sorted(path.name for path in folder.folds.iterdir())
    lines = {name: metrics.read(folder.folds / name / "metrics.jsonl") for name in folds}
    for each in lines.values():
        for line in each: line.pop("seconds")
    scores = {name: json.loads((folder.folds / name / "scores.json").read_text()) for name in folds}
    return {"lines": lines, "scores": scores, "record": record.read(folder), "all": len(metrics.read(folder.metrics)),
            "models": [(folder.folds / name / "checkpoints" / f"{kind}.keras").is_file()
                       for name in folds for kind in ("best", "last")]}

told = {}
mapped, _ = run("mapped", text)
told["mapped"] = found(mapped.folder)
again, _ = run("again", text)
told["again"] = found(again.folder)["lines"]

moves, moved = [], cross_validate.FoldMonitor._moved
cross_validate.FoldMonitor._moved = lambda self, number, share: (moves.append(share), moved(self, number, share))
resident.CALL_SECONDS = 0.0
chopped, _ = run("chopped", text)
resident.CALL_SECONDS = 0.5
told["chopped"], told["moves"] = found(chopped.folder), moves

fold = again.folder.fold(3)
for path, changed in ((fold.record, {"status": "running"}), (again.folder.record, {"status": "failed"})):
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, **changed}))
resume_folds(str(again.folder.path), TrainRequest("", (), home / "runs", home, ()), NullProgress())
told["resumed"] = found(again.folder)

stopping = text.replace("epochs: 3", "epochs: 3\\n  callbacks: [{EarlyStopping: {patience: 1}}]")
stopped, told["said"] = run("stopped", stopping)
told["stopped"] = record.read(stopped.folder)

mapped_folds.why_not = lambda experiment: "this test asks for it"
alone, _ = run("alone", text)
told["alone"] = found(alone.folder)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def rows() -> str:
    """Give rows of three numbers and a target, as a config has them."""
    return str([[(7 * row) % 11, (5 * row) % 13, (row * row) % 17, (3 * row) % 7] for row in range(42)])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, elsewhere: Callable[..., Any], rows: str) -> dict[str, Any]:
    """Cross-validate in a process of its own, which wakes JAX."""
    return elsewhere(FIND, tmp_path_factory.mktemp("mapped"), CONFIG.replace("ROWS", rows))


on_jax = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'"),
]


def _with(marks: list[pytest.MarkDecorator]) -> Callable[[Any], Any]:
    def mark(test: Any) -> Any:
        for one in marks:
            test = one(test)
        return test

    return mark


def _near(left: Any, right: Any, path: str = "") -> None:
    """Require equal structures whose numbers differ by rounding."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            _near(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, list):
        assert len(left) == len(right), path
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            _near(one, other, f"{path}.{index}")
    elif isinstance(left, float):
        assert left == pytest.approx(right, rel=1e-5, abs=1e-6), path
    else:
        assert left == right, path


@_with(on_jax)
def test_mapped_folds_are_what_each_is_alone(told) -> None:
    """Every epoch's figures and learning rate, and every score of every fold, differ by rounding at most."""
    _near(told["mapped"]["lines"], told["alone"]["lines"])
    _near(told["mapped"]["scores"], told["alone"]["scores"])


@_with(on_jax)
def test_folds_of_all_repeats_train_together(told) -> None:
    """Eight folds of two seeds, of 31 and 32 rows and so with another number of rows left over, are one program."""
    record = told["mapped"]["record"]
    assert record["folds_together"] == [8]
    assert record["executor"] == "resident+jax+vmap"
    assert len({json_line["loss"] for lines in told["mapped"]["lines"].values() for json_line in lines}) == 24


@_with(on_jax)
def test_mapped_folds_are_kept_like_others(told) -> None:
    """Each has its figures and both models; the run has the lines of all, and those of the final fit."""
    assert all(told["mapped"]["models"])
    assert len(told["mapped"]["models"]) == 16
    assert told["mapped"]["all"] == (8 + 1) * 3
    assert told["mapped"]["record"]["folds_done"] == list(range(8))


@_with(on_jax)
def test_the_same_seed_gives_the_same_bits(told) -> None:
    """A second run of the same config has the same figures to the last digit."""
    assert told["again"] == told["mapped"]["lines"]


@_with(on_jax)
def test_an_epoch_is_cut_into_calls_between_which_progress_moves(told) -> None:
    """With no time to spend each step is a call of its own; progress moves by it, and figures differ by rounding."""
    # The longest fold has 25 rows, and so 5 steps of 5; four of these all folds have whole, in each of three epochs.
    assert told["moves"] == [pytest.approx(8 / 5)] * 4 * 3
    _near(told["chopped"]["lines"], told["mapped"]["lines"])
    _near(told["chopped"]["scores"], told["mapped"]["scores"])


def _hears_interrupts() -> None:
    """Listen to Ctrl-C, even where the tests run in the background of a shell, whose children are deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@_with(on_jax)
def test_ctrl_c_between_two_calls_keeps_what_there_is(tmp_path: Path, rows: str) -> None:
    """Interrupted, every fold has its figures and both models so far, and all are trained when asked for again."""
    (tmp_path / "tiny.yaml").write_text(CONFIG.replace("ROWS", rows))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "nnrun", "train"]
    fewer = ("training.epochs=2000", "data.split.k_fold.repeats=1", "data.split.k_fold.final_fit=false")
    with subprocess.Popen(
        [*command, "tiny.yaml", *(word for one in fewer for word in ("--set", one))],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hears_interrupts,  # noqa: PLW1509  # this process has one thread
    ) as run:
        until = time.monotonic() + 120
        while not list(tmp_path.glob("runs/*/metrics.jsonl")) and time.monotonic() < until:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=120)[1]
    folder = next((tmp_path / "runs").iterdir())
    assert run.returncode == 130
    assert f"nnrun train --resume-folds runs/{folder.name}" in err
    assert record.read(RunFolder(folder))["status"] == "interrupted"
    there = [{path.name for path in (folder / "folds" / f"0{number}" / "checkpoints").iterdir()} for number in range(4)]
    assert there == [{"best.keras", "last.keras"}] * 4
    lines = [metrics.read(folder / "folds" / f"0{number}" / "metrics.jsonl") for number in range(4)]
    assert {len(each) for each in lines} == {len(metrics.read(folder / "metrics.jsonl")) / 4}
    resumed = [*command, "--resume-folds", "last", "--quiet"]
    subprocess.run(resumed, env=environment, cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    assert record.read(RunFolder(folder))["folds_done"] == [0, 1, 2, 3]
    assert {len(metrics.read(folder / "folds" / f"0{number}" / "metrics.jsonl")) for number in range(4)} == {2000}


@_with(on_jax)
def test_a_fold_that_is_not_done_is_trained_again(told) -> None:
    """Resumed, the one fold that was missing comes out as it did among the others."""
    _near(told["resumed"]["scores"], told["mapped"]["scores"])
    assert told["resumed"]["record"]["status"] == "done"


@_with(on_jax)
def test_a_callback_keeps_folds_apart(told) -> None:
    """A callback that acts on a model trains folds one after the other, and both log and record say why."""
    why = "EarlyStopping acts on the model of each fold by itself"
    assert f"Folds are trained one after the other: {why}." in told["said"]
    assert (told["stopped"]["folds_together"], told["stopped"]["folds_together_why"]) == ([], why)
    assert told["stopped"]["executor"] == "resident+jax"


def _experiment(**replaced: str) -> Experiment:
    text = CONFIG.replace("ROWS", "[[1, 2]]")
    for old, new in replaced.items():
        text = text.replace(old.replace("_", " "), new)
    return validate(parse(text, "x.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("epochs: 3", "epochs: 3\n  callbacks: [CSVLogger]", "CSVLogger acts on the model of each fold by itself"),
        ("  - BatchNormalization", "  - Conv1D: {filters: 2, kernel_size: 2}", "mapping makes Conv1D slower"),
        ("epochs: 3", "epochs: 3\n  augment: [{GaussianNoise: 0.1}]", "augment: changes the examples"),
        ("epochs: 3", "epochs: 3\n  best: {monitor: mean_absolute_error}", "whether more or less of mean_absolute"),
    ],
)
def test_what_keeps_folds_apart_is_said(old: str, new: str, why: str) -> None:
    """Callbacks, layers that lose by it, augmentation and a best epoch of unknown side each say so."""
    assert reason_not_mapped(_experiment()) is None
    said = reason_not_mapped(_experiment(**{old: new}))
    assert said is not None
    assert said.startswith(why)


def _begun(number: int, rows: int, *, features: int = 3) -> PreparedFold:
    import numpy as np

    part = DataPart(np.zeros((rows, features), "float32"), np.zeros((rows, 1), "float32"), np.arange(rows))
    facts = Facts("regression", "number", (features,), rows={"train": rows})
    return PreparedFold(number, RunFolder(Path("nowhere")), Dataset(part, None, None, facts), 7, {})


def test_folds_go_together_whose_batches_agree() -> None:
    """Parts that differ by less than a batch beyond what all have whole go together, others by their whole batches."""
    told = [[fold.number for fold in group] for group in groups([_begun(0, 455), _begun(1, 456)], 5)]
    assert told == [[0, 1]]
    apart = [_begun(0, 20), _begun(1, 33), _begun(2, 21)]
    assert [[fold.number for fold in group] for group in groups(apart, 5)] == [[0, 2], [1]]


def test_folds_together_stay_within_memory() -> None:
    """As many train together as their data have room, and one at least."""
    assert folds_in_memory(_begun(0, 100), 10) == 10
    rows = 1000
    assert folds_in_memory(_begun(0, rows, features=MOST_BYTES // rows // 4 // 3), 10) == 2
