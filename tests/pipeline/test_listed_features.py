"""Pictures beside columns of a table, from the config to predictions of raw rows, resumed and from disk."""

from __future__ import annotations

import base64
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run_nnrun
from json_documents import violations_of
from PIL import Image

from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.export import ExportRequest, export
from nnrun.pipeline.serve import open_served
from nnrun.progress import NullProgress
from nnrun.serve.bodies import ServeLimits
from nnrun.serve.refusals import RefusedRequestError

pytestmark = pytest.mark.keras

CONFIG = """
name: rooms
data:
  source: {images: {file: list.csv, path_column: photo, features: [size, town, note], target: dear}}
  prepare:
    - Rescale: {columns: [photo], divide_by: 255}
    - StandardScaler: [size]
    - OneHotEncoder: [town]
    - TextVectorization: {columns: [note], output_mode: multi_hot, max_tokens: 10}
  split: {test: 0.25, validation: 0.2}
model:
  inputs: {photo: [photo], facts: [size, town], words: [note]}
  layers:
    - Conv2D: {from: photo, filters: 4, kernel_size: 3, activation: relu}
    - GlobalMaxPooling2D: {name: seen}
    - Concatenate: {from: [seen, facts, words]}
    - Dense: {units: 16, activation: relu}
    - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: {Adam: 0.02}
  metrics: [accuracy]
  augment: [RandomFlip]
  epochs: 30
  batch_size: 16
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rooms that are dear where two of three are so: a bright picture, a size above 50, and the word `new`."""
    work, rng = tmp_path_factory.mktemp("rooms"), np.random.default_rng(0)
    rows = [("photo", "size", "town", "note", "dear")]
    for number in range(160):
        bright, size, new = rng.integers(2), int(rng.integers(20, 80)), rng.integers(2)
        pixels = rng.integers(0, 40, (8, 8, 3), dtype="uint8")
        pixels[rng.integers(6), rng.integers(6)] = 250 if bright else 40
        Image.fromarray(pixels).save(work / f"{number}.png")
        dear = "yes" if bright + (size > 50) + new >= 2 else "no"
        rows.append((f"{number}.png", size, rng.choice(["Bern", "Chur"]), "new and small" if new else "old", dear))
    with (work / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (work / "rooms.yaml").write_text(CONFIG)
    run_nnrun("check", work / "rooms.yaml")
    run_nnrun("train", work / "rooms.yaml", "--runs-dir", work / "runs", "--quiet")
    return work


def _scores(run: Path) -> dict:
    return json.loads((run / "scores.json").read_text())


def test_a_model_learns_from_all_kinds_of_columns(work: Path) -> None:
    """Neither the picture, the number nor the text decides alone; the report shows pictures of mistakes."""
    (run,) = (work / "runs").glob("*_rooms_*")
    assert _scores(run)["test"]["error_rate"] < 0.16
    facts = json.loads((run / "record.json").read_text())["facts"]
    assert facts["arrays"] == {"photo": [8, 8, 3]}
    with np.load(run / "mistakes.npz") as mistakes:
        assert mistakes["pictures"].shape[1:] == (8, 8, 3)
    run_nnrun("report", run)
    assert "photo 8 \u00d7 8 \u00d7 3, 8 columns" in (run / "report.html").read_text()


def test_pictures_are_explained_next_to_their_columns(work: Path) -> None:
    """Columns and the picture as a whole are shuffled, and the bright spot of some pictures is what is covered."""
    (run,) = (work / "runs").glob("*_rooms_*")
    printed = run_nnrun("explain-run", run, "--examples", 4, "--repeats", 3, "--json")
    found = json.loads(printed[printed.index("{") :])
    columns = {one["column"]: one["importance"] for one in found["importance"]["outputs"][0]["columns"]}
    assert set(columns) == {"photo", "size", "town", "note"}
    assert min(columns[name] for name in ("photo", "size", "note")) > columns["town"]
    assert found["explanations"]["inputs"][0]["name"] == "photo"
    assert found["explanations"]["inputs"][0]["size"] == [8, 8, 3]
    assert {one["row"] for one in found["explanations"]["outputs"][0]["examples"]} <= set(range(160))
    assert violations_of("explain-run", found) == []


def test_raw_rows_are_predicted_and_scored(work: Path) -> None:
    """The predictions of the rows of a csv file are those of its rows in the test part, in any order of columns."""
    (run,) = (work / "runs").glob("*_rooms_*")
    with (work / "list.csv").open() as text, (work / "other.csv").open("w", newline="") as file:
        rows = list(csv.DictReader(text))
        writer = csv.DictWriter(file, ["note", "size", "photo", "town"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    run_nnrun("predict", run, work / "other.csv", "--out", work / "out.csv")
    with (work / "out.csv").open() as text, (run / "predictions.csv").open() as tested:
        predicted, kept = list(csv.DictReader(text)), list(csv.DictReader(tested))
    assert len(predicted) == 160
    assert all(predicted[int(one["row"])]["prediction"] == one["prediction"] for one in kept)
    assert predicted[3]["file"] == "3.png"
    run_nnrun("eval", run, "--data", work / "list.csv")


def test_requests_hold_pictures_in_columns(work: Path) -> None:
    """Rows of a request, with pictures in Base64, are answered as the rows of a csv file are; a broken one is named."""
    (run,) = (work / "runs").glob("*_rooms_*")
    with (work / "list.csv").open() as text:
        rows = [{**row, "size": float(row["size"])} for row in csv.DictReader(text)][:4]
    for row in rows:
        row["photo"] = base64.b64encode((work / str(row["photo"])).read_bytes()).decode()
        del row["dear"]
    with open_served(EvaluateRequest(str(run))) as (known, model):
        model.warm_up()
        found = model.predict(known.checked("rows", rows))
        broken = {**rows[1], "photo": rows[1]["photo"][:80]}
        with pytest.raises(RefusedRequestError) as caught:
            model.predict(known.checked("rows", [rows[0], broken]))
        schema = model.describe(asks_for_token=False).openapi(ServeLimits())["paths"]["/predict"]["post"]["requestBody"]
    told = predict(EvaluateRequest(str(run)), work / "list.csv")
    assert [one["prediction"] for one in found] == [row[told.columns.index("prediction")] for row in told.rows[:4]]
    assert [(one.row, one.column) for one in caught.value.details] == [(1, "photo")]
    assert str(work) not in caught.value.message
    assert "examples" not in caught.value.message
    properties = schema["content"]["application/json"]["schema"]["properties"]["rows"]["items"]["properties"]
    assert properties["photo"]["contentEncoding"] == "base64"
    assert set(schema["content"]) == {"application/json", "multipart/form-data"}


def test_an_export_takes_arrays_next_to_columns(work: Path) -> None:
    """A SavedModel has an input for the picture and each column; `preparation.py` prepares them in the same way."""
    (run,) = (work / "runs").glob("*_rooms_*")
    for form, inside in (("saved_model", True), ("weights", False)):
        model = EvaluateRequest(str(run), checkpoint="")
        result = export(ExportRequest(model, form, work / form), NullProgress())
        assert (result.inside, result.needs_nnrun, result.generated) == (inside, (), None)
        assert result.difference is not None
        assert result.difference < 1e-5
    signature = json.loads((work / "saved_model" / "signature.json").read_text())
    shapes = {one["name"]: (one["dtype"], one["shape"]) for one in signature["inputs"]}
    assert shapes["photo"] == ("float32", [None, 8, 8, 3])
    assert shapes["note"] == ("string", [None])
    prepared = json.loads((work / "weights" / "preparation.json").read_text())
    assert prepared["columns"][-1] == {"name": "photo", "kind": "array", "shape": [8, 8, 3]}
    assert prepared["inputs"]["photo"] == "photo"


def test_a_stream_and_a_resumed_run_end_with_the_same_bits(work: Path) -> None:
    """Pictures on disk, and a training that goes on after 10 of 30 epochs, give the scores of one in memory."""
    (run,) = (work / "runs").glob("*_rooms_*")
    options = ("--set", "name=disk", "--set", "data.source.images.stream=true", "--set", "training.epochs=10")
    run_nnrun("train", work / "rooms.yaml", "--runs-dir", work / "runs", "--quiet", *options)
    (other,) = (work / "runs").glob("*_disk_*")
    run_nnrun("resume", other, "--set", "training.epochs=30", "--quiet")
    assert _scores(other) == _scores(run)


def test_two_pictures_in_a_row_share_a_tower(work: Path) -> None:
    """A Siamese network tells whether both pictures of a row are bright or both dark."""
    brightness = {number: np.asarray(Image.open(work / f"{number}.png")).max() > 100 for number in range(160)}
    rng = np.random.default_rng(1)
    pairs = [rng.integers(160, size=2) for _ in range(200)]
    rows = [f"{one}.png,{other}.png,{int(brightness[one] == brightness[other])}" for one, other in pairs]
    (work / "pairs.csv").write_text("\n".join(["left,right,same", *rows]) + "\n")
    (work / "pairs.yaml").write_text("""
name: pairs
data:
  source: {images: {file: pairs.csv, path_column: [left, right], target: same}}
  prepare: [{Rescale: {divide_by: 255}}]
  split: {test: 0.2}
define:
  tower: [{Conv2D: {filters: 4, kernel_size: 3, activation: relu}}, GlobalMaxPooling2D]
model:
  inputs: {left: [left], right: [right]}
  layers:
    - use: {stack: tower, share: true, from: left, name: a}
    - use: {stack: tower, share: true, from: right, name: b}
    - Subtract: {from: [a, b]}
    - Dense: {units: 8, activation: relu}
    - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: {Adam: 0.03}, metrics: [accuracy], epochs: 30, batch_size: 16}
""")
    run_nnrun("check", work / "pairs.yaml", "--strict")
    run_nnrun("train", work / "pairs.yaml", "--runs-dir", work / "runs", "--quiet")
    (run,) = (work / "runs").glob("*_pairs_*")
    assert _scores(run)["test"]["error_rate"] < 0.15
    run_nnrun("predict", run, work / "pairs.csv", "--out", work / "out.csv")
    result = export(ExportRequest(EvaluateRequest(str(run), checkpoint=""), "litert", work / "pairs"), NullProgress())
    assert result.inside
    assert result.difference is not None
    assert result.difference < 1e-5
