"""nnrun's own activations, known to Keras by name once this module is imported."""

import keras


@keras.saving.register_keras_serializable(package="nnrun")
def binary_step(x):  # type: ignore[no-untyped-def]
    """Give 1 where `x` is at least 0, else 0: the unit of the classic perceptron (F. Rosenblatt, 1958).

    Its gradient is 0 everywhere, so that only `training: {rule: perceptron}` can train it.
    """
    return keras.ops.cast(x >= 0, x.dtype)
