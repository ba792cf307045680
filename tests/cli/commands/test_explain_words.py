"""The command `nnrun explain` for the words of the language."""

from __future__ import annotations

import json

import pytest

from nnrun.cli import completion
from nnrun.cli.commands.explain import file_words
from nnrun.spec.words import word_names


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("split", ["split  (key of data)", "data: {split: {test: 0.2}}"]),
        ("training.epochs", ["epochs  (key of training)", "a positive integer; default 1"]),
        ("stratify", ["data.split.stratify", "data.split.k_fold.stratify"]),
        ("repeat", ["repeat  (construct of the model)", "times: 3"]),
        ("$classes", ["$classes  (fact of the data"]),
        ("units", ["argument of layers Dense, LSTM"]),
        ("Dense.units", ["Dense.units"]),
        ("roc_auc", ["name in scores.json"]),
        ("predictions.csv", ["file of the run folder", "Truth and prediction"]),
        ("accuracy", ["accuracy  (metrics, Keras)"]),
        ("train", ["nnrun train --help"]),
    ],
)
def test_a_word_is_explained(invoke, word: str, shown: list[str]) -> None:
    """The place, what it takes, its default, its meaning and an example are shown, wherever the word has a place."""
    result = invoke("explain", word)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [text for text in shown if text not in result.stdout] == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("lr", "nnrun explain learning_rate"),
        ("ZScore", "nnrun explain StandardScaler"),
        ("n_classes", "nnrun explain $classes"),
        ("definee", "Did you mean 'define'?"),
        ("training.epoch", "Did you mean 'training.epochs'?"),
    ],
)
def test_an_unknown_word_leads_to_a_known_one(invoke, word: str, hint: str) -> None:
    """Words of other libraries and misspelled ones have the word of this language as their hint."""
    result = invoke("explain", word)
    assert result.exit_code == 1
    assert hint in result.stderr


def test_words_as_json(invoke) -> None:
    """`--json` is a list with an object for every place of the word."""
    documents = json.loads(invoke("explain", "stratify", "--json").stdout)
    assert [one["place"] for one in documents] == ["data.split.stratify", "data.split.k_fold.stratify"]


def test_every_file_of_a_run_is_explained(invoke) -> None:
    """Each file that a run folder may have has a meaning."""
    words = list(file_words())
    assert {"record.json", "metrics.jsonl", "scores.json", "predictions.csv"} <= {word.name for word in words}
    assert [word.name for word in words if not word.meaning] == []
    assert invoke("explain", "record.json").exit_code == 0


def test_completion_knows_every_word() -> None:
    """What `explain` knows is completed."""
    items = completion.explained(None, None, "")  # type: ignore[arg-type]
    completed = {item.value for item in items}
    assert set(word_names()) <= completed
    assert "training.epochs" in completed
