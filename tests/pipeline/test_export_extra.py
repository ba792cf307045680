"""Exports to ONNX and OpenVINO, with the packages of the extra `export`."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from recurrent_run import train_recurrent

from nnrun.pipeline.evaluate import EvaluateRequest
from nnrun.pipeline.export import ExportRequest, export
from nnrun.progress import NullProgress

pytestmark = [
    pytest.mark.export,
    pytest.mark.keras,
    # Converters warn from their own code.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(find_spec("tf2onnx") is None, reason="needs the extra export"),
]
FROZEN = Path(__file__).resolve().parents[1] / "frozen_runs" / "0.1.0"
RECURRENT = """\
name: recurrent
seed: 1
data: {source: {npz: {file: series.npz}}}
model:
  - Masking: {mask_value: 0.0}
  - Bidirectional: {layer: {LSTM: {units: 4, return_sequences: true}}}
  - GRU: 3
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1, batch_size: 16}
"""


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with recurrent layers and masked steps."""
    return train_recurrent(tmp_path_factory.mktemp("recurrent"), RECURRENT)


@pytest.mark.parametrize("form", ["onnx", "openvino"])
@pytest.mark.parametrize("kind", ["graph", "recurrent", "table"])
def test_the_file_computes_what_keras_does(
    kind: str, form: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Recurrent layers, several inputs and prepared tables are computed as by Keras."""
    # Its log is written to.
    own = request.getfixturevalue("recurrent") if kind == "recurrent" else FROZEN / kind
    run = Path(shutil.copytree(own, tmp_path / "runs" / "20260101T000000Z_exported_aaaaaa"))
    data = own.parents[1] if kind == "recurrent" else FROZEN / "made_from"
    model = EvaluateRequest(str(run), data_dir=data, checkpoint="")
    result = export(ExportRequest(model, form, tmp_path / "out"), NullProgress())
    assert result.difference is not None
    assert result.difference <= 1e-5
    # Text is prepared beside the file.
    assert result.inside == (kind != "table")
    if form == "onnx":
        import onnx

        found = onnx.load(tmp_path / "out" / "model.onnx")
        assert {one.name for one in found.graph.output} <= {"class", "probabilities", "output"} or kind == "graph"
