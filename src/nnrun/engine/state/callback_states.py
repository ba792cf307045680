"""The states of callbacks: what a callback must remember to go on where it was.

The protocol: a callback with a method `get_state(self)` returns its state as plain data (numbers, texts, NumPy arrays,
lists, tuples and dicts of these), and `set_state(self, state)` restores it. On a resume `set_state` is called after
`on_train_begin`, and within an epoch after `on_epoch_begin` too. Only what changes during training belongs into the
state: what the config says is the config's.

Keras' own callbacks have no such methods, and reset themselves in `on_train_begin` (keras#14862); their states are the
attributes below. TerminateOnNaN, LearningRateScheduler, LambdaCallback and RemoteMonitor have none that changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.callback_memory import KERAS_ATTRIBUTES, PROTOCOL
from nnrun.engine.state.encoding import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np


def collect(callbacks: Sequence[Any], arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return the states of callbacks as JSON, in order; their arrays are added to `arrays`.

    Raises:
        RunError: A callback's `get_state` returns something else than plain data.
    """
    return [
        {"name": type(callback).__name__, "state": encode(_get_state(callback), f"callback/{number}", arrays)}
        for number, callback in enumerate(callbacks)
    ]


def restore(callbacks: Sequence[Any], states: Sequence[Mapping[str, Any]], arrays: Mapping[str, np.ndarray]) -> None:
    """Restore the states that `collect` has returned; a callback that had none, or is a new one, starts afresh.

    Callbacks are matched by class and order, so that one may be added or left out.
    """
    left = list(states)
    for callback in callbacks:
        found = next((one for one in left if one["name"] == type(callback).__name__), None)
        if found is None:
            continue
        left.remove(found)
        state = decode(found["state"], dict(arrays))
        if state is not None:
            _set_state(callback, state)


def _get_state(callback: Any) -> Any:
    if _has_protocol(callback):
        return callback.get_state()
    return {name: getattr(callback, name) for name in _attributes(callback) if hasattr(callback, name)} or None


def _set_state(callback: Any, state: Any) -> None:
    if _has_protocol(callback):
        callback.set_state(state)
        return
    for name in _attributes(callback):
        if name in state:
            setattr(callback, name, state[name])


def _has_protocol(callback: Any) -> bool:
    """Whether a callback has both methods of the protocol: one alone saves nothing, of which `check` warns."""
    return all(hasattr(callback, name) for name in PROTOCOL)


def _attributes(callback: Any) -> list[str]:
    """Return the attributes of a callback that change, by Keras' own classes among its bases."""
    names = [base.__name__ for base in type(callback).__mro__ if base.__module__.startswith("keras.")]
    return [attribute for name in names for attribute in KERAS_ATTRIBUTES.get(name, ())]
