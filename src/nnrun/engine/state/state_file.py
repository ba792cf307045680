"""The file of a state: named arrays and one JSON document in the safetensors format, verified by a digest.

Layout (https://huggingface.co/docs/safetensors): the length of the header in 8 bytes, the header as JSON, the arrays
one after the other. Nothing in it can be run. The header's `__metadata__` has `document`, which is JSON again, and
`sha256`: the digest of the whole file in which these 64 digits are zeros.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.atomic_files import write_atomically
from nnrun.errors import RunError
from nnrun.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The version of the state; a reader refuses a later one.
FORMAT = 1
_NO_DIGEST = "0" * 64
_DIGEST = re.compile("[0-9a-f]{64}")
#: The largest size of a dimension; NumPy multiplies sizes in 64 bits.
_LARGEST_SIZE, _MOST_DIMENSIONS = 2**40, 32
#: The longest header that is read, in bytes: 200,000 variables have one of 40 MB.
_LONGEST_HEADER = 100_000_000
#: NumPy's names of types by those of safetensors.
_TYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "C64": "complex64",
    # The format has no name for these; Keras has such variables.
    "C128": "complex128",
}
#: Types that NumPy itself does not have.
_OF_ML_DTYPES = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
_NAMES = {numpy: name for name, numpy in _TYPES.items()}


@dataclass(frozen=True)
class State:
    """The content of a state file.

    Attributes:
        document: Plain data.
        arrays: Arrays by name.
        sha256: The digest of the file.
    """

    document: dict[str, Any]
    arrays: dict[str, np.ndarray]
    sha256: str


def write_state(path: Path, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Write a state atomically; return its digest.

    Args:
        path: The file to create or replace; its folder must exist.
        document: Plain data; NaN and infinities are allowed.
        arrays: Arrays by name.

    Raises:
        OSError: The disk refuses; an old file is untouched.
    """
    blocks = [np.ascontiguousarray(array) for array in arrays.values()]
    header: dict[str, Any] = {
        "__metadata__": {"sha256": _NO_DIGEST, "document": json.dumps({"format": FORMAT, **document})}
    }
    start = 0
    for name, array, block in zip(arrays, arrays.values(), blocks, strict=True):
        stop = start + block.nbytes
        header[name] = {"dtype": _NAMES[str(block.dtype)], "shape": list(array.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    length = len(text).to_bytes(8, "little")
    digest = hashlib.sha256(length + text)
    for block in blocks:
        digest.update(_bytes_of(block))
    sha256 = digest.hexdigest()
    text = text.replace(_NO_DIGEST.encode(), sha256.encode(), 1)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(length + text)
            for block in blocks:
                file.write(_bytes_of(block))

    write_atomically(path, write)
    return sha256


def read_state(path: Path) -> State:
    """Read a state and verify its digest.

    Raises:
        RunError: The file is missing, damaged, no state, no regular file, or of a later version of nnrun.
    """
    try:
        content = read_regular(path, None)
    except OSError as error:
        raise RunError(f"{path}: this state cannot be read: {error.strerror or error}") from error
    return parse_state(path, content)


def parse_state(path: Path, content: bytes) -> State:
    """Return the state that the content of a file is, after its digest is verified.

    Raises:
        RunError: It is damaged, no state, or of a later version of nnrun.
    """
    header, data = _split(path, content)
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not all(isinstance(metadata.get(key), str) for key in ("sha256", "document")):
        raise _damaged(path, "it has no digest")
    sha256: str = metadata["sha256"]
    if not _DIGEST.fullmatch(sha256):
        raise _damaged(path, "its digest is none")
    zeroed = content[: len(content) - len(data)].replace(sha256.encode(), _NO_DIGEST.encode(), 1)
    digest = hashlib.sha256(zeroed)
    digest.update(data)
    if digest.hexdigest() != sha256:
        raise _damaged(path, "its digest is not that of its content")
    return State(_document(path, metadata["document"]), _arrays(path, header, data), sha256)


def _split(path: Path, content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header and the bytes of the arrays."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LONGEST_HEADER):
        raise _damaged(path, "it is cut short")
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    return header, memoryview(content)[8 + length :]


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise _damaged(path, "its document is no JSON object with a format")
    if document["format"] > FORMAT:
        text = f"{path}: expected a state of format {FORMAT} or earlier, received format {document['format']}"
        raise RunError(f"{text}, of a later version of nnrun", "pip install --upgrade nnrun")
    return document


def _arrays(path: Path, header: dict[str, Any], data: memoryview) -> dict[str, np.ndarray]:
    arrays, expected = {}, 0
    for name, entry in header.items():
        try:
            dtype, shape = _dtype(entry["dtype"]), tuple(int(size) for size in entry["shape"])
            start, stop = (int(offset) for offset in entry["data_offsets"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise _damaged(path, f"its entry {name[:60]!r} is no array") from None
        size = dtype.itemsize
        for one in shape:
            size *= one
        is_shape = all(0 <= one <= _LARGEST_SIZE for one in shape) and len(shape) <= _MOST_DIMENSIONS
        if not is_shape or start != expected or stop - start != size or stop > len(data):
            raise _damaged(path, f"the place of its array {name[:60]!r} is wrong")
        # A copy: views would keep the whole file in memory, and TensorFlow wants aligned ones.
        arrays[name] = np.frombuffer(data[start:stop], dtype).reshape(shape).copy()
        expected = stop
    if expected != len(data):
        raise _damaged(path, "it is longer than its arrays")
    return arrays


def can_hold(array: np.ndarray) -> bool:
    """Whether a state can hold an array, by its type."""
    return str(array.dtype) in _NAMES


def _dtype(name: str) -> np.dtype[Any]:
    numpy_name = _TYPES[name]
    if numpy_name in _OF_ML_DTYPES:
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, numpy_name))
        return found
    return np.dtype(numpy_name)


def _bytes_of(block: np.ndarray) -> memoryview:
    return block.reshape(-1).view(np.uint8).data


def _damaged(path: Path, what: str) -> RunError:
    return RunError(
        f"{path}: this state is damaged: {what}", "restore the file from a backup, or train again from the config"
    )
