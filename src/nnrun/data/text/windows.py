"""Windows over the token ids of a text: views of one array, and the part of a split that each belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nnrun.data.dataset import add_shared
from nnrun.data.splits.part_sizes import part_size
from nnrun.data.splits.parts import NO_FOLDS, shared_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.data import Split


#: How the tokens of a window are encoded: as ids, as ids divided by the size of the vocabulary, or as one-hot rows.
Encoding = Literal["codes", "scaled", "one_hot"]
#: The shape of one encoded token; None for the size of the vocabulary.
TOKEN_SHAPES: Mapping[Encoding, tuple[int | None, ...]] = {"codes": (), "scaled": (1,), "one_hot": (None,)}
#: TensorFlow shares the memory of an array that begins at a multiple of this many bytes.
ALIGNMENT = 64


@dataclass(frozen=True)
class Windows:
    """Windows of one width over an array of token ids, like an array whose rows are made when they are indexed.

    Attributes:
        token_ids: All token ids of one part of a text: unsigned bytes where they suffice.
        starts: Where each window begins.
        width: How many tokens a window has; None: a single token, without a dimension of its own.
        encoding: How tokens are encoded.
        vocabulary: The number of different token ids.
    """

    token_ids: np.ndarray
    starts: range
    width: int | None
    encoding: Encoding
    vocabulary: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of all rows: (rows, width), (rows, width, 1) scaled, (rows, width, vocabulary)."""
        token = tuple(self.vocabulary if size is None else size for size in TOKEN_SHAPES[self.encoding])
        return (len(self.starts), *(() if self.width is None else (self.width,)), *token)

    @property
    def ndim(self) -> int:
        """The number of dimensions of the array of all rows."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the array of all rows: int32 for ids, else float32."""
        return np.dtype("int32" if self.encoding == "codes" else "float32")

    def __getitem__(self, rows: slice | np.ndarray) -> Windows | np.ndarray:
        """Return some of the windows: still views for a slice, an array for row indices."""
        if isinstance(rows, slice):
            return replace(self, starts=self.starts[rows])
        return self._encoded(self._view()[rows])

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows as an array; meant for few of them."""
        return self._encoded(self._view()).astype(dtype or self.dtype, copy=False)

    def _view(self) -> np.ndarray:
        width = self.width or 1
        every = sliding_window_view(self.token_ids, width)[self.starts.start : self.starts.stop : self.starts.step]
        return every[:, 0] if self.width is None else every

    def _encoded(self, token_ids: np.ndarray) -> np.ndarray:
        if self.encoding == "codes":
            return token_ids.astype("int32")
        table = scaled(self.vocabulary)[:, None] if self.encoding == "scaled" else np.eye(self.vocabulary)
        encoded: np.ndarray = table.astype("float32")[token_ids]
        return encoded


def scaled(vocabulary: int) -> np.ndarray:
    """Return each token id divided by the size of the vocabulary: float32 of shape (vocabulary,)."""
    return (np.arange(vocabulary) / vocabulary).astype("float32")


def split_ranges(tokens: int, split: Split | None) -> dict[str, range]:
    """Return the tokens of each part: the end of the text for the test part, the end of the rest for validation.

    Parts are cut by position, even with `shuffle`: windows assigned at random would share their characters.

    Raises:
        ValueError: The split is impossible.
    """
    if split is not None and split.forward is not None:
        raise ValueError("a text is split by position; leave out `forward`, and write a share such as `test: 0.1`")
    if split is not None and split.k_fold is not None:
        raise ValueError(NO_FOLDS)
    if split is not None and split.stratify:
        raise ValueError("a text is split by position; leave out `stratify: true`")
    if split is not None and split.validation == "test" and split.test is None:
        raise ValueError("`validation: test` needs a test part: add a share such as `test: 0.1`")
    end, parts = tokens, {}
    for part in ("test", "validation"):
        share = getattr(split, part, None)
        if isinstance(share, float):
            start = end - part_size(end, share)
            parts[part], end = range(start, end), start
    parts["train"] = range(end)
    return add_shared(parts, shared_parts(split))


def window_starts(tokens: range, window: int, stride: int) -> range:
    """Return where the windows begin that lie within `tokens`, each with the token after it.

    Raises:
        ValueError: There is no room for one.
    """
    if len(tokens) <= window:
        text = f"a window of {window} and the token after it need {window + 1} tokens, there are {len(tokens)}"
        raise ValueError(text)
    return range(tokens.start, tokens.stop - window, stride)


def window_counts(tokens: int, split: Split | None, window: int, stride: int) -> Mapping[str, int]:
    """Return the number of windows of each part.

    Raises:
        ValueError: The split is impossible, or leaves a part without room for a window.
    """
    counts = {}
    for part, part_range in split_ranges(tokens, split).items():
        try:
            counts[part] = len(window_starts(part_range, window, stride))
        except ValueError as error:
            raise ValueError(f"the {part} part is too short: {error}") from None
    return {part: counts[part] for part in ("train", "validation", "test") if part in counts}
