"""The bounds of outputs are those of Keras' activations and layers."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from nnrun.catalog import lookup
from nnrun.config.document import parse
from nnrun.spec.compared_output import ACTIVATION_RANGES
from nnrun.spec.experiment import validate
from nnrun.spec.output_bounds import ACTIVATION_BOUNDS, Bounds, bounded_output

#: Far enough that smooth activations come near their bounds.
GRID = np.concatenate([np.linspace(-60, 60, 24_001), np.linspace(-1e4, 1e4, 200)]).astype("float32")


def test_every_activation_of_the_catalog_has_bounds() -> None:
    """The table and the ranges that losses go by name the same activations, and all of the catalog."""
    assert set(lookup.names("activations")) - set(ACTIVATION_BOUNDS) == set()
    assert set(ACTIVATION_RANGES) == set(ACTIVATION_BOUNDS)
    of_range = {
        "probability": (0, 1),
        "distribution": (0, 1),
        "step": (0, 1),
        "symmetric": (-1, 1),
        "nonpositive": (-inf, 0),
    }
    for name, kind in ACTIVATION_RANGES.items():
        assert kind not in of_range or ACTIVATION_BOUNDS[name] == of_range[kind]
        assert kind != "positive" or ACTIVATION_BOUNDS[name].low == 0


@pytest.mark.keras
@pytest.mark.parametrize("name", sorted(set(ACTIVATION_BOUNDS) - {"binary_step", "prelu"}))
def test_keras_activations_stay_within_their_bounds_and_come_near_them(name: str) -> None:
    """No value is outside, and a bound that is stated is met to within a thousandth."""
    import keras

    function, bounds = getattr(keras.activations, name), ACTIVATION_BOUNDS[name]
    x = np.stack([GRID, GRID[::-1]], axis=-1)
    arguments = {"threshold": 0.5, "default_value": 0.0} if name == "threshold" else {}
    values = np.asarray(function(keras.ops.convert_to_tensor(x), **arguments))
    values = values[np.isfinite(values)]
    assert bounds.low <= values.min() + 1e-6
    assert values.max() - 1e-6 <= bounds.high
    assert bounds.low == -inf or values.min() - bounds.low < 1e-3
    assert bounds.high == inf or bounds.high - values.max() < 1e-3


@pytest.mark.parametrize(
    ("layers", "bounds"),
    [
        ("[{Dense: {units: 1, activation: sigmoid}}]", Bounds(0, 1)),
        ("[{Dense: {units: 1, activation: sigmoid}}, {Dropout: 0.1}, Flatten]", Bounds(0, 1)),
        ("[{Dense: 1}]", Bounds()),
        ("[{Dense: 1}, ReLU]", Bounds(low=0)),
        ("[{Dense: 1}, {ReLU: {max_value: 3}}]", Bounds(0, 3)),
        ("[{Dense: 1}, {ReLU: {negative_slope: 0.1}}]", Bounds()),
        ("[{Dense: 1}, {ELU: {alpha: 2}}]", Bounds(low=-2)),
        ("[{Dense: 1}, {Activation: swish}]", Bounds(low=-0.2785)),
        ("[{Dense: {units: 1, activation: sigmoid}}, {Rescaling: {scale: 10, offset: -5}}]", Bounds(-5, 5)),
        ("[{Dense: {units: 1, activation: tanh}}, {Rescaling: {scale: -2}}]", Bounds(-2, 2)),
        ("[{Dense: {units: 1, activation: relu}}, {Rescaling: {scale: -2, offset: 1}}]", Bounds(-inf, 1)),
        ("[{Reshape: [2, 1]}, {LSTM: 1}]", Bounds(-1, 1)),
        ("[{Dense: 1}, BatchNormalization]", None),
    ],
)
def test_the_bounds_of_the_last_layers(layers: str, bounds: Bounds | None) -> None:
    """Layers that keep values are passed, a `Rescaling` moves them; what other layers output is not known."""
    data = "{source: {inline: {rows: [[1, 2, 3]]}}}"
    experiment = validate(parse(f"data: {data}\nmodel: {layers}\ntraining: {{loss: mse, optimizer: Adam}}", "x.yaml"))
    found = bounded_output(experiment.graph, experiment.graph.outputs[0].source.name)
    assert (found.bounds if found else None) == bounds
