"""Digests of sets of files, in which every change of a set is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.data.files.digests import HASHED_BYTES, combined_digests, content_digest, file_start_digest, start_digest
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SETS = some.dictionaries(some.text("abc/", min_size=1, max_size=4), some.binary(min_size=2, max_size=2), max_size=6)


def digests(files: dict[str, bytes]) -> list[str]:
    """Return both digests of a set."""
    return list(combined_digests("pets", list(files), list(files.values())).values())


@given(SETS, SETS)
def test_two_sets_have_the_same_digests_only_where_they_are_the_same(left: dict, right: dict) -> None:
    """The first digest identifies the names, both together the contents too; the order of the list does not matter."""
    assert (digests(left)[0] == digests(right)[0]) == (set(left) == set(right))
    assert (digests(left) == digests(right)) == (left == right)
    assert digests(left) == digests(dict(reversed(left.items())))


def test_a_digest_covers_all_bytes_or_the_start_and_the_size(tmp_path: Path) -> None:
    """A file in memory is identified by every byte, one that streams by its first 64 KB and its size."""
    file = tmp_path / "a.bmp"
    seen = []
    start = bytes(HASHED_BYTES)
    for content in (start + bytes(9), start + b"other....", start + bytes(8), b"1" + start + bytes(8)):
        file.write_bytes(content)
        assert file_start_digest(file) == start_digest(content[:HASHED_BYTES], len(content))
        seen.append((content_digest(file), file_start_digest(file)))
    assert len({whole for whole, _ in seen}) == 4
    assert seen[0][1] == seen[1][1]
    assert len({start for _, start in seen}) == 3


@pytest.mark.parametrize("digest", [content_digest, file_start_digest])
def test_a_missing_file_is_named(tmp_path: Path, digest) -> None:
    """A file that cannot be read is reported with its path."""
    with pytest.raises(DataError, match=r"a\.png: the file cannot be read: .*No such file"):
        digest(tmp_path / "a.png")
