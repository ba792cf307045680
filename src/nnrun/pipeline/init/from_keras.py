"""Write a config from a Keras model: the language's words for its layers, and the proof that they compile to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.config.dump import dump, dump_inline
from nnrun.errors import ConfigError, RunError
from nnrun.formatting import format_count
from nnrun.pipeline.check import examine_document
from nnrun.pipeline.init.new_file import name_of, require_new, write_new
from nnrun.pipeline.init.shipped import schema_line
from nnrun.spec.experiment import validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from nnrun.engine.model.to_config.compare import ModelComparison
    from nnrun.engine.model.to_config.convert import ConvertedModel
    from nnrun.engine.model.to_config.read import ModelFile
    from nnrun.errors import Problem

#: Losses that suit the activation of the output, where the model does not say.
_LOSSES = {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}
_NO_DATA = "missing-file"


@dataclass(frozen=True)
class FromKeras:
    """A config that was written from a Keras model.

    Attributes:
        file: The config.
        model: The parameters and outputs of the model and of what the config compiles to.
        version: The version of Keras that wrote the file; empty where that is not known.
        notes: What a config cannot say, one sentence each.
        data: The file in which data are expected.
        problems: What `check` says about it, except that there are no data yet.
    """

    file: Path
    model: ModelComparison
    version: str
    notes: Sequence[str]
    data: Path
    problems: Sequence[Problem]


def begin_from_keras(file: Path, out: Path | None, data_dir: Path | None) -> FromKeras:
    """Write a config that compiles to the model of a file, and prove that it does. Code in the file is never run.

    Args:
        file: A file of Keras 3 (`.keras`) or 2 (`.h5`, `.keras`).
        out: The config to write; None: NAME.yaml in the current folder.
        data_dir: The data folder.

    Raises:
        RunError: The file holds no model, a layer is code or has no counterpart in a config, the config exists, or
            the two models differ.
    """
    out = require_new(out or Path(f"{name_of(file)}.yaml"))
    keras, saved = read_model(file)
    from nnrun.engine.model.to_config.convert import convert

    converted = convert(keras, saved.model, saved.compiled)
    body = config_body(converted, name_of(out))
    comparison = proven(keras, saved.model, converted, body, out)
    notes = [*converted.notes, *taken_for_granted(converted, body)]
    text = schema_line(out) + "\n".join(_heading(file, out, comparison, converted, notes)) + "\n" + dump(body)
    problems = check_problems(text, out, data_dir)
    write_new(out, text)
    return FromKeras(out, comparison, saved.version, notes, out.parent / data_file(converted, out), problems)


def read_model(file: Path) -> tuple[ModuleType, ModelFile]:
    """Start Keras, and read the model of a file.

    Raises:
        RunError: It holds no model, or one of code.
    """
    from nnrun.engine.backend.redirect_output import redirect_output
    from nnrun.engine.backend.start import BackendSettings, start_keras
    from nnrun.engine.model.to_config.read import read_saved_model

    with redirect_output(Path(os.devnull)):
        keras = start_keras(BackendSettings(seed=0))
        return keras, read_saved_model(keras, file)


def config_body(converted: ConvertedModel, name: str) -> dict[str, Any]:
    """Return a config with a model, over data that are still to come."""
    data = _data(converted, name)
    prepare = {"prepare": converted.prepare} if converted.texts else {}
    training: dict[str, Any] = {**_missing_training(converted), **converted.training}
    if _has_losses(converted):
        training.pop("loss", None)
    sections = {key: value for key, value in converted.sections.items() if key != "model"}
    return {
        "name": name,
        "seed": 7,
        **sections,
        "data": {"source": data, **prepare, "split": {"test": 0.2, "validation": 0.1}},
        "model": converted.sections["model"],
        "training": training,
    }


def data_file(converted: ConvertedModel, out: Path) -> str:
    """Return the name of the file in which data are expected."""
    return f"{name_of(out)}.{'csv' if _is_table(converted) else 'npz'}"


def _is_table(converted: ConvertedModel) -> bool:
    """Return whether the data are columns of a table: several inputs or outputs, or texts."""
    return len(converted.inputs) > 1 or len(converted.outputs) > 1 or bool(converted.texts)


def target_names(converted: ConvertedModel) -> list[str]:
    """Return the names of the columns of targets: those of the outputs, or one for a stack, whose output has none."""
    if isinstance(converted.sections["model"], dict):
        return list(converted.outputs)
    return ["target" if "y" in converted.inputs else "y"]


def _data(converted: ConvertedModel, name: str) -> dict[str, Any]:
    file, targets = data_file(converted, Path(name)), target_names(converted)
    if not _is_table(converted):
        return {"npz": {"file": file}}
    return {"csv": {"file": file, "target": targets if len(targets) > 1 else targets[0]}}


def _has_losses(converted: ConvertedModel) -> bool:
    """Return whether every output has a loss of its own."""
    model = converted.sections["model"]
    outputs = model["outputs"] if isinstance(model, dict) else {}
    return isinstance(outputs, dict) and bool(outputs) and all(one and "loss" in one for one in outputs.values())


def _missing_training(converted: ConvertedModel) -> dict[str, Any]:
    loss = next((_LOSSES[one] for one in converted.last if one in _LOSSES), "mean_squared_error")
    return {"loss": loss, "optimizer": "Adam"}


def taken_for_granted(converted: ConvertedModel, body: Mapping[str, Any]) -> list[str]:
    """Return what stands in a config although the model does not say it, one sentence each."""
    if "loss" in converted.training or _has_losses(converted):
        return []
    loss = body["training"]["loss"]
    return [f"the model was not compiled with a loss that a config can name: loss {loss} is a guess"]


def proven(
    keras: ModuleType, model: Any, converted: ConvertedModel, body: Mapping[str, Any], out: Path
) -> ModelComparison:
    """Compile a config and compare what it makes with the model.

    Raises:
        RunError: They differ.
        ConfigError: The language refuses the config.
    """
    from nnrun.engine.backend.redirect_output import redirect_output
    from nnrun.engine.model.to_config.convert import prove

    document = documents.parse(dump(dict(body)), out)
    with redirect_output(Path(os.devnull)):
        comparison = prove(keras, model, converted, validate(document), document.key_mark)
    if not comparison.equal:
        text = (
            f"the config would not compile to the same model: {format_count(comparison.compiled, 'parameter')} instead "
            f"of {comparison.parameters:,}, and outputs that differ by up to {comparison.difference:g} of "
            f"{comparison.scale:g}; nothing was written"
        )
        raise RunError(text, "please report it with the model's file: this is a fault of nnrun init --from-keras")
    return comparison


def _heading(
    file: Path, out: Path, comparison: ModelComparison, converted: ConvertedModel, notes: Sequence[str]
) -> list[str]:
    """Return the comments above a config."""
    lines = [
        f"# What:    the model of {file.name}, {format_count(comparison.parameters, 'parameter')}",
        f"# Run:     nnrun train {quote(out.name)}",
        f"# Proof:   {proof_text(comparison)}",
        f"# Weights: to start from those of the file, add  init_from: {dump_inline(file.name)}",
        f"# Data:    {_data_text(converted, data_file(converted, out))}",
    ]
    return [*lines, *(f"# Note:    {note}" for note in notes)]


def proof_text(comparison: ModelComparison) -> str:
    """Return what was proven, in one sentence."""
    adapted = f" ({comparison.adapted:,} of them are arguments here)" if comparison.adapted else ""
    return (
        f"nnrun compiles it to as many parameters{adapted}; with the same weights, outputs differ by at most "
        f"{comparison.difference:.2g}"
    )


def _data_text(converted: ConvertedModel, file: str) -> str:
    shapes = {name: ", ".join("?" if one is None else str(one) for one in shape)
              for name, shape in converted.inputs.items()}  # fmt: skip
    if file.endswith(".npz"):
        (shape,) = shapes.values()
        return f"{file} with the arrays x, of shape [rows, {shape}], and y; or name another source"
    columns = "; ".join(
        f"{name}, a text" if name in converted.texts else f"{name}[0], {name}[1], ... for [{shape}]"
        for name, shape in shapes.items()
    )
    return f"{file} with columns for the inputs ({columns}) and the targets; or name another source"


def check_problems(text: str, out: Path, data_dir: Path | None) -> Sequence[Problem]:
    """Return what `check` says about a config, except that its data are still to come."""
    try:
        problems: Sequence[Problem] = examine_document(documents.parse(text, out), out, data_dir).problems
    except ConfigError as error:
        problems = error.problems
    return tuple(one for one in problems if one.name != _NO_DATA)
