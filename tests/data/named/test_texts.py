"""Shakespeare and the Metamorphosis: the story alone, verified, with facts before its download; IMDB's reviews."""

from __future__ import annotations

import pickle
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.texts import Imdb
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

STORY = "DIE VERWANDLUNG\n\nAls Gregor Samsa eines Morgens erwachte, ... ihren jungen Körper dehnte."
TERMS = "\ufeffDie Verwandlung, at no cost.\r\n*** START OF THE EBOOK DIE VERWANDLUNG ***\r\n"
PUBLISHED = f"{TERMS}{STORY}\r\nLicence\r\n"


@pytest.mark.parametrize("text", [PUBLISHED, STORY + "\n"])
def test_what_the_publisher_adds_to_the_story_is_cut_off(
    paths: DataPaths, listener, change_data_set, spec, text: str
) -> None:
    """Project Gutenberg's terms are left out; a file of the story alone is read as it is."""
    (paths.cache_dir() / "die-verwandlung.txt").write_bytes(text.encode())
    change_data_set("metamorphosis", characters=len(STORY) + 1)
    done = load(spec("metamorphosis", window=10), form="integer", seed=1, paths=paths, progress=listener)
    assert done.facts.class_names == tuple(sorted(set(STORY)))
    assert len(done.train) == len(STORY) + 1 - 10


@pytest.mark.parametrize(
    ("text", "characters"), [("Another story.", 14), (PUBLISHED.replace("dehnte", "x"), 80), (STORY, 500)]
)
def test_another_text_is_refused(paths: DataPaths, listener, change_data_set, spec, text: str, characters: int) -> None:
    """A text with another beginning, end or length than the story is refused."""
    (paths.cache_dir() / "die-verwandlung.txt").write_text(text)
    change_data_set("metamorphosis", characters=characters)
    with pytest.raises(DataError, match="this is not the text of metamorphosis"):
        load(spec("metamorphosis"), form="integer", seed=1, paths=paths, progress=listener)
    _, findings = infer_facts(spec("metamorphosis"), form="integer", paths=paths)
    assert [finding.name for finding in findings] == ["unreadable-data"]


def test_a_file_with_another_digest_is_refused(paths: DataPaths, listener, change_data_set, spec) -> None:
    """A text whose digest is known must have it."""
    (paths.cache_dir() / "tinyshakespeare.txt").write_text("x" * 300)
    change_data_set("shakespeare", characters=300)
    with pytest.raises(DataError, match="this is not shakespeare's file: expected the SHA-256 86c4e6aa"):
        load(spec("shakespeare"), form="integer", seed=1, paths=paths, progress=listener)


def test_a_text_that_is_not_there_is_downloaded(paths: DataPaths, listener, change_data_set, spec, monkeypatch) -> None:
    """Loading downloads it into the data folder."""

    def download(file, folder: Path, _) -> Path:
        (folder / file.name).write_text(STORY)
        return folder / file.name

    monkeypatch.setattr("nnrun.data.files.download.download", download)
    change_data_set("metamorphosis", characters=len(STORY))
    assert load(spec("metamorphosis", window=10), form="integer", seed=1, paths=paths, progress=listener).train


@pytest.mark.parametrize(("lowercase", "count"), [(False, 68), (True, 41)])
def test_the_facts_of_a_text_are_known_before_its_download(paths: DataPaths, spec, lowercase: bool, count: int) -> None:
    """Its characters and windows are stated; without punctuation only their shape is known."""
    facts, findings = infer_facts(spec("metamorphosis", lowercase=lowercase), form="one_hot", paths=paths)
    assert [finding.name for finding in findings] == ["download-to-come"]
    assert (facts.vocabulary, facts.classes, facts.rows["train"]) == (count, count, 121155)
    facts, _ = infer_facts(spec("metamorphosis", keep_punctuation=False), form="one_hot", paths=paths)
    assert (facts.vocabulary, facts.input_shape) == (None, (100, 1))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["metamorphosis", "shakespeare"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_the_real_texts_have_the_stated_facts(
    real_paths, paths: DataPaths, listener, spec, name: str, lowercase: bool
) -> None:
    """The facts before the download are those of the file."""
    real = real_paths(named_data_set(name).files[0].name)
    config = spec(name, lowercase=lowercase)
    done = load(config, form="integer", seed=1, paths=real, progress=listener)
    for where in (real, paths):
        facts, _ = infer_facts(config, form="integer", paths=where)
        assert facts == done.facts
    alphabet = named_data_set(name).alphabet
    assert done.facts.vocabulary == len(set(alphabet.lower() if lowercase else alphabet))


REVIEWS = [[1, 14, 2], [5], [300, 2, 1, 7], [9, 9]]


def _array_of_lists(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = row
    return array


@pytest.fixture
def write_reviews(paths: DataPaths, accept_file):
    """Write reviews as `imdb.npz`, and accept the file."""

    def write(reviews: list[list[int]] = REVIEWS) -> Path:
        x = _array_of_lists(reviews)
        y = np.arange(len(x)) % 2
        np.savez(paths.cache_dir() / "imdb.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
        accept_file("imdb", rows=len(x), test_rows=min(len(x), 2))
        return paths.cache_dir() / "imdb.npz"

    return write


def test_reviews_are_coded_as_keras_codes_them(paths: DataPaths, listener, write_reviews) -> None:
    """1 starts a review, ranks are raised by 3, codes from `num_words` on become 2."""
    write_reviews()
    data = Imdb().load(paths, listener)
    assert [review.tolist() for review in data.train.x] == [[1, 4, 17, 5], [1, 8], [1, 303, 5, 4, 10], [1, 12, 12]]
    assert {review.dtype.name for review in data.train.x} == {"int32"}
    data = Imdb(num_words=11).load(paths, listener)
    assert [review.tolist() for review in data.train.x] == [[1, 4, 2, 5], [1, 8], [1, 2, 5, 4, 10], [1, 2, 2]]
    assert data.vocabulary == 11


def test_padded_reviews_have_the_inferred_facts(paths: DataPaths, listener, write_reviews, spec) -> None:
    """`{imdb: {num_words: 20}}` with `PadSequences: 3` gives integer codes of one length."""
    write_reviews()
    config = spec("imdb", prepare=(("PadSequences", {"maxlen": 3}),), num_words=20)
    facts, findings = infer_facts(config, form="binary", paths=paths)
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.vocabulary, facts.input_shape) == (20, (3,))
    assert done.train.x.dtype == "int32"
    assert done.train.x.tolist() == [[4, 17, 5], [0, 1, 8], [5, 4, 10], [1, 12, 12]]


def test_reviews_of_different_lengths_are_refused_with_the_step_to_add(
    paths: DataPaths, listener, write_reviews, spec
) -> None:
    """Without PadSequences, `check` and loading both name the missing step."""
    write_reviews()
    _, findings = infer_facts(spec("imdb"), form="binary", paths=paths)
    assert [finding.name for finding in findings] == ["impossible-preparation"]
    assert findings[0].hint == "add a step: `PadSequences: 100`"
    with pytest.raises(DataError, match="sequences of different lengths; add a step such as PadSequences"):
        load(spec("imdb"), form="binary", seed=1, paths=paths, progress=listener)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('pathlib').Path('harm').touch()",)


def test_a_file_with_another_digest_cannot_run_code(paths: DataPaths, listener, write_reviews, monkeypatch) -> None:
    """A pickle in a file that is not the known one is never opened."""
    monkeypatch.chdir(paths.config_dir)
    file = write_reviews()
    evil = np.empty(1, dtype=object)
    evil[0] = _Evil()
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = members["x_train.npy"][: members["x_train.npy"].index(b"\n") + 1]
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, header + pickle.dumps(evil) if name == "x_train.npy" else content)
    with pytest.raises(DataError, match=r"imdb\.npz: this is not imdb's file"):
        Imdb().load(paths, listener)
    assert not (paths.config_dir / "harm").exists()


@pytest.mark.parametrize(
    ("reviews", "text"),
    [([[0, 5]], "expected ranks from 1 to 88584, received 0 to 5"), ([["a"]], "its reviews are not word codes")],
)
def test_codes_that_are_not_ranks_are_refused(
    paths: DataPaths, listener, write_reviews, reviews: list, text: str
) -> None:
    """Reviews must be ranks of words."""
    write_reviews(reviews)
    with pytest.raises(DataError, match=text):
        Imdb().load(paths, listener)


def test_another_number_of_reviews_is_refused(paths: DataPaths, listener, write_reviews, change_data_set) -> None:
    """Each part must have as many reviews as are stated."""
    write_reviews()
    change_data_set("imdb", rows=5)
    with pytest.raises(DataError, match="expected 5 reviews in the train part, received 4 with 4 labels"):
        Imdb().load(paths, listener)


def test_more_reviews_come_as_rows_of_codes(paths: DataPaths) -> None:
    """`predict` reads an npz of codes; codes that the run does not know are refused."""
    file = paths.config_dir / "more.npz"
    np.savez(file, x=np.array([[1, 5, 0], [1, 9, 9]]))
    assert Imdb(num_words=10).load_new(file, {}, with_target=False).x.tolist() == [[1, 5, 0], [1, 9, 9]]
    with pytest.raises(DataError, match="expected rows of integer codes from 0 to 8"):
        Imdb(num_words=9).load_new(file, {}, with_target=False)


def test_too_few_words_are_refused() -> None:
    """The first codes mean no word."""
    with pytest.raises(ValueError, match="num_words expected an integer above 3, received 3"):
        Imdb(num_words=3)
