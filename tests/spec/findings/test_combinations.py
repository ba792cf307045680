"""What Keras accepts one by one, but cannot use together."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

PICTURE = Facts("classification", "integer", (8, 8, 1), classes=10, targets=1)
LAST = "- Dense: {units: 10, activation: softmax}"
LOSS = "loss: sparse_categorical_crossentropy\n"


@pytest.mark.parametrize(
    ("training", "path"),
    [
        ("optimizer: {SGD: {clipnorm: 1, global_clipnorm: 1}}", ("optimizer", "SGD", "global_clipnorm")),
        (
            "optimizer: {SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [1, 2], values: [0.1]}}}}",
            ("optimizer", "SGD", "learning_rate", "PiecewiseConstantDecay", "values"),
        ),
        ("optimizer: Adam\ncallbacks: [SwapEMAWeights]", ("callbacks", 0, "SwapEMAWeights")),
        (
            "optimizer: Adam\nmetrics: [{IoU: {num_classes: 3, target_class_ids: [0, 3]}}]",
            ("metrics", 0, "IoU", "target_class_ids", 1),
        ),
        (
            "optimizer: Adam\ncallbacks: [{BackupAndRestore: {save_freq: 2}}]\nexecution: {executor: resident}",
            ("execution", "executor"),
        ),
    ],
)
def test_arguments_that_exclude_each_other_are_refused(found, training: str, path: tuple[object, ...]) -> None:
    """The place is the argument, or the callback, that must go or change."""
    findings = [one for one in found(model=LAST, training=f"{LOSS}{training}") if one.name == "cannot-combine"]
    assert [one.path for one in findings] == [("training", *path)]
    assert findings[0].hint


@pytest.mark.parametrize(
    "training",
    [
        "optimizer: {SGD: {clipnorm: 1}}",
        "optimizer: {SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [1], values: [0.1, 0.2]}}}}",
        "optimizer: {Adam: {use_ema: true}}\ncallbacks: [SwapEMAWeights]",
        "optimizer: Adam\nmetrics: [{IoU: {num_classes: 3, target_class_ids: [0, 2]}}]",
        "optimizer: Adam\ncallbacks: [{BackupAndRestore: {save_freq: epoch}}]\nexecution: {executor: resident}",
    ],
)
def test_arguments_that_go_together_are_accepted(found, training: str) -> None:
    """One argument for clipping, one value more than boundaries, averages for their callback, classes that exist."""
    assert "cannot-combine" not in [one.name for one in found(model=LAST, training=f"{LOSS}{training}")]


@pytest.mark.parametrize(
    ("layers", "path"),
    [
        ("- Conv2D: {filters: 2, kernel_size: 2, kernel_regularizer: OrthogonalRegularizer}", "kernel_regularizer"),
        ("- Conv2D: {filters: 2, kernel_size: 2, bias_regularizer: OrthogonalRegularizer}", "bias_regularizer"),
        ("- Conv2D: {filters: 2, kernel_size: 2, bias_initializer: Orthogonal}", "bias_initializer"),
        ("- Identity: {activity_regularizer: L2}", "activity_regularizer"),
        ("- ELU: {activity_regularizer: OrthogonalRegularizer}", "activity_regularizer"),
        ("- Equalization", None),
        ("- RandomHue: {factor: 0.2}", None),
    ],
)
def test_layers_that_cannot_be_built_trained_or_saved_are_refused(found, layers: str, path: str | None) -> None:
    """A matrix's regularizer on another weight, a layer that Keras cannot save, colours of a grey picture."""
    findings = [one for one in found(PICTURE, model=f"{layers}\n- Flatten\n{LAST}") if one.name == "cannot-combine"]
    assert {one.path[:2] for one in findings} == {("model", 0)}
    assert path is None or findings[-1].path[-1] == path


@pytest.mark.parametrize(
    ("layer", "channels"),
    [("RandomHue", {3}), ("RandomSaturation", {3}), ("RandomGrayscale", {1, 3}), ("RandomColorDegeneration", {1, 3})],
)
def test_layers_of_colours_take_the_channels_that_keras_takes(found, layer: str, channels: set[int]) -> None:
    """Keras refuses other numbers of channels only when it trains."""
    for count in (1, 2, 3, 4):
        facts = Facts("classification", "integer", (8, 8, count), classes=10, targets=1)
        findings = found(facts, model=f"- {layer}: {{factor: 0.2}}\n- Flatten\n{LAST}")
        assert ("cannot-combine" in [one.name for one in findings]) is (count not in channels)


def test_regularizers_of_matrices_are_accepted_on_matrices(found) -> None:
    """The kernel of a Dense layer is a matrix."""
    dense = "kernel_regularizer: OrthogonalRegularizer, activity_regularizer: L2"
    model = f"- Dense: {{units: 4, kernel_initializer: Orthogonal, {dense}}}\n{LAST}"
    assert "cannot-combine" not in [one.name for one in found(model=model)]


def test_regularized_outputs_need_float32(found) -> None:
    """Under mixed precision a layer with a regularizer of its output computes in float32, or is refused."""
    for dtype, refused in (("", True), (", dtype: float32", False)):
        regularized = f"Dense: {{units: 4, activity_regularizer: L2{dtype}}}"
        for layer in (regularized, f"SpectralNormalization: {{layer: {{{regularized}}}}}"):
            findings = found(model=f"- {layer}\n{LAST}", precision="mixed_bfloat16")
            assert [one.path[-1] for one in findings] == ["Dense"] * refused


def test_a_loss_is_not_scaled_with_an_embedding(found) -> None:
    """Keras divides gradients by the scale, which it cannot do with those of an embedding."""
    codes = Facts("classification", "integer", (12,), classes=10, targets=1, vocabulary=30)
    model = f"- Embedding: {{input_dim: 30, output_dim: 4}}\n- Flatten\n{LAST}"
    training = f"{LOSS}optimizer: {{SGD: {{loss_scale_factor: 8}}}}"
    assert "cannot-combine" in [one.name for one in found(codes, model=model, training=training)]


@pytest.mark.parametrize(
    "layer",
    [
        "Dense: {units: 4, activation: glu}",
        "Activation: glu",
        "TimeDistributed: {layer: {Dense: {units: 4, activation: glu}}}",
        "Dense: {units: 4, kernel_initializer: STFT}",
    ],
)
def test_what_keras_cannot_use_inside_a_layer_is_refused(found, layer: str) -> None:
    """Keras takes glu's outputs for twice as many as they are, and STFT makes kernels of Conv1D alone."""
    facts = Facts("classification", "integer", (6, 3), classes=10, targets=1, rows={"train": 100})
    model = f"- {layer}\n- Flatten\n- Dense: {{units: 10, activation: softmax}}"
    assert "cannot-combine" in [one.name for one in found(facts, model=model)]


def test_a_step_as_the_last_activation_needs_the_perceptron_rule(found) -> None:
    """A step has no gradient, so that Keras would find nothing to train."""
    facts = Facts("classification", "binary", (4,), classes=2, targets=1, rows={"train": 100})
    model = "- Dense: {units: 1, activation: binary_step}"
    (one,) = found(facts, model=model, training="loss: binary_crossentropy\noptimizer: Adam")
    assert one.name == "loss-activation-mismatch"
    assert found(facts, model=model, training="rule: perceptron") == ()


def test_losses_of_every_row_are_refused_next_to_regularizers(found) -> None:
    """Keras cannot add a number to a loss for every row."""
    loss = "loss: {SparseCategoricalCrossentropy: {reduction: null}}\noptimizer: Adam"
    for layer, refused in (("- Dense: {units: 4, kernel_regularizer: L2}", True), ("- Dense: 4", False)):
        findings = found(model=f"{layer}\n{LAST}", training=loss)
        assert ("cannot-combine" in [one.name for one in findings]) is refused


def test_top_k_needs_float32(found) -> None:
    """TensorFlow has no kernel of it for other types, so the last layer must compute in float32."""
    training = f"{LOSS}optimizer: Adam\nmetrics: [SparseTopKCategoricalAccuracy]"
    for dtype, refused in (("", True), (", dtype: float32", False)):
        model = f"- Dense: {{units: 10, activation: softmax{dtype}}}"
        findings = found(model=model, training=training, precision="mixed_float16")
        assert ("cannot-combine" in [one.name for one in findings]) is refused


def test_orthogonal_starts_need_float32(found) -> None:
    """Recurrent layers start orthogonal unless the config says otherwise."""
    sequences = Facts("classification", "integer", (5, 2), classes=10, targets=1)
    for start, refused in (("", True), (", recurrent_initializer: GlorotUniform", False)):
        findings = found(sequences, model=f"- LSTM: {{units: 3{start}}}\n{LAST}", keras="{floatx: float16}")
        assert ("cannot-combine" in [one.name for one in findings]) is refused


def test_adafactor_does_not_train_embeddings_in_half_precision(found) -> None:
    """Keras numbers the rows of sparse gradients in the type of the weights, which rounds."""
    codes = Facts("classification", "integer", (12,), classes=10, targets=1, vocabulary=30)
    model = f"- Embedding: {{input_dim: 30, output_dim: 4}}\n- Flatten\n{LAST}"
    findings = found(codes, model=model, training=f"{LOSS}optimizer: Adafactor", keras="{floatx: float16}")
    assert "cannot-combine" in [one.name for one in findings]


@pytest.mark.parametrize(
    ("callback", "refused"), [("TerminateOnNaN", True), ("ProgbarLogger", True), ("CSVLogger", False)]
)
def test_the_resident_executor_takes_no_callback_of_batches(found, callback: str, refused: bool) -> None:
    """What needs every batch is refused where the config says that many are taken in one call."""
    training = (
        "loss: sparse_categorical_crossentropy\noptimizer: Adam\n"
        f"callbacks: [{callback}]\nexecution: {{executor: resident}}"
    )
    findings = [one for one in found(training=training) if one.name == "cannot-combine"]
    assert [one.path for one in findings] == [("training", "execution", "executor")] * refused


@pytest.mark.parametrize(("backend", "refused"), [("tensorflow", True), ("jax", False)])
def test_centered_gradients_are_not_sparse(found, backend: str, refused: bool) -> None:
    """Keras adds up the squares of a repeated token's gradients, but squares the sum of the gradients themselves."""
    codes = Facts("classification", "integer", (12,), classes=10, targets=1, vocabulary=30)
    model = f"- Embedding: {{input_dim: 30, output_dim: 4}}\n- Flatten\n{LAST}"
    for centered in (True, False):
        training = f"{LOSS}optimizer: {{RMSprop: {{centered: {str(centered).lower()}}}}}"
        findings = found(codes, model=model, training=training, backend=backend)
        assert ("cannot-combine" in [one.name for one in findings]) is (refused and centered)
