"""JAX under TensorFlow's names, so that code on tensors of rows and windows is written once for both backends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from nnrun.engine.backend.devices import place_everywhere


class _NeverRaisedError(Exception):
    """Replaces TensorFlow's errors, which JAX never raises."""


class JaxNames:
    """The part of TensorFlow's names that nnrun uses on tensors, each with TensorFlow's meaning.

    Args:
        jax: The imported JAX.
        scope: Keras' scope inside which variables have other values.
        model: The model that compiled functions call, whose weights may change between two calls.
        mesh: The devices that batches are divided over; None: there is one.
    """

    def __init__(self, jax: Any, scope: Any, model: Any = None, mesh: Any = None) -> None:
        jnp = jax.numpy
        self.jax, self.scope, self._np, self._model, self._mesh = jax, scope, jnp, model, mesh
        self._everywhere = None if mesh is None else self._sharding()
        self.int32, self.float32 = jnp.int32, jnp.float32
        # 32 bits, unless JAX's switch for 64 bits is set.
        self.int64, self.float64 = (jax.dtypes.canonicalize_dtype(name) for name in ("int64", "float64"))
        self.nest = SimpleNamespace(map_structure=jax.tree.map)
        self.nn = SimpleNamespace(log_softmax=jax.nn.log_softmax, softmax=jax.nn.softmax, top_k=jax.lax.top_k)
        self.math = SimpleNamespace(log=jnp.log, count_nonzero=jnp.count_nonzero)
        self.random = SimpleNamespace(stateless_uniform=self._uniform)
        self.config = SimpleNamespace(list_physical_devices=self._devices)
        self.errors = SimpleNamespace(
            InvalidArgumentError=_NeverRaisedError,
            UnimplementedError=_NeverRaisedError,
            InternalError=_NeverRaisedError,
        )
        self.repeat, self.one_hot = jnp.repeat, jax.nn.one_hot
        self.maximum, self.minimum, self.where, self.tile = jnp.maximum, jnp.minimum, jnp.where, jnp.tile
        self.roll, self.reshape, self.fill, self.cond = jnp.roll, jnp.reshape, jnp.full, jax.lax.cond
        self.reduce_max, self.reduce_sum, self.stack, self.zeros = jnp.max, jnp.sum, jnp.stack, jnp.zeros

    def constant(self, value: Any, dtype: Any = None) -> Any:
        """Put a value on the device; JAX makes 32-bit numbers of 64-bit ones, as it does everywhere."""
        return self.jax.tree.map(lambda one: self._put(one, dtype), value)

    def divided(self, batch: Any) -> Any:
        """Let each device compute its own share of a batch's rows; for use in a program.

        A batch that cannot be divided evenly, as an epoch's last one, is computed by all devices.
        """
        if self._mesh is None:
            return batch
        shared = self._sharding(*self._mesh.axis_names)

        def divide(rows: Any) -> Any:
            if len(rows) % self._mesh.size:
                return rows
            return self.jax.lax.with_sharding_constraint(rows, shared)

        return self.jax.tree.map(divide, batch)

    def gathered(self, outputs: Any) -> Any:
        """Let every device have all rows of outputs; for use in a program."""
        if self._mesh is None:
            return outputs
        return self.jax.tree.map(lambda one: self.jax.lax.with_sharding_constraint(one, self._everywhere), outputs)

    def _sharding(self, *axes: str) -> Any:
        return self.jax.sharding.NamedSharding(self._mesh, self.jax.sharding.PartitionSpec(*axes))

    def cast(self, value: Any, dtype: Any) -> Any:
        """Cast a tensor to another type."""
        return self._np.asarray(value).astype(dtype)

    def range(self, stop: Any, dtype: Any = None) -> Any:
        """Count from 0."""
        if isinstance(stop, int):
            return self._put(np.arange(stop, dtype=dtype))
        return self._np.arange(stop, dtype=dtype)

    def gather(self, values: Any, index: Any, axis: int = 0, batch_dims: int = 0) -> Any:
        """Take the values at `index` along `axis`; with `batch_dims`, one value of each row's last axis."""
        index = self._np.asarray(index)
        if batch_dims:
            return self._np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
        return self._np.take(values, index, axis=axis)

    def argmax(self, values: Any, axis: int = -1, output_type: Any = None) -> Any:
        """Return the place of the largest value, the first of equals."""
        return self._np.argmax(values, axis=axis).astype(output_type or self.int64)

    def size(self, values: Any, out_type: Any = None) -> Any:
        """Return the number of values of a tensor."""
        return self._np.asarray(values.size, out_type)

    def shape(self, values: Any) -> Any:
        """Return a tensor's shape."""
        return values.shape

    def concat(self, values: Any, axis: int) -> Any:
        """Concatenate tensors."""
        return self._np.concatenate(values, axis=axis)

    def while_loop(self, cond: Any, body: Any, loop_vars: Any, parallel_iterations: int = 1) -> Any:  # noqa: ARG002
        """Repeat `body` as long as `cond` is true."""
        return self.jax.lax.while_loop(lambda values: cond(*values), lambda values: tuple(body(*values)), loop_vars)

    def TensorSpec(self, shape: Any, dtype: Any) -> None:  # noqa: N802 - TensorFlow's name
        """Return None: JAX compiles for the shapes of the arguments."""

    def function(
        self,
        body: Any,
        input_signature: Any = None,  # noqa: ARG002
        *,
        autograph: bool = False,  # noqa: ARG002
        jit_compile: bool | None = None,  # noqa: ARG002
    ) -> Any:
        """Compile a function that calls the model; each call uses the model's current weights."""
        variables = [] if self._model is None else self._model.variables

        def with_weights(values: Any, *arguments: Any) -> Any:
            with self.scope(state_mapping=list(zip(variables, values, strict=True))):
                return body(*arguments)

        compiled = self.jax.jit(with_weights)
        return lambda *arguments: compiled([variable.value for variable in variables], *arguments)

    def _put(self, value: Any, dtype: Any = None) -> Any:
        """Put an array on the device with `device_put`: JAX's own functions compile a program for each shape."""
        if isinstance(value, self.jax.Array):
            return self._np.asarray(value, dtype)
        array = np.asarray(value, dtype)
        array = array.astype(self.jax.dtypes.canonicalize_dtype(array.dtype))
        if self._everywhere is not None and not array.ndim:
            # As an argument of a program it comes to all devices.
            return array
        if self._everywhere is not None:
            return place_everywhere(self.jax, array, self._everywhere)
        return self.jax.device_put(array)

    def _uniform(self, shape: Any, seed: Any, minval: float, maxval: float, alg: str) -> Any:  # noqa: ARG002
        """Draw numbers from a seed of two integers; they differ from those that TensorFlow draws."""
        key = self.jax.random.fold_in(self.jax.random.key(seed[0]), seed[1])
        return self.jax.random.uniform(key, shape, minval=minval, maxval=maxval)

    def _devices(self, kind: str) -> list[Any]:
        return [device for device in self.jax.devices() if device.platform.upper() == kind]

    def cumsum(self, values: Any, axis: int = -1, *, exclusive: bool = False) -> Any:
        """Add up along an axis; with `exclusive`, without each number itself."""
        sums = self._np.cumsum(values, axis=axis)
        return sums - values if exclusive else sums
