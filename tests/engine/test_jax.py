"""Keras on JAX: started without TensorFlow, trained by one program an epoch, with the results of Keras' own `fit`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jax_programs import kept_programs

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'"),
]

#: What a fresh process finds; a process can start one backend, so that all tests here share this one.
FIND = """
import json, os, sys
import numpy as np
from nnrun.engine.backend.start import BackendSettings, tensor_library, start_keras
from nnrun.engine.executors.jax.compiled_steps import JaxSteps
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.errors import NnrunError

keras = start_keras(BackendSettings(7, "jax", threads=1))
result = {"imported": [name for name in ("tensorflow", "pandas", "sklearn", "matplotlib") if name in sys.modules]}
names = tensor_library("jax")
rng = np.random.default_rng(0)
x, y = rng.normal(size=(23, 5)).astype("float32"), rng.normal(size=(23, 1)).astype("float32")
weight = rng.uniform(0.5, 2, 23).astype("float32")

def made():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    first = layers.Dense(6, activation="tanh", kernel_regularizer="l2")
    model = keras.Sequential([keras.Input((5,)), first, layers.BatchNormalization(), layers.Dropout(0.2),
                              layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mse"], jit_compile=False)
    return model

def trained(epochs=3):
    model = made()
    executor = ResidentExecutor(names, model, 5, steps=JaxSteps(names, model, 5))
    tensors = executor.to_tensors(x, y, weight)
    executor.build(tensors)
    steps, lines = [], []
    for epoch in range(epochs):
        lines.append(executor.train(tensors, epoch_order(7, epoch, 23), lambda step, _: steps.append(step)))
    return model, executor, tensors, steps, lines

def weights(model):
    return [np.asarray(one).tolist() for one in model.get_weights()]

model, executor, tensors, steps, lines = trained()
plain, history = made(), []
for epoch in range(3):
    rows = epoch_order(7, epoch, 23)
    shown = plain.fit(x[rows], y[rows], sample_weight=weight[rows], batch_size=5, shuffle=False, verbose=0).history
    history.append({name: values[0] for name, values in shown.items()})
result |= {"ours": weights(model), "keras": weights(plain), "lines": lines, "history": history, "steps": steps}
result["again"] = weights(trained()[0])
result["evaluated"] = executor.evaluate(tensors)
result["keras_evaluated"] = plain.evaluate(x, y, sample_weight=weight, batch_size=5, verbose=0, return_dict=True)
figures, outputs = executor.score(tensors)
result["scored"] = figures
result["outputs"] = [float(abs(outputs - executor.predict(tensors)).max()),
                   float(abs(outputs - model.predict(x, verbose=0)).max())]

class BatchRecorder:
    def __init__(self): self.batches = []
    def on_train_batch_begin(self, step): pass
    def on_train_batch_end(self, step, figures): self.batches.append((step, model.optimizer.iterations.numpy().item()))

recorder = BatchRecorder()
before = model.optimizer.iterations.numpy().item()
executor.train(tensors, epoch_order(7, 9, 23), lambda *_: None, recorder)
result["batches"] = [(step, seen - before) for step, seen in recorder.batches]
from nnrun.engine.model.layers import PositionEmbedding
from nnrun.engine.generation.sampling import SamplingOptions
from nnrun.engine.generation.decoding import TextModelSpec
from nnrun.engine.generation.generate import TextGenerator

layers, window, vocabulary, result["written"] = keras.layers, 8, 11, {}
def says(model, text):
    if not spec.every:
        return model(np.array(text[-window:], "float32")[None, :, None] / np.float32(vocabulary), training=False)
    # One shape for all lengths, as JAX compiles every operation again for each; what follows changes no output before.
    rows = text if kind == "StatefulRnn" else text[-window:]
    padded = np.zeros((1, 40 if kind == "StatefulRnn" else window), "int32")
    padded[0, : len(rows)] = rows
    return np.asarray(model(padded, training=False))[:, len(rows) - 1]

for kind in ("StatefulRnn", "KvCache", "FullWindow", "BatchedWindows"):
    keras.utils.set_random_seed(5)
    wide = keras.initializers.RandomNormal(stddev=3.0)
    form = ("scaled", False, False) if kind == "BatchedWindows" else ("codes", True, True)
    spec = TextModelSpec(window, vocabulary, *form, 0)
    taken = keras.Input((window, 1) if kind == "BatchedWindows" else (None,))
    x = taken
    if kind != "BatchedWindows":
        x = layers.Embedding(vocabulary, 6, embeddings_initializer="orthogonal")(taken)
    if kind in ("KvCache", "FullWindow"):
        x = PositionEmbedding(window)(x)
        x = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    else:
        x = layers.LSTM(12, return_sequences=spec.every, kernel_initializer=wide)(x)
    writing = keras.Model(taken, layers.Dense(vocabulary, kernel_initializer=wide)(x))
    text = [1, 5, 3, 2, 7, 8, 9, 1, 4, 0] if kind == "BatchedWindows" else [1, 5, 3]
    generator = TextGenerator(keras, tensor_library("jax", writing), writing, spec, SamplingOptions(), seed=3)
    # What attention keeps serves a text for as long as it stays within the window.
    codes, length = np.array(text, "int32"), 6 if kind == "KvCache" else 30
    made = np.concatenate(list(generator.generate(codes, length, 1)), axis=1)[0].tolist()
    for _ in range(length):
        text.append(int(np.asarray(says(writing, text)).argmax()))
    result["written"][kind] = [type(generator.decoding_for(codes, length)).__name__, made, text[-length:]]
from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.generation.sequence_decoding import SequenceDecoder

class Target:
    length, start, end = 2, 4, 5  # tokens 2 and 3; 1 is the unknown one

keras.utils.set_random_seed(3)
source, so_far = keras.Input((2,), name="source"), keras.Input((2,), name="so_far")
seen = layers.Embedding(6, 4, embeddings_initializer="normal")(so_far)
tokens = layers.GRU(6, return_sequences=True)(seen, initial_state=layers.Dense(6)(source))
last = layers.Dense(6, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(0, 2))
writer = keras.Model({"source": source, "so_far": so_far}, {"text": last(tokens)})
texts = [(5, 0), *((one, other) for one in (2, 3) for other in (2, 3, 5))]
rows = rng.normal(size=(4, 2)).astype("float32") * 3
shifted = np.array([(4, one % 5) for one, _ in texts] * 4, "float32")
fields = {"source": np.repeat(rows, len(texts), axis=0), "so_far": shifted}
given = np.log(np.asarray(writer(fields)["text"])).reshape(4, len(texts), 2, 6)
sums = [[given[row, at, 0, a] + (b and given[row, at, 1, b]) for at, (a, b) in enumerate(texts)] for row in range(4)]
likeliest = [texts[int(np.argmax(row))] for row in sums]
first = [max((2, 3, 5), key=lambda token: given[row, 1, 0, token]) for row in range(4)]
empty = np.zeros((4, 2), "float32")
wide, greedy = (
    SequenceDecoder(keras, tensor_library("jax", writer), writer, Target(), "so_far", logits=False, beam_width=width)
    .decode(Tensors(({"source": rows, "so_far": empty}, empty), 4), 4).tolist()
    for width in (len(texts), 1)
)
result["sequences"] = [[wide, likeliest], [[text[0] for text in greedy], first]]
from nnrun.engine.scoring.padding import output_masks

codes, traced = np.array([[1, 2, 0], [3, 0, 0], [1, 1, 1], [2, 0, 0], [4, 4, 0]], "int32"), []
taken = keras.Input((3,))
seen = layers.Embedding(5, 2, mask_zero=True)(taken)
tagger = keras.Model(taken, layers.LSTM(3, return_sequences=True)(seen))
def called(inputs, training):
    traced.append(len(inputs))
    return tagger(inputs, training=training)

masks = output_masks(keras, tensor_library("jax", tagger), called, Tensors((codes, codes), 5), 2)
result["masks"] = [{name: mask.tolist() for name, mask in masks.items()}, traced]
try:
    start_keras(BackendSettings(7))
except NnrunError as error:
    result["other"] = [error.text, error.hint]
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Start Keras on JAX once and train there."""
    kept = kept_programs(tmp_path_factory.mktemp("programs"))
    done = subprocess.run(
        [sys.executable, "-c", FIND],
        env={**os.environ, **kept, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _near(left: dict[str, float], right: dict[str, float]) -> bool:
    return left.keys() == right.keys() and all(left[name] == pytest.approx(right[name], rel=1e-4) for name in left)


def test_nothing_is_imported_that_is_not_needed(result) -> None:
    """JAX starts without TensorFlow, which Keras would import only to seed it."""
    assert result["imported"] == []


def test_training_is_keras_own(result) -> None:
    """After three epochs weights and every epoch's metrics are those of `fit` on rows in the same order."""
    for ours, theirs in zip(result["ours"], result["keras"], strict=True):
        assert ours == [pytest.approx(row, rel=1e-4, abs=1e-5) for row in theirs]
    assert all(_near(ours, theirs) for ours, theirs in zip(result["lines"], result["history"], strict=True))


def test_the_same_seed_gives_the_same_bits(result) -> None:
    """Trained again from the same seed, every weight is the same to the last bit."""
    assert result["ours"] == result["again"]


def test_progress_moves_to_the_end_of_each_epoch(result) -> None:
    """Each epoch reports steps that grow to all five, the incomplete one included."""
    assert result["steps"][-1] == 5
    assert result["steps"].count(5) == 3
    assert set(result["steps"]) <= {1, 2, 3, 4, 5}


def test_scores_are_keras_own(result) -> None:
    """Loss and metrics over all rows are those of `evaluate`, and outputs those of `predict`, in one pass or two."""
    assert _near(result["evaluated"], result["keras_evaluated"])
    assert result["scored"] == result["evaluated"]
    assert max(result["outputs"]) < 1e-6


def test_a_callback_receives_every_batch(result) -> None:
    """Where a callback needs batches, the model it sees after each has taken just that many steps."""
    assert result["batches"] == [[step, step + 1] for step in range(5)]


@pytest.mark.parametrize("reading", ["StatefulRnn", "KvCache", "FullWindow", "BatchedWindows"])
def test_generated_text_is_that_of_the_model_character_by_character(result, reading: str) -> None:
    """Every decoding generates the text of a model that is called for each character."""
    kind, made, naive = result["written"][reading]
    assert kind == reading
    assert made == naive
    assert len(set(made)) > 1


def test_a_decoder_writes_greedily_and_by_beams(result) -> None:
    """With as many beams as there are texts, the text is the likeliest of all; with one, each token is."""
    for written, expected in result["sequences"]:
        assert written == expected
    assert len({tuple(text) for text in result["sequences"][0][0]}) > 1


def test_padding_is_found_by_one_program_for_all_batches(result) -> None:
    """A recurrent layer is compiled for whole batches and for the last one, not again for each batch."""
    kept = [[True, True, False], [True, False, False], [True, True, True], [True, False, False], [True, True, False]]
    assert result["masks"] == [{"": kept}, [2, 1]]


def test_a_process_starts_one_backend(result) -> None:
    """Another backend is refused with a message, and does not train on the first one."""
    text, hint = result["other"]
    assert text == "this process has started Keras on jax, but the experiment has backend: tensorflow"
    assert "a command of its own" in hint


def test_jax_that_is_missing_is_named(tmp_path: Path) -> None:
    """Without JAX the error names the extra that installs it, before anything of Keras is imported."""
    code = (
        "import sys; import importlib.util as u; real = u.find_spec\n"
        "from nnrun.engine.backend import start\n"
        "start.find_spec = lambda name: None if name == 'jax' else real(name)\n"
        "try: start.start_keras(start.BackendSettings(7, 'jax'))\n"
        "except start.MissingExtraError as error: print(error, error.hint, 'keras' in sys.modules, sep='|')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "backend: jax needs the extra 'jax', which is not installed.|pip install 'nnrun[jax]'|False\n"
    )
