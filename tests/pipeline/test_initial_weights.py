"""Initial weights from another run or a file: by the names of layers, and never a frozen layer that stays random."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder

CONFIG = """
name: NAME
data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]}}}
model:
  - Dense: {units: 3, activation: relu, name: first}
  - Dense: {units: 4, activation: relu, name: second}
  - Dense: {units: 1, activation: sigmoid, name: last_one}
training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 4}
"""


class Listener(NullProgress):
    """Keeps what it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run called `old`."""
    folder = tmp_path_factory.mktemp("initial")
    (folder / "old.yaml").write_text(CONFIG.replace("NAME", "old"))
    train(TrainRequest(str(folder / "old.yaml"), runs_dir=folder / "runs"), NullProgress())
    return folder / "runs"


def config(folder: Path, *changes: tuple[str, str], init_from: str = "old") -> Path:
    """Write a config that starts from a run, with some text replaced."""
    text = CONFIG.replace("NAME", "new") + f"init_from: {init_from}\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "new.yaml").write_text(text)
    return folder / "new.yaml"


def problems(file: Path, runs_dir: Path) -> list[tuple[str | None, str, str | None]]:
    """Return the name, the text and the hint of each problem of a config."""
    return [(one.name, one.text, one.hint) for one in examine(file, (), None, runs_dir).problems]


FROZEN = ("units: 3, activation: relu, name: first", "units: 3, activation: relu, name: first, trainable: false")


@pytest.mark.keras
def test_a_frozen_layer_of_the_same_name_and_shapes(runs: Path, tmp_path: Path) -> None:
    """It has the weights of the run after training; a line counts the layers, and the record names them."""
    file = config(tmp_path, FROZEN, ("name: last_one", "name: other"))
    assert problems(file, runs) == []
    listener = Listener()
    done = train(TrainRequest(str(file), runs_dir=runs), listener)
    old = next(one for one in runs.iterdir() if "_old_" in one.name)
    assert f"2 layers start from {old.name}; newly initialised: other" in listener.lines
    record = json.loads(done.folder.record.read_text())
    assert (record["init_from"]["layers"], record["init_from"]["new"]) == (["first", "second"], ["other"])
    import keras

    (new, old_best) = (keras.saving.load_model(one) for one in (done.folder.last, RunFolder(old).best))
    for now, before in zip(*(one.get_layer("first").get_weights() for one in (new, old_best)), strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.keras
def test_a_frozen_layer_without_a_layer_of_its_name(runs: Path, tmp_path: Path) -> None:
    """`check` and `train` refuse it at `trainable`, before a run folder is made."""
    file = config(tmp_path, (FROZEN[0], FROZEN[1].replace("first", "begin")))
    ((name, text, hint),) = problems(file, runs)
    assert name == "init-from-unusable"
    assert text.startswith("layer 'begin' is not trained, and ")
    assert text.endswith("has no layer of that name: it stays random")
    assert "first, last_one, second" in hint
    before = len(list(runs.iterdir()))
    with pytest.raises(ConfigError, match="it stays random"):
        train(TrainRequest(str(file), runs_dir=runs), NullProgress())
    assert len(list(runs.iterdir())) == before


@pytest.mark.keras
def test_a_frozen_layer_of_another_shape(runs: Path, tmp_path: Path) -> None:
    """Shapes are compared when the weights are loaded, before training; both are named."""
    file = config(tmp_path, (FROZEN[0], FROZEN[1].replace("units: 3", "units: 5")))
    with pytest.raises(RunError, match="of the name and shapes of 'first', which would stay random") as caught:
        train(TrainRequest(str(file), runs_dir=runs), NullProgress())
    assert "'first' (2 x 3, 3 there, 2 x 5, 5 here)" in str(caught.value)


@pytest.mark.keras
def test_layers_of_another_shape_are_named(runs: Path, tmp_path: Path) -> None:
    """A trained layer of another shape begins with its own weights, and a line has both shapes."""
    listener = Listener()
    train(TrainRequest(str(config(tmp_path, ("units: 4", "units: 6"))), runs_dir=runs), listener)
    (line,) = (one for one in listener.lines if " from " in one)
    assert line.startswith("1 layer starts from ")
    assert "newly initialised, as of another shape: 'second' (3 x 4, 4 there, 3 x 6, 6 here)" in line


@pytest.mark.keras
def test_a_run_with_nothing_for_this_model(runs: Path, tmp_path: Path) -> None:
    """Where no name agrees, the names of the run's layers are listed."""
    changes = [(f"name: {name}", f"name: x{name}") for name in ("first", "second", "last_one")]
    ((name, text, _),) = problems(config(tmp_path, *changes), runs)
    assert name == "init-from-unusable"
    assert "has the name of a layer of" in text
    assert "first" in text


@pytest.mark.parametrize(
    ("word", "text", "hint"),
    [
        ("old.keras", "init_from: there is no file 'old.keras'; looked in", "or name a run, by its folder, id or name"),
        ("{file: old.h5}", "init_from: there is no file 'old.h5'; looked in", "put the file there"),
        ("nothing", "There is no run in", "nnrun train"),
        ("last", "There is no run in", "nnrun train"),
    ],
)
def test_a_run_that_does_not_exist_is_found_by_check(tmp_path: Path, word: str, text: str, hint: str) -> None:
    """At `init_from`, with what it takes."""
    ((name, message, written),) = problems(config(tmp_path, init_from=word), tmp_path / "none")
    assert name == "init-from-unusable"
    assert text in message
    assert hint in written


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("trainable: false", ["frozen-layer-random"]),
        ("trainable: true", []),
        ("trainable: false, kernel_initializer: {Orthogonal: {gain: 2}}", []),
    ],
)
def test_a_frozen_layer_without_init_from(tmp_path: Path, change: str, names: list[str]) -> None:
    """It is a warning unless an initializer is stated: a random projection may be meant."""
    text = CONFIG.replace("NAME", "new").replace("name: first", f"name: first, {change}")
    (tmp_path / "x.yaml").write_text(text)
    assert [one.name for one in examine(tmp_path / "x.yaml", (), None).problems] == names


@pytest.fixture(scope="module")
def saved(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best model of the finished run, as a file of somebody's."""
    old = next(one for one in runs.iterdir() if "_old_" in one.name)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    path.write_bytes(RunFolder(old).best.read_bytes())
    return path


@pytest.mark.keras
def test_a_run_from_a_file_needs_nothing_else(runs: Path, saved: Path, tmp_path: Path) -> None:
    """Layers of other names take its weights in order; the run keeps a copy, and is repeated without the file."""
    given = tmp_path / "mine.keras"
    given.write_bytes(saved.read_bytes())
    changes = [(f"name: {name}", f"name: x{name}") for name in ("first", "second", "last_one")]
    # Nothing is trained, so that the weights stay those of the file.
    file = config(
        tmp_path, *changes, ("optimizer: Adam", "optimizer: {SGD: {learning_rate: 1e-30}}"), init_from="mine.keras"
    )
    assert problems(file, runs) == []
    listener = Listener()
    done = train(TrainRequest(str(file), runs_dir=tmp_path / "runs"), listener)
    assert "3 layers with weights start from mine.keras" in listener.lines
    record = json.loads(done.folder.record.read_text())["init_from"]
    assert (record["file"], record["layers"]) == ("mine.keras", ["xfirst", "xsecond", "xlast_one"])
    import keras

    new, old = (keras.saving.load_model(one) for one in (done.folder.last, saved))
    for now, before in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(now, before)
    given.unlink()
    done.folder.path.rename(tmp_path / "moved")
    resolved = RunFolder(tmp_path / "moved").resolved
    assert "file: sources/initial.keras" in resolved.read_text()
    again = train(TrainRequest(str(resolved), runs_dir=tmp_path / "runs"), NullProgress())
    assert (again.folder.sources / "initial.keras").read_bytes() == saved.read_bytes()


@pytest.mark.keras
@pytest.mark.parametrize("name", ["mine.weights.h5", "keras_2.h5"])
def test_a_file_of_weights_alone(saved: Path, tmp_path: Path, name: str) -> None:
    """Weights that `save_weights` has written, of Keras 3 (with an optimizer) or 2, fill the layers in their order."""
    import keras

    old = keras.saving.load_model(saved)
    if name == "keras_2.h5":
        with h5py.File(tmp_path / name, "w") as file:
            keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, old)
    else:
        old.save_weights(tmp_path / name)
    still = ("optimizer: Adam", "optimizer: {SGD: {learning_rate: 1e-30}}")
    file = config(tmp_path, still, ("name: second", "name: other"), init_from=name)
    done = train(TrainRequest(str(file), runs_dir=tmp_path / "runs"), NullProgress())
    new = keras.saving.load_model(done.folder.last)
    assert all((now == then).all() for now, then in zip(new.get_weights(), old.get_weights(), strict=True))
    (tmp_path / name).unlink()
    resolved = str(done.folder.resolved)
    assert train(TrainRequest(resolved, runs_dir=tmp_path / "runs"), NullProgress()).scores == done.scores
    more = ("  - Dense: {units: 4, activation: relu, name: second}\n", "")
    for change in (more, ("units: 4", "units: 6")):
        other = config(tmp_path, change, init_from=str(done.folder.sources / f"initial.{name.partition('.')[2]}"))
        with pytest.raises(RunError, match="are not those of this model"):
            train(TrainRequest(str(other), runs_dir=tmp_path / "runs"), NullProgress())


@pytest.mark.keras
def test_the_first_layer_that_does_not_fit_is_named(saved: Path, tmp_path: Path) -> None:
    """With its place, and the shapes on both sides."""
    file = config(tmp_path, ("units: 4", "units: 6"), init_from=str(saved))
    with pytest.raises(RunError) as caught:
        train(TrainRequest(str(file), runs_dir=tmp_path / "runs"), NullProgress())
    expected = "as layer 2 with weights, expected 'second' (Dense) of 3 x 6, 6, received 'second' (Dense) of 3 x 4, 4"
    assert expected in caught.value.text
    assert caught.value.hint == "nnrun init --from-keras model.keras writes the config of that model"


def test_a_file_of_another_digest_is_refused(tmp_path: Path) -> None:
    """The digest in the config is that of the file that is meant."""
    (tmp_path / "m.keras").write_bytes(b"another")
    ((name, text, _),) = problems(config(tmp_path, init_from=f"{{file: m.keras, sha256: {'a' * 64}}}"), tmp_path)
    assert name == "init-from-unusable"
    assert "is another file than expected" in text
