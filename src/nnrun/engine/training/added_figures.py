"""The figures that callbacks of the user's own add to the logs of an epoch, as Keras' `History` would keep them."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.logs import to_float

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import ModuleType


class AddedFigures:
    """Collects what callbacks add to an epoch's logs; its own callback is the last of the list.

    Args:
        keras: The started Keras.
        best_model: The callback that keeps the best model. It is the first of the list, where figures that others add
            are not there yet: it is called again where it monitors one.
    """

    def __init__(self, keras: ModuleType, best_model: Any) -> None:
        self.callback = keras.callbacks.LambdaCallback(on_epoch_end=self._collect)
        self._best_model = best_model
        self._measured: Collection[str] = ()
        self._found: dict[str, float] = {}

    def begin(self, measured: Collection[str]) -> None:
        """Forget the figures of the last epoch.

        Args:
            measured: The names of the line's own figures, which stay as they were measured.
        """
        self._measured, self._found = measured, {}

    def found(self) -> dict[str, float]:
        """Return the figures that were added since `begin`, by name; values that are no single numbers are left out."""
        return self._found

    def _collect(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        added = {name: value for name, value in (logs or {}).items() if name not in self._measured}
        self._found = {name: to_float(value) for name, value in added.items() if _is_number(value)}
        if self._best_model.monitor in self._found:
            self._best_model.on_epoch_end(epoch, logs)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) or (np.ndim(value) == 0 and hasattr(value, "dtype"))


def may_add_figures(keras: ModuleType, callbacks: Sequence[Any]) -> bool:
    """Return whether a callback of the user's own acts on the end of epochs; Keras' own add the learning rate alone."""
    base = keras.callbacks.Callback.on_epoch_end
    own = [one for one in callbacks if not type(one).__module__.startswith("keras.")]
    return any(type(one).on_epoch_end is not base for one in own)
