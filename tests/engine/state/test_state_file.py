"""Tests of the state file: what is written is read, and nothing else is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from nnrun.engine.state.state_file import State, can_hold, read_state, write_state
from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

_TYPES = ("bool", "uint8", "int8", "int16", "uint32", "int64", "uint64", "float16", "float32", "float64", "complex64")
_OTHER_TYPES = (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)
ARRAYS = st.one_of(
    st.sampled_from(_TYPES).flatmap(lambda name: npst.arrays(name, npst.array_shapes(min_dims=0, min_side=0))),
    st.sampled_from(_OTHER_TYPES).map(lambda one: np.arange(6, dtype="float32").astype(one).reshape(2, 3)),
)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
#: A file is written anew in the same folder for each example.
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONE_FOLDER
@given(st.dictionaries(st.text(min_size=1).filter(lambda name: name != "__metadata__"), ARRAYS, max_size=4), DOCUMENTS)
def test_what_is_written_is_read(tmp_path: Path, arrays: dict[str, np.ndarray], document: Any) -> None:
    """Any arrays and any document come back with the same types, shapes and bits, and the digest is the file's."""
    path = tmp_path / "one.safetensors"
    sha256 = write_state(path, {"content": document}, arrays)
    read = read_state(path)
    assert read.document == {"format": 1, "content": document}
    assert read.sha256 == sha256
    assert list(read.arrays) == list(arrays)
    for name, array in arrays.items():
        assert (read.arrays[name].dtype, read.arrays[name].shape) == (array.dtype, array.shape)
        assert read.arrays[name].tobytes() == array.tobytes()


def test_transposed_arrays_are_read_as_they_were(tmp_path: Path) -> None:
    """An array whose values are not in order in memory keeps its values at their places."""
    array = np.arange(6.0).reshape(2, 3).T
    write_state(tmp_path / "one", {}, {"a": array})
    assert (read_state(tmp_path / "one").arrays["a"] == array).all()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a state."""
    path = tmp_path_factory.mktemp("state") / "one.safetensors"
    write_state(path, {"position": {"epoch": 2, "step": 0}}, {"a": np.arange(5.0), "b": np.ones((2, 2), "int8")})
    return path.read_bytes()


def refused(path: Path, content: bytes) -> RunError:
    """Write bytes, and return the error with which they are refused as a state."""
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read_state(path)
    assert caught.value.hint
    return caught.value


def test_any_flipped_byte_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whichever byte of a state is another one, it is refused, and the file is named."""
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x21
        error = refused(tmp_path / "one.safetensors", bytes(damaged))
        assert "one.safetensors: this state is damaged" in error.text, place


def test_any_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    """Wherever a state is cut, and if it is longer than it was, it is refused."""
    for length in range(len(content)):
        refused(tmp_path / "one", content[:length])
    refused(tmp_path / "one", content + b"\0")


@ONE_FOLDER
@given(st.binary(max_size=300))
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no state are refused."""
    refused(tmp_path / "one", content)


def crafted(header: dict[str, Any], data: bytes = b"", document: str = '{"format": 1}') -> bytes:
    """Return a file with any header and the digest that fits it."""
    zeros = "0" * 64
    text = json.dumps({"__metadata__": {"sha256": zeros, "document": document}, **header}).encode()
    length = len(text).to_bytes(8, "little")
    sha256 = hashlib.sha256(length + text + data).hexdigest()
    return length + text.replace(zeros.encode(), sha256.encode(), 1) + data


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [0, 10**30], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]},
        {"dtype": "object", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"shape": [1]},
        None,
        3,
    ],
)
def test_impossible_arrays_are_refused(tmp_path: Path, entry: Any) -> None:
    """An array that a file cannot have is refused although the digest fits."""
    assert "damaged" in refused(tmp_path / "one", crafted({"a": entry}, bytes(4))).text


@pytest.mark.parametrize(
    "document", ["[]", "nothing", '{"format": "1"}', "{}", "[" * 100_000, '{"format": 1, "a": ' + "9" * 5000 + "}"]
)
def test_impossible_documents_are_refused(tmp_path: Path, document: str) -> None:
    """A document that is no object with a format is refused although the digest fits."""
    assert "document" in refused(tmp_path / "one", crafted({}, document=document)).text


@pytest.mark.parametrize("digest", ["", "\\ud800", "0" * 63])
def test_a_digest_of_another_form_is_refused(tmp_path: Path, content: bytes, digest: str) -> None:
    """A digest that is none is refused as such."""
    begin = content.index(b'"sha256": "') + len(b'"sha256": "')
    text = content[8:begin] + digest.encode() + content[begin + 64 :]
    refused(tmp_path / "one", content[:8] + text)


def test_a_state_of_a_later_format_is_refused(tmp_path: Path) -> None:
    """A state that a later version wrote is refused with its format and what to install."""
    error = refused(tmp_path / "one", crafted({}, document='{"format": 2}'))
    assert "format 2" in error.text
    assert error.hint == "pip install --upgrade nnrun"


def test_a_missing_state_is_refused(tmp_path: Path) -> None:
    """A state that is not there is refused with the reason."""
    with pytest.raises(RunError, match="cannot be read: No such file"):
        read_state(tmp_path / "one")


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the state that was there before, and no other file."""
    path = tmp_path / "one"
    write_state(path, {"number": 1}, {})

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnrun.atomic_files.flush_and_rename", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_state(path, {"number": 2}, {})
    assert isinstance(read_state(path), State)
    assert read_state(path).document["number"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_types_that_a_state_holds() -> None:
    """Numbers and booleans are held; texts, objects, times and structures are not."""
    assert can_hold(np.zeros(1, ml_dtypes.bfloat16))
    for dtype in ("U3", "O", "datetime64[s]", [("a", "i4")]):
        assert not can_hold(np.zeros(1, dtype))
