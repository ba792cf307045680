"""An experiment said out in full, as plain data: every default, every path; what `resolved.yaml` holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec.part import Part
from nnrun.spec.parts import Reader, goes_by_name
from nnrun.spec.section import Section
from nnrun.spec.stack import Layer, Repeat, Residual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nnrun.catalog.lookup import Parameter
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.stack import Item, Model, Output

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
    said = _section(experiment, locate)
    model: Model = experiment.model
    said["model"] = _model(model, locate)
    if model.stacks:
        said["define"] = {name: _items(items, locate) for name, items in model.stacks.items()}
    return said


def _model(model: Model, locate: Callable[[str], str]) -> Any:
    if model.chain:
        first = [_part(entrance.part, locate) for entrance in model.inputs if entrance.part is not None]
        return [*first, *_items(model.layers, locate)]
    said: dict[str, Any] = {}
    if model.inputs[0].path != ("model",):
        said["inputs"] = {
            one.name: one.field or (None if one.columns is None else list(one.columns)) for one in model.inputs
        }
    said["layers"] = _items(model.layers, locate)
    if model.outputs:
        said["outputs"] = {output.name: _output(output, locate) for output in model.outputs}
    return said


def _items(items: Sequence[Item], locate: Callable[[str], str]) -> list[Any]:
    return [_item(item, locate) for item in items]


def _item(item: Item, locate: Callable[[str], str]) -> Any:
    if isinstance(item, Layer):
        return _layer(item, locate)
    more = {"name": item.name, "from": _names(item.takes)}
    if isinstance(item, Repeat):
        return {"repeat": _without_nulls({"times": item.times, "layers": _items(item.layers, locate), **more})}
    if isinstance(item, Residual):
        shortcut = _items(item.shortcut, locate) or None
        return {"residual": _without_nulls({"layers": _items(item.layers, locate), "shortcut": shortcut, **more})}
    return {"use": _without_nulls({"stack": item.stack, "share": item.share, **more})}


def _layer(item: Layer, locate: Callable[[str], str]) -> Any:
    said = _part(item.part, locate)
    more = _without_nulls({"from": _names(item.takes), "call": dict(item.call) or None})
    if not more:
        return said
    return {item.part.name: {**(said[item.part.name] if isinstance(said, dict) else {}), **more}}


def _output(output: Output, locate: Callable[[str], str]) -> dict[str, Any]:
    metrics = None if output.metrics is None else _plain(output.metrics, locate)
    loss = None if output.loss is None else _part(output.loss, locate)
    return _without_nulls(
        {"from": output.takes, "target": output.target, "loss": loss, "weight": output.weight, "metrics": metrics}
    )


def _names(takes: tuple[str, ...] | None) -> Any:
    return None if takes is None else takes[0] if len(takes) == 1 else list(takes)


def _without_nulls(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value is not None}


def _section(section: Section, locate: Callable[[str], str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key in section.KEYS:
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
