"""Initial weights from another run (`init_from`): which layers take them, checked before training and loaded then."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.formatting import format_count, format_names
from nnrun.regular_files import require_inside
from nnrun.runs.documents import read_model
from nnrun.runs.find import find
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.spec.findings.context import CheckContext

_HINT = "give the layers whose weights are to be loaded the same name: in both configs"


def default_runs_dir() -> FilePath:
    """Return the folder of runs where no option names one."""
    return FilePath(os.environ.get("NNRUN_RUNS_DIR") or "runs")


def findings(context: CheckContext, runs_dir: FilePath) -> Iterator[Finding]:
    """Find a run that does not exist, and layers that it has nothing for; shapes are compared when it is loaded.

    Args:
        context: The experiment with the shapes of its layers.
        runs_dir: The folder of runs.
    """
    word = context.experiment.init_from
    if word is None:
        return
    path = ("init_from",)
    try:
        other = find(runs_dir, word)
        saved = read_model(other)
    except RunError as error:
        hint = error.hint
        if FilePath(word).suffix in (".keras", ".h5"):
            hint = "init_from takes a run, by its folder, id or name, or `last`; nnrun runs list shows them"
        yield Finding(path, error.text.rstrip("."), hint, "init-from-unusable")
        return
    try:
        require_inside(other.path, other.best)
    except RunError as error:
        yield Finding(path, error.text, error.hint, "init-from-unusable")
        return
    if not other.best.is_file():
        text = f"{other.id} has no {other.best.name}, whose weights init_from takes"
        yield Finding(path, text, "name a run that is done: nnrun runs list", "init-from-unusable")
        return
    with_weights = [layer for layer in saved["config"]["layers"] if layer["class_name"] != "InputLayer"]
    names = {str(layer["config"].get("name")) for layer in with_weights}
    rows = [row for row in context.rows if row.first and row.used and row.parameters]
    if not names or not rows:
        return
    if not any(row.name in names for row in rows):
        shown = format_names(sorted(names))
        text = f"init_from: no layer of this model has the name of a layer of {other.id} ({shown})"
        yield Finding(path, text, _HINT, "init-from-unusable")
    for row in rows:
        if row.part.arguments.get("trainable") is False and row.name not in names:
            text = f"layer '{row.name}' is not trained, and {other.id} has no layer of that name: it stays random"
            hint = f"name it as in that run ({format_names(sorted(names))}), or leave out trainable: false"
            yield Finding((*row.path, "trainable"), text, hint, "init-from-unusable")


def load_initial_weights(word: str, runs_dir: FilePath, session: Session, progress: Progress) -> dict[str, Any]:
    """Load the best weights of another run into the model; return what the record keeps of it.

    Raises:
        RunError: There is no such run, none of its layers matches, or a layer that is not trained would stay random.
    """
    other = find(runs_dir, word)
    require_inside(other.path, other.best)
    matching = session.load_matching_weights(other.best)
    reshaped = [f"'{name}' ({there} there, {here} here)" for name, (there, here) in matching.reshaped.items()]
    if not matching.loaded:
        text = f"init_from: no layer of {other.id} has the name and the shapes of a layer of this model"
        raise RunError(text + (f": of another shape {', '.join(reshaped)}" if reshaped else ""), _HINT)
    if matching.frozen:
        names = format_names([f"'{name}'" for name in matching.frozen])
        text = (
            f"init_from: {other.id} has nothing of the name and shapes of {names}, which would stay random, untrained"
        )
        more = f" (of another shape {', '.join(reshaped)})"
        hint = "give the layers the same name and arguments in both configs, or leave out trainable: false"
        raise RunError(text + (more if reshaped else ""), hint)
    digest = hashlib.sha256(other.best.read_bytes()).hexdigest()
    new = [name for name in matching.initial if name not in matching.reshaped]
    start = "starts" if len(matching.loaded) == 1 else "start"
    lines = [f"{format_count(len(matching.loaded), 'layer')} {start} from {other.id}"]
    lines += [f"newly initialised: {', '.join(new)}"] if new else []
    lines += [f"newly initialised, as of another shape: {', '.join(reshaped)}"] if reshaped else []
    progress.say("; ".join(lines))
    return {"run": other.id, "sha256": digest, "layers": matching.loaded, "new": matching.initial}
