"""`nnrun init --from-script`: the user's own script is run once, and what it called is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from json_documents import violations_of

from nnrun.cli.main import nnrun
from nnrun.config import document as documents
from nnrun.pipeline.check import examine

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SCRIPT = """
import keras
import numpy as np

random = np.random.default_rng(0)
x = random.normal(size=(80, 5)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")
stack = [keras.Input((5,)), keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")]
model = keras.Sequential(stack)
model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
print("training")
model.fit(x, y, batch_size=16, epochs=2, shuffle=False, validation_data=(x[:20], y[:20]), callbacks=[stop], verbose=0)
model.evaluate(x, y, verbose=0)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_says_that_it_runs_the_script() -> None:
    """The config has the model, the arguments of fit, callbacks and data; both first epochs have the same loss."""
    Path("train.py").write_text(SCRIPT)
    done = CliRunner().invoke(nnrun, ["init", "--from-script", "train.py", "--keep-data"])
    assert done.exit_code == 0, done.output
    assert "train.py is run once, with your rights" in done.output
    data = documents.read(Path("train.yaml")).data
    assert data["data"] == {"source": {"npz": {"file": "train.npz"}}, "split": {"validation": "test"}}
    assert data["training"] == {
        "loss": "binary_crossentropy",
        "optimizer": {"SGD": {"learning_rate": 0.1}},
        "metrics": ["accuracy"],
        "epochs": 2,
        "batch_size": 16,
        "shuffle": False,
        "callbacks": [{"EarlyStopping": {"patience": 3, "restore_best_weights": True}}],
    }
    with np.load("train.npz") as kept:
        assert {name: kept[name].shape for name in kept.files} == {
            "x": (80, 5), "y": (80,), "x_test": (20, 5), "y_test": (20,)
        }  # fmt: skip
    assert [one for one in examine(Path("train.yaml"), (), None).problems if one.severity == "error"] == []
    done = CliRunner().invoke(nnrun, ["init", "--from-script", "train.py", "--out", "again.yaml", "--json"])
    found = json.loads(done.stdout)
    assert violations_of("init", found) == []
    assert (found["data_kept"], Path("again.npz").exists()) == (False, False)
    assert found["first_loss"] == pytest.approx(found["script_loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("print('before')\nraise ValueError('no such luck')\n", ["failed with exit code 1, not nnrun", "before",
         'File "train.py", line 2', "ValueError: no such luck"]),
        ("print('hello')\n", ["never called fit of a Keras model", "hello"]),
    ],
)  # fmt: skip
def test_errors_of_a_script_are_its_own(script: str, message: list[str]) -> None:
    """Its output and its own lines are shown, and nothing is written."""
    Path("train.py").write_text(script)
    done = CliRunner().invoke(nnrun, ["init", "--from-script", "train.py"])
    assert done.exit_code == 1
    assert all(one in done.output for one in message), done.output
    assert "record_script" not in done.output
    assert not Path("train.yaml").exists()
