"""Tests of the user's own code: it is checked, run, copied to the run folder, and run again only unchanged."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnrun.catalog import lookup
from nnrun.cli.main import nnrun
from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.pipeline.user_code import register_code, register_run_code
from nnrun.progress import NullProgress
from nnrun.runs import record as records
from nnrun.runs import trusted_code
from nnrun.runs.folder import RunFolder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-code.md"
CONFIG = """
data: {source: digits}
model: [Flatten, Mine, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1}
"""
BROKEN = """import keras
def divide():
    return 1 / 0
divide()
class Mine(keras.layers.Layer): ...
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the page of the documentation shows."""
    folder = tmp_path_factory.mktemp("own")
    blocks = dict(re.findall(r"```(python|yaml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
    (folder / "my_code.py").write_text(blocks["python"], encoding="utf-8")
    (folder / "own.yaml").write_text(blocks["yaml"], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> TrainResult:
    """Do what the page shows, command by command, and return its run; the user allows nothing elsewhere."""
    (place / "new.csv").write_text("0.0,0.1\n2.1,0.0\n", encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trusted_code, "folder", lambda: place / "user" / "trusted-code")
        patch.chdir(place)
        for command in commands.splitlines():
            done = CliRunner().invoke(nnrun, command.partition("#")[0].split()[1:])
            assert done.exit_code == 0, done.output
        assert "\nrow," in done.output
    (folder,) = (RunFolder(path) for path in (place / "runs").iterdir())
    return TrainResult(folder, json.loads(folder.scores.read_text(encoding="utf-8")))


def request(trained: TrainResult, *code: Path, trust: bool = False) -> EvaluateRequest:
    """Return a request to evaluate the run."""
    return EvaluateRequest(str(trained.folder.path), code=code, trust_run=trust)


def test_the_example_of_the_documentation_is_valid(place: Path) -> None:
    """With `--code` the config of the page is checked without starting Keras; without it its names are unknown."""
    with register_code([place / "my_code.py"]):
        found = examine(place / "own.yaml", (), None)
    assert [problem.severity for problem in found.problems] == ["note"]
    with pytest.raises(ConfigError, match='expected the name of a layer, received "Scale"'):
        examine(place / "own.yaml", (), None)


def test_arguments_of_user_code_are_checked(place: Path) -> None:
    """An unknown argument of the user's own part is an error at its place, with the nearest valid name."""
    with register_code([place / "my_code.py"]), pytest.raises(ConfigError) as caught:
        examine(place / "own.yaml", ("model.0.Scale.strat=1", "data.source.read_blobs.rows=many"), None)
    hints = {problem.text: problem.hint for problem in caught.value.problems}
    assert "Scale has no argument 'strat'" in hints
    assert "start" in str(hints["Scale has no argument 'strat'"])
    assert any("expected an integer for 'rows'" in text for text in hints)


@pytest.mark.keras
def test_a_run_has_a_copy_of_the_code_and_its_digest(trained: TrainResult, place: Path) -> None:
    """The copy in `sources/` equals the code that was run, and the record has its SHA-256."""
    record = records.read(trained.folder)
    (copied,) = record["code"]
    assert (trained.folder.path / copied["file"]).read_bytes() == (place / "my_code.py").read_bytes()
    assert record["digests"]["sources/my_code.py"] == copied["sha256"]
    assert trained.folder.log.read_text(encoding="utf-8").count("done 1") == 1
    assert "sureness" in trained.scores["test"]


@pytest.mark.keras
def test_the_same_code_gives_the_same_scores(trained: TrainResult, place: Path) -> None:
    """`eval` with `--code`, and with `--trust-run`, gives the scores of training to the last digit."""
    for each in (request(trained, place / "my_code.py"), request(trained, trust=True)):
        assert evaluate(each, NullProgress()).scores["test"] == trained.scores["test"]


@pytest.mark.keras
def test_new_rows_are_prepared_by_the_users_step(trained: TrainResult, place: Path) -> None:
    """`predict` uses the fitted state of the user's own step."""
    assert len(predict(request(trained, trust=True), place / "new.csv").rows) == 2


@pytest.mark.keras
def test_user_code_is_unregistered_after_a_run(trained: TrainResult) -> None:
    """After a run the user's names are neither in the catalog nor in Keras nor among Python's modules."""
    import keras

    assert trained.status == "done"
    assert lookup.entry("layers", "Scale") is None
    assert not [name for name in keras.saving.get_custom_objects() if name.startswith("user>")]
    assert not [name for name in sys.modules if name.startswith("_nnrun_user_code")]


@pytest.mark.keras
def test_failing_code_is_reported_with_its_own_lines(tmp_path: Path) -> None:
    """The error of a file that fails shows the user's lines, not nnrun's; the run folder has status `failed`."""
    (tmp_path / "my.py").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "x.yaml").write_text(CONFIG, encoding="utf-8")
    with pytest.raises(RunError, match=r"my\.py:3: .*ZeroDivisionError") as caught:
        train(
            TrainRequest(str(tmp_path / "x.yaml"), runs_dir=tmp_path / "runs", code=(tmp_path / "my.py",)),
            NullProgress(),
        )
    notes = "\n".join(caught.value.__notes__)
    assert "in divide" in notes
    assert "nnrun" not in notes.replace(str(tmp_path), "")
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "record.json").read_text(encoding="utf-8"))["status"] == "failed"


@pytest.fixture
def run_with_code(tmp_path: Path) -> tuple[RunFolder, dict[str, object]]:
    """Return a run folder with a copy of code that would end the program, and its record."""
    code = b"import keras\nraise SystemExit\nclass Mine(keras.layers.Layer): ...\n"
    folder = RunFolder.create(tmp_path, "x")
    folder.write_bytes(folder.sources / "my.py", code)
    (tmp_path / "my.py").write_bytes(code)
    return folder, {"code": [{"file": "sources/my.py", "sha256": hashlib.sha256(code).hexdigest()}]}


def test_code_of_a_run_is_not_used_unless_requested(
    run_with_code: tuple[RunFolder, dict[str, object]], tmp_path: Path
) -> None:
    """A run with code is an error without `--code` and `--trust-run`, with either of them the code is registered."""
    with (
        pytest.raises(RunError, match="run again only on request") as caught,
        register_run_code(*run_with_code, (), trust=False),
    ):
        pass
    assert "--code my.py" in str(caught.value.hint)
    assert "--trust-run" in str(caught.value.hint)
    for files, trust in (((tmp_path / "my.py",), False), ((), True)):
        with register_run_code(*run_with_code, files, trust=trust):
            assert lookup.entry("layers", "Mine") is not None
    assert lookup.entry("layers", "Mine") is None


def test_commands_on_a_run_need_no_more_where_its_code_is_allowed(
    run_with_code: tuple[RunFolder, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy with the record's digest is used, if `nnrun trust` has allowed it; also together with `--code`."""
    monkeypatch.setattr(trusted_code, "folder", lambda: tmp_path / "trusted-code")
    folder, record = run_with_code
    trusted_code.allow(tmp_path / "my.py", (tmp_path / "my.py").read_bytes())
    with register_run_code(folder, record, (), trust=False) as codes:
        assert lookup.entry("layers", "Mine") is not None
    assert [code.file for code in codes] == [str(folder.sources / "my.py")]
    other = tmp_path / "other.py"
    other.write_text("def bent(x): ...\n", encoding="utf-8")
    folder.write_bytes(folder.sources / "other.py", other.read_bytes())
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    both = {"code": [*record["code"], {"file": "sources/other.py", "sha256": digest}]}  # type: ignore[misc]
    with register_run_code(folder, both, (other,), trust=False) as codes:
        assert len(codes) == 2
    folder.write_bytes(folder.sources / "my.py", b"import os\n")
    with pytest.raises(RunError, match="was changed since the run"), register_run_code(folder, record, (), trust=False):
        pass


def test_changed_code_is_an_error_with_both_digests(
    run_with_code: tuple[RunFolder, dict[str, object]], tmp_path: Path
) -> None:
    """Another file than the run's, a further file and a changed copy are errors."""
    other = tmp_path / "other.py"
    other.write_text("def bent(x): ...\n", encoding="utf-8")
    with (
        pytest.raises(RunError, match=r"SHA-256 is [0-9a-f]{64}, the run used my.py: [0-9a-f]{64}"),
        register_run_code(*run_with_code, (other,), trust=False),
    ):
        pass
    with (
        pytest.raises(RunError, match="run used none") as caught,
        register_run_code(run_with_code[0], {}, (other,), trust=False),
    ):
        pass
    assert caught.value.hint == "leave --code out"
    run_with_code[0].write_text(run_with_code[0].sources / "my.py", "changed = 1\n")
    with (
        pytest.raises(RunError, match=r"was changed since the run: its SHA-256 is [0-9a-f]{64}, expected"),
        register_run_code(*run_with_code, (), trust=True),
    ):
        pass


def test_a_record_cannot_name_files_outside_the_run_folder(tmp_path: Path) -> None:
    """Only a file directly inside `sources/` is read as a run's copy."""
    folder = RunFolder.create(tmp_path, "x")
    (tmp_path / "evil.py").write_text("x = 1\n", encoding="utf-8")
    record = {"code": [{"file": "../evil.py", "sha256": "0" * 64}]}
    with (
        pytest.raises(RunError, match=r"sources.evil\.py: the run's copy of its code cannot be read"),
        register_run_code(folder, record, (), trust=True),
    ):
        pass


COUNTING = """import numpy as np
import tensorflow as tf

def distinct(y_true, y_pred):
    count = tf.numpy_function(lambda array: np.float32(len(np.unique(array))), [tf.argmax(y_pred, axis=-1)], "float32")
    return tf.ensure_shape(count, ())
"""
COMPILED = """
data: {source: digits, prepare: [{Reshape: [64]}]}
model: [{Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 2, batch_size: 64, metrics: [distinct]}
"""


@pytest.mark.keras
def test_a_metric_that_xla_cannot_compile_is_an_error_only_with_xla_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With `xla: auto` training goes on without XLA, as log and record state; with `xla: true` it is an error."""
    from nnrun.engine.executors import xla_rule

    monkeypatch.setattr(xla_rule, "_REQUIRED_RATIO", 0.0)
    config, code = tmp_path / "counting.yaml", tmp_path / "mine.py"
    config.write_text(COMPILED, encoding="utf-8")
    code.write_text(COUNTING, encoding="utf-8")
    request = TrainRequest(str(config), runs_dir=tmp_path / "runs", code=(code,))
    folder = train(request, NullProgress()).folder
    fields = records.read(folder)
    assert fields["executor"] == "resident"
    assert "XLA cannot compile the steps" in folder.log.read_text(encoding="utf-8")
    assert "cannot compile the steps" in fields["executor_why"]
    assert "PyFunc" in fields["executor_why"]
    with pytest.raises(ConfigError) as caught:
        train(replace(request, sets=("training.execution.xla=true",)), NullProgress())
    problem = caught.value.problems[0]
    assert "XLA cannot compile" in problem.text
    assert "xla: auto" in str(problem.hint)
    assert capfd.readouterr().err == ""
