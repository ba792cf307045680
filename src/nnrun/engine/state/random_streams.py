"""The streams of random numbers of this process, which the user's own code may draw from while it trains."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where Keras keeps the seed generator that random operations without one of their own use.
_KERAS_STATE = "keras.src.backend.common.global_state"
_KERAS_NAME = "global_seed_generator"
#: Where it is made.
_KERAS_MAKER = "keras.src.random.seed_generator"


def collect() -> dict[str, np.ndarray]:
    """Return the states of Python's stream, NumPy's and Keras' global one, as arrays by name."""
    version, numbers, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state()  # noqa: NPY002 - user code draws from the global one
    assert (version, kind) == (3, "MT19937"), "documented by Python and NumPy"  # noqa: S101
    arrays = {
        "random/python": np.array(numbers, dtype="uint32"),
        "random/python_gauss": np.array([] if gauss is None else [gauss], dtype="float64"),
        "random/numpy": np.array(keys, dtype="uint32"),
        "random/numpy_place": np.array([place, has_gauss], dtype="int64"),
        "random/numpy_gauss": np.array([cached], dtype="float64"),
    }
    generator = _keras_generator()
    return arrays if generator is None else {**arrays, "random/keras": generator.state.numpy()}


def restore(arrays: Mapping[str, np.ndarray]) -> None:
    """Bring the streams back to where they were when `collect` was called.

    Raises:
        KeyError: A stream is missing.
    """
    # First, as making it draws from Python's stream.
    generator = _keras_generator(make="random/keras" in arrays)
    gauss = arrays["random/python_gauss"]
    random.setstate((3, tuple(int(one) for one in arrays["random/python"]), float(gauss[0]) if len(gauss) else None))
    place, has_gauss = (int(one) for one in arrays["random/numpy_place"])
    cached = float(arrays["random/numpy_gauss"][0])
    np.random.set_state(("MT19937", arrays["random/numpy"], place, has_gauss, cached))  # noqa: NPY002 - see `collect`
    if "random/keras" in arrays:
        generator.state.assign(arrays["random/keras"])


def _keras_generator(*, make: bool = False) -> Any:
    """Return Keras' global generator; None where nothing has drawn from it yet, unless it is to be made."""
    state: Any = sys.modules.get(_KERAS_STATE)
    found = None if state is None else state.get_global_attribute(_KERAS_NAME)
    if found is None and make:
        return sys.modules[_KERAS_MAKER].global_seed_generator()
    return found
