"""`nnrun explain-run`: the importance of columns, against what the data say and scikit-learn's own figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.inspection import permutation_importance

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.explain_pictures import PictureOptions
from nnrun.pipeline.explain_run import explain_run
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import make_report
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras
CONFIG = """
name: explained
seed: 3
data:
  source: {csv: {file: rows.csv, target: price}}
  prepare: [{OneHotEncoder: [town]}, StandardScaler]
  prepare_target: [StandardScaler]
  split: {test: 0.4}
model: [{Dense: {units: 16, activation: relu}}, {Dense: 1}]
training: {loss: mean_squared_error, optimizer: {Adam: {learning_rate: 0.02}}, epochs: 20, batch_size: 16}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on rows whose price depends on the size most, on the town less, and on the colour not at all."""
    folder, drawn = tmp_path_factory.mktemp("explained"), np.random.default_rng(0)
    size, colour = drawn.normal(size=300), drawn.normal(size=300)
    town = drawn.integers(0, 3, 300)
    price = 1000 + 300 * size + 100 * town + drawn.normal(0, 10, 300)
    lines = [
        f"{a:.4f},{colour[at]:.4f},{a * 2 + colour[at] * 0.01:.4f},{'abc'[town[at]]},{price[at]:.1f}"
        for at, a in enumerate(size)
    ]
    (folder / "rows.csv").write_text("\n".join(["size,colour,width,town,price", *lines]) + "\n")
    (folder / "explained.yaml").write_text(CONFIG)
    return train(TrainRequest(folder / "explained.yaml", runs_dir=folder / "runs"), NullProgress()).folder


def request(run: RunFolder, **options: str) -> EvaluateRequest:
    """Return a request about a run."""
    return EvaluateRequest(str(run.path), run.path.parent, **options)  # type: ignore[arg-type]


class Model:
    """The run as an estimator of raw rows."""

    def __init__(self, run: RunFolder, names: list[str]) -> None:
        self.run, self.names = run, names

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        """Do nothing: it is trained."""

    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the negative mean absolute error of `nnrun predict`."""
        file = self.run.path.parents[1] / "new.csv"
        file.write_text("\n".join([",".join(self.names), *(",".join(map(str, row)) for row in x)]) + "\n")
        found = predict(request(self.run), file)
        at = found.columns.index("prediction")
        return -float(np.abs(np.array([float(str(row[at])) for row in found.rows]) - y).mean())


def test_importances_are_those_of_scikit_learn(run: RunFolder) -> None:
    """Through `nnrun predict`, scikit-learn's `permutation_importance` of raw rows finds the same, within chance."""
    found = explain_run(request(run), NullProgress(), repeats=20).importance
    (output,) = found["outputs"]
    columns = {one["column"]: one for one in output["columns"]}
    assert output["error"] == "mean_absolute_error"
    assert list(columns)[:2] in (["width", "size"], ["size", "width"])
    assert columns["colour"]["interval_95"][0] <= 5
    assert columns["town"]["interval_95"][0] > 10
    header, *lines = (run.path.parents[1] / "rows.csv").read_text().splitlines()
    kept = [int(line.split(",")[0]) for line in run.predictions.read_text().splitlines()[1:]]
    rows = np.array([lines[row].split(",") for row in kept], object)
    other = permutation_importance(
        Model(run, header.split(",")[:4]), rows[:, :4], rows[:, 4].astype(float), n_repeats=5, random_state=1
    )
    for at, name in enumerate(header.split(",")[:4]):
        assert columns[name]["importance"] == pytest.approx(
            other.importances_mean[at], abs=4 * other.importances_std[at] + 3
        )


def test_what_is_found_is_kept_and_shown(run: RunFolder) -> None:
    """The file has it, the same seed finds it again, correlated columns are named, and the report draws it."""
    first = explain_run(request(run), NullProgress()).importance
    assert explain_run(request(run), NullProgress()).importance == first
    assert json.loads(run.importance.read_text()) == first
    assert first["notes"] == ["size and width are correlated (1.00): each looks less important than both together"]
    assert first["rows"] == 120
    report = make_report(run)
    assert "importance.svg" in report.plots
    assert "each looks less important than both together" in report.page


def test_a_damaged_file_breaks_no_report(run: RunFolder) -> None:
    """The report says that it cannot be read, and has all other sections."""
    run.importance.write_text('{"checkpoint": 1}')
    page = make_report(run).page
    assert "importance.json" in page
    assert "Scores of each part" in page
    run.importance.unlink()


def test_rows_without_columns_are_refused(tmp_path: Path, run: RunFolder) -> None:
    """Arrays have no columns, and a fold is not the model of the whole run."""
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(60, 4)), y=np.arange(60) % 2)
    text = CONFIG.replace("{csv: {file: rows.csv, target: price}}", "{npz: {file: data.npz}}")
    text = text.replace(
        "  prepare: [{OneHotEncoder: [town]}, StandardScaler]\n  prepare_target: [StandardScaler]\n", ""
    )
    (tmp_path / "arrays.yaml").write_text(text.replace("epochs: 20", "epochs: 1"))
    other = train(TrainRequest(tmp_path / "arrays.yaml", runs_dir=tmp_path / "runs"), NullProgress()).folder
    with pytest.raises(RunError, match="they have neither columns nor pictures"):
        explain_run(request(other), NullProgress())
    assert not other.importance.exists()
    with pytest.raises(RunError, match="--method and --patch are for pictures, and they have none"):
        explain_run(request(run), NullProgress(), pictures=PictureOptions(method="occlusion"))
