"""Which positions of outputs are padding, by the masks that Keras attaches to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.engine.executors.compiled_steps import Tensors


def output_masks(keras: Any, tf: Any, model: Any, tensors: Tensors, batch_size: int) -> dict[str, NDArray[np.bool_]]:
    """Return which positions of each output are no padding.

    Args:
        keras: The started Keras.
        tf: The TensorFlow module, or JAX under TensorFlow's names.
        model: The model, of which a layer masks padding.
        tensors: A part of the data, in memory.
        batch_size: Rows that are computed at a time.

    Returns:
        By output (an only one is named ""), shape (rows, *positions); outputs without a mask are left out.
    """

    def masks_of(inputs: Any) -> dict[str, Any]:
        outputs = model(inputs, training=False)
        # Keras has no public name for the mask that it attaches to tensors.
        masks = {
            name: keras.src.backend.get_keras_mask(output)
            for name, output in (outputs if isinstance(outputs, dict) else {"": outputs}).items()
        }
        return {name: mask for name, mask in masks.items() if mask is not None}

    # Outside of a program JAX compiles each operation, and the loop of a recurrent layer again for each batch.
    compute = tf.function(masks_of, autograph=False) if keras.config.backend() == "jax" else masks_of
    found: dict[str, list[Any]] = {}
    for start in range(0, tensors.rows, batch_size):
        rows = np.arange(start, min(start + batch_size, tensors.rows), dtype="int32")
        for name, mask in compute(tensors.take(tf, tensors.fields, tf.constant(rows))[0]).items():
            found.setdefault(name, []).append(np.asarray(mask, "bool"))
    return {name: np.concatenate(masks) for name, masks in found.items()}
