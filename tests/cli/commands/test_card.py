"""The command `nnrun card`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FROZEN = Path(__file__).resolve().parents[2] / "frozen_runs" / "0.1.0"


@pytest.fixture
def run(workdir: Path) -> Path:
    """A finished run."""
    return Path(shutil.copytree(FROZEN / "table", workdir / "runs" / "20260101T000000Z_frozen_aaaaaa"))


def test_the_path_of_the_card_is_printed(invoke, run: Path) -> None:
    """The output is the card's path, and how much is left to fill in."""
    result = invoke("card", "last")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).resolve() == run / "MODEL_CARD.md"
    assert "To fill in: 8 lines" in result.stderr
    (run / "MODEL_CARD.md").write_text("mine")
    result = invoke("card", "last")
    assert result.exit_code == 1
    assert "--force" in result.output
    assert invoke("card", "last", "--force").exit_code == 0


def test_out_and_json(invoke, run: Path, workdir: Path) -> None:
    """The card is written to `--out`, and the document has its metadata, limits and gaps."""
    document = json.loads(invoke("card", "last", "--out", "README.md", "--json").stdout)
    assert document["card"] == "README.md"
    assert document["run"] == run.name
    assert document["metadata"]["library_name"] == "keras"
    assert any("small" in limit for limit in document["limits"])
    assert "intended use, and by whom" in document["to_fill_in"]
    assert (workdir / "README.md").read_text().startswith("---\n")
    assert not (run / "MODEL_CARD.md").exists()


def test_an_interrupted_run_is_a_message(invoke, run: Path) -> None:
    """A run that is not done has no card."""
    record = json.loads((run / "record.json").read_text())
    (run / "record.json").write_text(json.dumps({**record, "status": "interrupted"}))
    result = invoke("card", "last")
    assert result.exit_code == 1
    assert "was interrupted" in result.output
    assert not (run / "MODEL_CARD.md").exists()


def test_a_card_needs_no_heavy_package(environment: dict[str, str], run: Path) -> None:
    """A card is written without TensorFlow, pandas and matplotlib."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom nnrun.report.card import write_card\n"
        "from nnrun.runs.folder import RunFolder\nwrite_card(RunFolder(Path(sys.argv[1])))\n"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[]\n"
