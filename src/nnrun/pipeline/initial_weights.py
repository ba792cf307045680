"""Initial weights from another run or a file (`init_from`): checked before training, and loaded then.

A run gives its weights to the layers of the same names. A file is another model, or its weights alone; nnrun knows no
names of it: it gives its weights layer by layer, in the order of both models, and all must fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.data.files.digests import file_sha256
from nnrun.errors import RunError
from nnrun.formatting import format_count, format_names
from nnrun.regular_files import read_regular, require_inside
from nnrun.runs.documents import read_model
from nnrun.runs.find import find
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.data.data_paths import DataPaths
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.findings.context import CheckContext

_HINT = "give the layers whose weights are to be loaded the same name: in both configs"


def locate(experiment: Experiment, places: DataPaths) -> tuple[Experiment, list[Finding]]:
    """Return the experiment with the absolute path and the digest of a saved model in `init_from`, and what is wrong.

    The digest belongs to the resolved config: a run that goes on refuses another content.
    """
    given = experiment.init_from
    file = given["file"] if isinstance(given, Mapping) else given
    if file is None or not _is_file(given):
        return experiment, []
    found = places.find(file)
    if found is None or not found.is_file():
        text = f"init_from: there is no file {file!r}; looked in {' and '.join(map(str, places.folders()))}"
        hint = "put the file there; or name a run, by its folder, id or name: nnrun runs list shows them"
        return experiment, [Finding(("init_from",), text, hint, "init-from-unusable")]
    sha256 = file_sha256(found)
    expected = given.get("sha256") if isinstance(given, Mapping) else None
    if expected not in (None, sha256):
        text = f"init_from: {found} is another file than expected: its SHA-256 is {sha256}, not {expected}"
        hint = "restore the file; or write the new digest, if this is the file that is meant"
        return experiment, [Finding(("init_from",), text, hint, "init-from-unusable")]
    return replace(experiment, init_from={"file": str(found.resolve()), "sha256": sha256}), []


def _is_file(given: str | Mapping[str, str] | None) -> bool:
    """Return whether `init_from` names a saved model, and not a run."""
    return isinstance(given, Mapping) or (given is not None and FilePath(given).suffix in (".keras", ".h5"))


def copy_of_file(folder: RunFolder, experiment: Experiment) -> dict[str, str] | None:
    """Return how the resolved config of a run names the saved model: as the folder's own copy; None where it has none.

    Args:
        folder: The run's folder.
        experiment: The experiment, with what `locate` has found.
    """
    given = experiment.init_from
    if not isinstance(given, Mapping):
        return None
    file = FilePath(given["file"])
    # Keras knows a file of weights by its name.
    suffix = ".weights.h5" if file.name.endswith(".weights.h5") else file.suffix
    name = f"{folder.sources.name}/initial{suffix}"
    return {"file": name, "sha256": given["sha256"]}


def copy_file(folder: RunFolder, experiment: Experiment) -> None:
    """Copy the saved model of `init_from` into a run folder, so that the run needs no other file to go on.

    Raises:
        RunError: It cannot be written.
    """
    copy, given = copy_of_file(folder, experiment), experiment.init_from
    if copy is not None and isinstance(given, Mapping):
        folder.write_bytes(folder.path / copy["file"], read_regular(FilePath(given["file"]), None))


def findings(context: CheckContext, runs_dir: FilePath) -> Iterator[Finding]:
    """Find a run that does not exist, and layers that it has nothing for; shapes are compared when it is loaded.

    Args:
        context: The experiment with the shapes of its layers.
        runs_dir: The folder of runs.
    """
    word = context.experiment.init_from
    if not isinstance(word, str) or _is_file(word):
        return  # `locate` looks for files
    path = ("init_from",)
    try:
        other = find(runs_dir, word)
        saved = read_model(other)
    except RunError as error:
        yield Finding(path, error.text.rstrip("."), error.hint, "init-from-unusable")
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


def load_initial_weights(
    word: str | Mapping[str, str], runs_dir: FilePath, session: Session, progress: Progress
) -> dict[str, Any]:
    """Load the best weights of another run, or those of a saved model, into the model; return what the record keeps.

    Raises:
        RunError: There is no such run, none of its layers matches, or a layer that is not trained would stay random; or
            a saved model has other layers.
    """
    if isinstance(word, Mapping):
        file = FilePath(word["file"])
        layers = session.load_weights_in_order(file)
        progress.say(f"{format_count(len(layers), 'layer')} with weights start from {file.name}")
        return {"file": file.name, "sha256": word["sha256"], "layers": layers, "new": []}
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
