"""Figures that a callback of the user's own adds to the logs are figures of the run: kept, monitored, resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun
from nnrun.errors import RunError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras

CODE = """from pathlib import Path
import keras


class Norm(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["norm"] = float(sum((one.numpy() ** 2).sum() for one in self.model.trainable_weights))
        if epoch == 2 and Path("fail").exists():
            raise ValueError("a file is in the way")
"""
CONFIG = """name: added
seed: 3
data: {source: iris, split: {test: 0.2, validation: 0.2}}
model: [{Dense: {units: $classes, activation: softmax}}]
training:
  loss: sparse_categorical_crossentropy
  optimizer: adam
  epochs: 5
  best: {monitor: BEST, mode: max}
  save_every: {epochs: 1}
  callbacks: [CALLBACKS]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the user's code, the current one."""
    monkeypatch.chdir(tmp_path)
    Path("code.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def write(callbacks: str, best: str = "norm") -> TrainRequest:
    """Write a config; return the request to train it."""
    Path("a.yaml").write_text(CONFIG.replace("CALLBACKS", callbacks).replace("BEST", best), encoding="utf-8")
    return TrainRequest(Path("a.yaml"), runs_dir=Path("runs"), code=(Path("code.py"),))


def lines(folder: RunFolder) -> list[dict[str, float]]:
    """Return the lines of a run's metrics without the seconds."""
    return [{name: value for name, value in line.items() if name != "seconds"} for line in metrics.read(folder.metrics)]


def test_they_are_kept_monitored_and_resumed_to_the_same_digits(place: Path) -> None:
    """`best:` and callbacks after it monitor them; the line of an epoch that fails has what was measured."""
    request = write("Norm, {EarlyStopping: {monitor: norm, mode: max, patience: 9}}")
    whole = train(request, NullProgress()).folder
    found = lines(whole)
    assert [line["norm"] > 0 for line in found] == [True] * 5
    assert found[0]["norm"] > found[-1]["norm"]
    import keras

    kept = keras.saving.load_model(whole.best).trainable_weights
    assert float(sum((one.numpy() ** 2).sum() for one in kept)) == found[0]["norm"]

    (place / "fail").touch()
    with pytest.raises(RunError, match="Norm failed: ValueError: a file is in the way"):
        train(request, NullProgress())
    (failed,) = (RunFolder(path) for path in Path("runs").iterdir() if path != whole.path)
    third = {name: value for name, value in found[2].items() if name != "norm"}
    assert lines(failed) == [*found[:2], third]
    (place / "fail").unlink()
    done = CliRunner().invoke(nnrun, ["resume", str(failed.path), "--code", "code.py"])
    assert done.exit_code == 0, done.output
    assert lines(failed) == found


def test_figures_that_are_not_there_are_said(place: Path) -> None:
    """`check` cannot know them: a callback that comes too early is named, and so is a figure of `best:` at the end."""
    said: list[str] = []

    class Said(NullProgress):
        def warn(self, text: str) -> None:
            said.append(text)

    folder = train(write("{EarlyStopping: {monitor: norm, mode: max}}, Norm", best="norms"), Said()).folder
    early = [text for text in said if text.startswith("EarlyStopping monitors 'norm', which epoch 1 does not have yet")]
    assert len(early) == 1
    assert "no epoch has had the figure 'norms', so that no best model is kept" in said
    assert not folder.best.exists()
