"""What parameters take: everything Keras documents, and none of the nonsense that Keras lets pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nnrun.catalog import kinds, lookup, rules
from nnrun.catalog.rules import BY_ENTRY, BY_NAME, SIZES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.catalog.lookup import Entry


def _every_entry() -> list[Entry]:
    entries = lookup.catalog()["entries"]
    found = [lookup.entry(category, name) for category in lookup.CATEGORIES for name in entries[category]]
    return [entry for entry in found if entry is not None]


def _kind(category: str, name: str, parameter: str) -> Any:
    entry = lookup.entry(category, name)
    assert entry is not None
    return entry.parameters[parameter].kind


def test_every_parameter_of_every_entry_has_a_rule() -> None:
    """No kind is a guess: each comes from a rule, an annotation, or the table of what only Python can say."""
    for entry in _every_entry():
        for parameter in entry.parameters.values():
            assert not isinstance(parameter.kind, kinds.AnyValue), (entry.name, parameter.name)


def test_a_parameter_without_a_rule_is_an_error() -> None:
    """A parameter that a new Keras brings is not let through unchecked."""
    with pytest.raises(LookupError, match="'frobs' of Dense"):
        rules.kind_of("layers", "Dense", "frobs", 1, None)


def test_every_rule_is_of_use() -> None:
    """A rule that no parameter of the catalog needs has no place in the tables."""
    keys = {
        (entry.category, entry.name, name)
        for entry in _every_entry()
        if entry.category not in ("sources", "preparation")
        for name in entry.parameters
    }
    anywhere = {(category, "*", name) for category, _, name in keys}
    assert set(BY_ENTRY) <= keys | anywhere
    assert set(rules.PYTHON_ONLY) <= keys
    left = {
        name
        for category, entry, name in keys
        if not {(category, entry, name), (category, "*", name)} & (set(BY_ENTRY) | set(rules.PYTHON_ONLY))
    }
    assert not (set(BY_NAME) | SIZES) - left


def test_every_kind_accepts_its_default() -> None:
    """To say a default out is never a mistake."""
    for entry in _every_entry():
        for parameter in entry.parameters.values():
            assert parameter.required or parameter.kind.accepts(parameter.default), (entry.name, parameter.name)


def test_a_default_of_null_makes_null_a_value_and_a_required_argument_does_not() -> None:
    """A null is allowed where Keras' own default is None or Keras documents it, and only there."""
    assert _kind("layers", "Dense", "activation").accepts(None)
    assert _kind("layers", "LSTM", "activation").accepts(None)
    assert _kind("layers", "Conv2D", "kernel_initializer").accepts(None)
    assert _kind("layers", "Bidirectional", "merge_mode").accepts(None)
    assert _kind("losses", "MeanSquaredError", "reduction").accepts(None)
    assert not _kind("layers", "Dense", "units").accepts(None)
    assert not _kind("layers", "Dense", "kernel_initializer").accepts(None)
    assert not _kind("layers", "Dense", "use_bias").accepts(None)
    assert not _kind("layers", "Activation", "activation").accepts(None)


@pytest.mark.parametrize(
    ("category", "name", "parameter", "value"),
    [
        ("layers", "Dense", "units", True),
        ("layers", "Dense", "units", 0),
        ("layers", "Dense", "units", 8.0),
        ("layers", "Dense", "units", "8"),
        ("layers", "Dense", "use_bias", 1),
        ("layers", "Dense", "trainable", "yes"),
        ("layers", "Dense", "dtype", "float31"),
        ("layers", "Dense", "name", "a/b"),
        ("layers", "Dropout", "rate", 1),
        ("layers", "Dropout", "rate", -0.1),
        ("layers", "LSTM", "dropout", 1.5),
        ("layers", "LSTM", "return_sequences", 1),
        ("layers", "BatchNormalization", "momentum", 5),
        ("layers", "BatchNormalization", "axis", 1.0),
        ("layers", "BatchNormalization", "axis", [1, 2]),
        ("layers", "Conv2D", "kernel_size", [3, 3, 3]),
        ("layers", "Conv2D", "kernel_size", [3]),
        ("layers", "Conv2D", "kernel_size", 0),
        ("layers", "Conv1D", "strides", [1, 1]),
        ("layers", "Conv2D", "padding", "causal"),
        ("layers", "Conv2D", "padding", 1),
        ("layers", "Conv2D", "data_format", "NHWC"),
        ("layers", "UpSampling1D", "size", [2]),
        ("layers", "ZeroPadding2D", "padding", [1, 1, 1]),
        ("layers", "ZeroPadding2D", "padding", [[1, 1], [1]]),
        ("layers", "Cropping1D", "cropping", -1),
        ("layers", "Reshape", "target_shape", [-2, 4]),
        ("layers", "Permute", "dims", [0, 1]),
        ("layers", "Embedding", "input_dim", -1),
        ("layers", "Attention", "score_mode", "cosine"),
        ("layers", "RandomFlip", "mode", "diagonal"),
        ("layers", "RandomContrast", "factor", 2),
        ("layers", "RandomPosterization", "factor", 9),
        ("layers", "RandomZoom", "height_factor", -1),
        ("layers", "Bidirectional", "weights", [[1.0]]),
        ("layers", "Dense", "quantization_config", "int8"),
        ("layers", "EinsumDense", "equation", "ab->ac"),
        ("layers", "Dense", "activation", 3),
        ("layers", "MultiHeadAttention", "num_heads", [4]),
        ("optimizers", "SGD", "learning_rate", 0),
        ("optimizers", "SGD", "learning_rate", -0.1),
        ("optimizers", "SGD", "learning_rate", True),
        ("optimizers", "SGD", "momentum", 1.1),
        ("optimizers", "Adam", "beta_1", 1),
        ("optimizers", "Adam", "clipnorm", 0),
        ("optimizers", "Adam", "gradient_accumulation_steps", 1),
        ("schedules", "ExponentialDecay", "decay_steps", 0.5),
        ("schedules", "PiecewiseConstantDecay", "boundaries", 100),
        ("losses", "CategoricalCrossentropy", "label_smoothing", 2),
        ("losses", "Huber", "delta", 0),
        ("losses", "MeanSquaredError", "reduction", "average"),
        ("metrics", "AUC", "curve", "roc_curve"),
        ("metrics", "F1Score", "average", "mean"),
        ("metrics", "TopKCategoricalAccuracy", "k", 0),
        ("callbacks", "EarlyStopping", "patience", -1),
        ("callbacks", "EarlyStopping", "mode", "maximum"),
        ("callbacks", "EarlyStopping", "verbose", True),
        ("callbacks", "ModelCheckpoint", "filepath", "best.h5"),
        ("callbacks", "ModelCheckpoint", "save_freq", "batch"),
        ("callbacks", "ReduceLROnPlateau", "factor", 1),
        ("initializers", "VarianceScaling", "mode", "fan"),
        ("initializers", "RandomNormal", "seed", 1.5),
        ("regularizers", "L2", "l2", -0.1),
        ("constraints", "MaxNorm", "max_value", 0),
    ],
)
def test_nonsense_is_refused(category: str, name: str, parameter: str, value: object) -> None:
    """Values that Keras would take in silence, or refuse late, are refused by the catalog."""
    assert not _kind(category, name, parameter).accepts(value)


@pytest.mark.parametrize(
    ("category", "name", "parameter", "value"),
    [
        ("layers", "Dense", "units", "$classes"),
        ("layers", "Dense", "dtype", "mixed_bfloat16"),
        ("layers", "Dense", "dtype", "int8_from_float32"),
        ("layers", "Dense", "kernel_regularizer", {"L2": 0.01}),
        ("layers", "Dense", "activation", "relu"),
        ("layers", "Dense", "activation", {"leaky_relu": 0.1}),
        ("layers", "Conv2D", "kernel_size", [3, 5]),
        ("layers", "Conv2D", "padding", "SAME"),
        ("layers", "Conv1D", "padding", "causal"),
        ("layers", "Conv1D", "kernel_size", [3]),
        ("layers", "MaxPooling2D", "strides", None),
        ("layers", "ZeroPadding2D", "padding", [[1, 1], [2, 2]]),
        ("layers", "ZeroPadding3D", "padding", [1, 2, 3]),
        ("layers", "Cropping2D", "cropping", 1),
        ("layers", "Reshape", "target_shape", [28, 28, -1]),
        ("layers", "Input", "shape", [None, 3]),
        ("layers", "Input", "shape", "$input_shape"),
        ("layers", "Dropout", "noise_shape", [None, 1, 8]),
        ("layers", "LayerNormalization", "axis", [1, 2]),
        ("layers", "RNN", "cell", [{"LSTMCell": 8}, {"GRUCell": 8}]),
        ("layers", "LSTM", "use_cudnn", False),
        ("layers", "MultiHeadAttention", "output_shape", 16),
        ("layers", "RandomRotation", "factor", [-0.2, 0.3]),
        ("layers", "TextVectorization", "ngrams", [1, 3]),
        ("layers", "StringLookup", "vocabulary", ["a", "b"]),
        ("optimizers", "SGD", "learning_rate", 1),
        ("optimizers", "SGD", "learning_rate", {"ExponentialDecay": {"decay_steps": 10}}),
        ("optimizers", "Adam", "weight_decay", 0),
        ("losses", "Dice", "axis", [1, 2]),
        ("losses", "CategoricalFocalCrossentropy", "alpha", [0.2, 0.8]),
        ("metrics", "Precision", "thresholds", [0.2, 0.8]),
        ("callbacks", "ModelCheckpoint", "filepath", "{epoch:02d}.weights.h5"),
        ("callbacks", "TensorBoard", "update_freq", 100),
        ("constraints", "MaxNorm", "axis", [0, 1, 2]),
        ("initializers", "Constant", "value", -1),
    ],
)
def test_what_keras_documents_is_accepted(category: str, name: str, parameter: str, value: object) -> None:
    """Documented values pass, lists where Python has tuples and integers where it has floats included."""
    assert _kind(category, name, parameter).accepts(value)


def test_what_only_python_can_say_is_refused_with_the_reason() -> None:
    """A parameter that takes an object of Python's says so instead of naming a kind."""
    kind = _kind("layers", "Dense", "quantization_config")
    assert kind.accepts(None)
    assert kind.expects == "nothing (it takes a Keras quantization object, which a config cannot contain)"
    assert not _kind("layers", "Lambda", "function").accepts(None)


def test_refused_entries_are_entries_of_the_catalog(generator: ModuleType) -> None:
    """The generator's table of entries that a config cannot use names only entries of the catalog."""
    for category, name in generator.REFUSED:
        assert lookup.entry(category, name) is not None


def test_expectations_read_as_english(usable: Callable[..., list[Entry]]) -> None:
    """Every kind ends the sentence "expected ..." on one short line, without a full stop."""
    for entry in usable(*lookup.CATEGORIES):
        for parameter in entry.parameters.values():
            expects = parameter.kind.expects
            assert expects == expects.strip().rstrip(".")
            assert len(expects) < 180, (entry.name, parameter.name, expects)
