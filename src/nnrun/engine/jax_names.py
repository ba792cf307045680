"""JAX's arrays under TensorFlow's names, so that what takes rows and windows is written once for both backends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class JaxNames:
    """The part of TensorFlow's names that nnrun uses on tensors, each with TensorFlow's meaning.

    Args:
        jax: The woken JAX.
    """

    def __init__(self, jax: Any) -> None:
        np = jax.numpy
        self._jax, self._np = jax, np
        self.int32, self.int64, self.float32, self.float64 = np.int32, np.int64, np.float32, np.float64
        self.nest = SimpleNamespace(map_structure=jax.tree.map)
        self.nn = SimpleNamespace(log_softmax=jax.nn.log_softmax, softmax=jax.nn.softmax, top_k=jax.lax.top_k)
        self.math = SimpleNamespace(log=np.log, count_nonzero=np.count_nonzero)
        self.maximum, self.minimum, self.where, self.tile = np.maximum, np.minimum, np.where, np.tile
        self.reduce_max, self.reduce_sum, self.stack, self.zeros = np.max, np.sum, np.stack, np.zeros

    def constant(self, value: Any, dtype: Any = None) -> Any:
        """Put a value where JAX computes; JAX makes 32-bit numbers of 64-bit ones, as it does everywhere."""
        return self._jax.tree.map(lambda one: self._np.asarray(one, dtype), value)

    def cast(self, value: Any, dtype: Any) -> Any:
        """Give a tensor another type."""
        return self._np.asarray(value).astype(dtype)

    def range(self, stop: Any, dtype: Any = None) -> Any:
        """Count from 0."""
        return self._np.arange(stop, dtype=dtype)

    def gather(self, values: Any, index: Any, axis: int = 0, batch_dims: int = 0) -> Any:
        """Take what stands at `index` along `axis`, or, with `batch_dims`, of each row its own."""
        index = self._np.asarray(index)
        if batch_dims:
            # All that nnrun gathers in batches is one number of the last axis.
            return self._np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
        return self._np.take(values, index, axis=axis)

    def one_hot(self, codes: Any, depth: int) -> Any:
        """Give each code a row of `depth` with a 1 at its place; a code of -1 has none."""
        return self._jax.nn.one_hot(codes, depth)

    def argmax(self, values: Any, axis: int = -1, output_type: Any = None) -> Any:
        """Give the place of the greatest, the first of equals."""
        return self._np.argmax(values, axis=axis).astype(output_type or self.int64)

    def size(self, values: Any, out_type: Any = None) -> Any:
        """Count the numbers of a tensor."""
        return self._np.asarray(values.size, out_type)

    def shape(self, values: Any) -> Any:
        """Give a tensor's shape."""
        return values.shape

    def cumsum(self, values: Any, axis: int = -1, *, exclusive: bool = False) -> Any:
        """Add up along an axis, each number without itself where `exclusive`."""
        added = self._np.cumsum(values, axis=axis)
        return added - values if exclusive else added
