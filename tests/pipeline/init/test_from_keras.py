"""`nnrun init --from-keras`: files of Keras 3 and 2, and files that hold no model."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from json_documents import violations_of

from nnrun.cli.main import nnrun
from nnrun.config import document as documents
from nnrun.errors import RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.init.from_keras import begin_from_keras

pytestmark = pytest.mark.keras

#: Models that Keras 2.15 has saved, with the outputs that it computed: see make_keras2_files.py.
KERAS2 = Path(__file__).with_name("keras2")
MODELS = sorted(path.name for path in KERAS2.iterdir() if path.with_suffix(".npz").is_file() and path.suffix == ".h5")
OLD = [*MODELS, "mlp_v3.keras", "residual_v3.keras"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled model, saved by today's Keras."""
    from nnrun.engine.backend.start import BackendSettings, start_keras

    keras = start_keras(BackendSettings(seed=7))
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    path = tmp_path_factory.mktemp("saved") / "digits.keras"
    model.save(path)
    return path


@pytest.mark.parametrize("name", OLD)
def test_models_of_keras_2(name: str) -> None:
    """Today's Keras computes what Keras 2.15 did, and so does what the config compiles to."""
    from nnrun.engine.backend.start import BackendSettings, start_keras
    from nnrun.engine.model.to_config.read import read_saved_model

    begun = begin_from_keras(KERAS2 / name, Path("old.yaml"), None)
    assert begun.version == "2.15.0"
    assert begun.model.parameters == begun.model.compiled
    assert begun.model.difference <= 1e-6 * begun.model.scale
    assert [one for one in begun.problems if one.severity == "error"] == []
    saved = read_saved_model(start_keras(BackendSettings(seed=7)), KERAS2 / name)
    arrays = dict(np.load(KERAS2 / f"{name.split('.', maxsplit=1)[0].removesuffix('_v3')}.npz"))
    inputs = [array for key, array in arrays.items() if key.startswith("x")]
    outputs: Any = saved.model(inputs if len(inputs) > 1 else inputs[0], training=False)
    for index, output in enumerate(outputs if isinstance(outputs, list | tuple) else [outputs]):
        np.testing.assert_allclose(np.asarray(output), arrays[f"y{index}"], atol=1e-6)


def test_the_config_says_what_was_proven(model_file: Path) -> None:
    """It checks once there are data, trains nothing else, and prints parameters and the greatest difference."""
    done = CliRunner().invoke(nnrun, ["init", "--from-keras", str(model_file)])
    assert done.exit_code == 0, done.output
    assert "as many parameters" in done.output
    assert "outputs differ by at most 0" in done.output
    assert "next: put your data into digits.npz" in done.output
    arrays = {"x": np.zeros((40, 8, 8, 1), "float32"), "y": np.arange(40) % 3}
    np.savez("digits.npz", **arrays)
    assert [one for one in examine(Path("digits.yaml"), (), None).problems if one.severity == "error"] == []
    data = documents.read(Path("digits.yaml")).data
    assert data["training"] == {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "Adam",
        "metrics": ["accuracy"],
    }
    again = CliRunner().invoke(nnrun, ["init", "--from-keras", str(model_file)])
    assert again.exit_code == 1
    assert "digits.yaml exists, and is not overwritten" in again.output


def test_json(model_file: Path) -> None:
    """The same for programs."""
    done = CliRunner().invoke(nnrun, ["init", "--from-keras", str(model_file), "--out", "mine.yaml", "--json"])
    found = json.loads(done.stdout)
    assert violations_of("init", found) == []
    assert (found["ok"], found["file"], found["greatest_difference"]) == (True, "mine.yaml", 0.0)
    assert found["parameters"] == found["compiled_parameters"] == 475


def _truncated(file: Path, out: Path) -> None:
    out.write_bytes(file.read_bytes()[:-300])


def _without_config(file: Path, out: Path) -> None:
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(out, "w") as written:
        written.writestr("model.weights.h5", archive.read("model.weights.h5"))


def _with_code(file: Path, out: Path) -> None:
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(out, "w") as written:
        config = json.loads(archive.read("config.json"))
        config["config"]["layers"][1] = {"module": "os", "class_name": "system", "config": {"name": "evil"}}
        for name in archive.namelist():
            written.writestr(name, json.dumps(config) if name == "config.json" else archive.read(name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_truncated, "a file that is cut short or of another kind"),
        (_without_config, "this archive has no config.json"),
        (_with_code, r"layer 'evil' \(system\) is Python code"),
        (lambda _, out: out.write_bytes(b""), "an empty file"),
        (lambda _, out: out.write_text("a,b\n1,2\n"), "of another kind"),
        (lambda _, out: out.mkdir(), "received a folder"),
        (lambda *_: None, "there is no such file"),
        (lambda _, out: shutil.copy(KERAS2 / "lambda_layer.h5", out), r"layer 'double' \(Lambda\) is Python code"),
        (lambda _, out: shutil.copy(KERAS2 / "local.h5", out), r"layer 'local' \(LocallyConnected2D\) is no longer"),
    ],
)
def test_files_without_a_model(model_file: Path, change: Any, message: str) -> None:
    """Each is refused with what it is, and nothing is written."""
    change(model_file, Path("bad.keras"))
    with pytest.raises(RunError, match=message):
        begin_from_keras(Path("bad.keras"), None, None)
    assert not Path("bad.yaml").exists()


def test_weights_alone_are_no_model() -> None:
    """A file of `save_weights` is told apart."""
    import h5py

    with h5py.File("w.h5", "w") as file:
        file.create_group("layers")
    with pytest.raises(RunError, match="a file with weights alone"):
        begin_from_keras(Path("w.h5"), None, None)


def test_other_options_do_not_go_with_it() -> None:
    """DATA, --target and --task are of tables."""
    done = CliRunner().invoke(nnrun, ["init", "data.csv", "--from-keras", "model.keras"])
    assert done.exit_code == 2
    assert "--from-keras takes the model of a file" in done.output
