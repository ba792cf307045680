"""Tests of texts as data sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError

TEXT = "als gregor samsa eines morgens aus unruhigen träumen erwachte, fand er sich in seinem bett.\n" * 3
VOCABULARY = tuple(sorted(set(TEXT)))


@pytest.fixture
def paths(paths: DataPaths) -> DataPaths:
    """A folder with a text in it."""
    (paths.config_dir / "text.txt").write_text(TEXT, encoding="utf-8")
    return paths


def test_an_example_is_a_window_and_what_follows(spec, paths, listener) -> None:
    """The target of a window of token ids is the character after it, in the whole text's sorted vocabulary."""
    found = load(
        spec("text", file="text.txt", window=10, encode="codes"), form="integer", seed=7, paths=paths,
        progress=listener,
    )  # fmt: skip
    x, y = np.asarray(found.train.x), np.asarray(found.train.y)
    assert x.shape == (len(TEXT) - 10, 10)
    assert "".join(VOCABULARY[code] for code in x[5]) == TEXT[5:15]
    assert [VOCABULARY[code] for code in y[:3]] == list(TEXT[10:13])
    assert found.facts.vocabulary == found.facts.classes == len(VOCABULARY)
    assert found.facts.window == 10
    assert not listener.warnings


def test_every_character_of_a_window_has_a_target(spec, paths, listener) -> None:
    """With `predict: every` the target of each character is the one after it."""
    found = load(
        spec("text", file="text.txt", window=10, stride=7, encode="codes", predict="every"),
        form="integer", seed=7, paths=paths, progress=listener,
    )  # fmt: skip
    x, y = np.asarray(found.train.x), np.asarray(found.train.y)
    assert y.shape == x.shape == (len(range(0, len(TEXT) - 10, 7)), 10)
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert "".join(VOCABULARY[code] for code in y[1]) == TEXT[8:18]
    assert found.facts.positions == (10,)


@pytest.mark.parametrize("encode", ["scaled", "codes", "one_hot"])
@pytest.mark.parametrize("form", ["integer", "one_hot", {"next": "integer"}])
@pytest.mark.parametrize("more", [{}, {"level": "word", "window": 5}, {"level": "byte", "predict": "every"}])
def test_inferred_facts_are_those_of_the_loaded_text(spec, split, paths, listener, encode, form, more) -> None:
    """`check` knows every fact of a small text before it is loaded."""
    config = spec("text", **{"file": "text.txt", "window": 20, "encode": encode} | more, split=split(0.2, 0.2))
    facts, findings = infer_facts(config, form=form, paths=paths)
    assert not findings
    assert load(config, form=form, seed=7, paths=paths, progress=listener).facts == facts


def test_parts_are_cut_by_position(spec, split, paths, listener) -> None:
    """The last characters are the test part, those before them the validation part; rows are positions in the text."""
    found = load(
        spec("text", file="text.txt", window=10, encode="codes", split=split(0.2, 0.1)),
        form="integer", seed=7, paths=paths, progress=listener,
    )  # fmt: skip
    assert found.validation is not None
    assert found.test is not None
    assert found.train.rows[-1] + 10 < found.validation.rows[0] < found.validation.rows[-1] + 10 < found.test.rows[0]
    row = found.test.rows[3]
    assert "".join(VOCABULARY[code] for code in np.asarray(found.test.x)[3]) == TEXT[row : row + 10]


def test_a_guessed_encoding_is_a_warning(spec, paths, listener) -> None:
    """A text that is not UTF-8 is read in its most likely encoding, with a warning."""
    (paths.config_dir / "old.txt").write_bytes(TEXT.encode("cp1252"))
    load(spec("text", file="old.txt", window=10), form="integer", seed=7, paths=paths, progress=listener)
    assert listener.warnings == ["old.txt is read as cp1252; if that is wrong, write its `encoding`"]


@pytest.mark.parametrize(
    ("arguments", "form", "config"),
    [
        ({"window": 1000}, "integer", "the train part is too short"),
        ({"window": 10, "prepare": (("Rescale", {"divide_by": 2}),)}, "integer", "Rescale"),
        ({"window": 10}, "number", "sparse_categorical_crossentropy"),
        ({"window": 10}, {"$codes": "number"}, "no target"),
    ],
)
def test_what_a_text_does_not_have_is_refused(spec, paths, listener, arguments, form, config) -> None:
    """A window longer than the text, steps of a preparation, and targets that are no next token are refused."""
    with pytest.raises(DataError) as caught:
        load(spec("text", file="text.txt", **arguments), form=form, seed=7, paths=paths, progress=listener)
    assert config in f"{caught.value.text} {caught.value.hint}"


@pytest.mark.parametrize(
    ("arguments", "name"), [({"file": "nope.txt"}, "missing-file"), ({"window": 999}, "unusable-arguments")]
)
def test_errors_of_a_text_are_found_by_check(spec, paths, arguments, name) -> None:
    """A missing file and a window longer than the text are found by `check`."""
    _, findings = infer_facts(spec("text", **{"file": "text.txt"} | arguments), form="integer", paths=paths)
    assert [finding.name for finding in findings] == [name]


@pytest.mark.parametrize(("content", "more"), [("", {}), ("\ufeff", {}), ("1234", {"alphabet": "abc"})])
def test_a_text_of_which_nothing_is_left_is_named(spec, paths, content, more) -> None:
    """At its file: no smaller window would do."""
    (paths.config_dir / "empty.txt").write_text(content, encoding="utf-8")
    _, (finding,) = infer_facts(spec("text", file="empty.txt", **more), form="integer", paths=paths)
    assert finding.text == "empty.txt holds no text"
    assert finding.path[-1] == "file"


def test_another_text_is_read_with_the_token_ids_of_the_run(spec, paths, listener) -> None:
    """A run's windows are applied to another text; unknown characters are named, with near ones."""
    config = spec("text", file="text.txt", window=10, encode="codes")
    found = load(config, form="integer", seed=7, paths=paths, progress=listener)
    other = paths.config_dir / "other.txt"
    other.write_text("gregor samsa erwachte", encoding="utf-8")
    part = load_new_data(config, found.fitted, file=other, facts=found.facts, with_target=True)
    assert "".join(VOCABULARY[code] for code in np.asarray(part.x)[0]) == "gregor sam"
    other.write_text("Gregor samsa erwachte", encoding="utf-8")
    with pytest.raises(DataError, match=r"does not have 'G' \(nearest: 'g'\)"):
        load_new_data(config, found.fitted, file=other, facts=found.facts, with_target=True)


def test_descriptions_are_always_there(spec, paths, listener) -> None:
    """The texts that come with scikit-learn need no file and no download."""
    config = spec("descriptions", lowercase=True, encode="codes", predict="every", stride=100)
    facts, findings = infer_facts(config, form="integer", paths=paths)
    assert facts == load(config, form="integer", seed=7, paths=paths, progress=listener).facts
    assert not findings
    assert facts is not None
    assert facts.rows["train"] > 300


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "lowercase", "windows", "characters"),
    [("die-verwandlung.txt", True, 121155, 41), ("tinyshakespeare.txt", False, 1115294, 65)],
)
def test_known_texts_have_their_known_counts(spec, listener, tmp_path, file, lowercase, windows, characters) -> None:
    """Kafka's text gives 121,155 windows of 41 characters, tinyshakespeare its 65 characters."""
    folder = Path(os.environ.get("NNRUN_DATA_DIR") or tmp_path)
    if not (folder / file).is_file():
        pytest.skip(f"needs {file} in the folder that NNRUN_DATA_DIR names")
    found = load(
        spec("text", file=file, lowercase=lowercase), form="one_hot", seed=7, paths=DataPaths(tmp_path, folder),
        progress=listener,
    )  # fmt: skip
    assert found.facts.rows["train"] == windows
    assert found.facts.vocabulary == characters
    assert found.train.x.shape == (windows, 100, 1)
