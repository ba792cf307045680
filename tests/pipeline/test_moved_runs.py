"""Raw rows of every kind of source are predicted by the run folder alone, moved to another place.

Tables, arrays, folds, a text, several inputs and code of one's own are in `tests/test_frozen_runs.py`.
"""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

pytestmark = pytest.mark.keras

BINARY = "training: {loss: binary_crossentropy, optimizer: Adam, epochs: 1, batch_size: 8}"
CONFIGS = {
    "text_columns": f"""
data:
  source: {{csv: {{file: texts.csv, target: kind}}}}
  prepare: [{{TextVectorization: {{columns: [text], output_sequence_length: 3}}}}]
  split: {{test: 0.25}}
model: [{{Embedding: {{input_dim: $vocabulary, output_dim: 2}}}}, Flatten, {{Dense: {{units: 1, activation: sigmoid}}}}]
{BINARY}
""",
    "sets": f"""
data:
  source: {{csv: {{file: sets.csv, target: genres}}}}
  prepare: [{{MultiLabelBinarizer: {{columns: [cast], separator: '|'}}}}]
  prepare_target: [{{MultiLabelBinarizer: {{separator: ';'}}}}]
  split: {{test: 0.25}}
model: [{{Dense: {{units: $targets, activation: sigmoid}}}}]
{BINARY}
""",
    "windows": """
data:
  source: {csv: {file: days.csv, time: day, target: sold, window: 4, horizon: 2}}
  prepare_target: [StandardScaler]
  split: {test: 0.3}
model: [Flatten, {Dense: $targets}]
training: {loss: mse, optimizer: Adam, epochs: 1, batch_size: 8}
""",
    "masks": f"""
data:
  source: {{images: {{folder: photos, masks: masks}}}}
  prepare: [{{Rescale: {{divide_by: 255}}}}]
  split: {{test: 0.25}}
model: [{{Conv2D: {{filters: 1, kernel_size: 1, activation: sigmoid}}}}]
{BINARY}
""",
    "pairs": f"""
data:
  source: {{images: {{file: pairs.csv, path_column: [left, right], features: [size], target: same}}}}
  prepare: [{{Rescale: {{columns: [left, right], divide_by: 255}}}}]
  split: {{test: 0.25}}
model:
  inputs: {{left: [left], right: [right], size: [size]}}
  layers:
    - Subtract: {{from: [left, right]}}
    - Flatten: {{name: flat}}
    - Concatenate: {{from: [flat, size]}}
    - Dense: {{units: 1, activation: sigmoid}}
{BINARY}
""",
    "audio": f"""
data: {{source: {{audio: {{folder: sounds}}}}, split: {{test: 0.25}}}}
model: [Flatten, {{Dense: {{units: 1, activation: sigmoid}}}}]
{BINARY}
""",
    "texts": f"""
data:
  source: {{texts: {{folder: notes}}}}
  prepare: [{{TextVectorization: {{columns: [text], output_mode: multi_hot}}}}]
  split: {{test: 0.25}}
model: [{{Dense: {{units: 1, activation: sigmoid}}}}]
{BINARY}
""",
    "written": """
data:
  source: {csv: {file: written.csv, target: twice}}
  prepare: [{TextVectorization: {columns: [word], split: character, output_sequence_length: 2}}]
  prepare_target:
    - TextVectorization: {split: character, standardize: null, output_sequence_length: 2}
    - StartEndPacker
  split: {test: 0.25}
model:
  inputs: {word: [word], so_far: [twice]}
  layers:
    - Embedding: {from: word, input_dim: $vocabulary, output_dim: 4, mask_zero: true}
    - GRU: {units: 4, name: read}
    - Embedding: {from: so_far, input_dim: $classes, output_dim: 4, mask_zero: true, name: seen}
    - GRU: {from: seen, units: 4, return_sequences: true, call: {initial_state: read}}
    - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1, batch_size: 8}
""",
    "volumes": f"""
data: {{source: {{npz: {{file: volumes.npz}}}}, split: {{test: 0.25}}}}
model: [{{Conv3D: {{filters: 1, kernel_size: 2}}}}, Flatten, {{Dense: {{units: 1, activation: sigmoid}}}}]
{BINARY}
""",
}
#: What is predicted, relative to the folder of new data, and how many lines come of it.
NEW = {
    "text_columns": ("texts.csv", 24),
    "sets": ("sets.csv", 24),
    "windows": ("days.csv", 2),
    "masks": ("photos", 8),
    "pairs": ("pairs.csv", 8),
    "audio": ("sounds/a", 4),
    "texts": ("notes/a", 12),
    "written": ("written.csv", 24),
    "volumes": ("volumes.npz", 8),
}


def _write_csv(file: Path, header: str, rows: list[str]) -> None:
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def make_data(folder: Path) -> None:
    """Write the data of all configs: the same in every folder."""
    draw, numbers = np.random.default_rng(5), range(24)
    _write_csv(folder / "texts.csv", "text,kind", [f"{('good', 'bad')[n % 2]} film {n % 5},{n % 2}" for n in numbers])
    _write_csv(
        folder / "sets.csv",
        "cast,genres",
        ["ann,war", "bob|ann,war;love"] * 12,
    )
    _write_csv(folder / "days.csv", "day,sold", [f"2026-01-{n + 1:02},{50 + n % 7}" for n in numbers])
    _write_csv(folder / "written.csv", "word,twice", [f"{word},{word.upper()}" for word in ("ab", "c", "ba") * 8])
    _write_csv(
        folder / "pairs.csv",
        "left,right,size,same",
        [f"photos/{n}.png,photos/{n // 2}.png,{n},{n % 2}" for n in range(8)],
    )
    for kind in ("photos", "masks", "sounds/a", "sounds/b", "notes/a", "notes/b"):
        (folder / kind).mkdir(parents=True)
    for number in range(8):
        pixels = draw.integers(0, 255, (4, 4, 3)).astype("uint8")
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
        Image.fromarray((pixels[..., 0] > 120).astype("uint8")).save(folder / "masks" / f"{number}.png")
        with wave.open(str(folder / "sounds" / "ab"[number % 2] / f"{number}.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(draw.integers(-999, 999, 40).astype("<i2").tobytes())
    for number in numbers:
        (folder / "notes" / "ab"[number % 2] / f"{number:02}.txt").write_text(f"note {number % 3}", encoding="utf-8")
    np.savez(folder / "volumes.npz", x=draw.random((8, 3, 3, 3, 1), dtype="float32"), y=np.arange(8) % 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data to learn from, and one with new data."""
    place = tmp_path_factory.mktemp("moved")
    for name in ("learned", "new"):
        (place / name).mkdir()
        make_data(place / name)
    return place


@pytest.mark.parametrize("kind", CONFIGS)
def test_raw_rows_are_predicted_by_a_moved_run(place: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the data nor the folder that a run was trained in are needed; tested rows get the same predictions."""
    here = place / kind
    shutil.copytree(place / "learned", here)
    (here / "config.yaml").write_text(f"name: {kind}\nseed: 3\n{CONFIGS[kind]}", encoding="utf-8")
    done = train(TrainRequest(str(here / "config.yaml"), (), here / "runs", here), NullProgress())
    moved = place / "elsewhere" / done.folder.path.name
    moved.parent.mkdir(exist_ok=True)
    done.folder.path.rename(moved)
    shutil.rmtree(here)
    monkeypatch.chdir(place / "new")
    file, lines = NEW[kind]
    found = predict(EvaluateRequest(str(moved)), Path(file))
    assert len(found.rows) == lines
    header, *tested = [line.split(",") for line in (moved / "predictions.csv").read_text(encoding="utf-8").splitlines()]
    name = next((one for one in ("file", "line", "row") if one in header and one in found.columns), None)
    column = next((one for one in ("prediction", "predicted_labels") if one in header and one in found.columns), None)
    assert (name is None or column is None) == (kind in ("windows", "masks"))
    if name is None or column is None:
        return
    told = {Path(str(row[found.columns.index(name)])).name: str(row[found.columns.index(column)]) for row in found.rows}
    known = {Path(row[header.index(name)]).name: row[header.index(column)] for row in tested}
    both = known.keys() & told.keys()
    assert both
    assert {key: told[key] for key in both} == {key: known[key] for key in both}
