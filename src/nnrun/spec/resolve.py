"""An experiment in full, as plain data: every default, every path; the content of `resolved.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec.model import Layer, ModelSpec, Repeat, Residual
from nnrun.spec.part import Part, PartReader
from nnrun.spec.part_form import goes_by_name
from nnrun.spec.section import Section
from nnrun.spec.training import TrainingSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.model import OutputSpec, StackItem

#: Arguments of sources that name files or folders.
FILE_ARGUMENTS = ("file", "folder", "images", "labels", "test_images", "test_labels", "masks", "targets")


def resolved(experiment: Experiment, locate: Callable[[str], str]) -> dict[str, Any]:
    """Return `experiment` in full.

    Args:
        experiment: The experiment.
        locate: Turns a file's name in the config into one that is valid wherever the result is stored.

    Returns:
        Plain data which, written as YAML, is the same experiment.
    """
    return _Resolver(locate).experiment(experiment)


class _Resolver:
    def __init__(self, locate: Callable[[str], str]) -> None:
        self._locate = locate

    def experiment(self, experiment: Experiment) -> dict[str, Any]:
        values, stacks = self._section(experiment), experiment.model.stacks
        if stacks:
            values["define"] = {name: self._items(items) for name, items in stacks.items()}
        return values

    def _training(self, training: TrainingSpec) -> Any:
        phases = [self._section(phase) for phase in training.phases]
        return phases or self._section(training)

    def _section(self, section: Section) -> dict[str, Any]:
        values = {name: getattr(section, name) for name in section.known_keys()}
        return {name: self._plain(value) for name, value in values.items() if value not in (None, (), {})}

    def _model(self, model: ModelSpec) -> Any:
        layers = self._items(model.layers)
        if model.chain:
            return [*(self._part(one.part) for one in model.inputs if one.part is not None), *layers]
        inputs = {one.name: one.field or (None if one.columns is None else list(one.columns)) for one in model.inputs}
        outputs = {output.name: self._output(output) for output in model.outputs}
        are_given = model.inputs[0].path != ("model",)
        return _without_nulls({"inputs": inputs if are_given else None, "layers": layers, "outputs": outputs or None})

    def _items(self, items: Sequence[StackItem]) -> list[Any]:
        return [self._item(item) for item in items]

    def _item(self, item: StackItem) -> Any:
        sources = item.sources and (item.sources[0] if len(item.sources) == 1 else list(item.sources))
        if isinstance(item, Layer):
            part = self._part(item.part)
            own = _without_nulls({"from": sources, "call": dict(item.call) or None})
            return (
                {item.part.name: {**(part[item.part.name] if isinstance(part, dict) else {}), **own}} if own else part
            )
        own = {"name": item.name, "from": sources}
        if isinstance(item, Repeat):
            return {"repeat": _without_nulls({"times": item.times, "layers": self._items(item.layers), **own})}
        if isinstance(item, Residual):
            shortcut = self._items(item.shortcut) or None
            return {"residual": _without_nulls({"layers": self._items(item.layers), "shortcut": shortcut, **own})}
        return {"use": _without_nulls({"stack": item.stack, "share": item.share, **own})}

    def _output(self, output: OutputSpec) -> dict[str, Any]:
        return _without_nulls(
            {
                "from": output.source,
                "target": output.target,
                "loss": self._plain(output.loss),
                "weight": output.weight,
                "metrics": self._plain(output.metrics),
            }
        )

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Section):
            return self._training(value) if isinstance(value, TrainingSpec) else self._section(value)
        if isinstance(value, Part):
            return self._part(value)
        if isinstance(value, ModelSpec):
            return self._model(value)
        if isinstance(value, (list, tuple)):
            return [self._plain(item) for item in value]
        if isinstance(value, dict):
            return {key: self._plain(item) for key, item in value.items()}
        return value

    def _part(self, part: Part) -> Any:
        entry = lookup.entry(part.category, part.name)
        if entry is None or goes_by_name(entry):
            return part.name
        arguments = {}
        for name, parameter in entry.parameters.items():
            if name in part.arguments:
                value = part.arguments[name]
            elif parameter.default is None:
                continue  # Keras decides by itself then, and a required argument is filled in by nnrun
            else:
                # Read as if it were in the config, so that `glorot_uniform` becomes the part it stands for.
                value = PartReader().value(parameter.kind, parameter.default, (), name)
            arguments[name] = self._located(value) if _names_files(part, name) else self._plain(value)
        return {part.name: arguments} if arguments else part.name

    def _located(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._located(item) for key, item in value.items()}
        return self._locate(value) if isinstance(value, str) else value


def _names_files(part: Part, argument: str) -> bool:
    """Return whether an argument names data files; the arrays of `npz` are files where there is no `file`."""
    if part.category != "sources":
        return False
    return argument in FILE_ARGUMENTS or (argument == "arrays" and part.arguments.get("file") is None)


def _without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
