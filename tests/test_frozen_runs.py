"""Run folders of earlier versions: every command that reads a run folder reads them (see frozen_runs/*/README.md)."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun

FROZEN = Path(__file__).resolve().parent / "frozen_runs" / "0.1.0"
KINDS = ("table", "pictures", "k_fold", "text", "graph", "own_code")
#: The file of new examples that each run predicts, and the predictions of the commit that made the run.
PREDICTED = {
    "table": "new_houses.csv",
    "pictures": "new_digits.csv",
    "k_fold": "new_patients.csv",
    "text": "new_story.txt",
    "graph": "new_flowers.csv",
    "own_code": "new_points.csv",
}
#: Figures of the same model on another processor differ in the last digits of float32.
TOLERANCE = {"rel": 1e-4, "abs": 1e-5}

Command = Callable[..., str]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the frozen runs and their data, since some commands write into the run folder."""
    return Path(shutil.copytree(FROZEN, tmp_path_factory.mktemp("frozen") / "runs"))


@pytest.fixture
def run(copies: Path) -> Command:
    """Run a command on a copied run folder; check that the files of the run are left as they were."""

    def invoke(command: str, kind: str, *words: object) -> str:
        code = ["--trust-run"] if kind == "own_code" and command in ("eval", "predict") else []
        line = [*command.split(), str(copies / kind), *map(str, words), *code]
        result = CliRunner().invoke(nnrun, line)
        assert result.exit_code == 0, result.output
        assert changed_files(kind, copies) == []
        return result.stdout

    return invoke


def changed_files(kind: str, copies: Path) -> list[str]:
    """List the files of a frozen run that its copy no longer holds; the log may have been continued."""
    saved = [path for path in (FROZEN / kind).rglob("*") if path.is_file()]
    now = {path: copies / path.relative_to(FROZEN) for path in saved}
    return [
        path.name
        for path, copy in now.items()
        if not (copy.is_file() and copy.read_bytes()[: path.stat().st_size] == path.read_bytes())
        or (path.stat().st_size != copy.stat().st_size and path.name != "log.txt")
    ]


def data_dir(copies: Path) -> tuple[str, str]:
    """The option that names the folder of the data that the runs were trained on."""
    return ("--data-dir", str(copies / "made_from"))


def test_every_kind_of_run_is_there() -> None:
    """There is a frozen run of each kind, complete, with the config that it was made from."""
    for kind in KINDS:
        record = json.loads((FROZEN / kind / "record.json").read_text(encoding="utf-8"))
        assert (record["status"], record["versions"]["nnrun"]) == ("done", "0.1.0")
        assert (FROZEN / kind / "checkpoints" / "last.keras").is_file()
        config = (FROZEN / "made_from" / f"{kind}.yaml").read_bytes()
        assert (FROZEN / kind / "config.yaml").read_bytes() == config
    assert (FROZEN / "pictures" / "mistakes.npz").is_file()
    assert (FROZEN / "text" / "samples.jsonl").is_file()
    assert len(list((FROZEN / "k_fold" / "folds").iterdir())) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_runs_show_describes_an_old_run(run: Command, kind: str) -> None:
    """`nnrun runs show` describes a run of an earlier version, for people and as JSON with its scores."""
    assert "0.1.0" in run("runs show", kind)
    shown = json.loads(run("runs show", kind, "--json"))
    assert shown["status"] == "done"
    assert shown["scores"] == json.loads((FROZEN / kind / "scores.json").read_text(encoding="utf-8"))


def test_runs_list_has_every_old_run(copies: Path) -> None:
    """`nnrun runs list` lists the runs of an earlier version, each done and with its result."""
    result = CliRunner().invoke(nnrun, ["runs", "list", "--json", "--runs-dir", str(copies)])
    rows = {Path(row["folder"]).name: row for row in json.loads(result.stdout)}
    assert set(rows) == set(KINDS)
    assert all((row["status"], row["problem"]) == ("done", None) and row["headline"] for row in rows.values())


@pytest.mark.parametrize("kind", ["table", "k_fold"])
def test_compare_takes_old_runs(run: Command, copies: Path, kind: str) -> None:
    """`nnrun compare` compares runs of an earlier version by rows and by folds."""
    compared = json.loads(run("compare", kind, copies / kind, "--json"))
    assert compared["difference"] == 0


def test_resume_leaves_an_old_run_that_is_done(run: Command, copies: Path) -> None:
    """`nnrun resume` of a finished run of an earlier version has nothing to do."""
    run("resume", "table", *data_dir(copies))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_report_makes_a_page_of_an_old_run(run: Command, kind: str, tmp_path: Path) -> None:
    """`nnrun report` makes a page of a run of an earlier version, with its name and its pictures."""
    run("report", kind, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"frozen_{kind}" in page
    assert "<svg" in page


@pytest.mark.keras
@pytest.mark.parametrize("kind", KINDS)
def test_eval_gives_the_saved_scores_of_an_old_run(run: Command, copies: Path, kind: str) -> None:
    """`nnrun eval` reads data, preparation and model of a run of an earlier version, and scores it as it was scored."""
    scores = json.loads(run("eval", kind, "--json", *data_dir(copies)))["scores"]
    saved = json.loads((FROZEN / kind / "scores.json").read_text(encoding="utf-8"))
    (part,) = set(scores) - {"task", "checkpoint"}
    # In the losses of outputs that version counted a smaller last batch like the others.
    of_outputs = {f"{name}_loss" for name in saved[part].get("outputs", {})}
    assert of_outputs <= set(scores[part])
    found, before = (
        {name: figure for name, figure in one[part].items() if name not in of_outputs} for one in (scores, saved)
    )
    assert_close(found, before)


@pytest.mark.keras
def test_eval_gives_the_saved_scores_of_an_old_fold(run: Command, copies: Path) -> None:
    """`nnrun eval --fold` scores the model of one fold of a run of an earlier version as it was scored."""
    scores = json.loads(run("eval", "k_fold", "--fold", 1, "--json", *data_dir(copies)))["scores"]
    saved = json.loads((FROZEN / "k_fold" / "folds" / "01" / "scores.json").read_text(encoding="utf-8"))
    assert_close(scores["test"], saved["test"])


@pytest.mark.keras
@pytest.mark.parametrize(("kind", "words"), [*((kind, ()) for kind in KINDS), ("k_fold", ("--fold", "1"))])
def test_predict_gives_the_saved_predictions_of_an_old_run(
    run: Command, copies: Path, tmp_path: Path, kind: str, words: tuple[str, ...]
) -> None:
    """`nnrun predict` predicts new rows with a run of an earlier version as that version did."""
    new = copies / "made_from" / PREDICTED[kind]
    run("predict", kind, new, "--out", tmp_path / "predicted.csv", *words, *data_dir(copies))
    found = without_origin(read_rows(tmp_path / "predicted.csv"))
    saved = read_rows(FROZEN / "predicted" / f"{'_'.join([kind, *words[1:]])}.csv")
    assert len(found) == len(saved) > 1
    # Of the text's hundreds of outputs only the first columns are saved.
    assert_close([row[: len(saved[0])] for row in found], saved)


@pytest.mark.keras
def test_generate_text_continues_with_an_old_run(run: Command, copies: Path, tmp_path: Path) -> None:
    """`nnrun generate-text` generates the same text with a run of an earlier version as that version did."""
    words = ("--greedy", "--seed-text", "the old ", "--length", "60", "--out", tmp_path / "text.txt")
    run("generate-text", "text", *words, *data_dir(copies))
    saved = (FROZEN / "predicted" / "text.txt").read_text(encoding="utf-8")
    assert (tmp_path / "text.txt").read_text(encoding="utf-8") == saved


def read_rows(path: Path) -> list[list[object]]:
    """Read a csv file; fields that are numbers become numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [[number_or_text(field) for field in row] for row in csv.reader(file)]


def number_or_text(field: str) -> float | str:
    """Return the number that a field holds, else its text."""
    try:
        return float(field)
    except ValueError:
        return field


def without_origin(rows: list[list[Any]]) -> list[list[Any]]:
    """Return a table without the columns that say where a row comes from, which the earlier version did not write."""
    kept = [index for index, name in enumerate(rows[0]) if name not in ("line", "file")]
    return [[row[index] for index in kept] for row in rows]


def assert_close(found: Any, saved: Any) -> None:
    """Require equal keys, texts and lengths, and numbers that differ only in the last digits of float32."""
    if isinstance(saved, dict):
        assert list(found) == list(saved)
        for key in saved:
            assert_close(found[key], saved[key])
    elif isinstance(saved, list):
        assert len(found) == len(saved)
        for one, other in zip(found, saved, strict=True):
            assert_close(one, other)
    elif isinstance(saved, float):
        assert found == pytest.approx(saved, **TOLERANCE)
    else:
        assert found == saved
