"""Exports of runs in the formats that need no extra; the others are in `test_export_extra.py`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recurrent_run import train_recurrent

from nnrun.errors import MissingExtraError, RunError
from nnrun.export import formats
from nnrun.pipeline.evaluate import EvaluateRequest
from nnrun.pipeline.export import ExportRequest, ExportResult, export
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

FROZEN = Path(__file__).resolve().parents[1] / "frozen_runs" / "0.1.0"
#: Runs a program with the packages of this environment but without nnrun: `.pth` files are not read.
WITHOUT_NNRUN = [sys.executable, "-I", "-S", "-c"]
PROLOGUE = f"""
import os, sys
sys.path.append({sysconfig.get_path("purelib")!r})
try:
    import nnrun.errors
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("nnrun is there")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
"""


def run_without_nnrun(program: str, folder: Path) -> str:
    """Run a program without nnrun in the folder of an export, and return what it prints."""
    words = [*WITHOUT_NNRUN, PROLOGUE + program]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(run: Path, form: str, out: Path, **settings: object) -> ExportResult:
    """Export a run with data beside the frozen ones."""
    model = EvaluateRequest(str(run), data_dir=FROZEN / "made_from", checkpoint="")
    return export(ExportRequest(model, form, out, **settings), NullProgress())  # type: ignore[arg-type]


@pytest.fixture
def frozen(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies a frozen run of a kind: its log is written to."""
    return lambda kind: Path(shutil.copytree(FROZEN / kind, tmp_path / "runs" / f"20260101T000000Z_{kind}_aaaaaa"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A run of a table with text, dates, missing values and five steps."""
    shutil.copytree(FROZEN / "made_from", tmp_path / "made_from")
    return Path(shutil.copytree(FROZEN / "table", tmp_path / "runs" / "20260101T000000Z_frozen_aaaaaa"))


@pytest.mark.keras
def test_a_saved_model_takes_raw_rows_without_nnrun(table: Path, tmp_path: Path) -> None:
    """Named columns go in, labels and probabilities come out, as nnrun computes them, in a process without nnrun."""
    result = exported(table, "saved_model", tmp_path / "out")
    assert result.inside
    assert result.generated is None
    assert result.checked > 20
    assert result.difference is not None
    assert result.difference <= 1e-6
    program = """
import json, tensorflow as tf
serve = tf.saved_model.load(".").signatures["serving_default"]
number = lambda *values: tf.constant(values, tf.float64)
signature = json.load(open("signature.json", encoding="utf-8"))
rows = {one["name"]: number(70, float("nan")) for one in signature["inputs"] if one["dtype"] == "float64"}
known = json.load(open("preparation.json", encoding="utf-8"))["operations"]
for operation in known:
    for name, categories in operation.get("categories", {}).items():
        rows[name] = tf.constant([categories[0], categories[-1]])
rows["built"] = number(7000.0, 9000.0)
found = serve(**rows)
print(json.dumps([[one.decode() for one in found["label"].numpy().tolist()], found["probabilities"].numpy().tolist()]))
rows["town"] = tf.constant(["Atlantis", "Atlantis"])
try:
    serve(**rows)
except tf.errors.InvalidArgumentError as error:
    assert "unknown category in column town" in str(error), error
else:
    raise SystemExit("an unknown town was taken")
"""
    labels, probabilities = json.loads(run_without_nnrun(program, tmp_path / "out"))
    names = json.loads((tmp_path / "out" / "signature.json").read_text(encoding="utf-8"))["outputs"][0]["class_names"]
    assert labels == [names[int(np.argmax(row))] for row in probabilities]
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1.0, rtol=1e-5)


@pytest.mark.keras
def test_a_script_needs_keras_alone(frozen: Callable[[str], Path], tmp_path: Path) -> None:
    """The script of a graph with several inputs and outputs builds the model, prepares raw rows and predicts them."""
    result = exported(frozen("graph"), "python", tmp_path / "out")
    assert result.inside
    assert result.difference is not None
    assert result.difference <= 1e-6
    text = (tmp_path / "out" / "model.py").read_text(encoding="utf-8")
    assert "import nnrun" not in text
    assert text.count("keras.Input(") > 1
    program = """
sys.path.insert(0, ".")
import model
rows = {one["name"]: [1.0, 2.0] for one in model.PREPARATION["columns"] if one["kind"] == "number"}
print(sorted(model.predict(rows)))
"""
    assert "_" in run_without_nnrun(program, tmp_path / "out")


@pytest.mark.keras
def test_weights_are_listed_by_name_and_shape(frozen: Callable[[str], Path], tmp_path: Path) -> None:
    """Weights alone have a list of their names, shapes and dtypes, and `preparation.py` makes inputs of raw rows."""
    result = exported(frozen("pictures"), "weights", tmp_path / "out")
    assert not result.inside
    listed = json.loads((tmp_path / "out" / "weights.json").read_text(encoding="utf-8"))["weights"]
    assert listed[0]["path"].endswith("kernel")
    assert all(size > 0 for one in listed for size in one["shape"])
    assert {"model.weights.h5", "model.json", "preparation.json", "preparation.py", "signature.json"} <= set(
        result.files
    )


@pytest.mark.keras
def test_a_text_model_has_its_step_as_a_signature(frozen: Callable[[str], Path], tmp_path: Path) -> None:
    """`next_token` of a text model chooses the likeliest token at temperature 0, after any part of a window."""
    result = exported(frozen("text"), "saved_model", tmp_path / "out")
    assert result.needs_nnrun == ("making tokens of a text",)
    program = """
import tensorflow as tf
step = tf.saved_model.load(".").signatures["next_token"]
window = step.structured_input_signature[1]["codes"].shape[1]
for known in (1, window):
    codes = tf.constant([[-1] * (window - known) + [2] * known])
    found = step(codes=codes, temperature=tf.constant(0.0))
    assert found["token"].numpy().tolist() == found["probabilities"].numpy().argmax(axis=1).tolist()
print("done")
"""
    assert run_without_nnrun(program, tmp_path / "out") == "done\n"


RECURRENT = """\
name: recurrent
seed: 1
precision: mixed_bfloat16
data: {source: {npz: {file: series.npz}}}
model:
  - Masking: {mask_value: 0.0}
  - Bidirectional: {layer: {GRU: {units: 4, return_sequences: true}}}
  - Dropout: 0.5
  - LSTM: 3
  - Dense: {units: $classes, activation: softmax, dtype: float32}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1, batch_size: 16}
"""


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with recurrent layers, masked steps, dropout and mixed precision."""
    return train_recurrent(tmp_path_factory.mktemp("recurrent"), RECURRENT)


@pytest.mark.keras
def test_recurrent_layers_become_loops_of_litert(recurrent: Path, tmp_path: Path) -> None:
    """Masked GRU and LSTM in mixed precision become a float32 file of LiteRT's own operations, equal to Keras."""
    result = exported(recurrent, "litert", tmp_path / "out")
    assert result.mixed is not None
    assert result.mixed[0] == "mixed_bfloat16"
    assert 0 < result.mixed[1] < 0.1
    assert result.difference is not None
    assert result.difference <= 1e-6
    assert not (tmp_path / "out" / "converted").exists()


@pytest.mark.keras
def test_a_file_that_differs_is_not_kept(
    frozen: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs beyond the tolerance end the command, and neither the folder nor a temporary one is left."""
    compute = formats.SavedModel.compute
    monkeypatch.setattr(
        formats.SavedModel,
        "compute",
        lambda *a: {name: v + 0.001 if name == "probabilities" else v for name, v in compute(*a).items()},
    )
    with pytest.raises(RunError, match=r"probabilities differs by 0\.001, and at most 0\.0001 is allowed"):
        exported(frozen("pictures"), "saved_model", tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["runs"]


@pytest.mark.keras
def test_without_its_data_a_run_is_checked_on_generated_rows(table: Path, tmp_path: Path) -> None:
    """Rows are drawn from the categories and ranges that the preparation knows, and that is said."""
    (tmp_path / "made_from" / "houses.csv").unlink()
    model = EvaluateRequest(str(table), data_dir=tmp_path, checkpoint="")
    progress = NullProgress()
    result = export(ExportRequest(model, "saved_model", tmp_path / "out", rows=50), progress)
    assert result.generated is not None
    assert "generated" in progress.warnings[0]
    assert result.checked == 50


TWO_CLASSES = """\
name: two_classes
seed: 1
data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]}}}
model: [Dense: {units: 1, activation: sigmoid}]
training: {loss: binary_crossentropy, optimizer: Adam, epochs: 1, batch_size: 4}
"""


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells two classes apart by one output."""
    folder = tmp_path_factory.mktemp("two_classes")
    (folder / "two_classes.yaml").write_text(TWO_CLASSES, encoding="utf-8")
    request = TrainRequest(str(folder / "two_classes.yaml"), runs_dir=folder / "runs")
    return train(request, NullProgress()).folder.path


@pytest.mark.keras
@pytest.mark.parametrize("form", ["saved_model", "weights"])
def test_a_decision_is_in_the_file(two_classes: Path, form: str, tmp_path: Path) -> None:
    """Labels and probabilities are those of the run's threshold and temperature, which `nnrun predict` uses."""
    decision = {"checkpoint": "last", "temperature": 3.0, "threshold": 0.48}
    (two_classes / "decision.json").write_text(json.dumps(decision), encoding="utf-8")
    result = exported(two_classes, form, tmp_path / "out")
    assert {"label", "probabilities"} <= {name for name, _ in result.differences}
    assert result.difference is not None
    assert result.difference <= 1e-6
    output = json.loads((tmp_path / "out" / "signature.json").read_text(encoding="utf-8"))["outputs"][0]
    assert (output["temperature"], output["decision_threshold"]) == (3.0, 0.48)


def test_an_unfinished_run_needs_a_checkpoint(table: Path, tmp_path: Path) -> None:
    """A run that is not done is exported only where the checkpoint is named."""
    record = json.loads((table / "record.json").read_text(encoding="utf-8"))
    (table / "record.json").write_text(json.dumps({**record, "status": "interrupted"}), encoding="utf-8")
    with pytest.raises(RunError, match="explicit checkpoint") as caught:
        exported(table, "saved_model", tmp_path / "out")
    assert caught.value.hint == "--checkpoint last, or best"


def test_nothing_is_replaced(table: Path, tmp_path: Path) -> None:
    """A folder that exists is kept, with --force too unless it is an export; so is a link."""
    (tmp_path / "out").mkdir()
    with pytest.raises(RunError, match="exists already"):
        exported(table, "saved_model", tmp_path / "out")
    with pytest.raises(RunError, match="is no export"):
        exported(table, "saved_model", tmp_path / "out", force=True)
    with pytest.raises(RunError, match="there is no folder"):
        exported(table, "saved_model", tmp_path / "no" / "out")


def test_a_missing_extra_is_named(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format whose packages are not installed says which extra brings them."""
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    for form in ("onnx", "openvino"):
        with pytest.raises(MissingExtraError, match=f"--to {form} needs the extra 'export'"):
            exported(table, form, tmp_path / "out")
