"""What every run keeps of its model and of what it started from, one fold of many or the only one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.find import find

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


def keep_model(folder: RunFolder, session: Session) -> None:
    """Keep the model's config, its table and its picture."""
    from nnrun.report.model_svg import draw_model

    config = session.architecture()
    folder.write_json(folder.model_json, config)
    folder.write_text(folder.summary, session.summary())
    folder.write_text(folder.model_svg, draw_model(config, session.layer_rows()))


def start_from(word: str, runs_dir: FilePath, session: Session, progress: Progress) -> dict[str, Any]:
    """Let training start from the best weights of another run; gives what the record says of it.

    Raises:
        RunError: Where there is no such run, or no layer of it fits.
    """
    other = find(runs_dir, word)
    taken, new = session.start_from(other.best)
    if not taken:
        text = f"init_from: no layer of {other.id} has the name and the shapes of a layer of this model"
        raise RunError(text, "give the layers to take over the same name: in both configs")
    digest = hashlib.sha256(other.best.read_bytes()).hexdigest()
    begun = f"; {', '.join(new)} begin anew" if new else ""
    progress.say(f"{len(taken)} layers start from {other.id}{begun}")
    return {"run": other.id, "sha256": digest, "layers": taken, "new": new}


def ensure_run_folder(folder: RunFolder) -> None:
    """Miss a folder that was removed; Keras' checkpoints make it anew without a word, with nothing else in it.

    Raises:
        RunError: The config is gone, and with it everything kept so far.
    """
    if not folder.config.is_file():
        text = f"{folder.path}: this run's folder was removed while it ran"
        raise RunError(text, "start the run again")


def parts_of(dataset: Dataset) -> dict[str, DataPart]:
    """Name the parts there are: test first, as the one that counts."""
    named = {"test": dataset.test, "validation": dataset.validation, "train": dataset.train}
    return {name: part for name, part in named.items() if part is not None}
