"""Tests of `nnrun lab`: the notebook is one, and its cells run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from matplotlib.figure import Figure

Invoke = Callable[..., Result]
FROZEN = Path(__file__).resolve().parents[2] / "frozen_runs" / "0.1.0"


def cells_of(file: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook, which is valid by nbformat where that is installed."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    try:
        import nbformat
    except ImportError:
        return list(notebook["cells"])
    nbformat.validate(notebook)
    return list(notebook["cells"])


def run_cells(file: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the code of a notebook as a kernel does, in its folder; return the value of the last line of each cell."""
    monkeypatch.chdir(file.parent)
    names: dict[str, Any] = {}
    shown = {}
    for cell in cells_of(file):
        if cell["cell_type"] == "code":
            *before, last = cell["source"].splitlines()
            exec("\n".join(before), names)  # noqa: S102 - the cells are nnrun's own
            shown[last] = eval(last, names)  # noqa: S307
    return shown


def test_the_cells_about_a_run_show_what_it_has(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is found from the notebook's folder; metrics, plot, scores and predictions are those of its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    result = invoke("lab", FROZEN / "table", "--out", "notes/table.ipynb", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["run"] == "table"
    file = tmp_path / "notes" / "table.ipynb"
    first = next(cell for cell in cells_of(file) if cell["cell_type"] == "code")
    assert first["source"].startswith("import nnrun\n\nrun = nnrun.load_run(")
    assert str(tmp_path) not in first["source"]
    shown = run_cells(file, monkeypatch)
    assert shown["run"].status == "done"
    assert len(shown["run.metrics.tail(10)"]) == 6
    assert isinstance(shown['run.plot("loss")'], Figure)
    assert "test" in shown["run.scores"]
    assert list(shown["run.predictions.head(10)"])[:3] == ["row", "truth", "prediction"]


@pytest.mark.keras
def test_the_cells_about_a_config_train_it(invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config is checked and trained, and its run shown."""
    assert invoke("lab", "tiny.yaml").stdout == "tiny.ipynb\n"
    shown = run_cells(workdir / "tiny.ipynb", monkeypatch)
    assert shown["nnrun.check(config)"] == []
    assert shown["run"].status == "done"
    assert len(shown["run.metrics.tail(10)"]) == 2


def test_a_file_that_exists_stays_as_it_is(invoke: Invoke, workdir: Path) -> None:
    """Nothing is written over, and the message says what to type instead."""
    file = workdir / "tiny.ipynb"
    file.write_text("mine", encoding="utf-8")
    for words in (("tiny.yaml",), (FROZEN / "table", "--out", "tiny.ipynb")):
        result = invoke("lab", *words)
        assert result.exit_code == 1
        assert "tiny.ipynb exists, and is not overwritten" in result.stderr
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_word_that_is_neither_is_an_error(invoke: Invoke, workdir: Path) -> None:
    """What is neither a config nor a run is named, and nothing is written."""
    run, config = invoke("lab", "nothing"), invoke("lab", "tinny.yaml")
    assert (run.exit_code, config.exit_code) == (1, 2)
    assert "There is no run" in run.stderr
    assert "tinny.yaml" in config.stderr
    assert "Did you mean" in config.stderr
    assert list(workdir.glob("*.ipynb")) == []


def test_a_shipped_config_is_named_as_on_any_machine(invoke: Invoke, workdir: Path) -> None:
    """The notebook has the name of the config, and no path of this machine."""
    result = invoke("lab", "smoke/iris", "--out", "iris.ipynb", "--json")
    assert json.loads(result.stdout)["config"] == "smoke/iris"
    assert "config = 'smoke/iris'" in "".join(cell["source"] for cell in cells_of(workdir / "iris.ipynb"))


def test_a_name_of_somebody_else_stays_a_text(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose name looks like code, HTML or Markdown is loaded by that name, and shown as it is."""
    monkeypatch.chdir(tmp_path)
    name = "x'); (None)#<b>[a](b)`"
    shutil.copytree(FROZEN / "table", tmp_path / name)
    assert invoke("lab", tmp_path / name, "--out", "odd.ipynb").exit_code == 0
    heading = cells_of(tmp_path / "odd.ipynb")[0]["source"]
    assert "<b>" not in heading
    assert "[a](b)" not in heading
    assert run_cells(tmp_path / "odd.ipynb", monkeypatch)["run"].path.name == name
