"""The ways in which others lost a training on resume, each against a run that was never stopped."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nnrun import interruption
from nnrun.engine.state.encoding import decode
from nnrun.engine.state.saver import LAST
from nnrun.engine.state.state_file import read_state
from nnrun.errors import RunError
from nnrun.interruption import StopRequestedError
from nnrun.pipeline.resume import ResumeRequest, resume, train_or_resume
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

#: Three steps an epoch; its loss of validation gets worse now and then.
CONFIG = """name: trap
seed: 11
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, {Reshape: [64]}]
  split: {test: 0.2, validation: 0.2}
model:
  - Dense: {units: 8, activation: relu}
  - Dropout: 0.3
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {SGD: {learning_rate: 2.5}}
  metrics: [accuracy]
  batch_size: 400
  epochs: 4
  callbacks:
    - EarlyStopping: {monitor: val_loss, patience: 3, restore_best_weights: true}
    - ReduceLROnPlateau: {monitor: val_loss, patience: 2}
    - CSVLogger
  save_every: {steps: 1, epochs: 1, keep: 1000}
"""
pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def comparison() -> ModuleType:
    """Return the module that compares two runs."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import comparison

        return comparison
    finally:
        sys.path.pop(0)


@dataclass
class Traps:
    """A finished run, and copies of it that were stopped.

    Attributes:
        whole: The run that was never stopped.
        place: A folder for copies.
        differences: Compares two runs.
    """

    whole: Path
    place: Path
    differences: Callable[[Path, Path], list[str]]

    def stopped(self, state: str = LAST, *, without: tuple[str, ...] = ("scores.json", "predictions.csv")) -> Path:
        """Return a copy of the run that was killed after a state; lines of later epochs are still in its files."""
        copy = self.place / self.whole.name
        shutil.copytree(self.whole, copy, ignore=shutil.ignore_patterns(*without))
        if state != LAST:
            shutil.copy(copy / "state" / f"{state}.safetensors", copy / "state" / LAST)
        record = json.loads((copy / "record.json").read_text())
        (copy / "record.json").write_text(json.dumps({**record, "status": "running", "end": None}))
        return copy

    def require_equal(self, run: Path) -> None:
        """Require that a run ended as the one that was never stopped."""
        assert self.differences(self.whole, run) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the run that is never stopped."""
    return started(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def traps(whole: Path, tmp_path: Path, comparison: ModuleType) -> Iterator[Traps]:
    """Return the run, and what copies and compares it."""
    yield Traps(whole, tmp_path, comparison.differences)
    interruption.clear()


def started(folder: Path, text: str = CONFIG, sets: tuple[str, ...] = (), progress: Any = None) -> Path:
    """Train a config; return the run's folder."""
    (folder / "trap.yaml").write_text(text)
    return train(TrainRequest(str(folder / "trap.yaml"), sets, folder / "runs"), progress or NullProgress()).folder.path


def resumed(run: Path, sets: tuple[str, ...] = (), progress: Any = None, **options: Any) -> Path:
    """Resume a run in this process; return its folder."""
    request = TrainRequest("", sets, run.parent)
    return resume(ResumeRequest(str(run), request, **options), progress or NullProgress()).folder.path


class StopAt(NullProgress):
    """Asks for a stop after a step of an epoch, both counted from 1."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__()
        self.at = epoch, step
        self.messages: list[str] = []

    def step(self, epoch: int, epochs: int, share: float) -> None:  # noqa: ARG002
        """Ask at the step."""
        if (epoch, round(share * 3)) == self.at:
            interruption.request("a test", "preempted")

    def say(self, text: str) -> None:
        """Record a message."""
        self.messages.append(text)


def test_a_second_resume_within_one_epoch(traps: Traps) -> None:
    """Stopped twice within one epoch, a run goes on from the second stop, and ends with the same bits."""
    run = traps.stopped("epoch-0001-step-000001")
    with pytest.raises(StopRequestedError):
        resumed(run, progress=StopAt(2, 2))
    interruption.clear()
    assert read_state(run / "state" / LAST).document["position"]["step"] == 2
    again = StopAt(0, 0)
    traps.require_equal(resumed(run, progress=again))
    assert "Resumed after epoch 1, step 2." in again.messages
    assert [one["process"] for one in json.loads((run / "record.json").read_text())["resumed"]]


@pytest.mark.parametrize("state", ["epoch-0001", "epoch-0002-step-000003", "epoch-0003", "epoch-0004"])
def test_a_resume_at_the_end_of_an_epoch(traps: Traps, state: str) -> None:
    """After the last step of an epoch, at its end, and at the end of the last one no epoch is dropped or repeated."""
    run = resumed(traps.stopped(state))
    assert [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3, 4]
    traps.require_equal(run)


def test_a_resume_within_patience(traps: Traps) -> None:
    """States in which both callbacks wait resume to the same stop, learning rates and restored weights."""
    waiting = [state for state in sorted((traps.whole / "state").glob("epoch-*[0-9].safetensors")) if _waits(state)]
    assert waiting, "no state in which both callbacks wait: the config is no test of patience"
    traps.require_equal(resumed(traps.stopped(waiting[-1].stem)))


def _waits(file: Path) -> bool:
    state = read_state(file)
    values = {one["name"]: decode(one["state"], state.arrays) for one in state.document["callbacks"]}
    return all(values[name]["wait"] for name in ("EarlyStopping", "ReduceLROnPlateau"))


def test_a_resume_after_everything_but_the_scores(traps: Traps) -> None:
    """Killed before its scores were written, a run is only scored."""
    seen = StopAt(0, 0)
    traps.require_equal(resumed(traps.stopped(), progress=seen))
    assert "Resumed after epoch 4." in seen.messages


def test_a_resume_of_a_run_that_is_done_changes_nothing(traps: Traps) -> None:
    """A run whose report alone is missing is done: nothing of it is computed or written again."""
    run = traps.stopped(without=())
    shutil.copy(traps.whole / "record.json", run / "record.json")
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file() and file.name != "lock"}
    seen = StopAt(0, 0)
    resumed(run, progress=seen)
    assert seen.messages == [f"Run {run.name} is done: nothing is left to do."]
    assert {file: file.read_bytes() for file in before} == before


def test_lines_after_the_state_are_cut(traps: Traps) -> None:
    """Lines of later epochs, also a torn one, are cut from the files that grow with every epoch."""
    run = traps.stopped("epoch-0002-step-000001")
    for name in ("metrics.jsonl", "epochs.csv"):
        if (run / name).exists():
            with (run / name).open("a") as file:
                file.write('{"epoch": 5, "lo')
    traps.require_equal(resumed(run))


def test_a_file_that_lost_lines_is_refused(traps: Traps) -> None:
    """A file that is shorter than when the state was saved has lost epochs, which no training would bring back."""
    run = traps.stopped("epoch-0002")
    (run / "metrics.jsonl").write_text("")
    with pytest.raises(RunError, match=r"metrics\.jsonl: expected at least"):
        resumed(run)


def test_a_state_that_cannot_be_read_is_refused(traps: Traps) -> None:
    """A damaged state ends with an error; nothing is trained again, and the record stays as it was."""
    run = traps.stopped("epoch-0002")
    content = bytearray((run / "state" / LAST).read_bytes())
    content[len(content) // 2] ^= 1
    (run / "state" / LAST).write_bytes(bytes(content))
    before = _kept(run)
    for _ in range(2):
        with pytest.raises(RunError, match="this state is damaged"):
            resumed(run)
    assert _kept(run) == before


def _kept(run: Path) -> list[Any]:
    """Return what a refused resume must leave as it was."""
    names = ("metrics.jsonl", "resolved.yaml", "prepare.json")
    return [json.loads((run / "record.json").read_text()), *((run / name).read_bytes() for name in names)]


def test_a_refused_extension_leaves_the_run_as_it_was(traps: Traps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run that is done cannot go on, it stays done, with the epochs that it has."""
    run = traps.stopped(without=())
    shutil.copy(traps.whole / "record.json", run / "record.json")
    before = _kept(run)
    monkeypatch.setattr("nnrun.runs.environment.versions", lambda: {"python": "2.7"})
    with pytest.raises(RunError, match="would not end with the same bits") as caught:
        resumed(run, ("training.epochs=6",))
    assert caught.value.hint == "add --even-if-different to go on nevertheless"
    assert _kept(run) == before


def test_an_extension_equals_the_longer_run(traps: Traps) -> None:
    """A finished run that goes on for more epochs equals one that had them from the beginning."""
    text = CONFIG.replace("epochs: 4", "epochs: 2")
    longer = traps.place / "longer"
    longer.mkdir()
    run = resumed(started(longer, text), ("training.epochs=4",))
    found = traps.differences(traps.whole, run)
    assert [name for name in found if name not in ("config.yaml", "resolved.yaml")] == []
    assert "epochs: 4" in (run / "resolved.yaml").read_text()


def test_an_extension_removes_what_the_old_weights_gave(traps: Traps) -> None:
    """A threshold and explanations of the weights so far are gone with the new ones; a resumed run says so."""
    longer = traps.place / "explained"
    longer.mkdir()
    folder = RunFolder(started(longer, CONFIG.replace("epochs: 4", "epochs: 2")))
    names = ["decision.json", "importance.json", "explanations.json", "explanations.npz"]
    for name in names:
        (folder.path / name).write_text("{}", encoding="utf-8")
    resumed(folder.path)
    assert [file.name for file in folder.files_by_weights()] == names
    resumed(folder.path, ("training.epochs=3",))
    assert folder.files_by_weights() == []
    assert f"is removed: {', '.join(names)}" in folder.log.read_text(encoding="utf-8")


def test_another_patience_is_the_work_of_a_fork(traps: Traps) -> None:
    """A patience that changed is neither ignored nor taken over silently: the fork that has it is named."""
    run = traps.stopped("epoch-0002")
    with pytest.raises(RunError, match="another config") as caught:
        resumed(run, ("training.callbacks.0.EarlyStopping.patience=1",))
    assert str(caught.value.hint).startswith("begin a run of its own from this one: nnrun fork")


def test_auto_resume(traps: Traps) -> None:
    """It begins a run, continues it as often as it is stopped, and does nothing when it is done."""
    request = TrainRequest(_config(traps.place), runs_dir=traps.place / "runs")
    for at in ((1, 2), (3, 1)):
        with pytest.raises(StopRequestedError):
            train_or_resume(request, StopAt(*at))
        interruption.clear()
    run = train_or_resume(request, NullProgress()).folder.path
    again = train_or_resume(request, NullProgress()).folder.path
    assert again == run
    assert [one for one in run.parent.iterdir() if one.is_dir()] == [run]
    traps.require_equal(run)


def test_auto_resume_goes_on_with_a_run_that_failed(traps: Traps) -> None:
    """A full disk at the third epoch costs nothing once there is room."""
    request = TrainRequest(_config(traps.place), runs_dir=traps.place / "runs")

    class FullDisk(NullProgress):
        def epoch(self, done: int, total: int, figures: Any) -> None:  # noqa: ARG002
            if done == 3:
                raise RunError("No space left on device")

    with pytest.raises(RunError):
        train_or_resume(request, FullDisk())
    seen = StopAt(0, 0)
    traps.require_equal(train_or_resume(request, seen).folder.path)
    assert "Resumed after epoch 2, step 3." in seen.messages


def test_auto_resume_begins_a_run_for_other_data(tmp_path: Path) -> None:
    """Where the data changed, the unfinished run is not continued: a new one begins."""
    text = CONFIG.replace("source: digits", "source: {csv: {file: t.csv, target: y}}")
    text = text.replace("  prepare: [{Rescale: {divide_by: 16}}, {Reshape: [64]}]\n", "")
    (tmp_path / "t.csv").write_text(_table(1))
    request = TrainRequest(_config(tmp_path, text), runs_dir=tmp_path / "runs", data_dir=tmp_path)
    with pytest.raises(StopRequestedError):
        train_or_resume(request, StopAt(1, 3))
    interruption.clear()
    (tmp_path / "t.csv").write_text(_table(2))
    with pytest.raises(StopRequestedError):
        train_or_resume(replace(request), StopAt(1, 3))
    interruption.clear()
    assert len(list((tmp_path / "runs").glob("*_trap_*"))) == 2


def _config(folder: Path, text: str = CONFIG) -> str:
    (folder / "trap.yaml").write_text(text)
    return str(folder / "trap.yaml")


def _table(factor: int) -> str:
    lines = [f"{row * factor % 17},{row % 5},{('a', 'b', 'c')[row % 3]}" for row in range(60)]
    return "\n".join(["u,v,y", *lines]) + "\n"
