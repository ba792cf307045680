"""Tests of TextVectorization: the numbers of Keras' own layer, kept as JSON, for texts of any kind."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import ExampleSpec
from nnrun.data.prepare.text_vectorization import TextVectorization

TEXTS = [
    "Free entry, FREE prize: call now!",
    "are you free   tonight?",
    "",
    "call me now (or tonight)",
    "it's a prize; it isn't free_of charge",
]
NEW = ["free prize for YOU", "nothing known here", ""]
ROWS = st.lists(st.text(alphabet="ab c.B", max_size=12), min_size=1, max_size=6)


def _table(texts: list[str], **others: list[float]) -> Columns:
    return Columns({"note": np.array(texts, dtype=object), **{k: np.array(v) for k, v in others.items()}})


def _numbers(columns: Columns) -> np.ndarray:
    return columns.matrix()


@pytest.mark.keras
@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("split", ["whitespace", "character"])
def test_token_numbers_are_those_of_keras(standardize: str | None, split: str | None) -> None:
    """Vocabulary and numbers are those of Keras' layer, for every standardization and split, and ngrams."""
    import keras

    for ngrams, most in ((None, None), (2, 9), ([1, 3], None)):
        given_ = {"standardize": standardize, "split": split, "max_tokens": most}
        theirs = keras.layers.TextVectorization(
            **given_, ngrams=tuple(ngrams) if isinstance(ngrams, list) else ngrams, output_sequence_length=6
        )
        theirs.adapt(TEXTS)
        ours = TextVectorization(["note"], **given_, ngrams=ngrams, output_sequence_length=6)
        ours.fit(_table(TEXTS))
        assert ours.vocabulary == theirs.get_vocabulary()
        for batch in (TEXTS, NEW):
            np.testing.assert_array_equal(_numbers(ours.apply(_table(batch))), np.asarray(theirs(batch)))


@pytest.mark.keras
@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_counts_are_those_of_keras(mode: str) -> None:
    """One column for each token of the vocabulary, with Keras' values."""
    import keras

    theirs = keras.layers.TextVectorization(max_tokens=12, output_mode=mode)
    theirs.adapt(TEXTS)
    ours = TextVectorization(["note"], max_tokens=12, output_mode=mode)
    ours.fit(_table(TEXTS))
    assert ours.vocabulary == theirs.get_vocabulary()
    for batch in (TEXTS, NEW):
        found = _numbers(ours.apply(_table(batch)))
        np.testing.assert_allclose(found, np.asarray(theirs(batch)), rtol=1e-6, atol=0)


@given(
    ROWS,
    ROWS,
    st.sampled_from(["int", "multi_hot", "count", "tf_idf"]),
    st.sampled_from(["whitespace", "character", None]),
)
def test_a_restored_step_gives_the_same_numbers(rows: list[str], new: list[str], mode: str, split: str) -> None:
    """What was learned goes through JSON and back, and no text is too strange to be encoded."""
    step = TextVectorization(["note"], standardize=None, split=split, output_mode=mode)
    step.fit(_table([*rows, "b"]))
    other = TextVectorization(["note"], standardize=None, split=split, output_mode=mode)
    other.restore(json.loads(json.dumps(step.state())))
    one, same = step.apply(_table(new)), other.apply(_table(new))
    assert one.names == same.names
    np.testing.assert_array_equal(_numbers(one), _numbers(same))
    assert len(one) == len(new)


def test_a_text_takes_the_place_of_its_column() -> None:
    """Other columns stay where they were, and several texts share a vocabulary."""
    step = TextVectorization(["note", "other"], output_sequence_length=2)
    table = Columns(
        {
            "a": np.array([1.0, 2.0]),
            "note": np.array(["red", "blue red"], dtype=object),
            "b": np.array([3.0, 4.0]),
            "other": np.array(["red", "green"], dtype=object),
        }
    )
    step.fit(table)
    done = step.apply(table)
    assert done.names == ("a", "note[0]", "note[1]", "b", "other[0]", "other[1]")
    assert step.vocabulary == ["", "[UNK]", "red", "green", "blue"]
    assert _numbers(done).tolist() == [[1, 2, 0, 3, 2, 0], [2, 4, 2, 4, 3, 0]]


def test_the_note_says_how_much_is_cut() -> None:
    """The size of the vocabulary and the number of texts that are cut are said."""
    assert TextVectorization(["note"], output_sequence_length=3).fit(_table(TEXTS)) == [
        "TextVectorization: 18 tokens in the vocabulary, 4 of 5 training texts are longer than 3 and cut."
    ]
    (note,) = TextVectorization(["note"]).fit(_table(TEXTS))
    assert note.endswith("0 of 5 training texts are longer than 7 and cut.")


def test_shapes_are_known_where_the_length_is() -> None:
    """The names of the columns follow from the length; without it, or for counts, the texts decide."""
    spec = ExampleSpec((2,), ("age", "note"), text=frozenset({"note"}))
    done = TextVectorization(["note"], output_sequence_length=2).compute_output_spec(spec)
    assert (done.shape, done.columns, done.text) == ((3,), ("age", "note[0]", "note[1]"), frozenset())
    assert done.tokens
    assert done.vocabulary is None
    for arguments in ({}, {"output_mode": "count"}):
        done = TextVectorization(["note"], **arguments).compute_output_spec(spec)
        assert (done.shape, done.columns) == ((None,), None)
    given_ = TextVectorization(["note"], vocabulary=["a", "b"], output_sequence_length=2).compute_output_spec(spec)
    assert given_.vocabulary == 4
    with pytest.raises(ValueError, match="column 'age' holds numbers"):
        TextVectorization(["age"]).compute_output_spec(spec)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"max_tokens": 2}, "max_tokens expected an integer above 2, received 2"),
        ({"output_sequence_length": 0}, "output_sequence_length expected a positive integer"),
        ({"ngrams": 0}, "ngrams expected positive integers, received 0"),
        ({"output_mode": "count", "output_sequence_length": 5}, "`output_sequence_length` is for `output_mode: int`"),
        ({"vocabulary": ["a", "a"]}, "vocabulary expected tokens, each once, received 'a' twice"),
        ({"vocabulary": []}, "received none"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "leave out `vocabulary`"),
        ({"vocabulary": ["a", "b"], "max_tokens": 3}, "vocabulary has 2 tokens, more than `max_tokens: 3` allows"),
        ({"split": "bpe"}, "write max_tokens"),
        ({"split": "bpe", "max_tokens": 257}, "write `max_tokens: 258` or more, received 257"),
        ({"split": "bpe", "max_tokens": 100, "output_mode": "count"}, "write `max_tokens: 257` or more, received 100"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments: dict, text: str) -> None:
    """Each with what was expected."""
    with pytest.raises(ValueError, match=text):
        TextVectorization(["note"], **arguments)


def test_texts_without_a_token_and_missing_ones_are_refused() -> None:
    """A vocabulary cannot be learned from nothing, and a missing text is filled in by another step."""
    with pytest.raises(ValueError, match="'note': no training text has a token"):
        TextVectorization(["note"]).fit(_table(["", " ", "?!"]))
    with pytest.raises(ValueError, match="put a SimpleImputer step before TextVectorization"):
        TextVectorization(["note"]).fit(_table(["a", None]))
    with pytest.raises(ValueError, match="column 'note' holds numbers"):
        TextVectorization(["note"]).fit(Columns({"note": np.array([1.0])}))


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": None},
        {"vocabulary": ["a"]},
        {"vocabulary": ["", "[UNK]", "a", "a"]},
        {"length": 0},
        {"length": "3"},
        {"idf": [1.0]},
    ],
)
def test_a_changed_file_is_refused(change: dict) -> None:
    """What prepare.json holds is checked before it is used."""
    step = TextVectorization(["note"])
    step.fit(_table(TEXTS))
    with pytest.raises(ValueError, match="expected"):
        TextVectorization(["note"]).restore({**step.state(), **change})


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_subwords_are_learned_and_restored(kind: str) -> None:
    """Frequent words are whole, unknown ones are split, the same texts give the same vocabulary, and JSON keeps it."""
    pytest.importorskip("tokenizers", reason="needs the extra 'text'")
    texts = ["the printer prints printed prints", "the printing of the reprint", "print the prints"] * 20
    steps = [TextVectorization(["note"], max_tokens=320, split=kind, output_sequence_length=12) for _ in range(2)]
    for step in steps:
        step.fit(_table(texts))
    assert steps[0].vocabulary == steps[1].vocabulary
    assert any("print" in token for token in steps[0].vocabulary)
    restored = TextVectorization(["note"], max_tokens=320, split=kind, output_sequence_length=12)
    restored.restore(json.loads(json.dumps(steps[0].state())))
    new = _table(["reprinting prints", "\N{SNOWMAN}", ""])
    np.testing.assert_array_equal(_numbers(restored.apply(new)), _numbers(steps[0].apply(new)))
    assert (_numbers(steps[0].apply(new))[0] > 1).sum() >= 3
    for broken in ("{}", '{"model": {"type": "BPE"}}', "[", 7):
        with pytest.raises(ValueError, match="tokenizer: "):
            restored.restore({**steps[0].state(), "tokenizer": broken})


@pytest.mark.parametrize("mode", ["int", "count"])
def test_subwords_say_how_many_tokens_the_letters_are(mode: str) -> None:
    """A vocabulary with no room for the letters of the texts is refused with the smallest one that has it."""
    pytest.importorskip("tokenizers", reason="needs the extra 'text'")
    texts = _table(["the printer prints", "a quick brown fox"] * 5)
    with pytest.raises(ValueError, match=r"write `max_tokens: \d+` or more") as raised:
        TextVectorization(["note"], max_tokens=10, split="wordpiece", output_mode=mode).fit(texts)
    least = int(str(raised.value).rsplit("max_tokens: ", 1)[1].split("`")[0])
    step = TextVectorization(["note"], max_tokens=least, split="wordpiece", output_mode=mode)
    step.fit(texts)
    assert len(step.vocabulary) == least


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_counts_that_do_not_fit_into_memory_are_refused(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how much they would take, and what to write; token numbers take little."""
    free = SimpleNamespace(available=100)
    for output_mode, is_large in (("int", False), (mode, True)):
        step = TextVectorization(["note"], output_mode=output_mode)
        step.fit(_table(TEXTS))
        with monkeypatch.context() as patch:
            patch.setattr(psutil, "virtual_memory", lambda: free)
            if is_large:
                with pytest.raises(ValueError, match=r"TextVectorization makes \d+ columns, .* smaller `max_tokens`"):
                    step.apply(_table(TEXTS))
            else:
                step.apply(_table(TEXTS))
