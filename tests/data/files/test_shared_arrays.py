"""Shared arrays: what is read is what was written, and nobody can change it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.files.shared_arrays import find_contents, read_object, write_object


@dataclass(frozen=True)
class Holder:
    """An object with arrays in several places."""

    one: np.ndarray
    several: dict[str, np.ndarray]
    names: np.ndarray


_TYPES = st.sampled_from(["float32", "float64", "int32", "uint8", "bool", "<U7"])


@settings(max_examples=25, deadline=None)
@given(arrays_of.arrays(_TYPES, arrays_of.array_shapes(max_dims=3, max_side=4)), st.sampled_from([1, 400]))
def test_what_is_read_is_what_was_written(array: np.ndarray, times: int) -> None:
    """Values, types, shapes and texts, of small arrays and of mapped ones; one array stays one; none can be written."""
    array = np.tile(array, (times, *[1] * (array.ndim - 1)))
    written = Holder(array, {"same": array, "part": array[:1]}, np.array(["a", None, "ü"], dtype=object))
    with TemporaryDirectory() as folder:
        write_object(Path(folder), written)
        found: Holder = read_object(Path(folder))
        for one, other in ((found.one, array), (found.several["part"], array[:1]), (found.names, written.names)):
            assert (type(one), one.dtype, one.shape) == (np.ndarray, other.dtype, other.shape)
            assert repr(one.tolist()) == repr(other.tolist())
        assert found.several["same"] is found.one
        for one in (found.one, found.several["part"]):
            with pytest.raises(ValueError, match="read-only"):
                one[...] = one
        if array.nbytes >= 4096:
            with pytest.raises(ValueError, match="cannot set WRITEABLE"):
                found.one.flags.writeable = True
        del found, one


def test_contents_count_each_array_once() -> None:
    """Views of one array take no memory of their own; what cannot be pickled is refused."""
    array = np.zeros((1000, 10))
    contents = find_contents(Holder(array, {"same": array, "view": array[5:]}, np.array(["a"], dtype=object)))
    assert len(contents.arrays) == 2
    assert array.nbytes < contents.nbytes < array.nbytes + 2000
    contents.make_read_only()
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(TypeError):
        find_contents(lambda: None)
