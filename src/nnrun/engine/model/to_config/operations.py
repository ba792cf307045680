"""Operations of `keras.ops` in functional models, as the layer `Op` of a config."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.names import snake_case
from nnrun.catalog.shapes.operations import tensor_arguments
from nnrun.engine.model.to_config.parts import plain, refused_layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Operation:
    """An operation with its constant arguments.

    Attributes:
        op: Its name in `keras.ops`.
        arguments: The arguments that are no tensors and not the default.
    """

    op: str
    arguments: Mapping[str, Any]


def operation_of(node: Any, is_tensor: Any) -> tuple[list[Operation], list[Any]]:
    """Return the operations that one of Keras' nodes is, applied one after the other, and the tensors of the first.

    Args:
        node: A node whose operation is no layer.
        is_tensor: Tells a symbolic tensor.

    Raises:
        RunError: It has no counterpart in a config.
    """
    operation = node.operation
    kind = type(operation).__name__
    if kind == "GetItem":
        given: list[Any] = list(node.arguments.args) + list(node.arguments.kwargs.values())
        x, key = given
        return list(_get_item(key if isinstance(key, (list, tuple)) else [key], x.shape, operation.name)), [x]
    entry = lookup.entry("ops", snake_case(kind)) or lookup.entry("ops", kind.lower())
    if entry is None or entry.refused is not None:
        raise refused_layer(operation.name, f"keras.ops {kind}", "has no counterpart in a config")
    config = {key: value for key, value in operation.get_config().items() if key in entry.parameters}
    values = _call_values(node, operation)
    tensors: list[Any] = []
    constants: dict[str, Any] = {}
    names = tensor_arguments(entry)
    if entry.name == "einsum" or entry.listed:
        (found,) = values if len(values) == 1 and isinstance(values[0], (list, tuple)) else (values,)
        tensors = list(found)
        if not all(is_tensor(one) for one in tensors):
            raise refused_layer(operation.name, f"keras.ops.{entry.name}", "has a constant among its tensors")
    else:
        for name, value in zip(names, values, strict=False):
            if is_tensor(value):
                tensors.append(value)
            elif value is not None:
                constants[name] = plain(value)
    arguments = {key: plain(value) for key, value in config.items() if not _is_default(entry, key, value)}
    return [Operation(entry.name, {**arguments, **constants})], tensors


def _call_values(node: Any, operation: Any) -> list[Any]:
    signature = inspect.signature(operation.call)
    bound = signature.bind(*node.arguments.args, **node.arguments.kwargs)
    values: list[Any] = []
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            values += value
        elif kind is not inspect.Parameter.VAR_KEYWORD:
            values.append(value)
    return values


def _is_default(entry: lookup.Entry, key: str, value: Any) -> bool:
    parameter = entry.parameters[key]
    return not parameter.required and plain(value) == parameter.default


def _get_item(key: Sequence[Any], shape: Sequence[int | None], name: str) -> Iterator[Operation]:
    """Yield the operations that `x[key]` is: slices, then single indices from the last axis on, then new axes."""
    entries = _without_ellipsis(list(key), len(shape))
    axes = [one for one in entries if one is not None]
    if axes and axes[0] != slice(None):
        raise refused_layer(name, "x[...]", "takes some of the examples of a batch")
    yield from _slices(axes, shape, name)
    singles = [axis for axis, one in enumerate(axes) if isinstance(one, int)]
    for axis in reversed(singles):
        yield Operation("take", {"axis": axis, "indices": axes[axis]})
    kept = 0
    for one in entries:
        if one is None:
            yield Operation("expand_dims", {"axis": kept})
        kept += not isinstance(one, int)


def _without_ellipsis(entries: list[Any], rank: int) -> list[Any]:
    if any(one is Ellipsis for one in entries):
        at = next(index for index, one in enumerate(entries) if one is Ellipsis)
        missing = rank - sum(one is not None and one is not Ellipsis for one in entries)
        return [*entries[:at], *[slice(None)] * missing, *entries[at + 1 :]]
    return [*entries, *[slice(None)] * (rank - sum(one is not None for one in entries))]


def _slices(axes: Sequence[Any], shape: Sequence[int | None], name: str) -> Iterator[Operation]:
    starts, sizes = [0] * len(shape), [-1] * len(shape)
    for axis, one in enumerate(axes):
        if isinstance(one, int):
            continue
        if not isinstance(one, slice):
            raise refused_layer(name, "x[...]", "is indexed by a tensor or a list: use Op: {op: take}")
        if one.step not in (None, 1):
            yield _strided(one, axis, shape[axis], name)
            continue
        if one.start in (None, 0) and one.stop is None:
            continue
        starts[axis], sizes[axis] = _range(one, shape[axis], name)
    if any(starts) or any(size != -1 for size in sizes):
        yield Operation("slice", {"start_indices": starts, "shape": sizes})


def _strided(one: slice, axis: int, size: int | None, name: str) -> Operation:
    if one == slice(None, None, -1):
        return Operation("flip", {"axis": axis})
    if size is None:
        raise refused_layer(name, "x[...]", "goes in steps along an axis of open size")
    return Operation("take", {"axis": axis, "indices": list(range(*one.indices(size)))})


def _range(one: slice, size: int | None, name: str) -> tuple[int, int]:
    """Return where a slice starts, and how many it takes."""
    start, stop = one.start or 0, one.stop
    if size is not None:
        first, last, _ = one.indices(size)
        return first, max(last - first, 0)
    if start >= 0 and stop is not None and stop >= start:
        return start, stop - start
    if start >= 0 and stop is None:
        return start, -1
    raise refused_layer(name, "x[...]", "counts from the end of an axis of open size")
