"""Shapes of graphs: the same shapes, parameters and names as Keras, and errors at their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nnrun.spec.experiment import Experiment
from nnrun.spec.facts import Facts
from nnrun.spec.shapes import NodeShape, infer_shapes, input_names

#: Architectures as in configs, with the shape of one example at each input.
ARCHITECTURES: dict[str, tuple[str, dict[str, tuple[int | None, ...]]]] = {
    "inception": (
        """
        layers:
          - Conv2D: {filters: 8, kernel_size: 3, padding: same, name: stem}
          - Conv2D: {from: stem, filters: 4, kernel_size: 1, activation: relu, name: one}
          - Conv2D: {from: stem, filters: 3, kernel_size: 1}
          - Conv2D: {filters: 6, kernel_size: 3, padding: same, name: three}
          - Conv2D: {from: stem, filters: 2, kernel_size: 1}
          - Conv2D: {filters: 5, kernel_size: 5, padding: same, name: five}
          - MaxPooling2D: {from: stem, pool_size: 3, strides: 1, padding: same}
          - Conv2D: {filters: 4, kernel_size: 1, name: pooled}
          - Concatenate: {from: [one, three, five, pooled]}
          - GlobalAveragePooling2D
          - Dense: {units: 10, activation: softmax}
        """,
        {"input": (16, 16, 3)},
    ),
    "resnet": (
        """
        layers:
          - Conv2D: {filters: 8, kernel_size: 3, padding: same}
          - repeat:
              times: 3
              layers:
                - residual:
                    layers:
                      - Conv2D: {filters: 8, kernel_size: 3, padding: same, use_bias: false}
                      - BatchNormalization
                      - ReLU
                - ReLU
          - residual:
              layers:
                - Conv2D: {filters: 16, kernel_size: 3, strides: 2, padding: same, name: down}
                - BatchNormalization: {trainable: false}
              shortcut:
                - Conv2D: {filters: 16, kernel_size: 1, strides: 2}
          - use: {stack: mix, share: true}
          - use: {stack: mix, share: true}
          - mix
          - GlobalAveragePooling2D
          - Dense: 10
        """,
        {"input": (32, 32, 3)},
    ),
    "unet": (
        """
        layers:
          - Conv2D: {filters: 4, kernel_size: 3, padding: same, name: high}
          - MaxPooling2D
          - Conv2D: {filters: 8, kernel_size: 3, padding: same, name: low}
          - MaxPooling2D
          - Conv2D: {filters: 16, kernel_size: 3, padding: same}
          - UpSampling2D: {size: 2, name: up}
          - Concatenate: {from: [up, low]}
          - Conv2D: {filters: 8, kernel_size: 3, padding: same}
          - Conv2DTranspose: {filters: 4, kernel_size: 2, strides: 2, name: top}
          - Concatenate: {from: [top, high]}
          - Conv2D: {filters: 1, kernel_size: 1, activation: sigmoid}
        """,
        {"input": (32, 32, 1)},
    ),
    "two_in_two_out": (
        """
        inputs: {picture: $image, facts: [age, bmi]}
        layers:
          - Conv2D: {from: picture, filters: 4, kernel_size: 3}
          - GlobalAveragePooling2D: {name: seen}
          - Dense: {from: facts, units: 8, activation: relu, name: known}
          - Concatenate: {from: [seen, known], name: joined}
          - Dense: {from: joined, units: 1, name: price}
          - Dense: {from: joined, units: 3, activation: softmax, name: species}
        outputs:
          price: {loss: mse}
          species: {loss: sparse_categorical_crossentropy}
        """,
        {"picture": (8, 8, 3), "facts": (2,)},
    ),
    "tagger": (
        """
        layers:
          - Embedding: {input_dim: 50, output_dim: 8, mask_zero: true}
          - Bidirectional: {layer: {LSTM: {units: 6, return_sequences: true}}}
          - LSTM: {units: 5, return_sequences: true, return_state: true, name: steps}
          - GRU: {from: steps.0, units: 5, return_sequences: true, call: {initial_state: steps.1}}
          - TimeDistributed: {layer: {Dense: 7}}
        """,
        {"input": (12,)},
    ),
    "transformer": (
        """
        layers:
          - Embedding: {input_dim: 50, output_dim: 16, name: x}
          - MultiHeadAttention: {from: [x, x], num_heads: 4, key_dim: 8, name: attended,
                                 call: {use_causal_mask: true, return_attention_scores: true}}
          - Add: {from: [x, attended.0]}
          - LayerNormalization: {name: normed}
          - residual:
              layers:
                - Dense: {units: 32, activation: gelu}
                - Dense: 16
          - LayerNormalization
          - GlobalAveragePooling1D
          - Dense: 2
        """,
        {"input": (10,)},
    ),
    "nested": (
        """
        layers:
          - Dense: 6
          - PositionEmbedding: {sequence_length: 12}
          - Sequential: {layers: [{Dense: 8}, {Dropout: 0.1}, {Sequential: {layers: [{Dense: 3}, Flatten]}}]}
          - Dense: 2
        """,
        {"input": (10, 5)},
    ),
    "autoencoder": (
        """
        layers:
          - Conv2D: {filters: 8, kernel_size: 3, strides: 2, padding: same, activation: relu}
          - Flatten
          - Dense: {units: 6, name: code}
          - Dense: 512
          - Reshape: {target_shape: [8, 8, 8]}
          - Conv2DTranspose: {filters: 8, kernel_size: 3, strides: 2, padding: same}
          - Conv2D: {filters: 1, kernel_size: 3, padding: same, activation: sigmoid}
        """,
        {"input": (16, 16, 1)},
    ),
    "siamese": (
        """
        inputs: {left: [a, b, c], right: [d, e, f]}
        layers:
          - use: {stack: tower, share: true, from: left, name: one}
          - use: {stack: tower, share: true, from: right, name: other}
          - Subtract: {from: [one, other]}
          - Dense: {units: 1, activation: sigmoid}
        """,
        {"left": (3,), "right": (3,)},
    ),
}
DEFINE = """
mix:
  - Conv2D: {filters: 16, kernel_size: 3, padding: same}
  - BatchNormalization
tower:
  - Dense: {units: 8, activation: relu}
  - Dense: 4
"""
FACTS = Facts("regression", "number", (4,), features=4, targets=1)


@pytest.fixture
def validated(experiment) -> Callable[[str], Experiment]:
    """Validate a config with this model."""
    return lambda model: experiment(model=model, define=DEFINE, training="loss: mse\noptimizer: Adam")


@pytest.fixture
def rows(validated) -> Callable[..., tuple[NodeShape, ...]]:
    """Infer the shapes of a model."""

    def infer(model: str, **shapes: tuple[int | None, ...]) -> tuple[NodeShape, ...]:
        return infer_shapes(validated(model).graph, FACTS, shapes)

    return infer


def _count(weights: Any) -> int:
    return sum(weight.shape.num_elements() for weight in weights)


@pytest.mark.keras
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rows_are_those_of_keras(validated, name: str) -> None:
    """Each layer has Keras' own name, class, outputs and parameters, and the sums are Keras' sums."""
    from nnrun.engine.backend.start import BackendSettings, start_keras
    from nnrun.engine.model.build import Builder
    from nnrun.engine.model.compile import compile_model

    keras = start_keras(BackendSettings(seed=1))
    model, shapes = ARCHITECTURES[name]
    experiment = validated(model)
    theirs = compile_model(Builder(keras, FACTS, lambda _: None), experiment, shapes)
    found = infer_shapes(experiment.graph, FACTS, shapes)
    ours = {one.name: (one.class_name, one.parameters, one.trainable) for one in found if one.used and one.first}
    layers = [layer for layer in theirs.layers if not isinstance(layer, keras.layers.InputLayer)]
    assert ours == {
        layer.name: (type(layer).__name__, _count(layer.weights), _count(layer.trainable_weights)) for layer in layers
    }
    entered = {layer.name for layer in theirs.layers if isinstance(layer, keras.layers.InputLayer)}
    assert set(input_names(experiment.graph).values()) == entered
    for one in found:
        outputs = theirs.get_layer(one.name)._inbound_nodes[0].output_tensors
        made = tuple(tuple(tensor.shape)[1:] for tensor in outputs)
        assert one.output_shape in (made, made[0] if len(made) == 1 else None)
    assert sum(one.parameters or 0 for one in found if one.first) == theirs.count_params()


def test_a_position_embedding_takes_no_more_steps_than_positions(rows) -> None:
    """More positions than steps are refused; fewer are fine."""
    (wrong,) = rows("layers: [{PositionEmbedding: {sequence_length: 8}}]", input=(10, 5))
    assert "8 steps at most" in wrong.error.text
    (right,) = rows("layers: [{PositionEmbedding: {sequence_length: 12}}]", input=(10, 5))
    assert (right.output_shape, right.parameters) == ((10, 5), 60)


def test_a_shared_layer_counts_once(rows) -> None:
    """Every application has a row with its sources; only the first has the weights."""
    found = rows(*ARCHITECTURES["siamese"][:1], **ARCHITECTURES["siamese"][1])
    assert [(one.name, one.sources, one.first) for one in found] == [
        ("dense", ("left",), True),
        ("dense_1", ("dense",), True),
        ("dense", ("right",), False),
        ("dense_1", ("dense",), False),
        ("subtract", ("dense_1", "dense_1"), True),
        ("dense_2", ("subtract",), True),
    ]


def test_weights_cannot_be_shared_between_inputs_of_different_sizes(rows) -> None:
    """Weights that were made for three numbers cannot be applied to four."""
    found = rows(ARCHITECTURES["siamese"][0], left=(3,), right=(4,))
    wrong = [one for one in found if one.error is not None]
    assert [one.path for one in wrong] == [("define", "tower", 0, "Dense")]
    assert "made for [3], received [4]" in wrong[0].error.text


def test_other_branches_go_on_after_an_error(rows) -> None:
    """Layers after a refused one have no row, those of other branches have, so all errors are found at once."""
    model = """
    layers:
      - Conv2D: {filters: 4, kernel_size: 3, name: one}
      - Dense: {units: 4, name: after}
      - LSTM: {from: input, units: 3}
    """
    found = rows(model, input=(4,))
    assert [(one.name, one.error is None) for one in found] == [("one", False), ("lstm", False)]


def test_an_unknown_input_makes_its_own_branch_undecided(rows) -> None:
    """What depends on an input of unknown shape is undecided; the other input's branch is not."""
    model = """
    inputs: {left: [a], right: [b]}
    layers:
      - Dense: {from: left, units: 2, name: one}
      - Dense: {from: right, units: 2, name: other}
      - Add: {from: [one, other]}
    """
    found = rows(model, left=(1,), right=None)
    assert [one.parameters for one in found] == [4, None, None]
    assert "right" in (found[1].undecided or "")


def test_an_output_that_a_layer_does_not_have_is_refused(rows) -> None:
    """`from: name.1` of a layer with one output is an error at the layer with the `from`."""
    model = "layers:\n  - Dense: {units: 3, name: one}\n  - Dense: {from: one.1, units: 2}"
    found = rows(model, input=(4,))
    assert "one of 1 output, counted from 0, received '.1'" in found[1].error.text
    assert found[1].path == ("model", "layers", 1, "Dense")


def test_a_layer_that_no_output_depends_on_is_marked(rows) -> None:
    """Keras leaves out a layer whose output is not used."""
    model = """
    layers:
      - Dense: {units: 3, name: lost}
      - Dense: {from: input, units: 2}
    """
    assert [one.used for one in rows(model, input=(4,))] == [False, True]


def test_weights_of_a_shared_layer_count_where_the_model_keeps_it(rows) -> None:
    """A branch that no output depends on may hold the first application; Keras counts the weights all the same."""
    model = """
    layers:
      - use: {stack: tower, share: true, name: lost}
      - use: {stack: tower, share: true, from: input}
    """
    found = rows(model, input=(3,))
    assert [(one.used, one.first) for one in found] == [(False, False), (False, False), (True, True), (True, True)]


def test_a_missing_sequence_names_the_layer_that_dropped_it(rows) -> None:
    """The hint for a recurrent layer after one without `return_sequences` is about the one before it."""
    found = rows("layers:\n  - LSTM: 4\n  - Dropout: 0.5\n  - GRU: 3", input=(10, 2))
    assert "return_sequences: true" in (found[2].error.hint or "")
