"""Windows over the token ids of a text: views of one array, and the part of a split that each lies in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nnrun.data.splits.parts import count, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.data import Split


#: How a window's codes are given: as they are, divided by the vocabulary's size, or as one-hot rows.
Encoding = Literal["codes", "scaled", "one_hot"]
#: Bytes to a multiple of which an array must begin for TensorFlow to share its memory.
ALIGNMENT = 64


@dataclass(frozen=True)
class Windows:
    """Windows of one width over an array of codes, like an array whose rows are made when they are asked for.

    Attributes:
        codes: All codes of one part of a text: unsigned bytes where they suffice.
        starts: Where each window begins.
        width: How many codes a window has; None: it is a single code, without a dimension of its own.
        encoding: How they are given.
        vocabulary: How many different codes there are.
    """

    codes: np.ndarray
    starts: range
    width: int | None
    encoding: Encoding
    vocabulary: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's: (rows, width), (rows, width, 1) scaled, (rows, width, vocabulary) one-hot."""
        last = {"codes": (), "scaled": (1,), "one_hot": (self.vocabulary,)}[self.encoding]
        return (len(self.starts), *(() if self.width is None else (self.width,)), *last)

    @property
    def ndim(self) -> int:
        """As an array's."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """As an array's: int32 for codes, else float32."""
        return np.dtype("int32" if self.encoding == "codes" else "float32")

    def __getitem__(self, rows: slice | np.ndarray) -> Windows | np.ndarray:
        """Some of the windows: still views for a slice, an array for row indexes."""
        if isinstance(rows, slice):
            return replace(self, starts=self.starts[rows])
        chosen = self._view()[rows]
        return self._encoded(chosen)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All rows as an array: only for few of them."""
        return self._encoded(self._view()).astype(dtype or self.dtype, copy=False)

    def _view(self) -> np.ndarray:
        width = self.width or 1
        every = sliding_window_view(self.codes, width)[self.starts.start : self.starts.stop : self.starts.step]
        return every[:, 0] if self.width is None else every

    def _encoded(self, codes: np.ndarray) -> np.ndarray:
        if self.encoding == "codes":
            return codes.astype("int32")
        table = scaled(self.vocabulary)[:, None] if self.encoding == "scaled" else np.eye(self.vocabulary)
        encoded: np.ndarray = table.astype("float32")[codes]
        return encoded


def scaled(vocabulary: int) -> np.ndarray:
    """What each code is when divided by the vocabulary's size: float32 of shape (vocabulary,)."""
    return (np.arange(vocabulary) / vocabulary).astype("float32")


def aligned_empty(count: int, kind: np.dtype) -> np.ndarray:
    """An array for codes, shape (count,), not filled, that begins where TensorFlow can take it as it is."""
    whole = np.empty(count * kind.itemsize + ALIGNMENT, dtype="uint8")
    first = -whole.ctypes.data % ALIGNMENT
    found: np.ndarray = whole[first : first + count * kind.itemsize].view(kind)
    return found


def smallest_dtype(vocabulary: int) -> np.dtype:
    """The smallest type that holds every code."""
    return np.dtype("uint8" if vocabulary <= 256 else "uint16" if vocabulary <= 65536 else "int32")


def split_ranges(tokens: int, split: Split | None) -> dict[str, range]:
    """The tokens of each part: the test part is the end of the text, the validation part the end of what is left.

    Parts are cut by position, whatever `shuffle` says: windows dealt out at random would share their characters.

    Raises:
        ValueError: The split cannot be made; the reason.
    """
    if split is not None and split.stratify:
        raise ValueError("a text is cut by position, so `stratify: true` cannot be; leave it out")
    if split is not None and split.k_fold is not None:
        raise ValueError("a text is cut by position, so `k_fold` cannot be; write shares such as `test: 0.1`")
    if split is not None and split.validation == "test" and split.test is None:
        raise ValueError("`validation: test` needs a test part: add a share such as `test: 0.1`")
    end, parts = tokens, {}
    for part in ("test", "validation"):
        share = getattr(split, part, None)
        if isinstance(share, float):
            start = end - count(end, share)
            parts[part], end = range(start, end), start
    parts["train"] = range(end)
    for part, other in shared(split).items():
        parts[part] = parts[other]
    return parts


def window_starts(span: range, window: int, stride: int) -> range:
    """Where windows begin that lie in a span with the token after them.

    Raises:
        ValueError: There is no room for one.
    """
    if len(span) <= window:
        raise ValueError(f"a window of {window} and the token after it need {window + 1} tokens, there are {len(span)}")
    return range(span.start, span.stop - window, stride)


def window_counts(tokens: int, split: Split | None, window: int, stride: int) -> Mapping[str, int]:
    """How many windows each part has.

    Raises:
        ValueError: The split cannot be made, or leaves a part without room for a window; the reason.
    """
    rows = {}
    for part, span in split_ranges(tokens, split).items():
        try:
            rows[part] = len(window_starts(span, window, stride))
        except ValueError as error:
            raise ValueError(f"the {part} part is too short: {error}") from None
    return {part: rows[part] for part in ("train", "validation", "test") if part in rows}
