"""The commands and the config of the README work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.config.files import shipped_configs
from nnrun.pipeline.check import examine
from nnrun.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the README's blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def marked(name: str) -> str:
    """Return the one-line block after a mark."""
    return re.search(rf"<!-- {name} -->\n```bash\n(.*)\n```", README).group(1)


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nnrun as a user would, in a separate folder."""
    words = [sys.executable, "-m", "nnrun", *words]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_every_block_has_a_test() -> None:
    """The README has two marked commands, one config and one list of commands; another block needs a test here."""
    assert len(blocks("bash")) == 3
    assert len(blocks("yaml")) == 1
    assert README.count("```") == 2 * 4


def test_both_commands_install_in_the_same_way() -> None:
    """Both commands install into a virtual environment, and the second one runs the tests."""
    for command, extra in ((marked("first result"), "."), (marked("tests"), "'.[test]'")):
        steps = command.split(" && ")
        assert steps[0] == "python3 -m venv .venv"
        assert steps[1] == f".venv/bin/python -m pip install -q -e {extra}"
    assert marked("tests").split(" && ")[2].startswith(".venv/bin/python -m pytest")


def test_ci_runs_the_readmes_test_command() -> None:
    """CI reads the command from the README, so that both stay equal."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "<!-- tests -->" in script
    assert "README.md" in script


def test_the_config_is_valid(tmp_path: Path) -> None:
    """The explained config passes the check without a finding."""
    (tmp_path / "my_digits.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    assert examine(tmp_path / "my_digits.yaml", (), None).problems == ()


@pytest.mark.keras
def test_the_first_result_is_under_three_per_cent(tmp_path: Path) -> None:
    """The run of the first command has a test error below 3 %."""
    words = shlex.split(marked("first result").split(" && ")[2])
    assert words[0] == ".venv/bin/nnrun"
    done = run([*words[1:], "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    percent = float(re.search(r'"error_percent": ([0-9.]+)', done.stdout).group(1))
    assert percent < 3


@pytest.mark.keras
def test_the_commands_below_the_config_work(tmp_path: Path) -> None:
    """The commands check, summary, train, eval and list work one after the other."""
    (tmp_path / "my_digits.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    commands = [line for line in blocks("bash")[2].splitlines() if line]
    assert len(commands) == 5
    for line in commands:
        done = run(shlex.split(line)[1:], tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "my_digits" in done.stdout
    (path,) = (tmp_path / "runs").iterdir()
    assert {file.name for file in path.iterdir()} <= files_of_the_table()


def files_of_the_table() -> set[str]:
    """Return the names at the top of a run folder that the README's table has."""
    (table,) = re.findall(r"^## The files of a run folder\n(.*?)^## ", README, flags=re.MULTILINE | re.DOTALL)
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name.partition("/")[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_table_of_files_has_every_file_of_a_run() -> None:
    """Every file and folder that a run folder can have by its one list of paths is in the table, and no other."""
    folder = RunFolder(Path("run"))
    properties = [name for name, value in vars(RunFolder).items() if isinstance(value, property)]
    paths = [path for name in properties if isinstance(path := getattr(folder, name), Path)]
    assert {path.relative_to("run").parts[0] for path in paths} == files_of_the_table() - {
        "last.keras",
        "scores_last_test.json",
    }


def test_the_table_of_files_has_what_runs_wrote() -> None:
    """Nothing lies in a run folder, of whatever kind of data and training, that the table does not name."""
    folders = [file.parent for file in ROOT.glob("tests/frozen_runs/*/*/record.json")]
    assert len(folders) > 5
    # A callback of the config names its file itself, or has a default.
    assert {file.name for folder in folders for file in folder.iterdir()} - files_of_the_table() == {"epochs.csv"}


def test_the_config_of_the_first_command_is_shipped() -> None:
    """The config of the first command comes with nnrun."""
    assert "digits_cnn" in shipped_configs()
