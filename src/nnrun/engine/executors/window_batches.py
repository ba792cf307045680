"""Windows over a text inside the compiled step: gathered from its codes, so that no matrix of windows ever exists."""

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
class Form:
    """One array of windows without its codes.

    Attributes:
        first: Where the first begins.
        stride: How far each begins after the one before.
        width: How many codes it has; None: a single one, without a dimension.
        encoding: How codes are given.
        vocabulary: How many different codes there are.
    """

    first: int
    stride: int
    width: int | None
    encoding: Encoding
    vocabulary: int

    @classmethod
    def of(cls, windows: Windows) -> Form:
        """The form of windows."""
        starts = windows.starts
        return cls(starts.start, starts.step, windows.width, windows.encoding, windows.vocabulary)

    def take(self, tf: Any, codes: Any, index: Any) -> Any:
        """Take the windows at `index` from all codes."""
        place = index * self.stride + self.first
        if self.width is not None:
            place = place[:, None] + tf.range(self.width)[None]
        return encoded(tf, tf.gather(codes, place), self.encoding, self.vocabulary)


@dataclass(frozen=True)
class WindowBatches:
    """Takes examples of a text: one form for the model's lone input or target, or several by their names."""

    x: Form | tuple[tuple[str, Form], ...]
    y: Form | tuple[tuple[str, Form], ...]

    def __call__(self, tf: Any, fields: Any, index: Any) -> Any:
        """Take the examples at `index`: (x, y)."""
        return tuple(
            form.take(tf, fields, index)
            if isinstance(form, Form)
            else {name: one.take(tf, fields, index) for name, one in form}
            for form in (self.x, self.y)
        )


def encoded(tf: Any, codes: Any, encoding: Encoding, vocabulary: int) -> Any:
    """Give codes of any shape as a model takes them."""
    if encoding == "codes":
        return tf.cast(codes, tf.int32)
    if encoding == "one_hot":
        return tf.one_hot(tf.cast(codes, tf.int32), vocabulary)
    # Looked up, not divided: XLA turns a division into a multiplication, whose last bit may differ.
    return tf.gather(tf.constant(scaled(vocabulary)), tf.cast(codes, tf.int32))[..., None]


def put_windows(tf: Any, x: Windows | Mapping[str, Windows], y: Windows | Mapping[str, Windows]) -> Tensors:
    """Turn a part of a text into tensors: its codes alone."""
    lone = next(iter(x.values())) if not isinstance(x, Windows) else x
    return Tensors(_resident(tf, lone.token_ids), len(lone), WindowBatches(_forms(x), _forms(y)))


def _resident(tf: Any, codes: np.ndarray) -> Any:
    """Codes as a tensor: the very same memory where TensorFlow can use it, as a long text should be there once."""
    shareable = codes.ctypes.data % ALIGNMENT == 0 and codes.flags.writeable
    # JAX has no such name among those of `nnrun.engine.backend.jax_names`, and shares memory by itself where it can.
    sharing = getattr(tf, "experimental", None)
    if not shareable or sharing is None or tf.config.list_physical_devices("GPU"):
        return tf.constant(codes)
    return sharing.dlpack.from_dlpack(codes.__dlpack__())


def _forms(windows: Windows | Mapping[str, Windows]) -> Form | tuple[tuple[str, Form], ...]:
    if isinstance(windows, Windows):
        return Form.of(windows)
    return tuple((name, Form.of(one)) for name, one in windows.items())
