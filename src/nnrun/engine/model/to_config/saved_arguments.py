"""Losses and metrics that save all of their arguments: some of Keras' classes leave those of their functions out."""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@contextmanager
def all_arguments_saved(keras: ModuleType) -> Iterator[None]:
    """Let losses and metrics save the arguments that they pass on to a function, inside the `with` block.

    `Huber` saves no `delta`, and `CosineSimilarity` no `axis`: their `get_config` has the keys of every loss alone.
    """
    wrappers = (keras.src.losses.losses.LossFunctionWrapper, keras.src.metrics.reduction_metrics.MeanMetricWrapper)
    named = [*vars(keras.losses).values(), *vars(keras.metrics).values()]
    kinds: set[Any] = {
        one for one in named if isinstance(one, type) and issubclass(one, wrappers) and "get_config" in vars(one)
    }
    originals = {kind: kind.get_config for kind in kinds - {*wrappers}}
    try:
        for kind, original in originals.items():
            kind.get_config = _with_passed_on(original)
        yield
    finally:
        for kind, original in originals.items():
            kind.get_config = original


def _with_passed_on(original: Any) -> Any:
    @functools.wraps(original)
    def get_config(self: Any) -> dict[str, Any]:
        own = inspect.signature(type(self).__init__).parameters
        passed_on = {key: value for key, value in self._fn_kwargs.items() if key in own}
        return {**passed_on, **original(self)}

    return get_config
