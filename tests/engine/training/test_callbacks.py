"""Callbacks write inside the run folder, whole files only, and `best.keras` is what the config calls best."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from waiting import wait_for

from nnrun.catalog import lookup
from nnrun.engine.model import checkpoint
from nnrun.engine.model.build import Builder
from nnrun.engine.training.callbacks import (
    best_epoch_rule,
    best_model_callback,
    make_callbacks,
    needs_batches,
)
from nnrun.errors import BuildError, MissingExtraError, RunError
from nnrun.spec.callback_paths import is_best_model_checkpoint
from nnrun.spec.experiment import Experiment
from nnrun.spec.part_form import OUTPUT_PATHS

MODEL = "  - Dense: 3"


@pytest.fixture
def callbacks(keras, facts, config, tmp_path: Path) -> Callable[[str], list[Any]]:
    """Make the callbacks of a config's `callbacks:` list, writing inside a run folder."""

    def make(text: str) -> list[Any]:
        experiment, document = config(MODEL, f"loss: mse\n  optimizer: Adam\n  callbacks: {text}")
        builder = Builder(keras, facts(), document.mark)
        return make_callbacks(builder, experiment, tmp_path / "run")

    return make


@pytest.fixture
def training(experiment) -> Callable[[str], Any]:
    """Validate a config with what stands under `training:` in addition to loss and optimizer."""

    def make(more: str) -> Experiment:
        found: Experiment = experiment(
            MODEL, f"loss: categorical_crossentropy\n  optimizer: Adam\n  metrics: [accuracy]\n  {more}"
        )
        return found

    return make


def trained(keras) -> Any:
    """Build a small model that a callback can save."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile(optimizer="sgd", loss="mse", metrics=["accuracy"])
    return model


@pytest.mark.keras
def test_callbacks_that_write_get_a_path_in_the_run_folder(
    callbacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the config names no path, each callback that writes has one inside the run folder."""
    installed = ModuleType("tensorboard")
    installed.__spec__ = ModuleSpec("tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard", installed)
    made = callbacks("[CSVLogger, TensorBoard, BackupAndRestore, ModelCheckpoint]")
    paths = [made[0].filename, made[1].log_dir, made[2].backup_dir, made[3].filepath]
    run = tmp_path / "run"
    assert [Path(path).relative_to(run).as_posix() for path in paths] == [
        "epochs.csv",
        "tensorboard",
        "backup",
        "checkpoints/epoch-{epoch:02d}.keras",
    ]
    assert all(Path(path).parent.is_dir() for path in paths[:3])
    assert {part for part in OUTPUT_PATHS if lookup.entry("callbacks", part) is None} == set()


@pytest.mark.keras
def test_tensorboard_names_its_extra(callbacks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TensorBoard is not installed, the run ends before training, with the line to type."""
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError) as caught:
        callbacks("[TensorBoard]")
    assert caught.value.hint == "pip install 'nnrun[tensorboard]'"


@pytest.mark.keras
def test_a_path_given_is_relative_to_the_run_folder(callbacks, tmp_path: Path) -> None:
    """`logs/epochs.csv` lies in the run folder, wherever nnrun was called."""
    (logger,) = callbacks("[{CSVLogger: logs/epochs.csv}]")
    assert logger.filename == str(tmp_path / "run" / "logs" / "epochs.csv")


@pytest.mark.keras
@pytest.mark.parametrize("path", ["../elsewhere.csv", "/tmp/elsewhere.csv", "a/../../b.csv"])  # noqa: S108
def test_a_path_out_of_the_run_folder_is_refused(callbacks, tmp_path: Path, path: str) -> None:
    """No config writes outside its run folder; the line and a path that is allowed are shown."""
    with pytest.raises(BuildError) as caught:
        callbacks(f"[{{CSVLogger: {{filename: {path}}}}}]")
    (problem,) = caught.value.problems
    assert problem.text == f"expected a path inside the run folder, received {path}"
    assert problem.hint == "write filename: epochs.csv"
    assert path in problem.mark.text
    assert not (tmp_path / "elsewhere.csv").exists()


@pytest.mark.keras
def test_a_link_out_of_the_run_folder_is_refused(callbacks, tmp_path: Path) -> None:
    """A path is judged by where it leads."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "out").symlink_to(tmp_path)
    with pytest.raises(BuildError, match="inside the run folder"):
        callbacks("[{CSVLogger: out/epochs.csv}]")


@pytest.mark.keras
def test_a_link_made_later_does_not_lead_a_checkpoint_out(keras, callbacks, tmp_path: Path) -> None:
    """A folder whose name has the epoch in it is looked at when it is written."""
    (callback,) = callbacks('[{ModelCheckpoint: {filepath: "kept/{epoch}/model.keras"}}]')
    (tmp_path / "run" / "kept").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "kept" / "1").symlink_to(tmp_path / "elsewhere")
    callback.set_model(trained(keras))
    with pytest.raises(RunError, match="out of the run folder"):
        callback.on_epoch_end(0, {"loss": 1.0})
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.keras
def test_braces_in_the_name_of_a_folder_are_no_pattern(keras, facts, config, tmp_path: Path) -> None:
    """A folder of runs may have braces in its name; only the config's own text is a pattern."""
    folder = tmp_path / "{epoch}{x}"
    experiment, document = config(MODEL, "loss: mse\n  optimizer: Adam\n  callbacks: [ModelCheckpoint]")
    kept = make_callbacks(Builder(keras, facts(), document.mark), experiment, folder)
    for callback in (*kept, best_model_callback(keras, folder / "best.keras", "loss", "min")):
        callback.set_model(trained(keras))
        callback.on_epoch_end(0, {"loss": 1.0})
    assert (folder / "best.keras").is_file()
    assert (folder / "checkpoints" / "epoch-01.keras").is_file()


@pytest.mark.keras
def test_weights_alone_may_be_asked_for(keras, callbacks, tmp_path: Path) -> None:
    """`save_weights_only` writes `.weights.h5`, the usual path included."""
    (callback,) = callbacks("[{ModelCheckpoint: {save_weights_only: true}}]")
    callback.set_model(trained(keras))
    callback.on_epoch_end(0, {"loss": 1.0})
    assert [file.name for file in (tmp_path / "run" / "checkpoints").iterdir()] == ["epoch-01.weights.h5"]


@pytest.mark.keras
def test_every_epochs_model_is_whole_and_alone(keras, callbacks, tmp_path: Path) -> None:
    """`ModelCheckpoint` saves as Keras does, names filled in, and leaves nothing else in the folder."""
    (callback,) = callbacks('[{ModelCheckpoint: {filepath: "kept/e{epoch}-{loss:.1f}.keras"}}]')
    model = trained(keras)
    callback.set_model(model)
    for epoch in range(2):
        callback.on_epoch_end(epoch, {"loss": 0.5 - epoch / 10})
    kept = tmp_path / "run" / "kept"
    assert sorted(file.name for file in kept.iterdir()) == ["e1-0.5.keras", "e2-0.4.keras"]
    again = checkpoint.load(keras, kept / "e2-0.4.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.keras
def test_what_only_asks_for_the_best_is_best_keras(callbacks) -> None:
    """`ModelCheckpoint: {save_best_only: true}` without a path is nnrun's own `best.keras`, and saves nothing twice."""
    assert callbacks("[{ModelCheckpoint: {monitor: loss, save_best_only: true}}]") == []
    assert len(callbacks("[{ModelCheckpoint: {monitor: loss, save_best_only: true, filepath: b.keras}}]")) == 1


def test_the_best_is_what_the_config_says(training) -> None:
    """`training.best` decides before a `ModelCheckpoint` without a path, that before `val_loss`, that before `loss`."""
    rule = "{ModelCheckpoint: {monitor: accuracy, mode: max, save_best_only: true}}"
    with_path = rule.replace("save_best_only", "filepath: x.keras, save_best_only")
    best = f"best: {{monitor: loss, mode: min}}\n  callbacks: [{rule}]"
    assert best_epoch_rule(training(best), has_validation=False) == ("loss", "min")
    assert best_epoch_rule(training(f"callbacks: [{rule}]"), has_validation=True) == ("accuracy", "max")
    assert best_epoch_rule(training(f"callbacks: [{with_path}]"), has_validation=True) == ("val_loss", "min")
    assert best_epoch_rule(training("epochs: 1"), has_validation=True) == ("val_loss", "min")
    assert best_epoch_rule(training("epochs: 1"), has_validation=False) == ("loss", "min")


def test_only_a_callback_without_a_path_asks_for_best_keras(training) -> None:
    """A checkpoint of weights, or of every epoch, is a callback of its own."""
    text = "[{ModelCheckpoint: {save_weights_only: true, save_best_only: true, monitor: loss}}, ModelCheckpoint]"
    assert [is_best_model_checkpoint(part) for part in training(f"callbacks: {text}").training.callbacks] == [
        False,
        False,
    ]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("monitor", "mode", "figures", "best"),
    [
        ("val_loss", "auto", [3.0, 1.0, 2.0], 1),
        ("val_accuracy", "auto", [0.3, 0.9, 0.5], 1),
        ("val_accuracy", "min", [0.3, 0.9, 0.5], 0),
        ("loss", "max", [0.3, 0.2, 0.5], 2),
    ],
)
def test_the_best_epoch_is_kept(keras, tmp_path: Path, monitor: str, mode: str, figures: list, best: int) -> None:
    """`best.keras` holds the weights of the epoch with the best figure; `auto` knows that accuracy should rise."""
    model = trained(keras)
    x, y = np.eye(2, dtype="float32"), np.eye(2, dtype="float32")
    model.train_on_batch(x, y)
    callback = best_model_callback(keras, tmp_path / "best.keras", monitor, mode)
    callback.set_model(model)
    for epoch, figure in enumerate(figures):
        model.set_weights([np.full_like(weight, epoch) for weight in model.get_weights()])
        callback.on_epoch_end(epoch, {monitor: figure})
    assert float(checkpoint.load(keras, tmp_path / "best.keras").get_weights()[0][0, 0]) == best


@pytest.mark.keras
def test_the_best_waits_in_memory_a_while(keras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best epoch is written when it has waited long enough or at the end, and the model goes on as it was."""
    clock, model, best = [0.0], trained(keras), tmp_path / "best.keras"
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    model.train_on_batch(np.eye(2, dtype="float32"), np.eye(2, dtype="float32"))
    callback = best_model_callback(keras, best, "loss", "min", every=5)
    callback.set_model(model)
    seen = []
    for epoch, (now, figure) in enumerate([(1, 3.0), (2, 1.0), (4, 2.0), (5, 2.0), (6, 0.5), (7, 9.0)]):
        clock[0] = now
        model.set_weights([np.full_like(weight, epoch) for weight in model.get_weights()])
        callback.on_epoch_end(epoch, {"loss": figure})
        seen.append(_first_weight(keras, best) if best.exists() else None)
        assert float(model.get_weights()[0][0, 0]) == epoch
    assert seen == [None, None, None, 1, 1, 1]
    callback.finish()
    assert (_first_weight(keras, best), float(model.get_weights()[0][0, 0])) == (4, 5)


def _first_weight(keras, path: Path) -> float:
    return float(checkpoint.load(keras, path).get_weights()[0][0, 0])


#: Whether a callback of the catalog, with these arguments, needs to hear of every batch.
DECISIONS: list[tuple[str, dict[str, Any], bool]] = [
    ("BackupAndRestore", {"backup_dir": "x"}, False),
    ("BackupAndRestore", {"backup_dir": "x", "save_freq": 3}, True),
    ("CSVLogger", {"filename": "x"}, False),
    ("EarlyStopping", {}, False),
    ("History", {}, False),
    ("ModelCheckpoint", {"filepath": "x.keras"}, False),
    ("ModelCheckpoint", {"filepath": "x.keras", "save_freq": 3}, True),
    ("ProgbarLogger", {}, True),
    ("ReduceLROnPlateau", {}, False),
    ("RemoteMonitor", {}, False),
    ("SwapEMAWeights", {}, False),
    ("TensorBoard", {}, False),
    ("TensorBoard", {"update_freq": "batch"}, True),
    ("TensorBoard", {"profile_batch": 2}, True),
    ("TerminateOnNaN", {}, True),
]


@pytest.mark.keras
@pytest.mark.parametrize(("name", "arguments", "expected"), DECISIONS)
def test_callbacks_that_act_on_batches_need_batches(keras, name: str, arguments: dict, expected: bool) -> None:
    """A run takes a step at a time only for callbacks that do something at a batch."""
    callback = getattr(keras.callbacks, name)(**arguments)
    assert needs_batches(keras, [keras.callbacks.EarlyStopping(), callback]) is expected


@pytest.mark.keras
def test_every_callback_of_the_catalog_is_decided(keras) -> None:
    """What a later Keras adds needs a line in the table above; left out is what needs another package."""
    assert {name for name, *_ in DECISIONS} | {"OrbaxCheckpoint"} == set(lookup.names("callbacks"))
    assert needs_batches(keras, [keras.callbacks.LearningRateScheduler(lambda _: 0.1)]) is False
    assert needs_batches(keras, []) is False


OVERWRITE = """
import sys
from pathlib import Path
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.training.callbacks import best_model_callback
keras = start_keras(BackendSettings(seed=1))
model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(9000)])
model.compile("sgd", "mse")
callback = best_model_callback(keras, Path(sys.argv[1]), "loss", "min")
callback.set_model(model)
callback.on_epoch_end(0, {"loss": 1.0})
print("kept", flush=True)
for epoch in range(1, 1000):
    callback.on_epoch_end(epoch, {"loss": 1 / epoch - 0.1 * epoch})
"""


@pytest.mark.keras
def test_a_kill_while_overwriting_costs_nothing(keras, tmp_path: Path) -> None:
    """After a kill in the middle of writing 36 MB over an earlier checkpoint, the earlier one is complete."""
    best = tmp_path / "best.keras"
    with subprocess.Popen(
        [sys.executable, "-c", OVERWRITE, str(best)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "kept\n"
            wait_for(lambda: _growing(tmp_path, best), pause=0.001)
        finally:
            process.send_signal(signal.SIGKILL)
    assert zipfile.ZipFile(best).testzip() is None
    assert checkpoint.load(keras, best).count_params() == 9_009_000


def _growing(folder: Path, best: Path) -> bool:
    """Return whether another file is being written, or the checkpoint itself is shorter than it should be."""
    others = [file for file in folder.iterdir() if file != best]
    return best.stat().st_size < 30_000_000 or any(_has_begun(file) for file in others)


def _has_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        # It has got the name of the checkpoint.
        return False
