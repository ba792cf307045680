"""Tests of `samples.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nnrun.runs.folder import RunFolder
from nnrun.runs.metrics import write_sample


@given(texts=st.lists(st.text(), min_size=1, max_size=5))
def test_a_text_is_read_back_as_it_was(tmp_path_factory, texts: list[str]) -> None:  # type: ignore[no-untyped-def]
    """Every text is one line of JSON, with any characters."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    for epoch, text in enumerate(texts, 1):
        write_sample(folder, epoch, text, text)
    lines = [json.loads(line) for line in folder.samples.read_text(encoding="utf-8").rstrip("\n").split("\n")]
    assert lines == [{"epoch": epoch, "seed_text": text, "text": text} for epoch, text in enumerate(texts, 1)]


def test_an_epoch_that_is_run_again_is_written_again(tmp_path: Path) -> None:
    """What an earlier attempt wrote after this epoch or a later one is replaced, and so is what cannot be read."""
    folder = RunFolder(tmp_path)
    for epoch in (1, 2, 3):
        write_sample(folder, epoch, "", f"first {epoch}")
    with folder.samples.open("a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "te')
    write_sample(folder, 2, "", "again")
    lines = [json.loads(line) for line in folder.samples.read_text(encoding="utf-8").splitlines()]
    assert [line["text"] for line in lines] == ["first 1", "again"]
