"""Keras starts with everything set that results depend on, and touches nothing of the user's."""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnrun.engine.backend import start
from nnrun.engine.backend.start import BackendSettings, start_keras

#: A fresh process that starts Keras and reports its state.
START_AND_REPORT = """
import gc, json, os, sys
from pathlib import Path
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.backend.redirect_output import redirect_output
class Ring:
    left = 0
    def __init__(self):
        self.me, Ring.left = self, Ring.left + 1
    def __del__(self):
        Ring.left -= 1
gc.collect()
Ring()
with redirect_output(Path(sys.argv[1])):
    keras = start_keras(BackendSettings(seed=7, threads=4, halved=True))
    frozen = [gc.get_freeze_count()]
    numbers = keras.random.normal((3,)).numpy().tolist()
    start_keras(BackendSettings(seed=7, threads=4, halved=True))
frozen += [gc.get_freeze_count()]
hidden = [name for name in ("sklearn", "pandas", "matplotlib", "scipy", "jax") if name in sys.modules]
import sklearn, pandas, matplotlib, scipy.sparse
threading = sys.modules["tensorflow"].config.threading
print(json.dumps({
    "floatx": keras.config.floatx(), "epsilon": keras.config.epsilon(), "backend": keras.config.backend(),
    "format": keras.config.image_data_format(), "hidden": hidden, "numbers": numbers,
    "frozen": frozen, "collecting": gc.isenabled(), "rings": Ring.left,
    "threads": [threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()],
    "environment": {key: os.environ.get(key) for key in ("KERAS_HOME", "KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL",
                                                        "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH")},
}))
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str, list[Path], str]:
    """Start Keras for a user with settings of their own: its report, standard error, homes, `keras.json`."""
    homes = [tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("keras_home")]
    theirs = json.dumps({"floatx": "float64", "epsilon": 0.5, "backend": "jax", "image_data_format": "channels_first"})
    (homes[0] / ".keras").mkdir()
    for file in (homes[0] / ".keras" / "keras.json", homes[1] / "keras.json"):
        file.write_text(theirs)
    environment = {"HOME": str(homes[0]), "KERAS_HOME": str(homes[1]), "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", START_AND_REPORT, str(homes[0] / "log.txt")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr, homes, theirs


@pytest.mark.keras
def test_the_users_settings_are_not_read(started) -> None:
    """Number formats and backend are this experiment's, whatever `keras.json` or the environment say."""
    result = started[0]
    assert (result["floatx"], result["epsilon"], result["format"]) == ("float32", 1e-7, "channels_last")
    assert result["backend"] == result["environment"]["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.keras
def test_the_users_settings_are_not_written(started) -> None:
    """Neither home has changed, and the environment names the user's again."""
    result, _, homes, theirs = started
    assert (homes[0] / ".keras" / "keras.json").read_text() == (homes[1] / "keras.json").read_text() == theirs
    assert [file.name for file in homes[1].iterdir()] == ["keras.json"]
    assert [file.name for file in (homes[0] / ".keras").iterdir()] == ["keras.json"]
    assert result["environment"]["KERAS_HOME"] == str(homes[1])


@pytest.mark.keras
def test_nothing_is_printed_on_the_screen(started) -> None:
    """Started inside `redirect_output`, TensorFlow's log lines reach no standard error."""
    assert started[1] == ""


@pytest.mark.keras
def test_threads_and_environment_are_pinned(started) -> None:
    """Settings that change the last bits are set before TensorFlow reads them; pairs of operations share threads."""
    result = started[0]
    assert result["threads"] == [2, 4]
    assert result["environment"]["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert result["environment"]["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert result["environment"]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


@pytest.mark.keras
def test_unneeded_packages_are_hidden_only_meanwhile(started) -> None:
    """Keras does not drag scikit-learn, pandas, matplotlib, SciPy and JAX in; they can be imported afterwards."""
    assert started[0]["hidden"] == []


@pytest.mark.keras
def test_what_the_start_imports_is_not_searched_for_garbage(started) -> None:
    """Only the first waking leaves objects that Python searches no more; the caller's garbage is not among them."""
    result = started[0]
    assert result["frozen"][0] > 100_000
    assert result["frozen"][1] <= result["frozen"][0]
    assert result["collecting"]
    assert result["rings"] == 0


@pytest.mark.keras
def test_the_seed_gives_the_same_numbers_in_every_process(started, keras) -> None:
    """Two processes with one seed draw the same first numbers."""
    assert keras.random.normal((3,)).numpy().tolist() == started[0]["numbers"]


@pytest.mark.keras
def test_all_generators_start_again() -> None:
    """Python's, NumPy's and Keras' numbers are the same after each start, and others with another seed."""

    def drawn(seed: int) -> list[float]:
        keras = start_keras(BackendSettings(seed))
        return [random.random(), float(np.random.rand()), float(keras.random.uniform(()))]  # noqa: NPY002, S311

    first = drawn(3)
    assert drawn(3) == first
    assert all(left != right for left, right in zip(drawn(4), first, strict=True))


@pytest.mark.keras
def test_formats_hold_for_one_experiment_alone() -> None:
    """A second experiment of the process gets its own number formats, not those of the one before."""
    keras = start_keras(BackendSettings(1, floatx="float64", epsilon=1e-3, image_data_format="channels_first"))
    assert (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()) == (
        "float64",
        1e-3,
        "channels_first",
    )
    assert keras.layers.Dense(1).variable_dtype == "float64"
    start_keras(BackendSettings(1))
    assert (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()) == (
        "float32",
        1e-7,
        "channels_last",
    )


@pytest.mark.parametrize("collecting", [True, False])
def test_collecting_garbage_is_as_before_after_a_failure(collecting: bool) -> None:
    """While Keras starts, no garbage is collected; afterwards, also after a failure, it is as it was."""
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), start._without_garbage_collection():
            1 / gc.isenabled()
        assert gc.isenabled() == collecting
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


def test_hidden_packages_come_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package hidden while something failed can be imported again; one that was imported stays."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(RuntimeError), start._hide(("colorsys", "json")):  # noqa: PT012
        assert sys.modules["json"] is json
        with pytest.raises(ImportError):
            __import__("colorsys")
        raise RuntimeError
    assert __import__("colorsys").rgb_to_hls


def test_an_unset_keras_home_stays_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The private home is gone afterwards, from the disk and from the environment."""
    monkeypatch.delenv("KERAS_HOME", raising=False)
    with start._private_keras_home():
        home = Path(os.environ["KERAS_HOME"])
        assert home.is_dir()
    assert "KERAS_HOME" not in os.environ
    assert not home.exists()


def test_what_is_set_can_be_kept() -> None:
    """The settings are plain data for the record, every one of them."""
    result = json.loads(json.dumps(BackendSettings(7, threads=2).as_json()))
    assert BackendSettings(**result) == BackendSettings(7, threads=2)
