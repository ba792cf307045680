"""The words that stand for a missing value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What `pandas.read_csv` takes for missing (its argument `na_values`), and the question mark of the UCI repository.
MISSING_WORDS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "?"),
)
#: What nnrun took for missing where nothing was stated, before `missing:` added words: runs of that time keep it.
EARLIER_WORDS = ("", "NA", "NaN", "nan", "null")


def missing_words(stated: Sequence[str] | dict[str, list[str]] | None) -> tuple[str, ...]:
    """Return the words for a missing value: the known ones and those of a list, or those alone of `{only: [...]}`.

    Raises:
        ValueError: The mapping has another key.
    """
    if stated is None:
        return MISSING_WORDS
    if not isinstance(stated, dict):
        return tuple(dict.fromkeys([*MISSING_WORDS, *stated]))
    if list(stated) != ["only"]:
        raise ValueError(f"missing expected a list of words, or {{only: [...]}}; received the keys {', '.join(stated)}")
    return tuple(dict.fromkeys(stated["only"]))
