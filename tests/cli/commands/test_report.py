"""`nnrun report`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record


@pytest.fixture
def folder(place: Path) -> RunFolder:
    """A run that was interrupted after an epoch."""
    made = RunFolder.create(place / "runs", "tiny")
    record = Record.begin(made, name="tiny", argv=["nnrun", "train", "tiny.yaml"], seed=3)
    metrics.append(made.metrics, {"epoch": 1, "loss": 0.5})
    record.finish("interrupted", "stopped by the user")
    return made


def test_it_says_where_the_page_lies(say, folder: RunFolder) -> None:
    """One line, the page's path; the page and its plots are there."""
    result = say("report", "last")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).resolve() == folder.report
    assert (folder.plots / "curve_loss.svg").is_file()


def test_out_and_json(say, folder: RunFolder, place: Path) -> None:
    """The page goes where it is asked to, and the document says the same."""
    result = say("report", "tiny", "--out", "pages/tiny.html", "--json")
    told = json.loads(result.stdout)
    assert told["report"] == str(Path("pages/tiny.html"))
    assert told["plots"] == []
    assert told["run"] == folder.id
    assert told["status"] == "interrupted"
    assert (place / "pages" / "tiny.html").is_file()
    assert not folder.report.exists()


def test_no_such_run(say, folder: RunFolder) -> None:
    """A run that is not there is refused, with the nearest."""
    result = say("report", "tine")
    assert result.exit_code == 1
    assert "Did you mean 'tiny'?" in result.output


def test_it_imports_no_keras(environment: dict[str, str], folder: RunFolder) -> None:
    """A report is made without TensorFlow, in the time that drawing takes."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom nnrun.report.page import write_report\n"
        "from nnrun.runs.folder import RunFolder\n"
        "write_report(RunFolder(Path(sys.argv[1])))\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "print(sorted(heavy), 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[] False\n"
    assert done.stderr == ""


def test_what_a_run_was_names_its_page(say, folder: RunFolder) -> None:
    """`runs show` says where the page is, once there is one."""
    assert not any(line.startswith("report") for line in say("runs", "show", "last").stdout.splitlines())
    say("report", "last")
    told = [line for line in say("runs", "show", "last").stdout.splitlines() if line.startswith("report")]
    assert told == [f"report    {Path('runs') / folder.id / 'report.html'}"]


@pytest.mark.keras
def test_train_makes_the_page_where_it_is_asked_to(process, place: Path) -> None:
    """`train --report` makes the page once the run is done and says where it lies; without it there is none."""
    told = process("train", "tiny.yaml", "--report")
    assert told.returncode == 0, told.stderr
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("report")]
    assert Path(line.split()[1]).is_file()
    done = process("train", "tiny.yaml", "--report", "--json")
    assert Path(json.loads(done.stdout)["report"]).is_file()
    plain = json.loads(process("train", "tiny.yaml", "--json").stdout)
    assert "report" not in plain
    assert not (Path(plain["folder"]) / "report.html").exists()
