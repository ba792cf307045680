"""The model card of a run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nnrun.errors import RunError
from nnrun.report.card import make_card, write_card
from nnrun.report.card_data import DataSource, hub_task
from nnrun.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

FROZEN = Path(__file__).resolve().parent.parent / "frozen_runs" / "0.1.0"
SECTIONS = (
    "Model details",
    "Intended use",
    "Data and licence",
    "Training procedure",
    "Evaluation",
    "Limits",
    "How to use",
    "How to reproduce",
)


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., RunFolder]:
    """Return a function that copies a frozen run and changes fields of its files."""

    def make(kind: str, /, **changes: dict[str, Any]) -> RunFolder:
        folder = RunFolder(Path(shutil.copytree(FROZEN / kind, tmp_path / kind)))
        for name, fields in changes.items():
            file = folder.path / f"{name}.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
        return folder

    return make


def _metadata(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


@pytest.mark.parametrize(
    ("kind", "task", "holds"),
    [
        ("table", "tabular-classification", "| usual | 0.5714 | 0.5714 | 0.5714 | 42.9 % | 15.8 % to 75.0 % | 3 | 7 |"),
        ("graph", "tabular-classification", "| mean absolute error of petal\\_width | 0.2314 | 0.1874 to 0.2859 |"),
        ("k_fold", "tabular-regression", "| mean absolute error | 44.8598 | 0.8172 | 40.7972 to 48.9223 |"),
        ("text", "text-generation", "There is no test part: the scores are of the validation part"),
        ("pictures", "image-classification", "**licence**: CC BY 4.0 (UCI Machine Learning Repository)"),
        ("own_code", None, "nnrun train resolved.yaml --code sources/own_code.py"),
    ],
)
def test_a_card_of_each_kind_of_run(kind: str, task: str | None, holds: str) -> None:
    """Every kind of run has a card with all sections, its figures with intervals, and the metadata of the hub."""
    card = make_card(RunFolder(FROZEN / kind))
    assert tuple(re.findall("^## (.*)$", card.text, re.MULTILINE)) == SECTIONS
    assert holds in card.text
    assert card == make_card(RunFolder(FROZEN / kind))
    metadata = _metadata(card.text)
    assert metadata == card.metadata
    assert metadata.get("pipeline_tag") == task
    result = metadata["model-index"][0]["results"][0]
    assert result["task"]["type"] == (task or "other")
    assert all(isinstance(figure["value"], float) for figure in result["metrics"])
    assert "license" not in metadata  # no folder knows the licence of the model
    assert "<!-- to fill in: intended use, and by whom -->" in card.text


@pytest.mark.parametrize(
    ("source", "facts", "task"),
    [
        ("csv", {"columns": ["a"], "window": 60, "horizon": 1}, "time-series-forecasting"),
        ("csv", {"columns": ["text[0]"], "window": 60, "vocabulary": 90}, "tabular-regression"),
        ("images", {"columns": ["a"], "arrays": {"photo": [8, 8, 3]}}, None),
    ],
)
def test_the_task_of_the_hub_is_that_of_the_data(source: str, facts: dict[str, object], task: str | None) -> None:
    """A table with a column of text is no series, and pictures with columns have no task of the hub."""
    assert hub_task(DataSource(source, "data", None), {"task": "regression", **facts}) == task


def test_a_card_names_the_exports_in_the_folder(copy: Callable[..., RunFolder]) -> None:
    """Those of this run alone, with what they take; without one it says how to export, with trust for own code."""
    command = "nnrun export . --to saved_model"
    text = make_card(RunFolder(FROZEN / "table")).text
    assert f"{command}    # or onnx" in text
    assert "Exports in the run folder" not in text
    assert f"{command} --trust-run" in make_card(RunFolder(FROZEN / "own_code")).text
    folder = copy("table")
    for name, run, preparation in (
        ("onnx", folder.id, "inside"),
        ("lite", folder.id, "separate"),
        ("old", "x", "inside"),
    ):
        (folder.path / name).mkdir()
        signature = {"format": 1, "run": run, "file": f"model.{name}", "preparation": preparation}
        (folder.path / name / "signature.json").write_text(json.dumps(signature))
    (folder.path / "torn").mkdir()
    (folder.path / "torn" / "signature.json").write_text("{")
    text = make_card(folder).text
    assert (
        "| lite | model.lite | prepared inputs (preparation.py makes them) |\n| onnx | model.onnx | raw rows |" in text
    )
    assert "| old |" not in text


def test_limits_are_computed(copy: Callable[..., RunFolder]) -> None:
    """Few rows, wide intervals, imbalance, missed and absent classes, a watched test part and warnings are limits."""
    scores = json.loads((FROZEN / "table" / "scores.json").read_text())
    by_class = scores["test"]["per_class"]
    by_class["slow"] |= {"support": 120, "recall": 0.25}
    by_class["fast"] |= {"support": 0, "recall": None}
    del scores["test"]["confusion_matrix"]
    folder = copy("table", scores={"test": scores["test"]}, record={"warnings": ["watch <out>"], "digests": {}})
    resolved = folder.resolved.read_text().replace("validation: 0.2", "validation: test")
    folder.resolved.write_text(resolved)
    found = "\n".join(make_card(folder).limits)
    for limit in (
        "The test part is small: 30 rows",
        "9.51 to 37.31 %, 27.8 percentage points",
        "imbalanced: slow has 94.5 % of the scored examples, usual 5.51 %",
        "Fewer than half of the examples were found of: slow (25.0 % of 120)",
        "No scored example has the class fast",
        "The test part was watched during training",
        "No digests of the data are recorded",
        "Trained with one seed (7)",
        "the run has no baselines",
        "watch <out>",
    ):
        assert limit in found
    assert "- watch &lt;out&gt;\n" in make_card(folder).text


def test_a_run_below_its_baseline_says_so(copy: Callable[..., RunFolder]) -> None:
    """The baselines of a run are compared with it."""
    folder = copy("table")
    one = {"name": "majority", "model": "DummyClassifier", "scores": {"error_percent": 10.0}}
    folder.write_json(
        folder.baselines, {"task": "classification", "part": "test", "rows": {"test": 30}, "baselines": [one]}
    )
    card = make_card(folder)
    assert any("is not below that of majority" in limit for limit in card.limits)
    assert "| majority | 10.00 % |" in card.text


def test_no_path_of_the_machine_is_in_a_card(copy: Callable[..., RunFolder]) -> None:
    """Files are named without their folders; the host and the command line are left out."""
    folder = copy(
        "table",
        record={
            "host": "secret-host",
            "argv": ["nnrun", "train", "/data/me/a.yaml"],
            "digests": {"file:/data/me/houses.csv": "ab"},
        },
    )
    folder.resolved.write_text(folder.resolved.read_text().replace("houses.csv", "/data/me/houses.csv"))
    text = make_card(folder).text
    assert "| houses.csv | ab |" in text
    assert "/data/me" not in text
    assert "secret-host" not in text


def test_a_run_that_is_not_done_has_no_card(finished: Callable[..., RunFolder]) -> None:
    """A failed run is refused with how it ended, and with the command that shows it."""
    with pytest.raises(RunError, match="failed: no memory") as raised:
        make_card(finished(status="failed", error="no memory"))
    assert "nnrun report" in str(raised.value.hint)


def test_a_run_without_scores_and_with_a_damaged_config_has_a_card(copy: Callable[..., RunFolder]) -> None:
    """What is missing or damaged is left to be filled in."""
    folder = copy("table")
    folder.scores.unlink()
    folder.resolved.write_text("a: [")
    card = make_card(folder)
    assert "scores: the run has none" in card.missing
    assert "model-index" not in card.metadata
    assert "resolved.yaml cannot be read, so that the settings are not known." in card.limits


def test_values_of_other_kinds_in_a_config_are_shown_or_left_out(copy: Callable[..., RunFolder]) -> None:
    """A resolved config that somebody edited has a card, whatever is in it."""
    folder = copy("table")
    for changed in (
        "5",
        "[training, data]",
        "training: {callbacks: 5, loss: [1, {a: 2}], optimizer: {}}\ndata: {source: [1], split: 3, prepare: 4}",
        "training: [1, {callbacks: [2, {}], loss: null}]\ndata: {source: {csv: 3}, prepare: [5, {a: {b: [c]}}]}",
        "data: {source: {sklearn: {set: [iris]}}}\nmodel: {outputs: [1]}\nprecision: {a: 1, b: 2}",
    ):
        folder.resolved.write_text(changed)
        assert "| usual |" in make_card(folder).text


def test_texts_of_somebody_elses_folder_stay_texts(copy: Callable[..., RunFolder], hostile: str) -> None:
    """Names, classes, warnings and paths with Markdown, HTML and YAML in them are shown as they are."""
    evil = f"{hostile} | --> [x](javascript:1) ![y](//z) `\n---\n# h\n"
    table = RunFolder(FROZEN / "table")
    scores = json.loads(table.scores.read_text())
    test = scores["test"]
    test["per_class"] = {f"{evil}{name}": one for name, one in test["per_class"].items()}
    record = json.loads(table.record.read_text())
    changed = {"name": evil, "warnings": [evil], "digests": {evil: evil}, "versions": {"nnrun": evil}}
    changed["facts"] = {**record["facts"], "class_names": [evil, "a", "b"]}
    folder = copy("table", scores={"test": test, "checkpoint": evil}, record=changed)
    folder.summary.write_text("```\n<script>\n")
    text = make_card(folder).text
    front, body = text.split("\n---\n", 1)
    assert "<script>" not in re.sub("(?s)^````text\n.*?^````$", "", body, flags=re.MULTILINE)
    assert yaml.safe_load(front.removeprefix("---\n"))["model-index"][0]["name"].startswith("<script>")
    assert re.findall("^#+ .*$", body, re.MULTILINE)[1:] == [f"## {one}" for one in SECTIONS]
    assert "\\|" in body
    assert "](" not in body.replace("\\](", "")
    comments = re.findall("(?s)<!--.*?-->", body)
    assert all(re.match("<!-- (to fill in: |written by nnrun card)", comment) for comment in comments)


def test_a_card_is_replaced_unless_somebody_edited_it(copy: Callable[..., RunFolder], tmp_path: Path) -> None:
    """A card as nnrun wrote it is written again; an edited one, or another file, only with force."""
    folder = copy("table")
    assert write_card(folder)[0] == folder.card
    first = folder.card.read_bytes()
    write_card(folder)
    assert folder.card.read_bytes() == first
    edited = first.replace(b"<!-- to fill in: intended use, and by whom -->", b"For the tests.")
    folder.card.write_bytes(edited)
    with pytest.raises(RunError, match="was edited") as raised:
        write_card(folder)
    assert "--force" in str(raised.value.hint)
    assert folder.card.read_bytes() == edited
    notes = tmp_path / "README.md"
    notes.write_text("mine")
    with pytest.raises(RunError, match="was edited"):
        write_card(folder, notes)
    assert notes.read_text() == "mine"
    write_card(folder, notes, force=True)
    assert notes.read_bytes() == first


@pytest.mark.parametrize("name", ["MODEL_CARD.md", "baselines.json"])
def test_a_link_in_the_folder_leads_nowhere(copy: Callable[..., RunFolder], tmp_path: Path, name: str) -> None:
    """A file of the run folder that is a link is refused, for reading and writing, even with force."""
    folder = copy("table")
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    (folder.path / name).symlink_to(precious)
    for force in (False, True):
        with pytest.raises(RunError, match="symbolic link"):
            write_card(folder, force=force)
    assert precious.read_text() == "precious"
