"""Back to a past moment of a training: the same weights, the same random numbers, the same optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.engine.model.checkpoint import ModelSnapshot


@pytest.mark.keras
def test_training_from_a_moment_on_repeats_itself(keras, part) -> None:
    """Trained, brought back and trained again, a model with noise and an adaptive optimizer has the same weights."""
    data = part(40, (6,))
    make = keras.layers
    model = keras.Sequential(
        [keras.Input((6,)), make.Dense(8), make.BatchNormalization(), make.Dropout(0.3), make.Dense(3)]
    )
    model.compile(loss="mse", optimizer="adam", jit_compile=False)

    def trained() -> list[np.ndarray]:
        model.fit(data.x, data.y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        return [np.array(value) for value in (*model.variables, *model.optimizer.variables)]

    trained()
    moment = ModelSnapshot(model)
    first = trained()
    moment.restore()
    for one, other in zip(first, trained(), strict=True):
        np.testing.assert_array_equal(one, other)
