"""Checkpoints are whole or not there, and are refused where they do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnrun.engine.model import checkpoint
from nnrun.errors import RunError


def _model(keras, units: int = 3):
    keras.utils.set_random_seed(7)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])


@pytest.mark.keras
def test_a_model_comes_back_with_its_weights(keras, tmp_path: Path) -> None:
    """What was saved is what is loaded, and nothing else is left in the folder."""
    model = _model(keras)
    checkpoint.save(model, tmp_path / "a" / "last.keras")
    loaded = checkpoint.load(keras, tmp_path / "a" / "last.keras")
    for left, right in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["last.keras"]


@pytest.mark.keras
def test_many_models_are_saved_as_they_were_when_asked(keras, tmp_path: Path) -> None:
    """Each file has the weights at the time of its call, though the model changed before the file was on disk."""
    model = _model(keras)
    with checkpoint.AsyncSaver() as settling:
        for number in range(3):
            model.set_weights([np.full_like(one, number) for one in model.get_weights()])
            settling.save(model, tmp_path / f"{number}" / "last.keras")
    for number in range(3):
        loaded = checkpoint.load(keras, tmp_path / f"{number}" / "last.keras")
        assert {float(one) for weights in loaded.get_weights() for one in weights.ravel()} == {number}
        assert [file.name for file in (tmp_path / f"{number}").iterdir()] == ["last.keras"]


def test_a_disk_error_of_one_of_many_models_is_raised(tmp_path: Path) -> None:
    """What the disk refuses behind the writer's back is an error at the end, and the others are there."""

    class Model:
        def save(self, name: str) -> None:
            Path(name).write_bytes(b"whole")

    (tmp_path / "b.keras" / "in the way").mkdir(parents=True)

    def save_all() -> None:
        with checkpoint.AsyncSaver() as settling:
            for name in ("a.keras", "b.keras", "c.keras"):
                settling.save(Model(), tmp_path / name)

    with pytest.raises(RunError, match=r"b\.keras: cannot write this checkpoint: Is a directory"):
        save_all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "b.keras", "c.keras"]


def test_a_save_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    """A full disk costs the new checkpoint, never the one before it."""
    path = tmp_path / "best.keras"
    path.write_bytes(b"earlier")

    class Model:
        def save(self, name: str) -> None:
            Path(name).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left on device"):
        checkpoint.save(Model(), path)
    assert path.read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["best.keras"]


@pytest.mark.keras
def test_a_checkpoint_cut_short_is_refused(keras, tmp_path: Path) -> None:
    """A file that was cut anywhere is a message, not a traceback."""
    whole = tmp_path / "whole.keras"
    checkpoint.save(_model(keras), whole)
    for length in (0, 10, whole.stat().st_size // 2, whole.stat().st_size - 1):
        cut = tmp_path / f"cut{length}.keras"
        cut.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(RunError, match="cut short or of another kind"):
            checkpoint.load(keras, cut)


@pytest.mark.keras
def test_a_damaged_archive_is_refused(keras, tmp_path: Path) -> None:
    """A complete zip file with broken content is a message too."""
    path = tmp_path / "broken.keras"
    checkpoint.save(_model(keras), path)
    broken = bytearray(path.read_bytes())
    broken[200:260] = bytes(60)
    path.write_bytes(bytes(broken))
    with pytest.raises(RunError, match="cannot read this checkpoint"):
        checkpoint.load(keras, path)


@pytest.mark.keras
def test_a_missing_checkpoint_names_those_there_are(keras, tmp_path: Path) -> None:
    """A wrong name is answered with the right ones."""
    checkpoint.save(_model(keras), tmp_path / "best.keras")
    with pytest.raises(RunError) as caught:
        checkpoint.load(keras, tmp_path / "lst.keras")
    assert caught.value.hint == "this run has best.keras"


@pytest.mark.keras
def test_a_checkpoint_of_another_model_is_refused(keras, tmp_path: Path) -> None:
    """The first layer that differs is named; the model's own checkpoint passes."""
    checkpoint.save(_model(keras, 3), tmp_path / "three.keras")
    loaded = checkpoint.load(keras, tmp_path / "three.keras")
    checkpoint.require_same_model(loaded, json.loads(_model(keras, 3).to_json()), tmp_path / "three.keras")
    with pytest.raises(RunError, match=r"layer 1 should be Dense\(units=4"):
        checkpoint.require_same_model(loaded, json.loads(_model(keras, 4).to_json()), tmp_path / "three.keras")


@pytest.mark.keras
def test_weights_alone_can_be_saved(keras, tmp_path: Path) -> None:
    """`.weights.h5` holds weights, atomically as well."""
    model = _model(keras)
    checkpoint.save(model, tmp_path / "epoch.weights.h5")
    other = _model(keras)
    other.set_weights([weight * 0 for weight in other.get_weights()])
    other.load_weights(tmp_path / "epoch.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


@pytest.mark.keras
def test_training_from_a_snapshot_repeats_itself(keras, part) -> None:
    """Trained, restored and trained again, a model with noise and an adaptive optimizer has the same weights."""
    data = part(40, (6,))
    make = keras.layers
    model = keras.Sequential(
        [keras.Input((6,)), make.Dense(8), make.BatchNormalization(), make.Dropout(0.3), make.Dense(3)]
    )
    model.compile(loss="mse", optimizer="adam", jit_compile=False)

    def trained() -> list[np.ndarray]:
        model.fit(data.x, data.y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        return [np.array(value) for value in (*model.variables, *model.optimizer.variables)]

    trained()
    snapshot = checkpoint.ModelSnapshot(model)
    first = trained()
    snapshot.restore()
    for one, other in zip(first, trained(), strict=True):
        np.testing.assert_array_equal(one, other)
