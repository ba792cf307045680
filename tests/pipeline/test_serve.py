"""Tests of serving runs: the same predictions as `nnrun predict`, of every kind of run, and pictures."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nnrun.data.named.pictures import Mnist
from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.serve import open_served, read_token
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.serve.inputs import ServedInput
from nnrun.serve.refusals import RefusedRequestError

FROZEN = Path(__file__).resolve().parent.parent / "frozen_runs" / "0.1.0"
TOLERANCE = {"rel": 1e-4, "abs": 1e-5}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of finished runs: their logs are continued."""
    return Path(shutil.copytree(FROZEN, tmp_path_factory.mktemp("frozen") / "runs"))


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a csv file; numbers as numbers."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: number_or_text(text) for name, text in row.items()} for row in rows]


def number_or_text(text: str) -> float | str:
    """Return the number that a field holds, else its text."""
    try:
        return float(text)
    except ValueError:
        return text


def served(run: Path, word: str, examples: list[Any], **settings: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Return the description of a run, and its predictions, after it was warmed up."""
    with open_served(EvaluateRequest(str(run), **settings)) as (known, model):
        model.warm_up()
        return model.describe(asks_for_token=False), model.predict(known.checked(word, examples))


@pytest.mark.keras
@pytest.mark.parametrize("fold", [None, 1])
def test_a_cross_validation_serves_its_final_fit_or_a_fold(runs: Path, fold: int | None) -> None:
    """`--fold 1` serves the model of that fold, else the final one answers; numbers are in the target's unit."""
    expected = rows_of(FROZEN / "predicted" / ("k_fold.csv" if fold is None else "k_fold_1.csv"))
    rows = rows_of(FROZEN / "made_from" / "new_patients.csv")
    about, found = served(runs / "k_fold", "rows", rows, fold=fold)
    assert [one["prediction"] for one in found] == pytest.approx([one["prediction"] for one in expected], **TOLERANCE)
    assert about.about.get("fold") == fold


@pytest.mark.keras
def test_several_outputs_are_answered_by_their_names(runs: Path) -> None:
    """A model with two inputs and two outputs answers a class with probabilities, and a number."""
    expected = rows_of(FROZEN / "predicted" / "graph.csv")
    about, found = served(runs / "graph", "rows", rows_of(FROZEN / "made_from" / "new_flowers.csv"))
    for one, row in zip(found, expected, strict=True):
        species, width = one["outputs"]["species"], one["outputs"]["petal_width"]
        assert species["prediction"] == row["prediction_species"]
        assert species["probabilities"] == pytest.approx(
            {name: row[f"output_{name}_species"] for name in ("setosa", "versicolor", "virginica")}, **TOLERANCE
        )
        assert width["prediction"] == pytest.approx(row["prediction_petal_width"], **TOLERANCE)
    assert [(one.name, one.targets, len(one.classes)) for one in about.outputs] == [
        ("species", ("species",), 3),
        ("petal_width", ("petal_width",), 0),
    ]


@pytest.mark.keras
def test_arrays_are_prepared_as_the_runs_own(runs: Path) -> None:
    """Arrays of pixels are answered with the class that `nnrun predict` finds for the same pixels in a file."""
    expected = rows_of(FROZEN / "predicted" / "pictures.csv")
    rows = rows_of(FROZEN / "made_from" / "new_digits.csv")
    pixels = [np.reshape(list(row.values()), (8, 8)).tolist() for row in rows]
    _, found = served(runs / "pictures", "arrays", pixels)
    for one, row in zip(found, expected, strict=True):
        assert float(one["prediction"]) == row["prediction"]
        shares = {name.removeprefix("output_"): row[name] for name in row if name.startswith("output_")}
        assert one["probabilities"] == pytest.approx(shares, **TOLERANCE)


CONFIGS: dict[str, dict[str, Any]] = {
    # The run's own file has neither a header nor a decimal point, and percentages.
    "commas": {
        "name": "commas",
        "data": {
            "source": {
                "csv": {"file": "rows.csv", "decimal": ",", "separator": ";", "target": 2, "types": {"1": "percent"}}
            }
        },
        "model": [{"Dense": 1}],
        "training": {"loss": "mean_squared_error", "optimizer": "SGD", "epochs": 1, "batch_size": 8},
    },
    "series": {
        "name": "series",
        "data": {
            "source": {"csv": {"file": "series.csv", "target": "sold", "time": "day", "window": 4, "horizon": 2}},
            "split": {"test": 0.2},
        },
        "model": ["Flatten", {"Dense": "$targets"}],
        "training": {"loss": "mean_squared_error", "optimizer": "SGD", "epochs": 1, "batch_size": 8},
    },
    "files": {
        "name": "files",
        "data": {"source": {"images": {"folder": "photos"}}, "prepare": [{"Rescale": {"divide_by": 255}}]},
        "model": ["Flatten", {"Dense": {"units": 1, "activation": "sigmoid"}}],
        "training": {"loss": "binary_crossentropy", "optimizer": "SGD", "epochs": 1, "batch_size": 8},
    },
}


def png(seed: int, size: tuple[int, int] = (6, 5)) -> bytes:
    """Return a picture of random pixels as a PNG file."""
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3)).astype("uint8")
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def make_data(folder: Path) -> None:
    """Write the data of the configs."""
    lines = [f"{n / 4};{n * 7 % 50},5%;{n}".replace(".", ",") for n in range(24)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    days = [f"2026-01-{n + 1:02},{n % 7}" for n in range(28)]
    (folder / "series.csv").write_text("\n".join(["day,sold", *days]) + "\n", encoding="utf-8")
    for number in range(8):
        part = folder / "photos" / ("cat" if number % 2 else "dog")
        part.mkdir(parents=True, exist_ok=True)
        (part / f"{number}.png").write_bytes(png(number))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train each config for an epoch."""
    folder = tmp_path_factory.mktemp("served")
    make_data(folder)
    found = {}
    for name, config in CONFIGS.items():
        file = folder / f"{name}.yaml"
        file.write_text(json.dumps({**config, "seed": 7}), encoding="utf-8")
        request = TrainRequest(str(file), (), folder / "runs", folder, ("nnrun", "train"))
        found[name] = train(request, NullProgress()).folder.path
    return found


def predicted(run: Path, file: Path) -> list[dict[str, Any]]:
    """Return what `nnrun predict` predicts."""
    result = predict(EvaluateRequest(str(run)), file)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


@pytest.mark.keras
def test_numbers_of_json_are_numbers_however_the_runs_file_writes_them(
    trained: dict[str, Path], tmp_path: Path
) -> None:
    """Where the run's file has decimal commas and percent signs, a number is itself, and a text is read as there."""
    file = tmp_path / "new.csv"
    file.write_text("1,5;12,5%;0\n0,25;3%;0\n", encoding="utf-8")
    expected = [one["prediction"] for one in predicted(trained["commas"], file)]
    rows = [{"0": 1.5, "1": 0.125}, {"0": "0,25", "1": "3%"}]
    _, found = served(trained["commas"], "rows", rows)
    assert [one["prediction"] for one in found] == pytest.approx(expected, **TOLERANCE)
    with pytest.raises(RefusedRequestError, match="row 0, column '1': expected a number, received '3'"):
        served(trained["commas"], "rows", [{"0": 1, "1": "3"}])


@pytest.mark.keras
def test_a_series_is_forecast_from_its_rows(trained: dict[str, Path], tmp_path: Path) -> None:
    """The rows of a request are one series: the answer says how it goes on."""
    days = [{"day": f"2026-03-0{n}", "sold": n} for n in range(1, 7)]
    file = tmp_path / "new.csv"
    file.write_text("day,sold\n" + "".join(f"{one['day']},{one['sold']}\n" for one in days), encoding="utf-8")
    _, found = served(trained["series"], "rows", days)
    assert found == predicted(trained["series"], file)
    assert [(one["time"], one["step"]) for one in found] == [("2026-03-07", 1), ("2026-03-08", 2)]
    with pytest.raises(RefusedRequestError) as caught:
        served(trained["series"], "rows", days[:2])
    assert "/" not in caught.value.message


@pytest.mark.keras
def test_pictures_are_decoded_as_files_are(trained: dict[str, Path], tmp_path: Path) -> None:
    """Pictures, of another size too, are answered as a folder of them; a broken one is named by its number."""
    pictures = [png(50), png(51, (12, 10))]
    for number, content in enumerate(pictures):
        (tmp_path / f"{number}.png").write_bytes(content)
    expected = predicted(trained["files"], tmp_path)
    about, found = served(trained["files"], "pictures", pictures)
    assert [one["prediction"] for one in found] == [one["prediction"] for one in expected]
    shares = [one["probabilities"] for one in found]
    assert [one["dog"] for one in shares] == pytest.approx([one["output_dog"] for one in expected], **TOLERANCE)
    assert [sum(one.values()) for one in shares] == pytest.approx([1, 1])
    assert about.outputs[0].classes == ("cat", "dog")
    with pytest.raises(RefusedRequestError) as caught:
        served(trained["files"], "pictures", [pictures[0], pictures[1][:60]])
    assert (caught.value.details[0].row, caught.value.status) == (1, 422)


def test_pictures_stand_for_arrays_of_a_named_set(tmp_path: Path) -> None:
    """A picture for MNIST becomes grey pixels of its size; another size, and a broken file, are refused by number."""
    known = ServedInput("arrays", Mnist(), shape=(28, 28), decodes=True)
    picture = Image.fromarray(np.arange(28 * 28, dtype="uint8").reshape(28, 28))
    content = io.BytesIO()
    picture.save(content, "PNG")
    file = known.write(known.checked("pictures", [content.getvalue()]), tmp_path)
    with np.load(file) as arrays:
        assert arrays["x"].shape == (1, 28, 28)
        assert (arrays["x"][0] == np.asarray(picture)).all()
    with pytest.raises(RefusedRequestError, match="row 1: expected a picture of 28 x 28 pixels, received 5 x 6"):
        known.write([content.getvalue(), png(1)], tmp_path)
    with pytest.raises(RefusedRequestError, match="row 0: "):
        known.write([content.getvalue()[:50]], tmp_path)


def test_a_token_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment forgets the token, so that no process that is started here has it; a file comes first."""
    monkeypatch.setenv("NNRUN_SERVE_TOKEN", "from-the-environment")
    file = tmp_path / "token"
    file.write_text("from-a-file-of-the-user\n", encoding="utf-8")
    file.chmod(0o600)
    assert read_token(file, NullProgress()) == "from-a-file-of-the-user"
    assert read_token(None, NullProgress()) is None
