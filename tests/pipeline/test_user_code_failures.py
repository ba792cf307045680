"""Code of the user's own that returns or raises the wrong thing: the error names it, its line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.errors import NnrunError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

HEAD = """import keras
import numpy as np
from keras import ops

def read_own():
    draw = np.random.default_rng(0)
    return draw.normal(size=(30, 4)), [0, 1, 2] * 10

"""
CONFIG = """
data: {{source: read_own, prepare: {prepare}, split: {{test: 0.2}}}}
model: [{layer}, {{Dense: {{units: 3, activation: softmax}}}}]
training: {{loss: {loss}, optimizer: Adam, metrics: {metrics}, callbacks: {callbacks}}}
"""
DEFAULTS = {
    "prepare": "[]",
    "layer": "{Dense: 3}",
    "loss": "sparse_categorical_crossentropy",
    "metrics": "[]",
    "callbacks": "[]",
}
METRIC = """class Mine(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        pass

    def result(self):
        return {}
"""
CASES = {
    "a loss of nothing": (
        {"loss": "mine"},
        "def mine(y_true, y_pred):\n    return None\n",
        "mine (own.py:9) cannot compare outputs of shape [3] with targets of shape [1]",
    ),
    "a loss that raises": (
        {"loss": "mine"},
        "def mine(y_true, y_pred):\n    raise ValueError('no')\n",
        "mine failed at own.py:10: no",
    ),
    "a loss without a gradient": (
        {"loss": "mine"},
        "def mine(y_true, y_pred):\n    return ops.cast(ops.sum(y_pred), 'int32')\n",
        "mine (own.py:9) does not depend on any trainable weight",
    ),
    "a metric of nothing": (
        {"metrics": "[mine]"},
        "def mine(y_true, y_pred):\n    return None\n",
        "mine (own.py:9) cannot compare outputs of shape [3] with targets of shape []",
    ),
    "a result of nothing": (
        {"metrics": "[Mine]"},
        METRIC.format("None"),
        "the metric 'mine' returned nothing (None), expected a number",
    ),
    "a result of text": ({"metrics": "[Mine]"}, METRIC.format("'x'"), "the metric 'mine' returned"),
    "a metric without weights": (
        {"metrics": "[Mine]"},
        METRIC.format("0.0").replace(", sample_weight=None", ""),
        "Mine (own.py:10) cannot compare",
    ),
    "a layer of nothing": (
        {"layer": "Mine"},
        "class Mine(keras.layers.Layer):\n    def call(self, x):\n        return None\n",
        "Mine (own.py:10) returned nothing (None), expected a tensor",
    ),
    "a layer that cannot be kept": (
        {"layer": "Mine"},
        (
            "class Mine(keras.layers.Layer):\n    def call(self, x):\n        return x\n"
            "    def get_config(self):\n        return {'k': object()}\n"
        ),
        "Cannot serialize object",
    ),
    "an activation that raises": (
        {"layer": "{Dense: {units: 3, activation: bent}}"},
        "def bent(x):\n    return 1 / 0\n",
        "bent failed at own.py:10: division by zero",
    ),
    "a callback that ends the program": (
        {"callbacks": "[Mine]"},
        (
            "class Mine(keras.callbacks.Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n        raise SystemExit(4)\n"
        ),
        "own.py:11: your own code ended the program: SystemExit: 4",
    ),
    "a step of nothing": (
        {"prepare": "[Mine]"},
        "class Mine:\n    def apply(self, x):\n        return None\n",
        "own.py:10: Mine.apply: expected an array for the examples, received nothing (None)",
    ),
    "a step of text": (
        {"prepare": "[Mine]"},
        "class Mine:\n    def apply(self, x):\n        return x.astype(str)\n",
        "own.py:10: Mine.apply: expected numbers in the examples, received text such as",
    ),
    "a state that is no JSON": (
        {"prepare": "[Mine]"},
        (
            "class Mine:\n    def apply(self, x):\n        return x\n"
            "    def state(self):\n        return {'mean': object()}\n"
        ),
        "own.py:12: Mine.state: expected a dict that can be kept as JSON",
    ),
    "a source that is gone": ({}, "del read_own\n", "own.py: expected read_own to be the function or class"),
    "a model that its data do not suit": (
        {"layer": "{Reshape: [2, 2]}, {AdaptiveMaxPooling1D: 1}, Flatten"},
        "",
        "Keras cannot pool to or from a single position",
    ),
    "a source that yields": (
        {},
        "def read_own():\n    yield 1\n",
        "own.py:9: read_own: expected examples with targets, received a generator",
    ),
}


@pytest.mark.keras
@pytest.mark.parametrize("case", CASES)
def test_what_own_code_does_wrong_is_said_at_its_lines(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No part of one's own that returns or raises the wrong thing ends as a bug of nnrun."""
    sections, code, text = CASES[case]
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(HEAD + code, encoding="utf-8")
    Path("c.yaml").write_text(CONFIG.format(**{**DEFAULTS, **sections}), encoding="utf-8")
    with pytest.raises(NnrunError) as caught:
        train(TrainRequest("c.yaml", runs_dir=tmp_path / "runs", code=(Path("own.py"),)), NullProgress())
    assert text in str(caught.value)
