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
    assert "Did you mean tiny?" in result.output


def test_it_imports_no_keras(environment: dict[str, str], folder: RunFolder) -> None:
    """A report is made without TensorFlow, in the time that drawing takes."""
    code = ("import sys\nfrom pathlib import Path\nfrom nnrun.report.write import write_report\n"
            "from nnrun.runs.folder import RunFolder\n"
            "write_report(RunFolder(Path(sys.argv[1])))\n"
            "heavy = {'tensorflow', 'keras', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)\n"
            "print(sorted(heavy), 'matplotlib.pyplot' in sys.modules)")
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[] False\n"
    assert done.stderr == ""
