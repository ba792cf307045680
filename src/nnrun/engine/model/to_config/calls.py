"""A functional model as calls of layers one after the other, models inside of it taken apart."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.engine.model.to_config.operations import Operation, operation_of
from nnrun.engine.model.to_config.parts import plain, refused_code, refused_layer
from nnrun.errors import RunError
from nnrun.spec.graph import ATTENTION_LAYERS, LIST_LAYERS, TENSOR_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

#: Layers that behave otherwise in training, whatever their weights.
_NOISY = ("BatchNormalization",)


@dataclass(frozen=True)
class Ref:
    """One tensor: an output of a call, or an input of the model, which is a call before the first (-1, -2, ...)."""

    call: int
    output: int = 0


@dataclass(frozen=True)
class Call:
    """One application of a layer.

    Attributes:
        layer: The layer of Keras; an `Operation`; or the `Calls` of a model that is applied several times.
        sources: The tensors that it takes.
        call: Further arguments of its call, tensors among them as `Ref`s.
        shared: The identity of a layer with weights that is applied several times; None for all others.
        name: Keras' name of the layer.
        wrapped: Whether it is applied to each step of its input (`TimeDistributed`), as one layer of a model that is.
    """

    layer: Any
    sources: tuple[Ref, ...]
    call: Mapping[str, Any] = field(default_factory=dict)
    shared: int | None = None
    name: str = ""
    wrapped: bool = False

    def refs(self) -> list[Ref]:
        """Return all tensors that it takes."""
        others = [one for value in self.call.values() for one in (value if isinstance(value, list) else [value])]
        return [*self.sources, *(one for one in others if isinstance(one, Ref))]


@dataclass(frozen=True)
class Calls:
    """A model.

    Attributes:
        inputs: Keras' tensors of the inputs.
        input_names: Their names.
        calls: The layers in the order in which they are applied.
        outputs: The outputs.
        output_names: Their names.
    """

    inputs: Sequence[Any]
    input_names: Sequence[str]
    calls: Sequence[Call]
    outputs: Sequence[Ref]
    output_names: Sequence[str]


def model_calls(keras: ModuleType, model: Any) -> Calls:
    """Take a model apart.

    Raises:
        RunError: It is no functional model or stack of layers, or uses a layer in a way that no config can.
    """
    return _Walk(keras, model).model(model)


def functional(keras: ModuleType, model: Any) -> Any:
    """Return the functional model that a model is.

    Raises:
        RunError: It is a model of a class of somebody's own, or was never built.
    """
    if isinstance(model, keras.Sequential):
        inner = model._functional  # noqa: SLF001 - a Sequential is this model
        if inner is None:
            text = f"the model '{model.name}' was never built: the shape of its input is not known"
            raise RunError(text, "begin it with keras.Input(shape), or call it once before it is saved")
        return inner
    if isinstance(model, keras.src.models.Functional) and type(model).__module__.startswith("keras."):
        return model
    raise refused_code(model.name, type(model).__name__)


class _Walk:
    """Walks through one model and all models inside of it."""

    def __init__(self, keras: ModuleType, model: Any) -> None:
        self._keras = keras
        self._uses: Counter[int] = Counter()
        self._count(functional(keras, model))

    def model(self, model: Any) -> Calls:
        """Return the calls of a model."""
        inner = functional(self._keras, model)
        inputs, outputs = self._keras.tree.flatten(inner.inputs), self._keras.tree.flatten(inner.outputs)
        known = {id(tensor): Ref(-1 - index) for index, tensor in enumerate(inputs)}
        calls: list[Call] = []
        self._walk(inner, known, calls, training=None)
        names = [str(one._keras_history.operation.name) for one in inputs]  # noqa: SLF001
        found = tuple(known[id(one)] for one in outputs)
        return Calls(inputs, names, calls, found, list(getattr(model, "output_names", inner.output_names)))

    def _count(self, model: Any) -> None:
        """Count the applications of every layer, of models as of others."""
        for node in self._nodes(model):
            first = id(node.operation) not in self._uses
            self._uses[id(node.operation)] += 1
            if first and self._is_model(node.operation):
                self._count(functional(self._keras, node.operation))

    def _is_model(self, layer: Any) -> bool:
        return isinstance(layer, self._keras.Model)

    def _is_tensor(self, value: Any) -> bool:
        return isinstance(value, self._keras.KerasTensor)

    def _walk(self, model: Any, known: dict[int, Ref], calls: list[Call], *, training: bool | None) -> None:
        """Append the calls of a functional model whose inputs are known."""
        for node in self._nodes(model):
            if any(id(tensor) in known for tensor in node.output_tensors):
                continue
            layer = node.operation
            if self._is_model(layer):
                self._walk_model(node, known, calls, training=training)
            elif isinstance(layer, self._keras.layers.Layer):
                self._append_layer(node, known, calls, training=training)
            else:
                operations, tensors = operation_of(node, self._is_tensor)
                sources = tuple(known[id(one)] for one in tensors)
                for operation in operations:
                    calls.append(Call(operation, sources, name=layer.name))
                    sources = (Ref(len(calls) - 1),)
                self._remember(node, sources[0] if not operations else Ref(len(calls) - 1), known)

    def _remember(self, node: Any, ref: Ref, known: dict[int, Ref]) -> None:
        for output, tensor in enumerate(node.output_tensors):
            known[id(tensor)] = Ref(ref.call, ref.output + output)

    def _walk_model(self, node: Any, known: dict[int, Ref], calls: list[Call], *, training: bool | None) -> None:
        """Append a model that is applied as a layer: its own calls, or one call where it is applied several times."""
        layer = node.operation
        inner = functional(self._keras, layer)
        sources, call = self._arguments(node)
        training = call.pop("training", training)
        if call:
            raise refused_layer(layer.name, type(layer).__name__, f"is called with {next(iter(call))}")
        taken = [known[id(one)] for one in self._in_order(sources, node, inner)]
        if self._uses[id(layer)] == 1:
            here = {id(tensor): ref for tensor, ref in zip(inner.inputs, taken, strict=True)}
            self._walk(inner, here, calls, training=training)
            for tensor, own in zip(node.output_tensors, self._keras.tree.flatten(inner.outputs), strict=True):
                known[id(tensor)] = here[id(own)]
            return
        if len(taken) > 1 or len(node.output_tensors) > 1:
            why = "is applied several times and takes or gives several tensors, which no stack of a config does"
            raise refused_layer(layer.name, type(layer).__name__, why)
        calls.append(Call(self.model(layer), tuple(taken), shared=id(layer), name=layer.name))
        self._remember(node, Ref(len(calls) - 1), known)

    def _in_order(self, sources: Sequence[Any], node: Any, inner: Any) -> Sequence[Any]:
        """Return what a model takes in the order of its inputs: those of a dict are given by name."""
        given = (*node.arguments.args, *node.arguments.kwargs.values())[0]
        if not isinstance(given, dict):
            return sources
        names = [one._keras_history.operation.name for one in inner.inputs]  # noqa: SLF001
        return [given[name] for name in names] if set(names) <= given.keys() else sources

    def _append_layer(self, node: Any, known: dict[int, Ref], calls: list[Call], *, training: bool | None) -> None:
        layer = node.operation
        tensors, call = self._arguments(node)
        if training is not None and "training" not in call and _depends_on_training(layer):
            call["training"] = training
        sources = tuple(known[id(one)] for one in tensors)
        call = {key: self._known(value, known, node) for key, value in call.items()}
        shared = id(layer) if self._uses[id(layer)] > 1 and layer.weights else None
        inner = getattr(layer, "layer", None)
        if self._is_model(inner):
            self._append_distributed(layer, inner, sources, calls)
        elif type(layer).__module__ == "keras.src.applications.inception_resnet_v2":
            # Its only layer, which is not public, adds to the first tensor the second one times a number.
            calls.append(Call(Operation("multiply", {"x2": plain(layer.scale)}), sources[1:], name=layer.name))
            calls.append(Call(Operation("add", {}), (sources[0], Ref(len(calls) - 1)), name=layer.name))
        else:
            calls.append(Call(layer, sources, call, shared, layer.name))
        self._remember(node, Ref(len(calls) - 1), known)

    def _append_distributed(self, layer: Any, inner: Any, sources: tuple[Ref, ...], calls: list[Call]) -> None:
        """Append the layers of a model that is applied to each step, each of which is applied so."""
        whole = self.model(inner)
        is_chain = all(one.sources == (Ref(index - 1),) and not one.call for index, one in enumerate(whole.calls))
        if type(layer).__name__ != "TimeDistributed" or not is_chain or self._uses[id(layer)] > 1:
            raise refused_layer(layer.name, type(layer).__name__, "wraps a model that is no chain of layers")
        for one in whole.calls:
            calls.append(Call(one.layer, sources, name=one.name, wrapped=True))
            sources = (Ref(len(calls) - 1),)

    def _known(self, value: Any, known: Mapping[int, Ref], node: Any) -> Any:
        if self._is_tensor(value):
            return known[id(value)]
        if isinstance(value, (list, tuple)):
            return [self._known(one, known, node) for one in value]
        if not isinstance(value, (bool, int, float, str, type(None))):
            layer = node.operation
            raise refused_layer(layer.name, type(layer).__name__, f"is called with {type(value).__name__}")
        return value

    def _nodes(self, model: Any) -> Iterable[Any]:
        """Return the nodes of a functional model in the order in which branch after branch is computed."""
        inputs = {id(tensor) for tensor in model.inputs}
        done: set[int] = set()
        order: list[Any] = []
        waiting = [(self._node(tensor), False) for tensor in reversed(self._keras.tree.flatten(model.outputs))
                   if id(tensor) not in inputs]  # fmt: skip
        while waiting:
            node, is_ready = waiting.pop()
            if is_ready:
                order.append(node)
            elif id(node) not in done:
                done.add(id(node))
                waiting.append((node, True))
                taken = [one for one in self._taken(node) if id(one) not in inputs]
                waiting += [(found, False) for one in reversed(taken) if id(found := self._node(one)) not in done]
        return order

    @staticmethod
    def _node(tensor: Any) -> Any:
        history = tensor._keras_history  # noqa: SLF001 - the only way from a tensor to its node
        return history.operation._inbound_nodes[history.node_index]  # noqa: SLF001

    def _taken(self, node: Any) -> list[Any]:
        """Return the tensors that a node takes, without masks that layers pass on by themselves."""
        if not isinstance(node.operation, self._keras.layers.Layer):
            return list(node.input_tensors)
        sources, call = self._arguments(node)
        return [*sources, *(one for one in self._keras.tree.flatten(call) if self._is_tensor(one))]

    def _arguments(self, node: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return the tensors that a layer takes and the arguments of its call that are not the default."""
        layer = node.operation
        if not node.arguments.args and not node.arguments.kwargs:
            return [], {}
        if self._is_model(layer):
            values = dict(zip(("inputs", "training", "mask"), node.arguments.args, strict=False))
            values |= node.arguments.kwargs
            defaults: dict[str, Any] = {}
        else:
            signature = inspect.signature(layer.call)
            values = dict(signature.bind(*node.arguments.args, **node.arguments.kwargs).arguments)
            values |= values.pop("kwargs", {})
            defaults = {key: one.default for key, one in signature.parameters.items()}
        first = next(iter(values))
        given = values.pop(first)
        sources = [one for one in self._keras.tree.flatten(given) if one is not None]
        name = type(layer).__name__
        if name.replace("Grouped", "Group") in ATTENTION_LAYERS:
            others = [values.pop(key, None) for key in ("value", "key")]
            sources += [one for one in others if one is not None]
            if len(sources) == 3 and sources[2] is sources[1]:
                sources.pop()
        self._require_form(layer, given, sources)
        masks = [self._keras.src.backend.get_keras_mask(one) for one in sources]
        automatic = any(one is not None for one in masks)
        call = {
            key: value
            for key, value in values.items()
            if value is not None
            and not (value is defaults.get(key, inspect.Parameter.empty) or _is_empty(value))
            and not (automatic and key.endswith("mask") and self._is_automatic(value, masks))
        }
        return sources, call

    def _is_automatic(self, value: Any, masks: Sequence[Any]) -> bool:
        """Return whether a mask is one that layers make and pass on by themselves, so that no config states it."""
        flat = [one for one in self._keras.tree.flatten(value) if self._is_tensor(one)]
        if not flat:
            return False
        if any(any(one is mask for mask in masks) for one in flat):
            return True
        # In a model that was loaded, the masks of the file stand next to those that are made again.
        return all(type(self._node(one).operation).__name__ in ("NotEqual", "Any", "LogicalAnd", "Concatenate")
                   for one in flat)  # fmt: skip

    def _require_form(self, layer: Any, given: Any, sources: Sequence[Any]) -> None:
        name = type(layer).__name__
        if not all(self._is_tensor(one) for one in sources):
            raise refused_layer(layer.name, name, "is called with a constant in place of a tensor")
        if isinstance(given, dict) and not self._is_model(layer):
            raise refused_layer(layer.name, name, "takes a dict of tensors")
        if len(sources) > 1 and not self._is_model(layer):
            entry = lookup.entry("layers", name.replace("Grouped", "Group"))
            takes_several = entry is not None and (entry.name in LIST_LAYERS or entry.name in ATTENTION_LAYERS)
            if not takes_several and name != "Op" and entry is not None:
                raise refused_layer(layer.name, name, f"takes {len(sources)} tensors")


def _is_empty(value: Any) -> bool:
    """Return whether a value is a list of nothing, as the masks of several tensors without one."""
    return isinstance(value, (list, tuple)) and all(one is None for one in value)


def _depends_on_training(layer: Any) -> bool:
    """Return whether a layer computes another thing in training."""
    return (
        type(layer).__name__ in _NOISY
        or getattr(layer, "seed_generator", None) is not None
        or bool(getattr(layer, "dropout", 0) or getattr(layer, "recurrent_dropout", 0))
    )


def requires_tensor_names(call: Call) -> list[str]:
    """Return the arguments of a call that are tensors, which a config names only where nnrun knows them as such."""
    return [key for key, value in call.call.items() if isinstance(value, Ref) and key not in TENSOR_ARGUMENTS]


__all__ = ["Call", "Calls", "Operation", "Ref", "functional", "model_calls", "requires_tensor_names"]
