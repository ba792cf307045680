"""Shakespeare and the Metamorphosis: the story alone, the known one, foreseen before it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

STORY = "DIE VERWANDLUNG\n\nAls Gregor Samsa eines Morgens erwachte, ... ihren jungen Körper dehnte."
TERMS = "\ufeffDie Verwandlung, at no cost.\r\n*** START OF THE EBOOK DIE VERWANDLUNG ***\r\n"
PUBLISHED = f"{TERMS}{STORY}\r\nLicence\r\n"


@pytest.fixture
def real_places(tmp_path: Path) -> DataPaths:
    """The folder of real data named by NNRUN_DATA_DIR; a test that needs it skips without it."""
    named = os.environ.get("NNRUN_DATA_DIR")
    if not named or not (Path(named) / "die-verwandlung.txt").is_file():
        pytest.skip("needs die-verwandlung.txt in the folder that NNRUN_DATA_DIR names")
    return DataPaths(tmp_path, Path(named))


@pytest.mark.parametrize("text", [PUBLISHED, STORY + "\n"])
def test_the_story_is_cut_out_of_what_its_publisher_adds(places: DataPaths, listener, known, spec, text: str) -> None:
    """Project Gutenberg's terms are left out; a file of the story alone is taken as it is."""
    (places.cache_dir() / "die-verwandlung.txt").write_bytes(text.encode())
    known("metamorphosis", characters=len(STORY) + 1)
    done = load(spec("metamorphosis", window=10), form="integer", seed=1, paths=places, progress=listener)
    assert done.facts.class_names == tuple(sorted(set(STORY)))
    assert len(done.train) == len(STORY) + 1 - 10


@pytest.mark.parametrize(
    ("text", "characters"), [("Another story.", 14), (PUBLISHED.replace("dehnte", "x"), 80), (STORY, 500)]
)
def test_another_text_is_refused(places: DataPaths, listener, known, spec, text: str, characters: int) -> None:
    """A text that does not begin and end as the story does, or has another length, is not it."""
    (places.cache_dir() / "die-verwandlung.txt").write_text(text)
    known("metamorphosis", characters=characters)
    with pytest.raises(DataError, match="this is not the text of metamorphosis"):
        load(spec("metamorphosis"), form="integer", seed=1, paths=places, progress=listener)
    _, findings = infer_facts(spec("metamorphosis"), form="integer", paths=places)
    assert [finding.name for finding in findings] == ["unreadable-data"]


def test_a_file_with_another_digest_is_refused(places: DataPaths, listener, known, spec) -> None:
    """A text whose digest is known must have it."""
    (places.cache_dir() / "tinyshakespeare.txt").write_text("x" * 300)
    known("shakespeare", characters=300)
    with pytest.raises(DataError, match="this is not shakespeare's file: expected the SHA-256 86c4e6aa"):
        load(spec("shakespeare"), form="integer", seed=1, paths=places, progress=listener)


def test_a_text_is_fetched_where_it_is_not_there(places: DataPaths, listener, known, spec, monkeypatch) -> None:
    """Loading downloads it into the data folder."""

    def give(remote, folder: Path, _) -> None:
        (folder / remote.name).write_text(STORY)

    monkeypatch.setattr("nnrun.data.named.fetch.download", give)
    known("metamorphosis", characters=len(STORY))
    assert load(spec("metamorphosis", window=10), form="integer", seed=1, paths=places, progress=listener).train


@pytest.mark.parametrize(("lowercase", "count"), [(False, 68), (True, 41)])
def test_a_text_that_is_not_there_yet_is_foreseen(places: DataPaths, spec, lowercase: bool, count: int) -> None:
    """Its characters and windows come from the registry; without punctuation only their shape is known."""
    facts, findings = infer_facts(spec("metamorphosis", lowercase=lowercase), form="one_hot", paths=places)
    assert [finding.name for finding in findings] == ["download-to-come"]
    assert (facts.vocabulary, facts.classes, facts.rows["train"]) == (count, count, 121155)
    facts, _ = infer_facts(spec("metamorphosis", keep_punctuation=False), form="one_hot", paths=places)
    assert (facts.vocabulary, facts.input_shape) == (None, (100, 1))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["metamorphosis", "shakespeare"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_the_real_texts_are_what_the_registry_says(
    real_places: DataPaths, places: DataPaths, listener, spec, name: str, lowercase: bool
) -> None:
    """What is foreseen without the file is what the file then teaches."""
    said = spec(name, lowercase=lowercase)
    done = load(said, form="integer", seed=1, paths=real_places, progress=listener)
    for where in (real_places, places):
        facts, _ = infer_facts(said, form="integer", paths=where)
        assert facts == done.facts
    assert done.facts.vocabulary == len(set(entry(name).alphabet.lower() if lowercase else entry(name).alphabet))
