"""The commands `configs`, `explain`, `summary`, `data` and `runs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nnrun.config.files import shipped_configs
from nnrun.runs import record as records
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Invoke = Callable[..., Result]

SCORES = {
    "task": "classification",
    "test": {
        "rows": 200,
        "loss": 0.5,
        "accuracy": 0.97,
        "errors": 6,
        "error_rate": 0.03,
        "error_percent": 3.0,
        "error_percent_interval_95": [1.4, 6.4],
    },
}


@pytest.fixture
def finished_run(workdir: Path) -> RunFolder:
    """A finished run."""
    folder = RunFolder.create(workdir / "runs", "tiny")
    record = Record.begin(folder, name="tiny", argv=["x/__main__.py", "train", "my tiny.yaml"], seed=3)
    folder.write_json(folder.scores, SCORES)
    record.finish("done")
    return folder


def test_configs_are_listed_with_their_description(invoke: Invoke) -> None:
    """Every shipped config is listed with its `What:` line."""
    listed = {each["name"]: each["what"] for each in json.loads(invoke("configs", "--json").stdout)}
    assert set(listed) == set(shipped_configs())
    assert listed["digits_mlp"].startswith("Handwritten digits")
    shown = " ".join(invoke("configs").stdout.split())
    assert shown == " ".join(f"{name} {what}" for name, what in listed.items())


def test_explain_shows_the_arguments_of_a_part(invoke: Invoke) -> None:
    """A name in any case is explained with every argument, its type and its default."""
    result = invoke("explain", "conv2d")
    assert result.exit_code == 0
    assert result.stdout.startswith("Conv2D  (layers, Keras)\n")
    assert "\n  Conv2D: {filters: " in result.stdout
    assert "\n  filters               a positive integer; required\n" in result.stdout
    (described,) = json.loads(invoke("explain", "Conv2D", "--json").stdout)
    assert {row["name"] for row in described["arguments"]} >= {"filters", "kernel_size", "padding", "trainable"}


def test_explain_marks_nnruns_own_parts(invoke: Invoke) -> None:
    """A part that Keras does not have is marked as nnrun's."""
    assert invoke("explain", "Rescale").stdout.startswith("Rescale  (preparation, nnrun)\n")


def test_an_unknown_name_gets_the_nearest(invoke: Invoke) -> None:
    """An unknown name ends with 1 and the nearest name; with `--json` as a document."""
    result = invoke("explain", "Conv2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Did you mean 'Conv2D'?" in result.stderr
    error = json.loads(invoke("explain", "Conv2", "--json").stdout)["error"]
    assert (error["exit_code"], error["hint"], error["problems"]) == (1, "Did you mean 'Conv2D'?", [])


def test_summary_shows_shapes_and_parameters(invoke: Invoke) -> None:
    """The model of a config is shown layer by layer, and the totals are right."""
    document = json.loads(invoke("summary", "tiny.yaml", "--json").stdout)
    assert [(layer["name"], layer["output_shape"], layer["parameters"]) for layer in document["layers"]] == [
        ("dense", [4], 12),
        ("dense_1", [3], 15),
    ]
    assert (document["parameters"], document["trainable"], document["input_shape"]) == (27, 27, [2])
    assert (
        "\n27 parameters, 27 of them trainable\nMemory for training: at least" in invoke("summary", "tiny.yaml").stdout
    )


def test_summary_ends_at_a_refused_layer(invoke: Invoke) -> None:
    """A layer that refuses its input ends the table, is a problem with a place, and the exit code is 2."""
    result = invoke("summary", "tiny.yaml", "--set", "model.1={Conv2D: {filters: 3, kernel_size: 3}}")
    assert result.exit_code == 2
    assert "dense    Dense   4               12\nconv2d   Conv2D  ?                ?\n" in result.stdout
    assert "error: Conv2D" in result.stderr


def test_data_sets_are_listed_and_shown(invoke: Invoke) -> None:
    """Named data sets are listed; one is shown with licence, citation, digests and addresses."""
    assert {line.split()[0] for line in invoke("data", "list").stdout.splitlines()} >= {"mnist", "digits", "iris"}
    shown = invoke("data", "show", "mnist").stdout
    assert "\nlicence " in shown
    assert "\nrows         60,000 train, 10,000 test\n" in shown
    assert shown.count("sha256 ") == len(json.loads(invoke("data", "show", "mnist", "--json").stdout)["files"])


def test_the_card_of_a_data_set_is_compact(invoke: Invoke) -> None:
    """The alphabet of a text is on one line, classes have their counts, and each caveat is a line."""
    shown = invoke("data", "show", "shakespeare").stdout
    assert "\nclasses      65 characters: \"\\n !$&',-.3:;?ABC" in shown
    shown = invoke("data", "show", "iris").stdout
    assert shown.endswith("\nbalance      setosa: 50, versicolor: 50, virginica: 50\n")
    assert "\n             For new work use `california` instead" in invoke("data", "show", "boston").stdout


def test_an_unknown_data_set_gets_the_nearest(invoke: Invoke) -> None:
    """A misspelt name of a data set ends with 1 and the nearest name."""
    result = invoke("data", "show", "mnits")
    assert result.exit_code == 1
    assert "'mnist'" in result.stderr


def test_runs_are_listed_with_their_result(invoke: Invoke, finished_run: RunFolder) -> None:
    """A run's line holds its short id, name, status and main score."""
    heading, line = invoke("runs", "list").stdout.splitlines()
    assert heading.split()[:3] == ["run", "name", "status"]
    assert line.split()[:3] == [finished_run.short_id, "tiny", "done"]
    assert line.endswith("3.00 % error")
    (row,) = json.loads(invoke("runs", "list", "--json").stdout)
    assert (row["run"], row["headline"]) == (finished_run.id, {"name": "error_percent", "value": 3.0})


def test_no_runs_is_no_error(invoke: Invoke) -> None:
    """An empty list prints a hint on stderr and nothing on stdout."""
    result = invoke("runs", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nnrun train" in result.stderr
    assert json.loads(invoke("runs", "list", "--json").stdout) == []


def test_a_run_is_shown_with_its_command_and_scores(invoke: Invoke, finished_run: RunFolder) -> None:
    """`runs show last` prints the command line and the scores of the last run."""
    shown = invoke("runs", "show", "last").stdout
    assert f"run       {finished_run.id}\n" in shown
    assert "command   nnrun train 'my tiny.yaml'\n" in shown
    assert "test  3.00 %  1.40 to 6.40 %       6  0.5000    0.9700   200" in shown
    document = json.loads(invoke("runs", "show", finished_run.short_id, "--json").stdout)
    assert (document["status"], document["scores"]) == ("done", SCORES)
    assert document["files"] == ["record.json", "scores.json"]


def test_a_run_whose_process_is_gone_has_died(invoke: Invoke, finished_run: RunFolder) -> None:
    """A record with the status `running` whose process is gone is shown as `died`."""
    fields = records.read(finished_run)
    finished_run.write_json(
        finished_run.record, {**fields, "status": "running", "process": {**fields["process"], "start": "long ago"}}
    )
    shown = invoke("runs", "show", "last").stdout
    assert "status    died\n" in shown
    process = fields["process"]
    assert f"process   {process['pid']} on {process['host']}, which is gone\n" in shown
    for words in (("runs", "show", "last"), ("report", "last"), ("runs", "list")):
        document = json.loads(invoke(*words, "--json").stdout)
        first = document[0] if isinstance(document, list) else document
        assert (first["status"], first["process"]) == ("died", {**process, "start": "long ago"})
    result = invoke("compare", "last", "last")
    assert f"died: process {process['pid']} on {process['host']} is gone" in result.stderr


def test_the_environment_names_the_folder_of_runs(
    invoke: Invoke, finished_run: RunFolder, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NNRUN_RUNS_DIR names the folder of runs; `--runs-dir` has precedence."""
    (workdir / "elsewhere").mkdir()
    monkeypatch.setenv("NNRUN_RUNS_DIR", str(workdir / "elsewhere"))
    assert invoke("runs", "show", "last").exit_code == 1
    assert invoke("runs", "show", "last", "--runs-dir", "runs").exit_code == 0


@pytest.mark.parametrize(("out", "hint"), [("no/such/out.csv", "mkdir -p no/such"), (".", "--out predictions.csv")])
def test_predict_refuses_an_unwritable_file_at_once(
    invoke: Invoke, finished_run: RunFolder, out: str, hint: str
) -> None:
    """`--out` is checked before anything is loaded."""
    result = invoke("predict", "last", "tiny.csv", "--out", out)
    assert result.exit_code == 1
    assert f"hint: {hint}" in result.stderr
