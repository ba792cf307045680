"""Tests of checking a config, without and with Keras (`check --build`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.errors import ConfigError
from nnrun.pipeline.check import check_with_keras, examine, resolve_config


@pytest.fixture
def config(tmp_path: Path, tiny: str) -> Path:
    """Write the tiny config to a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny)
    return path


def test_a_good_config_has_no_problems(config: Path) -> None:
    """The result has the experiment, the form of its targets and the facts that are known before loading."""
    examined = examine(config, (), None)
    assert examined.problems == ()
    assert (examined.experiment.name, examined.form, examined.file) == ("tiny", "integer", config)
    assert examined.facts is not None
    assert examined.facts.classes == 10
    assert dict(examined.facts.rows) == {"train": 1149, "validation": 288, "test": 360}


def test_set_options_are_applied(config: Path) -> None:
    """`--set` options are applied before validation, and their errors are marked."""
    examined = examine(config, ("training.epochs=5", "model.1.Dropout=0.5"), None)
    assert examined.experiment.training.epochs == 5
    assert examined.experiment.graph.nodes[1].part.arguments == {"rate": 0.5}
    with pytest.raises(ConfigError) as caught:
        examine(config, ("training.epochs=0",), None)
    assert caught.value.problems[0].mark is not None
    assert "--set" in caught.value.problems[0].mark.file


def test_findings_are_sorted_and_marked(tmp_path: Path, tiny: str) -> None:
    """Findings are in the order of the file, each with its place, name and severity."""
    text = tiny.replace("batch_size: 64", "batch_size: 5000").replace("[CSVLogger]", "[{EarlyStopping: {monitor: x}}]")
    (tmp_path / "bad.yaml").write_text(text)
    problems = examine(tmp_path / "bad.yaml", (), None).problems
    assert [(problem.name, problem.severity) for problem in problems] == [
        ("batch-larger-than-data", "warning"),
        ("monitor-unknown", "error"),
    ]
    lines = [problem.mark.text.strip() for problem in problems if problem.mark]
    assert [line.split(":")[0] for line in lines] == ["batch_size", "callbacks"]


def test_data_files_are_searched_next_to_the_config(tmp_path: Path, tiny: str) -> None:
    """A missing data file is an error; the config's own folder is searched first, whatever the working folder."""
    (tmp_path / "a.yaml").write_text(tiny.replace("source: digits", "source: {csv: {file: t.csv, target: y}}"))
    problems = examine(tmp_path / "a.yaml", (), None).problems
    assert any(problem.severity == "error" and "t.csv" in problem.text for problem in problems)


def test_nothing_heavy_is_imported(config: Path) -> None:
    """Checking a valid config imports nothing heavier than NumPy."""
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.check import examine; "
        f"examine(Path({str(config)!r}), (), None); "
        "heavy = {'pandas', 'sklearn', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


LARGE_BATCH = """
data: {source: digits}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, batch_size: 5000}
"""


def test_a_silenced_warning_is_left_out(tmp_path: Path) -> None:
    """A warning that `silence:` names is no finding."""
    (tmp_path / "x.yaml").write_text(LARGE_BATCH)
    assert [problem.name for problem in examine(tmp_path / "x.yaml", (), None).problems] == ["batch-larger-than-data"]
    (tmp_path / "x.yaml").write_text(LARGE_BATCH + "silence: [batch-larger-than-data]\n")
    assert examine(tmp_path / "x.yaml", (), None).problems == ()


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("monitor-unknown", "monitor-unknown is an error, and errors cannot be silenced", "nnrun explain"),
        ("batch-larger-then-data", "no finding has the name", "Did you mean 'batch-larger-than-data'?"),
    ],
)
def test_errors_and_unknown_names_cannot_be_silenced(tmp_path: Path, name: str, text: str, hint: str) -> None:
    """An error and an unknown name under `silence:` are problems at their place."""
    (tmp_path / "x.yaml").write_text(f"{LARGE_BATCH}silence:\n  - undecided\n  - {name}\n")
    with pytest.raises(ConfigError) as caught:
        examine(tmp_path / "x.yaml", (), None)
    (problem,) = caught.value.problems
    assert text in problem.text
    assert hint in (problem.hint or "")
    assert problem.mark is not None
    assert (problem.mark.line, problem.mark.column) == (7, 5)


def test_the_resolved_config_keeps_silence(tmp_path: Path) -> None:
    """`silence:` is part of the resolved config."""
    (tmp_path / "x.yaml").write_text(LARGE_BATCH + "silence: [batch-larger-than-data]\n")
    assert resolve_config(examine(tmp_path / "x.yaml", (), None))["silence"] == ["batch-larger-than-data"]


#: No rule of nnrun infers the shapes of a quantized layer.
UNDECIDED = """
data: {source: digits}
model:
  - Flatten
  - Dense: {units: 8, dtype: int8_from_float32}
  - Reshape: {target_shape: [4, SIZE]}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam}
"""


@pytest.mark.keras
@pytest.mark.parametrize(("size", "severities"), [(2, []), (3, ["error"])])
def test_keras_decides_what_is_undecided(tmp_path: Path, size: int, severities: list[str]) -> None:
    """Keras' decision replaces the note: an error at the part that it refuses, or nothing."""
    (tmp_path / "x.yaml").write_text(UNDECIDED.replace("SIZE", str(size)))
    examined = examine(tmp_path / "x.yaml", (), None)
    assert [problem.name for problem in examined.problems] == ["undecided"]
    problems = check_with_keras(examined).problems
    assert [problem.severity for problem in problems] == severities
    assert [problem.mark.line for problem in problems] == [6] * len(severities)


def test_keras_is_not_started_if_nothing_is_undecided(tmp_path: Path) -> None:
    """`--build` starts TensorFlow only if something is undecided."""
    (tmp_path / "x.yaml").write_text(UNDECIDED.replace(", dtype: int8_from_float32", "").replace("SIZE", "2"))
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.check import examine; "
        "from nnrun.pipeline.check import check_with_keras; "
        f"assert check_with_keras(examine(Path({str(tmp_path / 'x.yaml')!r}), (), None)).problems == (); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
