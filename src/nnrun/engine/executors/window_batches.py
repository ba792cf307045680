"""Windows over a text or over the rows of a table, gathered inside the compiled step: no matrix of them ever exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.series.windows import RowWindows
from nnrun.data.text.windows import ALIGNMENT, Windows, scaled
from nnrun.engine.executors.compiled_steps import Tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.text.windows import Encoding


@dataclass(frozen=True)
class WindowLayout:
    """Where the windows of one array lie in the text, and how they are encoded.

    Attributes:
        first: Where the first window starts.
        stride: How far each starts after the one before.
        width: The number of token ids in a window; None: a single one, without a dimension.
        encoding: How token ids are encoded.
        vocabulary: The number of different token ids.
    """

    first: int
    stride: int
    width: int | None
    encoding: Encoding
    vocabulary: int

    @classmethod
    def of(cls, windows: Windows) -> WindowLayout:
        """Return the layout of windows."""
        starts = windows.starts
        return cls(starts.start, starts.step, windows.width, windows.encoding, windows.vocabulary)

    def take(self, tf: Any, token_ids: Any, index: Any) -> Any:
        """Take the windows at `index` from the whole text."""
        taken = gather_windows(tf, token_ids, index * self.stride + self.first, self.width)
        return encode_tokens(tf, taken, self.encoding, self.vocabulary)


@dataclass(frozen=True)
class WindowBatches:
    """Takes examples of a text: one layout for the model's only input or target, or several by their names."""

    x: WindowLayout | tuple[tuple[str, WindowLayout], ...]
    y: WindowLayout | tuple[tuple[str, WindowLayout], ...]

    def __call__(self, tf: Any, fields: Any, index: Any) -> Any:
        """Take the examples at `index`, as (x, y)."""
        return tuple(
            layout.take(tf, fields, index)
            if isinstance(layout, WindowLayout)
            else {name: one.take(tf, fields, index) for name, one in layout}
            for layout in (self.x, self.y)
        )


@dataclass(frozen=True)
class RowLayout:
    """Windows over the rows of a table, whose beginnings are a tensor of their own.

    Attributes:
        width: The number of rows in a window.
        offset: How many rows after the beginning of its example it begins.
        shape: The shape of one window.
    """

    width: int
    offset: int
    shape: tuple[int, ...]

    @classmethod
    def of(cls, windows: RowWindows) -> RowLayout:
        """Return the layout of windows."""
        return cls(windows.width, windows.offset, windows.shape[1:])

    def take(self, tf: Any, rows: Any, starts: Any) -> Any:
        """Take the windows of the examples that begin at `starts`."""
        return tf.reshape(gather_windows(tf, rows, starts + self.offset, self.width), (-1, *self.shape))


@dataclass(frozen=True)
class RowBatches:
    """Takes examples that are windows of rows: one layout for the only input or target, or several by their names."""

    x: RowLayout | tuple[tuple[str, RowLayout], ...]
    y: RowLayout | tuple[tuple[str, RowLayout], ...]

    def __call__(self, tf: Any, fields: Any, index: Any) -> Any:
        """Take the examples at `index`, as (x, y) or (x, y, sample_weight)."""
        (starts, x), y, *weight = fields
        starts = tf.gather(starts, index)
        taken = [
            layouts.take(tf, rows, starts)
            if isinstance(layouts, RowLayout)
            else {name: layout.take(tf, rows[name], starts) for name, layout in layouts}
            for layouts, rows in ((self.x, x), (self.y, y))
        ]
        return (*taken, *(tf.gather(one, index) for one in weight))


@dataclass(frozen=True)
class RowTensors(Tensors):
    """A part whose examples are windows of rows, as tensors.

    Attributes:
        windows: The targets as windows on the host.
    """

    windows: Any = field(default=None, compare=False)

    @property
    def targets(self) -> Any:
        """All targets, as arrays."""
        if isinstance(self.windows, RowWindows):
            return np.asarray(self.windows)
        return {name: np.asarray(one) for name, one in self.windows.items()}


def row_tensors(
    tf: Any,
    x: RowWindows | Mapping[str, RowWindows],
    y: RowWindows | Mapping[str, RowWindows],
    sample_weight: np.ndarray | None,
) -> RowTensors:
    """Turn windows of rows into tensors: the rows and the beginnings of the windows, each once."""
    known: dict[int, Any] = {}

    def tensor(values: np.ndarray) -> Any:
        if id(values) not in known:
            known[id(values)] = _shared_tensor(tf, values)
        return known[id(values)]

    def rows(windows: RowWindows | Mapping[str, RowWindows]) -> Any:
        if isinstance(windows, RowWindows):
            return tensor(windows.values)
        return {name: tensor(one.values) for name, one in windows.items()}

    def layouts(windows: RowWindows | Mapping[str, RowWindows]) -> Any:
        if isinstance(windows, RowWindows):
            return RowLayout.of(windows)
        return tuple((name, RowLayout.of(one)) for name, one in windows.items())

    first = x if isinstance(x, RowWindows) else next(iter(x.values()))
    weight = () if sample_weight is None else (tf.constant(sample_weight),)
    fields = ((tensor(first.starts), rows(x)), rows(y), *weight)
    return RowTensors(fields, len(first), RowBatches(layouts(x), layouts(y)), windows=y)


def gather_windows(tf: Any, values: Any, starts: Any, width: int | None) -> Any:
    """Take `width` rows of `values` from each of `starts` on; None: the single rows, without a dimension more."""
    return tf.gather(values, starts if width is None else starts[:, None] + tf.range(width)[None])


def encode_tokens(tf: Any, token_ids: Any, encoding: Encoding, vocabulary: int) -> Any:
    """Encode token ids, of any shape, as the model's input."""
    if encoding == "codes":
        return tf.cast(token_ids, tf.int32)
    if encoding == "one_hot":
        return tf.one_hot(tf.cast(token_ids, tf.int32), vocabulary)
    # Looked up, not divided: XLA turns a division into a multiplication, whose last bit may differ.
    return tf.gather(tf.constant(scaled(vocabulary)), tf.cast(token_ids, tf.int32))[..., None]


def window_tensors(tf: Any, x: Windows | Mapping[str, Windows], y: Windows | Mapping[str, Windows]) -> Tensors:
    """Turn a part of a text into tensors: its token ids alone."""
    windows = next(iter(x.values())) if not isinstance(x, Windows) else x
    return Tensors(_shared_tensor(tf, windows.token_ids), len(windows), WindowBatches(_layouts(x), _layouts(y)))


def _shared_tensor(tf: Any, token_ids: np.ndarray) -> Any:
    """Return the array as a tensor in the same memory if TensorFlow can use it, so that a long text is held once."""
    shareable = token_ids.ctypes.data % ALIGNMENT == 0 and token_ids.flags.writeable
    # `nnrun.engine.backend.jax_names` has no such name, and JAX shares memory by itself where it can.
    sharing = getattr(tf, "experimental", None)
    if not shareable or sharing is None or tf.config.list_physical_devices("GPU"):
        return tf.constant(token_ids)
    return sharing.dlpack.from_dlpack(token_ids.__dlpack__())


def _layouts(windows: Windows | Mapping[str, Windows]) -> WindowLayout | tuple[tuple[str, WindowLayout], ...]:
    if isinstance(windows, Windows):
        return WindowLayout.of(windows)
    return tuple((name, WindowLayout.of(one)) for name, one in windows.items())
