"""Write a config from a user's own script of Keras: it is run once, and what it called is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.config import document as documents
from nnrun.config.dump import dump
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline.init.from_keras import (
    FromKeras,
    check_problems,
    config_body,
    data_file,
    proof_text,
    proven,
    read_model,
    taken_for_granted,
)
from nnrun.pipeline.init.new_file import name_of, require_new, write_new
from nnrun.pipeline.init.script_table import WEIGHT, table_columns, write_table
from nnrun.pipeline.init.shipped import schema_line
from nnrun.scratch import scratch_folder
from nnrun.spec.experiment import validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.engine.model.to_config.convert import ConvertedModel
    from nnrun.progress import Progress

#: Lines of the output of a script that an error shows.
_SHOWN_LINES = 30
#: Lines that TensorFlow prints when it starts.
_OF_TENSORFLOW = ("WARNING: All log messages before", "I0000 ", "W0000 ", "E0000 ")
#: Arguments of callbacks that say where they write, which a run decides.
_PATHS = frozenset({"filepath", "filename", "log_dir", "backup_dir", "verbose"})


@dataclass(frozen=True)
class FromScript(FromKeras):
    """A config that was written from a script.

    Attributes:
        script_loss: The loss of the script's first epoch; None if it called no `fit`.
        loss: That of nnrun's first epoch, from the same weights on the same data; None where it was not trained.
        kept: Whether the data were kept next to the config.
    """

    script_loss: float | None = None
    loss: float | None = None
    kept: bool = False


def begin_from_script(
    script: Path, out: Path | None, data_dir: Path | None, progress: Progress, *, keep_data: bool
) -> FromScript:
    """Run a script once, write what it called as a config, and train one epoch of both.

    Args:
        script: A Python script that trains a model of Keras; it is run with the rights of the user.
        out: The config to write; None: NAME.yaml in the current folder.
        data_dir: The data folder.
        progress: Receives the message that the script runs.
        keep_data: Whether the arrays that the script trained on are kept as NAME.npz next to the config.

    Raises:
        RunError: There is no such script, it failed, called no `fit`, or its model has no counterpart in a config.
    """
    if not script.is_file():
        raise RunError(f"{script}: there is no such script", "name a Python file that calls model.fit")
    out = require_new(out or Path(f"{name_of(script)}.yaml"))
    if keep_data:
        for name in _data_files(out):
            require_new(out.with_name(name))
    with scratch_folder("script") as folder:
        progress.say(f"{script} is run once, with your rights, as python {script} would")
        recorded = _run(script, folder)
        fit = recorded["fit"]
        keras, saved = read_model(folder / "model.keras")
        from nnrun.engine.model.to_config.convert import convert

        converted = convert(keras, saved.model, saved.compiled)
        training, notes = _training(fit)
        converted = replace(converted, training={**converted.training, **training})
        body = config_body(converted, name_of(out))
        comparison = proven(keras, saved.model, converted, body, out)
        body["data"], files = _recorded_data(folder, fit, converted, body, out, notes)
        notes += [*converted.notes, *taken_for_granted(converted, body), *_other_calls(recorded["calls"])]
        loss = _first_loss(body, folder, files, notes, progress) if files else None
        data = out.parent / data_file(converted, out)
        keeps = keep_data and bool(files)
        text = "\n".join(_heading(script, out, notes, proof_text(comparison), data, is_kept=keeps))
        text = schema_line(out) + text + "\n" + dump(body)
        for name, file in files.items() if keeps else ():
            shutil.copyfile(file, require_new(out.with_name(name)))
        problems = check_problems(text, out, data_dir)
        write_new(out, text)
    script_loss = next(iter(fit.get("history", {}).get("loss", ())), None)
    return FromScript(out, comparison, saved.version, notes, data, problems, script_loss, loss, keeps)


def _data_files(out: Path) -> tuple[str, str, str]:
    """Return the names of the files that may be kept next to a config: arrays, a table, and that of the test part."""
    stem = out.with_suffix("").name
    return f"{stem}.npz", f"{stem}.csv", f"{stem}-test.csv"


def _recorded_data(
    folder: Path,
    fit: Mapping[str, Any],
    converted: ConvertedModel,
    body: Mapping[str, Any],
    out: Path,
    notes: list[str],
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the `data:` of a config, and its files in the folder of the record by the names that they are to have."""
    name, table, test_table = _data_files(out)
    if "csv" not in body["data"]["source"]:
        arrays = folder / "arrays.npz"
        files = {name: arrays} if fit["kept"] else {}
        if not files:
            notes.append("the data are no arrays that end: they are not kept, and no epoch was compared")
        weights = {role: role for role in _array_names(arrays) if role.startswith(WEIGHT)}
        source = {"file": name, **({"arrays": weights} if weights else {})}
        return {"source": {"npz": source}, **_split(fit)}, files
    if not fit["kept"]:
        notes.append("the data are no arrays that end: they are not kept, and no epoch was compared")
        return dict(body["data"]), {}
    import numpy as np

    with np.load(folder / "arrays.npz") as file:
        recorded = dict(file)
    experiment = validate(documents.parse(dump(dict(body)), out))
    try:
        columns, targets = table_columns(recorded, converted, experiment)
        write_table(columns, folder / table)
        source = {"file": table, "target": targets if len(targets) > 1 else targets[0]}
        source |= {WEIGHT: WEIGHT} if WEIGHT in columns else {}
        files = {table: folder / table}
        if any(one.startswith("x_test") for one in recorded):
            columns, _ = table_columns(recorded, converted, experiment, "_test")
            write_table(columns, folder / test_table)
            source["test_file"] = test_table
            files[test_table] = folder / test_table
    except RunError as error:
        notes.append(f"the data are not kept, and no epoch was compared: {error.text}")
        return dict(body["data"]), {}
    prepare = {"prepare": body["data"]["prepare"]} if "prepare" in body["data"] else {}
    return {"source": {"csv": source}, **prepare, **_split(fit)}, files


def _array_names(file: Path) -> list[str]:
    if not file.is_file():
        return []
    import numpy as np

    with np.load(file) as arrays:
        return list(arrays.files)


def _run(script: Path, folder: Path) -> dict[str, Any]:
    """Run the script with its calls recorded.

    Raises:
        RunError: It failed, with its output; or it called no `fit`.
    """
    program = "from nnrun.engine.training.record_script import main; main()"
    log = folder / "output.txt"
    environment = {**os.environ, "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, "-c", program, str(script), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
            env=environment,
        )
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    output = "\n".join([line for line in lines if not line.startswith(_OF_TENSORFLOW)][-_SHOWN_LINES:])
    if done.returncode:
        raise RunError(f"{script} failed with exit code {done.returncode}, not nnrun. Its output:\n{output}")
    record = folder / "record.json"
    recorded: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    if not recorded.get("fit"):
        called = ", ".join(recorded.get("calls") or ()) or "nothing of a model"
        text = f"{script} never called fit of a Keras model (it called {called}), so there is no training to write"
        if not output:
            raise RunError(text, "save its model and name the file: nnrun init --from-keras FILE")
        raise RunError(text, f"save its model and name the file: nnrun init --from-keras FILE. Its output:\n{output}")
    return recorded


def _training(fit: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the keys of `training:` that `fit` was called with, and what a config cannot say of it."""
    training: dict[str, Any] = {"epochs": fit.get("epochs", 1), "batch_size": fit.get("batch_size", 32)}
    notes: list[str] = []
    if fit.get("shuffle") is False:
        training["shuffle"] = False
    if fit.get("class_weight"):
        training["class_weight"] = fit["class_weight"]
    notes += [f"fit({key}={fit[key]}) is left out" for key in ("initial_epoch", "steps_per_epoch") if fit.get(key)]
    callbacks: list[Any] = []
    for one in fit["callbacks"]:
        entry = lookup.entry("callbacks", one["name"])
        if not one["own"] or entry is None or entry.refused is not None:
            notes.append(f"the callback {one['name']} is left out: it is Python code")
            continue
        arguments = {
            key: value
            for key, value in one["arguments"].items()
            if key in entry.parameters and key not in _PATHS and value != entry.parameters[key].default
        }
        callbacks.append({entry.name: arguments} if arguments else entry.name)
    return {**training, **({"callbacks": callbacks} if callbacks else {})}, notes


def _split(fit: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the rows are split as `fit` does: the last ones validate, or those that it was given."""
    if fit.get("validation_data"):
        return {"split": {"validation": "test"}}
    if fit.get("validation_split"):
        return {"split": {"validation": fit["validation_split"], "shuffle": False}}
    return {}


def _other_calls(calls: Sequence[str]) -> list[str]:
    several = calls.count("fit")
    return [f"the script calls fit {several} times: this is the first"] if several > 1 else []


def _first_loss(
    body: Mapping[str, Any], folder: Path, files: Mapping[str, Path], notes: list[str], progress: Progress
) -> float | None:
    """Train one epoch from the weights that the script began with; return its loss, or None with a note."""
    from nnrun.pipeline.train import TrainRequest, train
    from nnrun.progress import NullProgress
    from nnrun.runs import metrics

    ((kind, given),) = body["data"]["source"].items()
    source = {kind: {key: str(files[one]) if key in ("file", "test_file") else one for key, one in given.items()}}
    config = {
        **body,
        "data": {**body["data"], "source": source},
        "init_from": str(folder / "model.keras"),
        "training": {**body["training"], "epochs": 1},
    }
    config["training"].pop("callbacks", None)
    file = folder / "first_epoch.yaml"
    file.write_text(dump(config), encoding="utf-8")
    progress.say("one epoch is trained by nnrun, from the weights that the script began with")
    try:
        done = train(TrainRequest(str(file), runs_dir=folder / "runs"), NullProgress())
    except NnrunError as error:
        notes.append(f"no epoch was compared: {error.text}")
        return None
    first = metrics.read(done.folder.metrics)[0]
    return float(first["loss"])


def _heading(script: Path, out: Path, notes: Sequence[str], proof: str, data: Path, *, is_kept: bool) -> list[str]:
    lines = [
        f"# What:    what {script.name} trains, as it was when the script was run",
        f"# Run:     nnrun train {out.name}",
        f"# Proof:   {proof}",
    ]
    if not is_kept:
        what = "arrays x and y (x_test, y_test)" if data.suffix == ".npz" else "inputs and targets as columns"
        lines.append(f"# Data:    put the script's {what} into {data.name}, or use --keep-data")
    return [*lines, *(f"# Note:    {' '.join(note.split())}" for note in notes)]
