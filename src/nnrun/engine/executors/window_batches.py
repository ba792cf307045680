"""Windows over a text, gathered from its token ids inside the compiled step: no matrix of windows ever exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.data.text.windows import ALIGNMENT, Windows, scaled
from nnrun.engine.executors.compiled_steps import Tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

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
        place = index * self.stride + self.first
        if self.width is not None:
            place = place[:, None] + tf.range(self.width)[None]
        return encode_tokens(tf, tf.gather(token_ids, place), self.encoding, self.vocabulary)


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
