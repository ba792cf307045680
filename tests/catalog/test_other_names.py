"""Names of other libraries in the words of the catalog."""

from __future__ import annotations

import pytest

from nnrun.catalog import lookup, other_names
from nnrun.catalog.lookup import CATEGORIES

TABLES = other_names.tables()


@pytest.mark.parametrize("category", TABLES["parts"])
def test_other_names_lead_to_parts_that_a_config_can_use(category: str) -> None:
    """Every name of the table stands for a part of the catalog, and is none itself."""
    known = {other_names.squeeze(name) for name in lookup.names_and_aliases(category)}
    for name, words in TABLES["parts"][category].items():
        entry = lookup.entry(category, name)
        assert entry is not None, name
        assert entry.refused is None, name
        for word in words.split():
            assert entry.name in other_names.known_names(category, word) or other_names.squeeze(word) in known, word


@pytest.mark.parametrize("category", TABLES["arguments"])
def test_other_arguments_lead_to_arguments_of_the_category(category: str) -> None:
    """Every argument of the table stands for one that some part of the category has."""
    entries = [lookup.entry(category, name) for name in lookup.names(category)]
    known = {parameter for entry in entries if entry is not None for parameter in entry.parameters}
    for word, names in TABLES["arguments"][category].items():
        assert set(names or ()) <= known, word


def test_other_keys_lead_to_words_of_the_language() -> None:
    """Every key of the table stands for a key of a section or an argument of a part."""
    from nnrun.spec.constructs import CONSTRUCTS
    from nnrun.spec.experiment import all_keys

    entries = [lookup.entry(category, name) for category in CATEGORIES for name in lookup.names(category)]
    known = {parameter for entry in entries if entry is not None for parameter in entry.parameters}
    known |= {str(key.path[-1]) for key in all_keys()} | {"extends"}
    known |= {key for construct in CONSTRUCTS.values() for key in construct.keys}
    for word, names in TABLES["keys"].items():
        assert set(names) <= known, word


@pytest.mark.parametrize(
    ("category", "word", "names"),
    [
        ("layers", "Early_Stopping", ()),
        ("callbacks", "Early_Stopping", ("EarlyStopping",)),
        ("layers", "tf.keras.layers.Dense", ("Dense",)),
        ("layers", "nn.Linear", ("Dense",)),
        ("layers", "BatchNorm2d", ("BatchNormalization",)),
        ("metrics", "auc-roc", ("AUC",)),
        ("metrics", "f1", ("F1Score",)),
        ("preparation", "sklearn.preprocessing.StandardScaler", ("StandardScaler",)),
        ("losses", "xentropy", ("binary_crossentropy", "sparse_categorical_crossentropy")),
    ],
)
def test_a_name_is_found_whatever_its_case_module_and_library(category: str, word: str, names: tuple[str, ...]) -> None:
    """Case, joiners and modules do not matter, and other libraries' names are known."""
    assert other_names.known_names(category, word) == names


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Adam(learning_rate=0.1)", ("Adam", {"learning_rate": 0.1})),
        ("keras.regularizers.L2(0.01)", ("keras.regularizers.L2", [0.01])),
        ("Flatten()", ("Flatten", {})),
        ("Dense(units=n)", ("Dense", None)),
        ("Dense(8", None),
        ("Dense", None),
        ("Dense(8) Dense(8)", ("Dense", None)),
    ],
)
def test_a_call_is_split_without_running_it(word: str, parts: object) -> None:
    """A call as in Python is split into name and plain arguments."""
    assert other_names.split_call(word) == parts
