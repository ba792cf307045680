"""The command `nnrun report`."""

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
def folder(workdir: Path) -> RunFolder:
    """A run that was interrupted after an epoch."""
    made = RunFolder.create(workdir / "runs", "tiny")
    record = Record.begin(made, name="tiny", argv=["nnrun", "train", "tiny.yaml"], seed=3)
    metrics.append(made.metrics, {"epoch": 1, "loss": 0.5})
    record.finish("interrupted", "stopped by the user")
    return made


def test_the_path_of_the_report_is_printed(invoke, folder: RunFolder) -> None:
    """The output is one line with the path of the report; the report and its plots exist."""
    result = invoke("report", "last")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).resolve() == folder.report
    assert (folder.plots / "curve_loss.svg").is_file()


def test_out_and_json(invoke, folder: RunFolder, workdir: Path) -> None:
    """The report is written to `--out`, and the document names it."""
    result = invoke("report", "tiny", "--out", "pages/tiny.html", "--json")
    document = json.loads(result.stdout)
    assert document["report"] == str(Path("pages/tiny.html"))
    assert document["plots"] == []
    assert document["run"] == folder.id
    assert document["status"] == "interrupted"
    assert (workdir / "pages" / "tiny.html").is_file()
    assert not folder.report.exists()


def test_an_unknown_run_is_refused(invoke, folder: RunFolder) -> None:
    """A run that does not exist is refused with the nearest name."""
    result = invoke("report", "tine")
    assert result.exit_code == 1
    assert "Did you mean 'tiny'?" in result.output


def test_report_imports_no_keras(environment: dict[str, str], folder: RunFolder) -> None:
    """A report is written without TensorFlow."""
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


def test_runs_show_names_the_report(invoke, folder: RunFolder) -> None:
    """`runs show` names the report once there is one."""
    assert not any(line.startswith("report") for line in invoke("runs", "show", "last").stdout.splitlines())
    invoke("report", "last")
    shown = [line for line in invoke("runs", "show", "last").stdout.splitlines() if line.startswith("report")]
    assert shown == [f"report    {Path('runs') / folder.id / 'report.html'}"]


@pytest.mark.keras
def test_train_writes_the_report_on_request(invoke, workdir: Path) -> None:
    """`train --report` writes the report at the end and prints its path; without the option there is none."""
    done = invoke("train", "tiny.yaml", "--report")
    assert done.exit_code == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("report")]
    assert Path(line.split()[1]).is_file()
    done = invoke("train", "tiny.yaml", "--report", "--json")
    assert Path(json.loads(done.stdout)["report"]).is_file()
    plain = json.loads(invoke("train", "tiny.yaml", "--json").stdout)
    assert "report" not in plain
    assert not (Path(plain["folder"]) / "report.html").exists()
