"""Runs are compared file by file, whatever their files have become."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.same_bits import first_difference
from nnrun.runs.folder import RunFolder

BROKEN = (b"", b"x", b"\xff\xfe\0", b"[1]\n", b"null\n", b"{}\n", b"[" * 100_000, b'{"epoch": 1, "text": 5}\n')


@pytest.mark.parametrize("name", ["metrics.jsonl", "samples.jsonl", "scores.json", "predictions.csv"])
@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_a_difference_or_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    """A damaged file in one of two runs ends the comparison with a difference or with a message that names it."""
    whole = {
        "metrics.jsonl": '{"epoch": 1, "fold": null, "loss": 0.5}\n',
        "samples.jsonl": '{"epoch": 1, "seed_text": "a", "text": "b"}\n',
        "scores.json": '{"task": "regression", "checkpoint": "last"}',
        "predictions.csv": "row,truth,prediction\n0,1,1\n",
    }
    folders = [RunFolder(tmp_path / one) for one in ("first", "second")]
    for folder in folders:
        folder.path.mkdir()
        for file, text in whole.items():
            folder.write_text(file, text)
    assert first_difference(*folders) is None
    (folders[1].path / name).write_bytes(content)
    for one, other in (folders, folders[::-1]):
        assert name.partition(".")[0] in outcome_of(one, other)


def outcome_of(one: RunFolder, other: RunFolder) -> str:
    """Return what differs first in two runs, or the error that names a file."""
    try:
        found = first_difference(one, other)
    except RunError as error:
        return error.text
    return "no difference" if found is None else found.what
