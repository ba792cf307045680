"""Tests of the streams of random numbers of a process."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.engine.state import random_streams


def drawn(normals: int) -> list[float]:
    """Draw from Python's stream and from NumPy's; an odd number of normal ones leaves one for the next draw."""
    legacy = [np.random.standard_normal() for _ in range(normals)]  # noqa: NPY002 - what users' code draws from
    return [random.random(), *(random.gauss(0, 1) for _ in range(normals)), *legacy]  # noqa: S311


@given(st.integers(0, 2**32 - 1), st.integers(0, 700))
def test_streams_go_on_where_they_were(seed: int, before: int) -> None:
    """Whatever was drawn before and in between, the numbers after `restore` are those after `collect`."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - see above
    drawn(before)
    saved = random_streams.collect()
    expected = drawn(3)
    drawn(before + 1)
    random_streams.restore(saved)
    assert drawn(3) == expected


def test_a_missing_stream_is_an_error() -> None:
    """A state without one of the streams is refused."""
    saved = random_streams.collect()
    for name in saved.keys() - {"random/keras"}:
        with pytest.raises(KeyError):
            random_streams.restore({key: array for key, array in saved.items() if key != name})


@pytest.mark.keras
def test_the_generator_of_keras_goes_on_in_a_process_that_has_not_drawn_yet() -> None:
    """Keras makes its global generator at the first draw; where it is not made yet, it is made and goes on."""
    import keras
    from keras.src.backend.common import global_state

    keras.random.uniform(())
    saved = random_streams.collect()
    expected = float(keras.random.uniform(()))
    global_state.set_global_attribute("global_seed_generator", None)
    random_streams.restore(saved)
    assert float(keras.random.uniform(())) == expected
    assert (random_streams.collect()["random/python"] == saved["random/python"]).all()
