"""Names, aliases and entries of the catalog."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nnrun.catalog import lookup


@pytest.mark.parametrize(
    ("category", "word", "name"),
    [
        ("layers", "Convolution2D", "Conv2D"),
        ("layers", "MaxPool2D", "MaxPooling2D"),
        ("layers", "GlobalMaxPool1D", "GlobalMaxPooling1D"),
        ("layers", "GroupQueryAttention", "GroupQueryAttention"),
        ("optimizers", "adam", "Adam"),
        ("optimizers", "rmsprop", "RMSprop"),
        ("losses", "mse", "mean_squared_error"),
        ("losses", "kld", "kl_divergence"),
        ("losses", "categorical_crossentropy", "categorical_crossentropy"),
        ("losses", "ce", "crossentropy"),
        ("metrics", "mse", "MeanSquaredError"),
        ("metrics", "categorical_accuracy", "CategoricalAccuracy"),
        ("metrics", "acc", "accuracy"),
        ("metrics", "Accuracy", "Accuracy"),
        ("initializers", "uniform", "RandomUniform"),
        ("initializers", "glorot_uniform", "GlorotUniform"),
        ("initializers", "zeros", "Zeros"),
        ("regularizers", "l2", "L2"),
        ("regularizers", "l1_l2", "L1L2"),
        ("constraints", "max_norm", "MaxNorm"),
        ("activations", "swish", "silu"),
        ("activations", "binary_step", "binary_step"),
    ],
)
def test_a_word_leads_to_the_entry_that_keras_means_by_it(category: str, word: str, name: str) -> None:
    """Class names, Keras' own aliases and Keras' own strings all find their entry."""
    entry = lookup.entry(category, word)
    assert entry is not None
    assert entry.name == name
    assert word == name or word in entry.aliases


def test_an_unknown_word_is_no_entry() -> None:
    """A word of no entry, or of another category, gives None."""
    assert lookup.entry("layers", "Conv4D") is None
    assert lookup.entry("layers", "adam") is None


@pytest.mark.parametrize("category", lookup.CATEGORIES)
def test_every_word_is_an_entry_and_every_name_a_word(category: str) -> None:
    """`words` are the names and their aliases, and each leads back to its entry."""
    names, words = lookup.names(category), lookup.names_and_aliases(category)
    assert set(names) <= set(words)
    assert list(names) == sorted(names)
    for word in words:
        entry = lookup.entry(category, word)
        assert entry is not None
        assert entry.name in names


def test_a_lone_value_goes_to_the_first_argument_of_keras_own_signature() -> None:
    """`Dropout: 0.2` is its rate; a layer without arguments of its own takes no lone value."""
    assert _first("layers", "Dropout") == "rate"
    assert _first("layers", "ZeroPadding2D") == "padding"
    assert _first("optimizers", "SGD") == "learning_rate"
    assert _first("losses", "huber") == "delta"
    assert _first("layers", "Add") is None
    assert "trainable" in lookup.entry("layers", "Add").parameters  # type: ignore[union-attr]


def _first(category: str, name: str) -> str | None:
    entry = lookup.entry(category, name)
    assert entry is not None
    return entry.first_parameter.name if entry.first_parameter else None


def test_every_layer_takes_what_all_layers_take_unless_keras_refuses_it() -> None:
    """The arguments of the base class stand last, in layers that pass them on, and in no others."""
    dense = lookup.entry("layers", "Dense")
    assert dense is not None
    assert list(dense.parameters)[-4:] == ["trainable", "dtype", "autocast", "name"]
    assert "autocast" not in lookup.entry("layers", "StringLookup").parameters  # type: ignore[union-attr]


def test_arguments_of_a_layers_call_are_known_without_its_inputs() -> None:
    """`call:` offers the masks and switches of a layer's call, not the tensors that `from:` gives."""
    attention = lookup.entry("layers", "MultiHeadAttention")
    assert attention is not None
    assert {"use_causal_mask", "training", "attention_mask", "return_attention_scores"} <= set(attention.call)
    assert not {"query", "value", "key"} & set(attention.call)
    assert "initial_state" in lookup.entry("layers", "LSTM").call  # type: ignore[union-attr]


def test_a_word_is_found_in_every_category_that_has_it() -> None:
    """`mse` is a loss and a metric; a word in the wrong case is found where none is spelt exactly so."""
    assert [entry.category for entry in lookup.find("mse")] == ["losses", "metrics"]
    assert [entry.name for entry in lookup.find("conv2d")] == ["Conv2D"]
    assert lookup.find("nonsense") == ()


def test_what_no_config_can_use_is_known_with_its_reason_but_not_offered() -> None:
    """A base class or a wrapper of Python code is explained, not suggested."""
    entry = lookup.entry("layers", "Lambda")
    assert entry is not None
    assert entry.refused is not None
    assert "Lambda" not in lookup.names_and_aliases("layers")
    assert lookup.entry("layers", "Dense").refused is None  # type: ignore[union-attr]


def test_looking_a_name_up_wakes_nothing_heavy() -> None:
    """The catalog is read without Keras, TensorFlow, numpy, scikit-learn, pandas or matplotlib."""
    code = (
        "import sys; from nnrun.catalog import lookup; lookup.find('Conv2D'); lookup.find('csv');"
        "print(*sorted({name.split('.')[0] for name in sys.modules} &"
        " {'keras', 'tensorflow', 'numpy', 'sklearn', 'pandas', 'matplotlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_entry_is_built_only_when_asked_for() -> None:
    """Looking up one entry does not build the others."""
    lookup._entry.cache_clear()
    lookup.entry("layers", "Dense")
    assert lookup._entry.cache_info().currsize == 1
