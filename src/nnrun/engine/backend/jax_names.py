"""JAX's arrays under TensorFlow's names, so that what takes rows and windows is written once for both backends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


class _Never(Exception):  # noqa: N818 - stands for errors of TensorFlow's
    """What JAX never raises."""


class JaxNames:
    """The part of TensorFlow's names that nnrun uses on tensors, each with TensorFlow's meaning.

    Args:
        jax: The woken JAX.
        scope: Keras' scope inside which variables have other values.
        model: The model that compiled functions ask, whose weights may change between two calls.
    """

    def __init__(self, jax: Any, scope: Any, model: Any = None) -> None:
        ours = jax.numpy
        self.jax, self.scope, self._np, self._model = jax, scope, ours, model
        self.int32, self.float32 = ours.int32, ours.float32
        # Without its switch for 64 bits JAX has no longer numbers than these.
        self.int64, self.float64 = (jax.dtypes.canonicalize_dtype(name) for name in ("int64", "float64"))
        self.nest = SimpleNamespace(map_structure=jax.tree.map)
        self.nn = SimpleNamespace(log_softmax=jax.nn.log_softmax, softmax=jax.nn.softmax, top_k=jax.lax.top_k)
        self.math = SimpleNamespace(log=ours.log, count_nonzero=ours.count_nonzero)
        self.random = SimpleNamespace(stateless_uniform=self._uniform)
        self.config = SimpleNamespace(list_physical_devices=self._devices)
        self.errors = SimpleNamespace(InvalidArgumentError=_Never, UnimplementedError=_Never, InternalError=_Never)
        self.repeat = ours.repeat
        self.maximum, self.minimum, self.where, self.tile = ours.maximum, ours.minimum, ours.where, ours.tile
        self.roll, self.reshape, self.fill, self.cond = ours.roll, ours.reshape, ours.full, self._cond
        self.reduce_max, self.reduce_sum, self.stack, self.zeros = ours.max, ours.sum, ours.stack, ours.zeros

    def constant(self, value: Any, dtype: Any = None) -> Any:
        """Put a value where JAX computes; JAX makes 32-bit numbers of 64-bit ones, as it does everywhere."""
        return self.jax.tree.map(lambda one: self._put(one, dtype), value)

    def cast(self, value: Any, dtype: Any) -> Any:
        """Give a tensor another type."""
        return self._np.asarray(value).astype(dtype)

    def range(self, stop: Any, dtype: Any = None) -> Any:
        """Count from 0."""
        if isinstance(stop, int):
            return self._put(np.arange(stop, dtype=dtype))
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
        return self.jax.nn.one_hot(codes, depth)

    def argmax(self, values: Any, axis: int = -1, output_type: Any = None) -> Any:
        """Give the place of the greatest, the first of equals."""
        return self._np.argmax(values, axis=axis).astype(output_type or self.int64)

    def size(self, values: Any, out_type: Any = None) -> Any:
        """Count the numbers of a tensor."""
        return self._np.asarray(values.size, out_type)

    def shape(self, values: Any) -> Any:
        """Give a tensor's shape."""
        return values.shape

    def concat(self, values: Any, axis: int) -> Any:
        """Put tensors behind each other."""
        return self._np.concatenate(values, axis=axis)

    def while_loop(self, cond: Any, body: Any, loop_vars: Any, parallel_iterations: int = 1) -> Any:  # noqa: ARG002
        """Repeat `body` for as long as `cond` holds."""
        return self.jax.lax.while_loop(lambda values: cond(*values), lambda values: tuple(body(*values)), loop_vars)

    def TensorSpec(self, shape: Any, dtype: Any) -> None:  # noqa: N802 - TensorFlow's name
        """Say nothing: JAX compiles for the shapes that come."""

    def function(
        self,
        body: Any,
        input_signature: Any = None,  # noqa: ARG002
        *,
        autograph: bool = False,  # noqa: ARG002
        jit_compile: bool | None = None,  # noqa: ARG002
    ) -> Any:
        """Compile a function that asks the model; it takes the model's weights as they are at each call."""
        variables = [] if self._model is None else self._model.variables

        def asked(values: Any, *arguments: Any) -> Any:
            with self.scope(state_mapping=list(zip(variables, values, strict=True))):
                return body(*arguments)

        compiled = self.jax.jit(asked)
        return lambda *arguments: compiled([variable.value for variable in variables], *arguments)

    def _cond(self, chosen: Any, yes: Any, no: Any) -> Any:
        return self.jax.lax.cond(chosen, yes, no)

    def _put(self, value: Any, dtype: Any = None) -> Any:
        """Put an array of the host where JAX computes; of its own functions each compiles a program for each shape."""
        if isinstance(value, self.jax.Array):
            return self._np.asarray(value, dtype)
        array = np.asarray(value, dtype)
        return self.jax.device_put(array.astype(self.jax.dtypes.canonicalize_dtype(array.dtype)))

    def _uniform(self, shape: Any, seed: Any, minval: float, maxval: float, alg: str) -> Any:  # noqa: ARG002
        """Draw numbers that two integers name; they are JAX's, and others than TensorFlow draws."""
        key = self.jax.random.fold_in(self.jax.random.key(seed[0]), seed[1])
        return self.jax.random.uniform(key, shape, minval=minval, maxval=maxval)

    def _devices(self, kind: str) -> list[Any]:
        return [device for device in self.jax.devices() if device.platform.upper() == kind]

    def cumsum(self, values: Any, axis: int = -1, *, exclusive: bool = False) -> Any:
        """Add up along an axis, each number without itself where `exclusive`."""
        added = self._np.cumsum(values, axis=axis)
        return added - values if exclusive else added
