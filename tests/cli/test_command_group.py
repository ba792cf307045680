"""Requirements of the commands that only look: `configs`, `explain`, `summary`, `data` and `runs`."""

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

    Say = Callable[..., Result]

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
def kept(place: Path) -> RunFolder:
    """A run that is done."""
    folder = RunFolder.create(place / "runs", "tiny")
    record = Record.begin(folder, name="tiny", argv=["x/__main__.py", "train", "my tiny.yaml"], seed=3)
    folder.write_json(folder.scores, SCORES)
    record.finish("done")
    return folder


def test_configs_are_listed_with_what_they_are(say: Say) -> None:
    """Every shipped config stands in the list with its `What:` line."""
    listed = {each["name"]: each["what"] for each in json.loads(say("configs", "--json").stdout)}
    assert set(listed) == set(shipped_configs())
    assert listed["digits_mlp"].startswith("Handwritten digits")
    shown = " ".join(say("configs").stdout.split())
    assert shown == " ".join(f"{name} {what}" for name, what in listed.items())


def test_explain_says_what_a_part_takes(say: Say) -> None:
    """A name in any case is explained with every argument, what it takes and its default."""
    result = say("explain", "conv2d")
    assert result.exit_code == 0
    assert result.stdout.startswith("Conv2D  (layers, Keras)\n")
    assert "\n  Conv2D: {filters: " in result.stdout
    assert "\n  filters               a positive integer; required\n" in result.stdout
    (described,) = json.loads(say("explain", "Conv2D", "--json").stdout)
    assert {row["name"] for row in described["arguments"]} >= {"filters", "kernel_size", "padding", "trainable"}


def test_explain_marks_what_is_nnruns_own(say: Say) -> None:
    """What Keras does not have is said to be nnrun's."""
    assert say("explain", "Rescale").stdout.startswith("Rescale  (preparation, nnrun)\n")


def test_an_unknown_name_gets_the_nearest(say: Say) -> None:
    """A name that nobody knows ends with 1 and the nearest name; with `--json` as a document."""
    result = say("explain", "Conv2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Did you mean 'Conv2D'?" in result.stderr
    error = json.loads(say("explain", "Conv2", "--json").stdout)["error"]
    assert (error["exit_code"], error["hint"], error["problems"]) == (1, "Did you mean 'Conv2D'?", [])


def test_summary_tells_shapes_and_parameters(say: Say) -> None:
    """The model of a config is told layer by layer, and sums are right."""
    document = json.loads(say("summary", "tiny.yaml", "--json").stdout)
    assert [(layer["name"], layer["output_shape"], layer["parameters"]) for layer in document["layers"]] == [
        ("dense", [4], 12),
        ("dense_1", [3], 15),
    ]
    assert (document["parameters"], document["trainable"], document["input_shape"]) == (27, 27, [2])
    assert "\n27 parameters, 27 of them trainable\nMemory for training: at least" in say("summary", "tiny.yaml").stdout


def test_summary_shows_what_it_can_up_to_a_layer_that_cannot_be(say: Say) -> None:
    """A layer that cannot take its input ends the table, is told at its place, and the exit code is 2."""
    result = say("summary", "tiny.yaml", "--set", "model.1={Conv2D: {filters: 3, kernel_size: 3}}")
    assert result.exit_code == 2
    assert "dense    Dense   4               12\nconv2d   Conv2D  ?                ?\n" in result.stdout
    assert "error: Conv2D" in result.stderr


def test_data_sets_are_listed_and_shown(say: Say) -> None:
    """Named data sets are listed; one is shown with licence, citation, digests and addresses."""
    assert {line.split()[0] for line in say("data", "list").stdout.splitlines()} >= {"mnist", "digits", "iris"}
    shown = say("data", "show", "mnist").stdout
    assert "\nlicence " in shown
    assert "\nrows         60,000 train, 10,000 test\n" in shown
    assert shown.count("sha256 ") == len(json.loads(say("data", "show", "mnist", "--json").stdout)["files"])


def test_a_card_is_read_at_a_glance(say: Say) -> None:
    """A text's alphabet stands in one line, each class with its count, and a caveat for each line."""
    shown = say("data", "show", "shakespeare").stdout
    assert "\nclasses      65 characters: \"\\n !$&',-.3:;?ABC" in shown
    shown = say("data", "show", "iris").stdout
    assert shown.endswith("\nbalance      setosa: 50, versicolor: 50, virginica: 50\n")
    assert "\n             For new work use `california` instead" in say("data", "show", "boston").stdout


def test_an_unknown_data_set_gets_the_nearest(say: Say) -> None:
    """A slip in a data set's name ends with 1 and the nearest name."""
    result = say("data", "show", "mnits")
    assert result.exit_code == 1
    assert "'mnist'" in result.stderr


def test_runs_are_listed_with_their_result(say: Say, kept: RunFolder) -> None:
    """A run's line says its short id, name, status and the figure that counts."""
    heading, line = say("runs", "list").stdout.splitlines()
    assert heading.split()[:3] == ["run", "name", "status"]
    assert line.split()[:3] == [kept.short_id, "tiny", "done"]
    assert line.endswith("3.00 % error")
    (row,) = json.loads(say("runs", "list", "--json").stdout)
    assert (row["run"], row["headline"]) == (kept.id, {"name": "error_percent", "value": 3.0})


def test_no_runs_is_no_error(say: Say) -> None:
    """An empty list says on stderr how to get a run, and the list itself stays empty."""
    result = say("runs", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nnrun train" in result.stderr
    assert json.loads(say("runs", "list", "--json").stdout) == []


def test_a_run_is_shown_with_its_command_and_scores(say: Say, kept: RunFolder) -> None:
    """`runs show` takes `last`, and says what was typed and what came of it."""
    shown = say("runs", "show", "last").stdout
    assert f"run       {kept.id}\n" in shown
    assert "command   nnrun train 'my tiny.yaml'\n" in shown
    assert "test  3.00 %  1.40 to 6.40 %       6  0.5000    0.9700   200" in shown
    document = json.loads(say("runs", "show", kept.short_id, "--json").stdout)
    assert (document["status"], document["scores"]) == ("done", SCORES)
    assert document["files"] == ["record.json", "scores.json"]


def test_a_run_that_died_is_not_called_running(say: Say, kept: RunFolder) -> None:
    """A record that says `running` while its process is gone is shown as `died`."""
    fields = records.read(kept)
    kept.write_json(kept.record, {**fields, "status": "running", "process": {**fields["process"], "start": "long ago"}})
    assert "status    died\n" in say("runs", "show", "last").stdout


def test_runs_lie_where_the_environment_says(
    say: Say, kept: RunFolder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NNRUN_RUNS_DIR names the folder of runs; `--runs-dir` counts more."""
    (place / "elsewhere").mkdir()
    monkeypatch.setenv("NNRUN_RUNS_DIR", str(place / "elsewhere"))
    assert say("runs", "show", "last").exit_code == 1
    assert say("runs", "show", "last", "--runs-dir", "runs").exit_code == 0


@pytest.mark.parametrize(("out", "hint"), [("no/such/out.csv", "mkdir -p no/such"), (".", "--out predictions.csv")])
def test_predict_refuses_a_place_it_cannot_write_before_it_computes(
    say: Say, kept: RunFolder, out: str, hint: str
) -> None:
    """`--out` is looked at before anything is loaded."""
    result = say("predict", "last", "tiny.csv", "--out", out)
    assert result.exit_code == 1
    assert f"hint: {hint}" in result.stderr
