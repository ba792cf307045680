"""The named data sets by name: what they are, whose they are, where they come from and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.data.named.entries_pictures import PICTURES
from nnrun.data.named.entries_tables import TABLES
from nnrun.data.named.entries_texts import TEXTS
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.named.entry import Entry


_ENTRIES = {entry.name: entry for entry in (*PICTURES, *TABLES, *TEXTS)}


def entries() -> tuple[Entry, ...]:
    """All named data sets."""
    return tuple(_ENTRIES.values())


def entry(name: str) -> Entry:
    """The data set of that name.

    Raises:
        DataError: There is none.
    """
    if name not in _ENTRIES:
        listed = f"there are: {', '.join(_ENTRIES)}"
        raise DataError(f"there is no data set named {name!r}", hint=did_you_mean(name, _ENTRIES) or listed)
    return _ENTRIES[name]


def card(name: str) -> dict[str, Any]:
    """What `nnrun data show` tells of a data set, as plain data.

    Raises:
        DataError: There is none of that name.
    """
    known = entry(name)
    outline = known.outline
    return {
        "name": known.name,
        "description": known.description,
        "task": outline.task,
        "rows": {"train": outline.rows, **({"test": outline.test_rows} if outline.test_rows else {})},
        "shape": list(outline.shape or ()),
        "classes": list(outline.class_names or known.alphabet),
        "columns": list(outline.columns or ()),
        "target": list(outline.target_names),
        "licence": known.licence,
        "citation": known.citation,
        "caveats": list(known.caveats),
        "files": [
            {"name": file.name, "sha256": file.sha256, "bytes": file.size, "addresses": list(file.addresses)}
            for container in known.containers
            for file in container
        ],
    }


def caveats(name: str) -> tuple[str, ...]:
    """What whoever uses a data set should know; nothing of a source that is no named set."""
    return _ENTRIES[name].caveats if name in _ENTRIES else ()
