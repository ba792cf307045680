"""Every word of the language has a meaning, from the one description that there is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nnrun.spec.words
from nnrun.catalog import lookup
from nnrun.catalog.lookup import CATEGORIES
from nnrun.config.parser import resolve
from nnrun.spec.constructs import CONSTRUCTS
from nnrun.spec.experiment import Expectation, all_keys
from nnrun.spec.findings import metrics
from nnrun.spec.words import find_words, word_names, words

FROZEN = Path(__file__).parents[1] / "frozen_runs"
NAMES = frozenset(word_names())


@pytest.fixture(autouse=True, scope="module")
def _words_once() -> Iterator[None]:
    """List the words once: `explain` answers one question, and these tests ask thousands."""
    known = tuple(words())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nnrun.spec.words, "words", lambda: known)
        yield


def test_every_key_is_a_word() -> None:
    """Every key of every section, of `expect:` and of every construct is found by name and by path."""
    for key in all_keys():
        path = ".".join(map(str, key.path))
        assert path in {word.place for word in find_words(path)}, path
        assert str(key.path[-1]) in NAMES
    assert set(Expectation.known_keys()) <= NAMES
    assert {key for construct in CONSTRUCTS.values() for key in construct.keys} | set(CONSTRUCTS) <= NAMES


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_argument_is_a_word(category: str) -> None:
    """Every argument of every part is found by its name, and behind the name of its part."""
    for name in lookup.names(category):
        entry = lookup.entry(category, name)
        assert entry is not None
        for argument in (*entry.parameters, *entry.call):
            assert argument in NAMES
            assert find_words(f"{name}.{argument}"), f"{name}.{argument}"


def test_every_word_says_what_it_is() -> None:
    """No word is without a description, and every example that is one line of YAML is read."""
    for word in words():
        assert word.what
        assert word.meaning or word.expects, word
        assert "\n" not in word.meaning + word.example


def test_every_score_that_nnrun_names_is_a_word() -> None:
    """The names that `expect:` may use for nnrun's own scores are explained."""
    own = (metrics._ERRORS, metrics._OF_CLASSES, metrics._PER_CLASS, metrics._OF_NUMBERS, metrics._OF_TEXT)
    assert {name for names in own for name in names} <= NAMES


def _keys(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    inner = [_keys(one) for name, one in value.items() if name not in ("per_class", "outputs")]
    named = [_keys(one) for name in ("per_class", "outputs") for one in value.get(name, {}).values()]
    return {*value, *(key for keys in (*inner, *named) for key in keys)}


@pytest.mark.parametrize("file", sorted(FROZEN.rglob("scores.json")), ids=lambda file: file.parent.name)
def test_every_name_in_a_finished_runs_scores_is_a_word(file: Path) -> None:
    """The names in `scores.json` are explained, other than metrics, which are parts, and quantiles."""
    scores = json.loads(file.read_text(encoding="utf-8"))
    metric_names = set(lookup.names_and_aliases("metrics")) | {"test", "train", "validation"}
    outputs = scores.get("test", {}).get("outputs", {})
    unknown = {
        name
        for name in _keys({key: one for key, one in scores.items() if key != "cross_validation"})
        if name not in NAMES | metric_names and not name.startswith(("q0", "q2", "q7", "q9", *outputs))
    }
    assert unknown <= {"min", "max", "median"}


@pytest.mark.parametrize("file", sorted(FROZEN.rglob("predictions.csv")), ids=lambda file: file.parent.name)
def test_every_column_of_predictions_is_a_word(file: Path) -> None:
    """The columns of `predictions.csv` are explained, up to the name of a class or target at their end."""
    with file.open(encoding="utf-8", newline="") as stream:
        columns = next(csv.reader(stream))
    assert {column.split("_")[0] for column in columns} <= NAMES


ASKED = """split training.epochs init_from repeat k_fold groups stratify best expect from call define use $classes
    $image extends residual shuffle epochs balanced stepwise error_percent roc_auc at_least row truth prediction
    val_loss Dense.units csv.file learning_rate Standardize.columns split.test keras.floatx died"""


@pytest.mark.parametrize("word", ASKED.split())
def test_words_of_the_language_are_found(word: str) -> None:
    """A key, a path, an argument, a fact, a score and a column are each found."""
    assert find_words(word)


def test_a_word_of_several_places_lists_them() -> None:
    """`shuffle` is a key of three sections."""
    places = {word.place for word in find_words("shuffle")}
    assert {"training.shuffle", "data.split.shuffle", "data.split.k_fold.shuffle"} <= places


def test_defaults_are_values() -> None:
    """The default that is shown is YAML that reads back."""
    assert resolve(next(word.default for word in find_words("training.epochs"))) == 1
