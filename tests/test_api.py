"""nnrun from Python: `nnrun.train` and its kin do what the commands do, and give data frames."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnrun
from nnrun.errors import ConfigError, DataError, RunError

FROZEN = Path(__file__).resolve().parent / "frozen_runs" / "0.1.0"
CONFIG: dict[str, Any] = {
    "name": "flowers",
    "seed": 7,
    "data": {
        "source": {"csv": {"file": "flowers.csv", "target": "species"}},
        "prepare": ["StandardScaler"],
        "split": {"test": 0.2, "validation": 0.2, "stratify": True},
    },
    "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": "$classes", "activation": "softmax"}}],
    "training": {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": {"Adam": 0.01},
        "metrics": ["accuracy"],
        "epochs": 2,
    },
}


def flowers() -> pd.DataFrame:
    """Thirty flowers of three species, which differ in one measurement."""
    numbers = np.random.default_rng(3).normal(size=(60, 2)).round(3)
    kinds = np.arange(60) % 3
    numbers[:, 0] += 4 * kinds
    return pd.DataFrame(numbers, columns=["petal", "sepal"]).assign(species=np.array(["a", "b", "c"])[kinds])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the table."""
    flowers().to_csv(tmp_path / "flowers.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_package_has_the_names_of_the_api() -> None:
    """They are listed for completion, and others are refused as Python does."""
    assert {"train", "check", "load_run", "list_runs", "run_sweep"} <= set(dir(nnrun))
    assert nnrun.train.__module__ == "nnrun.api"
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        _ = nnrun.fit


def test_importing_the_package_imports_nothing_else() -> None:
    """Commands start as fast as before: pandas and TensorFlow come with their first use."""
    code = "import sys, nnrun; print([name for name in sys.modules if name.split('.')[0] in ('pandas', 'keras')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_config_may_be_a_mapping(place: Path) -> None:
    """Files that it names are looked for in the working directory, not in that of a temporary file."""
    assert [one.text for one in nnrun.check(CONFIG)] == []
    (place / "flowers.csv").rename(place / "other.csv")
    (problem,) = nnrun.check(CONFIG)
    assert str(place) in problem.text


def test_problems_are_returned_with_their_places(place: Path) -> None:
    """Also those of a config that is no valid experiment."""
    wrong = {**CONFIG, "modle": CONFIG["model"]}
    texts = [one.text for one in nnrun.check(wrong)]
    assert any("modle" in text for text in texts)
    (place / "my.yaml").write_text("name: x\n", encoding="utf-8")
    assert all(one.mark is not None for one in nnrun.check("my.yaml"))
    (units,) = nnrun.check(CONFIG, sets={"model.0.Dense.units": np.int64(-3)})
    assert "units" in units.text


def test_nothing_is_trained_of_a_config_with_errors(place: Path) -> None:
    """The error is that of the command, and no folder is made."""
    with pytest.raises(ConfigError, match="epochs"):
        nnrun.train(CONFIG, sets={"training.epochs": 0}, quiet=True)
    assert not (place / "runs").exists()


def test_runs_are_listed_and_opened() -> None:
    """A row for each run; of one the scores, epochs and predictions, with numbers as numbers."""
    table = nnrun.list_runs(FROZEN)
    assert {"id", "name", "status", "value"} <= set(table.columns)
    done = table[table["status"] == "done"]
    assert len(done) > 3
    for name in done["id"]:
        run = nnrun.load_run(name, runs_dir=FROZEN)
        assert run.status == "done"
        assert run.path.name == name
        assert len(run.metrics) > 0
        assert run.scores == json.loads((run.path / "scores.json").read_text(encoding="utf-8"))
        assert run.config["training"]["epochs"] >= 1
        assert {name.split("_")[0] for name in run.predictions.columns} >= {"row", "truth", "prediction"}
        assert run.folder.id in run._repr_html_()
    with pytest.raises(RunError, match="nothing"):
        nnrun.load_run("nothing", runs_dir=FROZEN)


def test_a_metric_is_drawn_by_epoch() -> None:
    """Training and validation, with the axes named; an unknown metric is refused with those that there are."""
    table = nnrun.list_runs(FROZEN)
    run = nnrun.load_run(table[table["status"] == "done"]["id"].iloc[0], runs_dir=FROZEN)
    (axes,) = run.plot("loss").axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), run.metrics["loss"])
    assert axes.get_xlabel() == "epoch"
    with pytest.raises(RunError, match="no metric 'lsos'"):
        run.plot("lsos")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run of the mapping, trained once."""
    home = tmp_path_factory.mktemp("api")
    flowers().to_csv(home / "flowers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run = nnrun.train(CONFIG, sets={"training.epochs": 30}, quiet=True, runs_dir=home / "runs")
    return run, home


@pytest.mark.keras
def test_a_run_has_its_scores_and_epochs(trained: tuple[Any, Path]) -> None:
    """The result of training is the run that `load_run` gives, and its figures are those of its folder."""
    run, home = trained
    assert list(run.metrics["epoch"]) == list(range(1, 31))
    assert run.scores["test"]["error_percent"] < 30
    assert nnrun.load_run(runs_dir=home / "runs").path == run.path
    assert run.record["argv"] == ["nnrun.train"]
    assert run.report().is_file()


@pytest.mark.keras
def test_raw_rows_are_predicted_from_tables_lists_and_files(trained: tuple[Any, Path]) -> None:
    """The same rows, in each form, have the same predictions; the target may be missing."""
    run, home = trained
    table = flowers()
    by_file = run.predict(home / "flowers.csv")
    assert (by_file["prediction"] == table["species"]).mean() > 0.7
    without = table.drop(columns="species")
    pd.testing.assert_frame_equal(run.predict(without)[["prediction"]], by_file[["prediction"]])
    pd.testing.assert_frame_equal(run.predict(without.to_dict("records"))[["prediction"]], by_file[["prediction"]])
    with pytest.raises(DataError, match="petal"):
        run.predict(without.drop(columns="petal"))


@pytest.mark.keras
@pytest.mark.parametrize("header", [True, False])
def test_rows_of_a_run_on_another_kind_of_csv_are_predicted(place: Path, header: bool) -> None:
    """Numbers are predicted alike from a table and from the file, whose decimal commas and semicolons they get."""
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(2)
    lines = [";".join(f"{value:.2f}" for value in row).replace(".", ",") for row in rows]
    (place / "rows.csv").write_text("\n".join(["a;b;y"] * header + lines) + "\n")
    csv = {"file": "rows.csv", "target": "y" if header else 2, "separator": ";", "decimal": ",", "header": header}
    changed = {"data": {"source": {"csv": csv}, "split": {"test": 0.2}}, "model": [{"Dense": 1}]}
    training = {"loss": "mean_squared_error", "optimizer": "Adam", "epochs": 1, "batch_size": 16}
    run = nnrun.train({"name": "commas", **changed, "training": training}, quiet=True)
    table = pd.DataFrame(rows[:, :2], columns=["a", "b"] if header else ["0", "1"])
    expected = run.predict(place / "rows.csv")["prediction"]
    assert list(run.predict(table)["prediction"]) == list(expected)
    texts = table.map(lambda value: f"{value:.2f}".replace(".", ","))
    assert list(run.predict(texts)["prediction"]) == list(expected)


@pytest.mark.keras
def test_a_run_is_scored_again(trained: tuple[Any, Path]) -> None:
    """To the last digit of its own part, and on other rows with their truth."""
    run, _ = trained
    assert run.evaluate()["test"] == run.scores["test"]
    assert run.evaluate(flowers())["data"]["accuracy"] > 0.7


@pytest.mark.keras
def test_the_model_is_that_of_keras(trained: tuple[Any, Path]) -> None:
    """It takes prepared examples."""
    model = trained[0].model
    assert model.count_params() == 8 * 3 + 3 * 9
    assert model.predict(np.zeros((2, 2)), verbose=0).shape == (2, 3)


@pytest.mark.keras
def test_the_page_does_what_it_shows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The code of docs/python.md runs as it stands, and predicts the species of a known flower."""
    page = Path(__file__).resolve().parents[1] / "docs" / "python.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})  # noqa: S102 - the page of this checkout
    printed = capsys.readouterr().out
    assert "setosa" in printed.splitlines()
    assert float(printed.splitlines()[0]) < 20
    assert (place / "accuracy.png").stat().st_size > 5000


@pytest.mark.keras
def test_a_sweep_gives_its_trials_and_the_best_run(place: Path) -> None:
    """A row for each trial with its parameters and its score; the best one's config can be trained."""
    sweep = nnrun.run_sweep(
        {**CONFIG, "sweep": {"parameters": {"training.optimizer": [{"Adam": 1.0e-6}, {"Adam": 0.05}]}}},
        sets={"training.epochs": 10},
        quiet=True,
    )
    table = sweep.trials
    assert list(table["status"]) == ["done", "done"]
    assert list(table["training.optimizer"]) == [{"Adam": 1e-6}, {"Adam": 0.05}]
    score = table.columns[-1]
    best = table.loc[table[score].idxmin()]
    assert sweep.best.config["training"]["optimizer"]["Adam"]["learning_rate"] == 0.05
    assert best["training.optimizer"] == {"Adam": 0.05}
    (place / "best.yaml").write_text(sweep.best_config, encoding="utf-8")
    assert nnrun.check("best.yaml") == []
