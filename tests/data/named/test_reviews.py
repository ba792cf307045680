"""IMDB's reviews: read without running what a pickle asks for, coded as Keras' own loader codes them."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.files.digests import file_sha256
from nnrun.data.load import load
from nnrun.data.named.registry import entry
from nnrun.data.named.reviews import Imdb
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

REVIEWS = [[1, 14, 2], [5], [300, 2, 1, 7], [9, 9]]


def _ragged(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = row
    return array


def _write(places: DataPaths, known, reviews: list[list[int]] = REVIEWS) -> None:
    file = places.cache_dir() / "imdb.npz"
    x = _ragged(reviews)
    y = np.arange(len(x)) % 2
    np.savez(file, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    _let(places, known, len(x))


def _let(places: DataPaths, known, rows: int) -> None:
    (remote,) = entry("imdb").containers[0]
    digest = file_sha256(places.cache_dir() / "imdb.npz")
    known("imdb", containers=((replace(remote, sha256=digest),),), rows=rows, test_rows=2)


def test_reviews_are_coded_as_keras_codes_them(places: DataPaths, listener, known) -> None:
    """1 begins a review, ranks are moved up by 3, codes from `num_words` on become 2."""
    _write(places, known)
    whole = Imdb().load(places, listener)
    assert [review.tolist() for review in whole.train.x] == [[1, 4, 17, 5], [1, 8], [1, 303, 5, 4, 10], [1, 12, 12]]
    few = Imdb(num_words=11).load(places, listener)
    assert [review.tolist() for review in few.train.x] == [[1, 4, 2, 5], [1, 8], [1, 2, 5, 4, 10], [1, 2, 2]]
    assert few.vocabulary == 11


def test_padded_reviews_teach_what_was_foreseen(places: DataPaths, listener, known, spec) -> None:
    """`{imdb: {num_words: 20}}` with `PadSequences: 3` gives integer codes of one length."""
    _write(places, known)
    said = spec("imdb", prepare=(("PadSequences", {"maxlen": 3}),), num_words=20)
    facts, findings = infer_facts(said, form="binary", paths=places)
    done = load(said, form="binary", seed=1, paths=places, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.vocabulary, facts.input_shape) == (20, (3,))
    assert done.train.x.dtype == "int32"
    assert done.train.x.tolist() == [[4, 17, 5], [0, 1, 8], [5, 4, 10], [1, 12, 12]]


def test_reviews_of_different_lengths_are_refused_with_the_step_to_add(
    places: DataPaths, listener, known, spec
) -> None:
    """Without PadSequences, `check` and loading both say what is missing."""
    _write(places, known)
    _, findings = infer_facts(spec("imdb"), form="binary", paths=places)
    assert [finding.name for finding in findings] == ["impossible-preparation"]
    assert findings[0].hint == "add a step: `PadSequences: 100`"
    with pytest.raises(DataError, match="sequences of different lengths; add a step such as PadSequences"):
        load(spec("imdb"), form="binary", seed=1, paths=places, progress=listener)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('pathlib').Path('harm').touch()",)


def test_the_file_cannot_run_code(places: DataPaths, listener, known, monkeypatch) -> None:
    """An object array that asks for anything but arrays is refused, and nothing of it runs."""
    monkeypatch.chdir(places.config_dir)
    _write(places, known)
    file = places.cache_dir() / "imdb.npz"
    evil = np.empty(1, dtype=object)
    evil[0] = _Evil()
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = members["x_train.npy"][: members["x_train.npy"].index(b"\n") + 1]
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, header + pickle.dumps(evil) if name == "x_train.npy" else data)
    _let(places, known, 4)
    with pytest.raises(DataError, match=r"it asks for builtins\.eval, which is no plain data"):
        Imdb().load(places, listener)
    assert not (places.config_dir / "harm").exists()


@pytest.mark.parametrize(
    ("reviews", "text"),
    [([[0, 5]], "expected ranks from 1 to 88584, received 0 to 5"), ([["a"]], "its reviews are no word codes")],
)
def test_codes_that_are_no_ranks_are_refused(places: DataPaths, listener, known, reviews: list, text: str) -> None:
    """Reviews must be ranks of words."""
    _write(places, known, reviews)
    known("imdb", rows=1, test_rows=1)
    with pytest.raises(DataError, match=text):
        Imdb().load(places, listener)


def test_more_reviews_come_as_rows_of_codes(places: DataPaths) -> None:
    """`predict` takes an npz of codes; codes that the run does not know are refused."""
    file = places.config_dir / "more.npz"
    np.savez(file, x=np.array([[1, 5, 0], [1, 9, 9]]))
    assert Imdb(num_words=10).load_new(file, {}, with_target=False).x.tolist() == [[1, 5, 0], [1, 9, 9]]
    with pytest.raises(DataError, match="expected rows of integer codes from 0 to 8"):
        Imdb(num_words=9).load_new(file, {}, with_target=False)


def test_too_few_words_are_refused() -> None:
    """The first codes mean no word."""
    with pytest.raises(ValueError, match="num_words expected an integer above 3, received 3"):
        Imdb(num_words=3)
