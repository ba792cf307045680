"""An experiment said out in full, as plain data: every default, every path; what `resolved.yaml` holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec.part import Part
from nnrun.spec.parts import Reader, goes_by_name
from nnrun.spec.section import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.lookup import Parameter
    from nnrun.spec.experiment import Experiment

#: Arguments of sources that name files or folders.
FILE_ARGUMENTS = ("file", "folder", "images", "labels")


def resolved(experiment: Experiment, locate: Callable[[str], str]) -> dict[str, Any]:
    """Say `experiment` out in full.

    Args:
        experiment: The experiment.
        locate: Turns a file's name as the config says it into one that holds wherever the result lies.

    Returns:
        Plain data which, written as YAML, is the same experiment.
    """
    return _section(experiment, locate)


def _section(section: Section, locate: Callable[[str], str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if value is not None and value not in ((), {}):
            said[key] = _plain(value, locate)
    return said


def _plain(value: Any, locate: Callable[[str], str]) -> Any:
    if isinstance(value, Section):
        return _section(value, locate)
    if isinstance(value, Part):
        return _part(value, locate)
    if isinstance(value, (list, tuple)):
        return [_plain(item, locate) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, locate) for key, item in value.items()}
    return value


def _part(part: Part, locate: Callable[[str], str]) -> Any:
    entry = lookup.entry(part.category, part.name)
    if entry is None or goes_by_name(entry):
        return part.name
    arguments = {}
    for name, parameter in entry.parameters.items():
        if name not in part.arguments and parameter.default is None:
            continue  # Keras decides by itself then, and a required argument is nnrun's to fill in
        value = part.arguments[name] if name in part.arguments else _default(parameter)
        arguments[name] = _plain(value, locate)
        if part.category == "sources" and name in FILE_ARGUMENTS and isinstance(value, str):
            arguments[name] = locate(value)
    return {part.name: arguments} if arguments else part.name


def _default(parameter: Parameter) -> Any:
    """Read a default as if the config had said it, so that `glorot_uniform` becomes the part it stands for."""
    return Reader().value(parameter.kind, parameter.default, (), parameter.name)
