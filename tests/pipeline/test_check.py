"""What is said of a config before anything is spent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine


@pytest.fixture
def config(tmp_path: Path, tiny: str) -> Path:
    """Write the tiny config to a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny)
    return path


def test_a_good_config_has_nothing_to_say(config: Path) -> None:
    """A config that can run gives its experiment, the targets' form and the facts that are known already."""
    examined = examine(config, (), None)
    assert examined.problems == ()
    assert (examined.experiment.name, examined.form, examined.file) == ("tiny", "integer", config)
    assert examined.facts is not None
    assert examined.facts.classes == 10
    assert dict(examined.facts.rows) == {"train": 1149, "validation": 288, "test": 360}


def test_overrides_count(config: Path) -> None:
    """`--set` is applied before anything is judged, and its mistakes are marked as such."""
    examined = examine(config, ("training.epochs=5", "model.1.Dropout=0.5"), None)
    assert examined.experiment.training.epochs == 5
    assert examined.experiment.graph.nodes[1].part.arguments == {"rate": 0.5}
    with pytest.raises(ConfigError) as caught:
        examine(config, ("training.epochs=0",), None)
    assert caught.value.problems[0].mark is not None
    assert "--set" in caught.value.problems[0].mark.file


def test_findings_are_sorted_and_marked(tmp_path: Path, tiny: str) -> None:
    """Findings stand in the order of the file, each with its place, its name and its severity."""
    text = tiny.replace("batch_size: 64", "batch_size: 5000").replace("[CSVLogger]", "[{EarlyStopping: {monitor: x}}]")
    (tmp_path / "bad.yaml").write_text(text)
    problems = examine(tmp_path / "bad.yaml", (), None).problems
    assert [(problem.name, problem.severity) for problem in problems] == [
        ("batch-larger-than-data", "warning"),
        ("monitor-unknown", "error"),
    ]
    lines = [problem.mark.text.strip() for problem in problems if problem.mark]
    assert [line.split(":")[0] for line in lines] == ["batch_size", "callbacks"]


def test_files_lie_beside_the_config(tmp_path: Path, tiny: str) -> None:
    """A data file is looked for beside the config first, wherever nnrun is called from; a missing one is an error."""
    (tmp_path / "a.yaml").write_text(tiny.replace("source: digits", "source: {csv: {file: t.csv, target: y}}"))
    problems = examine(tmp_path / "a.yaml", (), None).problems
    assert any(problem.severity == "error" and "t.csv" in problem.text for problem in problems)


def test_nothing_heavy_is_imported(config: Path) -> None:
    """Checking a sound config imports nothing heavier than NumPy."""
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.check import examine; "
        f"examine(Path({str(config)!r}), (), None); "
        "heavy = {'pandas', 'sklearn', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
