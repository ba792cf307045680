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


def test_a_stack_without_an_input_takes_batches_of_any_size() -> None:
    """What `fit` would have built: no batch size becomes a part of the model, and its first epoch is compared."""
    Path("open.py").write_text(SCRIPT.replace("keras.Input((5,)), ", ""))
    done = CliRunner().invoke(nnrun, ["init", "--from-script", "open.py", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["notes"] == []
    assert found["first_loss"] == pytest.approx(found["script_loss"], rel=1e-5)
    assert documents.read(Path("open.yaml")).data["model"][0] == {"Input": {"shape": [5]}}


SEVERAL = """
import keras
import numpy as np
import tensorflow as tf

random = np.random.default_rng(0)
left, right = random.normal(size=(64, 2, 2)).astype("float32"), random.integers(0, 5, (64, 1))
kind, price = keras.utils.to_categorical(right[:, 0] % 3, 3), left.sum(axis=(1, 2))
note = np.array([["a red fox", "blue dogs", "the red one"][at % 3] for at in range(64)])
layers = keras.layers
words = layers.TextVectorization(output_mode="multi_hot")
words.adapt(note)
a, b = keras.Input((2, 2), name="left"), keras.Input((1,), name="right")
c = keras.Input((), dtype="string", name="note")
x = layers.Concatenate()([layers.Flatten()(a), layers.Flatten()(layers.Embedding(5, 2)(b)), words(c)])
out = [layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, name="price")(x)]
model = keras.Model({"left": a, "right": b, "note": c}, out)
losses = {"kind": "categorical_crossentropy", "price": keras.losses.Huber(delta=0.5)}
model.compile("sgd", losses, loss_weights={"kind": 1.0, "price": 0.5})
data = ({"right": right, "left": left, "note": note}, {"kind": kind, "price": price}, np.arange(64) / 32)
data = tf.data.Dataset.from_tensor_slices(data).batch(16)
model.fit(data, validation_data=data.take(2))
"""


def test_several_inputs_and_outputs_are_columns_of_a_table() -> None:
    """Texts and weights among them, and what a layer takes as a matrix; one epoch of them is trained."""
    Path("several.py").write_text(SEVERAL)
    done = CliRunner().invoke(nnrun, ["init", "--from-script", "several.py", "--keep-data", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["data_kept"], found["notes"]) == (True, [])
    assert found["first_loss"] == pytest.approx(found["script_loss"], rel=0.2)  # nnrun shuffles
    data = documents.read(Path("several.yaml")).data
    csv = data["data"]["source"]["csv"]
    assert csv == {
        "file": "several.csv",
        "target": ["kind", "price"],
        "sample_weight": "sample_weight",
        "test_file": "several-test.csv",
    }
    assert data["data"]["prepare"][0]["TextVectorization"]["columns"] == ["note"]
    assert data["model"]["inputs"] == {"left": ["left"], "note": ["note"], "right": ["right"]}
    assert data["model"]["outputs"]["price"] == {"loss": {"Huber": {"delta": 0.5}}, "weight": 0.5}
    head = Path("several.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == "left[0],left[1],left[2],left[3],note,right,kind,price,sample_weight"


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
