"""Write a notebook that starts with a run, or with a config: its metrics, a plot, its predictions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.config.files import find_config
from nnrun.pipeline.init.new_file import name_of, require_new, write_new
from nnrun.report.markdown import as_markdown
from nnrun.runs import record
from nnrun.runs.find import find

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class Notebook:
    """A notebook that was written.

    Attributes:
        file: Its file.
        cells: Its cells, as of `nbformat`.
        subject: `run` or `config`.
        name: The id of the run, or the config's path.
    """

    file: Path
    cells: tuple[dict[str, Any], ...]
    subject: str
    name: str

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {"notebook": self.file, "cells": len(self.cells), self.subject: self.name}


def write_notebook(word: str, runs_dir: Path, out: Path | None) -> Notebook:
    """Write a notebook about a config, or else about a run; never over an existing file.

    Args:
        word: A config's path or the name of a shipped one, else a run's folder, the start of its id, its name, or
            `last`.
        runs_dir: The folder of runs.
        out: The notebook; None: the run's id or the config's name in the working directory.

    Raises:
        ConfigError: There is no such config, or it is no YAML.
        RunError: There is no such run, or the file exists or cannot be written.
    """
    config = find_config(word)
    if config.suffix in (".yaml", ".yml"):
        # One that is not there, or is no YAML, is reported with the likely name.
        documents.read(config)
        out = require_new(out or Path(f"{name_of(config)}.ipynb"))
        # A shipped config is found by its name on any machine.
        name = _from(out, config) if Path(word).exists() else word
        cells, subject = _of_config(name), "config"
    else:
        folder = find(runs_dir, word)
        out = require_new(out or Path(f"{folder.id}.ipynb"))
        cells, subject, name = _of_run(folder, _from(out, folder.path)), "run", folder.id
    write_new(out, _document(cells))
    return Notebook(out, tuple(cells), subject, name)


def _of_run(folder: RunFolder, path: str) -> list[dict[str, Any]]:
    """Return cells about what a run's folder has."""
    status = str(record.read(folder).get("status"))
    cells = [
        _text(f"# {as_markdown(folder.id)}\n\nThe run's status is {as_markdown(status)}. From Python: `help(run)`."),
        _code(f"import nnrun\n\nrun = nnrun.load_run({path!r})\nrun"),
    ]
    has = {"scores": folder.scores, "metrics": folder.metrics, "predictions": folder.predictions}
    return cells + _contents({name for name, file in has.items() if file.is_file() and file.stat().st_size})


def _of_config(name: str) -> list[dict[str, Any]]:
    """Return cells that check a config, train it, and look at the run."""
    return [
        _text(f"# {as_markdown(Path(name).stem)}"),
        _code(f"import nnrun\n\nconfig = {name!r}\nnnrun.check(config)"),
        _text("Nothing above is an error? `sets` changes values for this run."),
        _code("run = nnrun.train(config, sets={})\nrun"),
        *_contents({"scores", "metrics", "predictions"}),
    ]


def _contents(has: set[str]) -> list[dict[str, Any]]:
    """Return cells about metrics, scores and predictions, as far as there are any."""
    cells = []
    if "metrics" in has:
        cells += [_text("## Metrics by epoch"), _code("run.metrics.tail(10)"), _code('run.plot("loss")')]
    if "scores" in has:
        cells += [_text("## Scores"), _code("run.scores")]
    if "predictions" in has:
        cells += [_text("## Predictions"), _code("run.predictions.head(10)")]
    new = 'New examples, raw as the run\'s own: `run.predict("new.csv")`, or a list of mappings, or a data frame.'
    return [*cells, _text(new)]


def _from(out: Path, path: Path) -> str:
    """Return a path as it is found from the folder of the notebook, which is where its kernel runs."""
    try:
        return Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text}


def _document(cells: list[dict[str, Any]]) -> str:
    """Return a notebook in nbformat 4.5: https://nbformat.readthedocs.io/en/latest/format_description.html."""
    named = [{"id": f"nnrun-{number}", **cell} for number, cell in enumerate(cells, 1)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    document = {"cells": named, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
