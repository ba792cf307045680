"""A process that trains many models keeps none of their programs."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnrun.engine.backend.gradient_registry import registered_gradients_forgotten
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

OPS = "tensorflow.python.framework.ops"
CONFIG = """data: {source: iris, split: {test: 0.3}}
model: [Dense: {units: 4}, Dropout: 0.1, Dense: {units: $classes, activation: softmax}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam}
"""


@pytest.mark.keras
def test_trainings_leave_no_graphs_and_no_gradients(tmp_path: Path) -> None:
    """After three trainings there are as many as after one."""
    (tmp_path / "iris.yaml").write_text(CONFIG)

    def kept() -> tuple[int, int]:
        train(TrainRequest(str(tmp_path / "iris.yaml"), runs_dir=tmp_path / "runs"), NullProgress())
        from tensorflow.python.framework import func_graph, ops

        gc.collect()
        graphs = [one for one in gc.get_objects() if isinstance(one, func_graph.FuncGraph)]
        return len(graphs), len(ops.gradient_registry.list())

    first = kept()
    kept()
    assert kept() == first


def test_only_what_was_registered_inside_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of TensorFlow's own operations stay, and those that were there before; also after an error."""
    registry = {"CustomGradient-1": 1, "MatMul": 2}
    monkeypatch.setitem(sys.modules, OPS, SimpleNamespace(gradient_registry=SimpleNamespace(_registry=registry)))

    def register(**gradients: int) -> None:
        with registered_gradients_forgotten():
            registry.update(gradients)
            raise KeyError

    with pytest.raises(KeyError):
        register(**{"CustomGradient-2": 3, "LateOperation": 4})
    assert registry == {"CustomGradient-1": 1, "MatMul": 2, "LateOperation": 4}


def test_without_tensorflow_there_is_nothing_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX has no such registry."""
    monkeypatch.delitem(sys.modules, OPS, raising=False)
    with registered_gradients_forgotten():
        pass
