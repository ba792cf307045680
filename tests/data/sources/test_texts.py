"""Tests of text files in folders: classes, parts, encodings, and new texts in files, folders and csv files."""

from __future__ import annotations

import json

import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError

STEP = (("TextVectorization", {"columns": ["text"], "output_sequence_length": 3}),)
REVIEWS = {
    "train/neg/0.txt": "bad film",
    "train/neg/1.txt": "bad\nacting, Zürich",
    "train/pos/0.txt": "good film",
    "train/pos/1.txt": "good music",
    "test/neg/0.txt": "bad music",
    "test/pos/0.txt": "good acting",
    "train/pos/notes.md": "left out",
}


@pytest.fixture
def reviews(paths):
    """Write reviews into a folder for each part and class."""
    for name, text in REVIEWS.items():
        file = paths.config_dir / "reviews" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return paths.config_dir / "reviews"


def test_folders_are_parts_and_classes(reviews, paths, spec, listener) -> None:
    """Each file is one text of its folder's class; `check` knows what training finds."""
    config = spec("texts", folder="reviews", prepare=STEP)
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert (len(done.train), len(done.test), done.facts.class_names) == (4, 2, ("neg", "pos"))
    assert done.test.y.ravel().tolist() == [0, 1]
    assert done.train.origin["file"].tolist()[0] == "train/neg/0.txt"
    facts, findings = infer_facts(config, form="binary", paths=paths)
    assert facts is not None
    assert (facts.rows, facts.columns, facts.class_names) == (
        {"train": 4, "test": 2},
        ("text[0]", "text[1]", "text[2]"),
        ("neg", "pos"),
    )
    assert {one.name for one in findings} == {"parts-of-folders"}
    assert any(name.startswith("file:text files of reviews") for name in done.digests)


def test_new_texts_are_files_folders_and_rows(reviews, paths, spec, listener, tmp_path) -> None:
    """A text file, a folder and a csv file with a column `text` give the same numbers; with classes they are scored."""
    config = spec("texts", folder="reviews", prepare=STEP)
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    fitted, known = json.loads(json.dumps(done.fitted)), {"facts": done.facts}
    table = tmp_path / "new.csv"
    table.write_text("class,text\nneg,bad music\npos,good acting\n", encoding="utf-8")
    for file in (reviews / "test", table):
        part = load_new_data(config, fitted, file=file, with_target=True, **known)
        assert part.x.tolist() == done.test.x.tolist()
        assert part.y.tolist() == done.test.y.tolist()
    alone = load_new_data(config, fitted, file=reviews / "test" / "pos" / "0.txt", with_target=False, **known)
    assert alone.x.tolist() == done.test.x[1:].tolist()
    assert load_new_data(config, fitted, file=table, with_target=False, **known).origin["line"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (b" \n", None, "expected a text, received an empty file"),
        (b"good \xe4\xf6 \xc3", "utf-8", "is not utf-8"),
        (b"good", "klingon", "there is no encoding 'klingon'"),
    ],
)
def test_a_file_that_is_no_text_is_named(reviews, paths, spec, listener, content, encoding, text) -> None:
    """An empty file, and one of another encoding, are errors with their name, in `check` and in training."""
    (reviews / "train" / "pos" / "1.txt").write_bytes(content)
    config = spec("texts", folder="reviews", encoding=encoding, prepare=STEP)
    with pytest.raises(DataError, match=text) as raised:
        load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert raised.value.file.suffix == ".txt"
    _, findings = infer_facts(config, form="binary", paths=paths)
    assert text in findings[0].text


@pytest.mark.parametrize("count", [1, 3])
def test_files_of_a_guessed_encoding_are_said(reviews, paths, spec, listener, count) -> None:
    """What is no UTF-8 is read as cp1252 with a warning that names the first file; a stated encoding is not guessed."""
    for number in range(count):
        (reviews / "train" / "pos" / f"old{number}.txt").write_bytes("déjà".encode("cp1252"))
    load(spec("texts", folder="reviews", prepare=STEP), form="binary", seed=1, paths=paths, progress=listener)
    (warning,) = listener.warnings
    assert "old0.txt" in warning
    assert "read as cp1252" in warning
    assert ("3 files" in warning) == (count == 3)
    listener.warnings.clear()
    stated = spec("texts", folder="reviews", encoding="cp1252", prepare=STEP)
    load(stated, form="binary", seed=1, paths=paths, progress=listener)
    assert listener.warnings == []


def test_lists_of_parquet_are_read_as_cells(paths, spec, listener) -> None:
    """A column of lists is text in which steps find the items again."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"cast": [["ann", "bob, jr"], [], ["cid"]], "signal": [[1.0, 2.5], [3.0], []], "y": [0, 1, 1]})
    parquet.write_table(table, paths.config_dir / "t.parquet")
    steps = (("MultiLabelBinarizer", {"columns": ["cast"]}), ("PadSequences", {"maxlen": 2, "columns": ["signal"]}))
    done = load(spec("parquet", file="t.parquet", prepare=steps), form="binary", seed=1, paths=paths, progress=listener)
    assert done.facts.columns == ("cast=ann", "cast=bob, jr", "cast=cid", "signal[0]", "signal[1]")
    assert done.train.x.tolist() == [[1, 1, 0, 1, 2.5], [0, 0, 0, 0, 3], [0, 0, 1, 0, 0]]
