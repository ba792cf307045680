"""The arrays that a script trains on, of models with one or several inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

#: Batches of a data set are kept up to so many bytes.
_MOST_BYTES = 4_000_000_000


def recorded_arrays(
    keras: ModuleType, model: Any, data: Sequence[Any], *, ends: bool = True
) -> dict[str, np.ndarray] | None:
    """Return what a model is trained or evaluated on, by name; None where that is no arrays.

    The names are `x`, `y` and `sample_weight`; those of several inputs and outputs are `x.0`, `x.1`, ... in the order
    of the model's own.

    Args:
        keras: Keras.
        model: The model.
        data: Examples, targets and weights of examples, as `fit` takes them: arrays, lists or dicts of them; or a data
            set of batches, and None for the others.
        ends: Whether a data set of unknown length is known to end.
    """
    try:
        if data[1] is not None:
            return _named(keras, model, data)
        batches = [_named(keras, model, batch) for batch in _batches(data[0], ends=ends)]
    except (TypeError, ValueError, LookupError, _NoArrays):
        return None
    if not batches or any(one.keys() != batches[0].keys() for one in batches):
        return None
    return {name: np.concatenate([one[name] for one in batches]) for name in batches[0]}


class _NoArrays(Exception):  # noqa: N818 - never leaves this module
    """Raised where data are no arrays of numbers or texts."""


def _batches(data: Any, *, ends: bool) -> Iterator[Sequence[Any]]:
    """Yield the batches of a data set that ends.

    Raises:
        _NoArrays: It does not end, holds other things than pairs, or is too large.
    """
    if hasattr(data, "cardinality"):
        count = int(data.cardinality())
        if count == -1 or (count < -1 and not ends):
            raise _NoArrays
    elif not hasattr(data, "__len__"):
        raise _NoArrays
    size = 0
    for batch in (data[at] for at in range(len(data))) if hasattr(data, "__getitem__") else data:
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise _NoArrays
        yield batch
        size += sum(int(np.asarray(one).nbytes) for one in _leaves(batch))
        if size > _MOST_BYTES:
            raise _NoArrays


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list, tuple)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    else:
        yield value


def _named(keras: ModuleType, model: Any, data: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return arrays by name.

    Raises:
        _NoArrays: There are others than the model has inputs and outputs, or they are no numbers and texts.
    """
    x, y, *weights = data
    functional = getattr(model, "_functional", None) or model
    found: dict[str, np.ndarray] = {}
    for role, value, kind in (("x", x, "inputs"), ("y", y, "outputs")):
        structure = getattr(functional, f"_{kind}_struct", None)
        tensors = [] if structure is None else keras.tree.flatten(structure)
        names = functional.output_names if tensors and kind == "outputs" else [one.name for one in tensors]
        given = _in_order(value, structure, names, max(1, len(tensors)))
        found |= {role if len(given) == 1 else f"{role}.{index}": _array(one) for index, one in enumerate(given)}
    if weights and weights[0] is not None:
        found["sample_weight"] = _array(weights[0])
    return found


def _in_order(value: Any, structure: Any, names: Sequence[str], count: int) -> Sequence[Any]:
    """Return the parts of a value in the order of a model's inputs or outputs.

    Raises:
        _NoArrays: They are others.
    """
    if isinstance(value, dict):
        # Keras flattens a dict by its sorted keys.
        keys = sorted(structure) if isinstance(structure, dict) else names
        if not keys or not set(keys) <= value.keys():
            raise _NoArrays
        return [value[key] for key in keys]
    if isinstance(value, (list, tuple)) and (count > 1 or (len(value) == 1 and np.ndim(value[0]) > 0)):
        if len(value) != count:
            raise _NoArrays
        return value
    if count > 1:
        raise _NoArrays
    return [value]


def _array(value: Any) -> np.ndarray:
    """Return an array of numbers or texts.

    Raises:
        _NoArrays: It is none.
    """
    array = np.asarray(value)
    if array.dtype.kind in "OS":
        texts = [one.decode() if isinstance(one, bytes) else one for one in array.reshape(-1).tolist()]
        if not all(isinstance(one, str) for one in texts):
            raise _NoArrays
        array = np.array(texts, dtype=str).reshape(array.shape)
    if array.dtype.kind not in "biufU":
        raise _NoArrays
    return array
