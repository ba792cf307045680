"""Vectors of words in the text formats of GloVe and word2vec: a word and its numbers in each line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nnrun.errors import DataError
from nnrun.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: The message for a file of another kind.
_KIND = "expected lines of a word and its numbers, as GloVe and word2vec write them"
_CORRECT = "correct or remove the line"
#: How much of a file `check` reads: 10,000 words of 100 numbers. Training reads all of it.
_CHECKED_BYTES = 8_000_000
#: The most characters of a field that a message shows.
_SHOWN = 40


def read_word_vectors(file: Path, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of words.

    Args:
        file: The file, UTF-8, with blanks or tabs between a word and its numbers; a first line with two whole numbers
            (word2vec) is left out.
        words: The words, as they stand in the file.

    Returns:
        The vectors, float32 of shape (words, numbers), 0 where the file lacks a word, and which words it has.

    Raises:
        DataError: The file has no vectors, or a line has another number of numbers than the first.
    """
    places = {word: place for place, word in enumerate(words)}
    width = vector_width(file)
    vectors, known = np.zeros((len(words), width), "float32"), np.zeros(len(words), bool)
    for number, fields in _lines(file):
        _check_width(fields, width, file, number)
        # A few words of GloVe hold blanks.
        place = places.get(" ".join(fields[:-width]))
        if place is not None:
            vectors[place], known[place] = _vector(fields, width, file, number), True
    return vectors, known


def check_word_vectors(file: Path) -> int:
    """Return how many numbers each vector of a file has, after reading its first 8 MB.

    Raises:
        DataError: The file has no vectors, or a line that is none.
    """
    width, size = vector_width(file), 0
    for number, fields in _lines(file):
        _check_width(fields, width, file, number)
        _vector(fields, width, file, number)
        size += sum(map(len, fields))
        if size > _CHECKED_BYTES:
            break
    return width


def _check_width(fields: Sequence[str], width: int, file: Path, line: int) -> None:
    if len(fields) <= width:
        text = f"expected a word and {format_count(width, 'number')}, received {format_count(len(fields), 'field')}"
        raise DataError(text, file=file, row=line, hint=_CORRECT)


def _vector(fields: Sequence[str], width: int, file: Path, line: int) -> list[float]:
    """Return the numbers of a line.

    Raises:
        DataError: One is no number, or not finite.
    """
    vector = []
    for field in fields[-width:]:
        try:
            number = float(field)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            text = f"expected {format_count(width, 'finite number')} after the word, received {field[:_SHOWN]!r}"
            raise DataError(text, file=file, row=line, hint=_CORRECT)
        vector.append(number)
    return vector


def vector_width(file: Path) -> int:
    """Return how many numbers the first vector of a file has.

    Raises:
        DataError: There is none.
    """
    number, fields = next(_lines(file), (1, []))
    try:
        [float(field) for field in fields[1:]]
    except ValueError:
        fields = []
    if len(fields) < 2:
        raise DataError(_KIND, file=file, row=number, hint="is it the right file?")
    return len(fields) - 1


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line that is not empty, after its number; without the line of word2vec's counts."""
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            # A word of a file with tabs may hold blanks.
            fields = line.rstrip().split("\t" if "\t" in line else " ")
            is_count = number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields)
            if fields != [""] and not is_count:
                yield number, fields
