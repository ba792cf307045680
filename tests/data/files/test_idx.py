"""The IDX format: what is written is read again, and every damage is refused."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnrun.data.files.idx import idx_sha256, read_idx, write_idx
from nnrun.errors import DataError

TYPES = st.sampled_from(["uint8", "int8", "int16", "int32", "float32", "float64"])
ANY_ARRAY = TYPES.flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=4, max_side=5)))


@given(ANY_ARRAY, st.sampled_from(["a.idx", "a.idx.gz"]))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(array: np.ndarray, name: str) -> None:
    """Every type and shape comes back bit for bit, gzipped or not."""
    with tempfile.TemporaryDirectory() as folder:
        write_idx(Path(folder) / name, array)
        again = read_idx(Path(folder) / name)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    """A 2 x 2 array of 16-bit integers is written as the format's description says."""
    write_idx(tmp_path / "a.idx", np.array([[1, 2], [3, 258]], dtype="int16"))
    assert (tmp_path / "a.idx").read_bytes().hex() == "00000b02" + "0000000200000002" + "0001000200030102"


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    """The digest of an array's IDX encoding is the digest of the file that holds it."""
    from nnrun.data.files.digests import file_sha256

    array = np.arange(12, dtype="int32").reshape(3, 4)
    write_idx(tmp_path / "a.idx", array)
    assert idx_sha256(array) == file_sha256(tmp_path / "a.idx")


def test_what_idx_cannot_hold_is_refused(tmp_path: Path) -> None:
    """64-bit integers have no code in the format."""
    with pytest.raises(ValueError, match="int64"):
        write_idx(tmp_path / "a.idx", np.zeros(3, dtype="int64"))


GOOD = bytes.fromhex("00000801" + "00000003" + "010203")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received nothing"),
        (b"\0\0", "expected an IDX file"),
        (b"PK\3\4" + GOOD, "received 50 4b 03 04"),
        (b"\0\0\7\1" + GOOD[4:], "expected an IDX file"),
        (b"\0\0\x08\0", "expected an IDX file"),
        (GOOD[:6], "cut short"),
        (GOOD[:-1], "promises 3 bytes of values, it has 2"),
        (GOOD + b"\0", "something follows"),
        (bytes.fromhex("00000803" + "ffffffff" * 3) + b"x", "cut short"),
        (gzip.compress(GOOD, mtime=0)[:-6], "cannot be read"),
        (b"\x1f\x8b" + b"nonsense" * 4, "cannot be read"),
    ],
)
def test_damage_is_refused_with_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    """A wrong magic number, wrong sizes, missing or trailing bytes and a broken gzip are all named."""
    file = tmp_path / "damaged"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read_idx(file)
    assert str(file) in refused.value.text
    assert refused.value.hint


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder in place of the file is reported."""
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)
