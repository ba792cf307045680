"""Marks of many picture files: whatever changes in a set of them is seen, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.data.files.pictures import START, start_mark, start_mark_of, together, whole_mark
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SETS = some.dictionaries(some.text("abc/", min_size=1, max_size=4), some.binary(min_size=2, max_size=2), max_size=6)


def digests(pictures: dict[str, bytes]) -> list[str]:
    """Give both digests of a set."""
    return list(together("pets", list(pictures), list(pictures.values())).values())


@given(SETS, SETS)
def test_two_sets_have_the_same_digests_only_where_they_are_the_same(left: dict, right: dict) -> None:
    """The first digest tells the names apart, both together names and contents; the order of listing counts nothing."""
    assert (digests(left)[0] == digests(right)[0]) == (set(left) == set(right))
    assert (digests(left) == digests(right)) == (left == right)
    assert digests(left) == digests(dict(reversed(left.items())))


def test_a_mark_is_of_all_bytes_or_of_the_start_and_the_size(tmp_path: Path) -> None:
    """A picture in memory is known by every byte, one that streams by its first 64 KB and its size."""
    file = tmp_path / "a.bmp"
    seen = []
    for content in (bytes(START + 9), bytes(START) + b"other....", bytes(START + 8), b"1" + bytes(START + 8)):
        file.write_bytes(content)
        assert start_mark_of(file) == start_mark(content[:START], len(content))
        seen.append((whole_mark(file), start_mark_of(file)))
    assert len({whole for whole, _ in seen}) == 4
    assert seen[0][1] == seen[1][1]
    assert len({start for _, start in seen}) == 3


@pytest.mark.parametrize("mark", [whole_mark, start_mark_of])
def test_a_picture_that_is_gone_is_named(tmp_path: Path, mark) -> None:
    """A file that cannot be read is a mistake of the data, with its path."""
    with pytest.raises(DataError, match=r"a\.png: the picture cannot be read: .*No such file"):
        mark(tmp_path / "a.png")
