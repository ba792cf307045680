"""The named data sets as `datasets.yaml` describes them: terms of use, files and mirrors, digests, facts, caveats."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.data.dataset import DataFacts
from nnrun.data.files.download import RemoteFile
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class NamedDataSet:
    """A data set that a config names.

    Attributes:
        name: The name of its source.
        description: One or two sentences.
        licence: The terms of use.
        citation: The publication to cite.
        facts: Rows, shapes, classes and columns.
        files: The files that together hold the set; empty where it comes with scikit-learn.
        folder: The subfolder of the data folder for the files; empty where their names are unique.
        content_sha256: The SHA-256 of the content where other files with the same content are accepted: of each array
            in IDX encoding, or (`table`) of a table's numbers as float64, row by row.
        alphabet: The distinct characters of a text in sorted order; empty where the set is not a text.
        characters: The number of characters of a text.
        caveats: What a user should know before drawing conclusions.
    """

    name: str
    description: str
    licence: str
    citation: str
    facts: DataFacts
    files: tuple[RemoteFile, ...] = ()
    folder: str = ""
    content_sha256: Mapping[str, str] = field(default_factory=dict)
    alphabet: str = ""
    characters: int = 0
    caveats: tuple[str, ...] = ()

    def card(self) -> dict[str, Any]:
        """Return what `nnrun data show` prints, as plain data."""
        facts = self.facts
        return {
            "name": self.name,
            "description": self.description,
            "task": facts.task,
            "rows": {"train": facts.rows, **({"test": facts.test_rows} if facts.test_rows else {})},
            "shape": list(facts.shape or ()),
            "classes": list(facts.class_names or self.alphabet),
            "columns": list(facts.columns or ()),
            "target": list(facts.target_names),
            "licence": self.licence,
            "citation": self.citation,
            "caveats": list(self.caveats),
            "files": [
                {"name": file.name, "sha256": file.sha256, "bytes": file.size, "addresses": list(file.addresses)}
                for file in self.files
            ],
        }


#: The data sets read so far: a command that needs one does not pay for parsing all.
_READ: dict[str, NamedDataSet] = {}


def data_set_names() -> tuple[str, ...]:
    """Return the names of all named data sets."""
    return tuple(_descriptions())


def named_data_set(name: str) -> NamedDataSet:
    """Return the data set of that name.

    Raises:
        DataError: There is none.
    """
    if name not in _descriptions():
        names = data_set_names()
        hint = did_you_mean(name, names) or f"the data sets are: {', '.join(names)}"
        raise DataError(f"there is no data set named {name!r}", hint=hint)
    if name not in _READ:
        _READ[name] = _read(name)
    return _READ[name]


@cache
def _descriptions() -> dict[str, str]:
    """Return the YAML text of each data set by name."""
    text = Path(__file__).with_name("datasets.yaml").read_text(encoding="utf-8")
    return {block.partition(":")[0]: block for block in re.split(r"^(?=\w+:\n)", text, flags=re.MULTILINE)[1:]}


def _read(name: str) -> NamedDataSet:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    fields = yaml.load(_descriptions()[name], Loader=loader)[name]  # noqa: S506  # safe, and in C where it can be
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fields.pop("facts").items()
    }
    files = tuple(
        RemoteFile(file["name"], file.get("sha256"), file.get("size"), tuple(file["addresses"]))
        for file in fields.pop("files", ())
    )
    return NamedDataSet(name, facts=DataFacts(**facts), files=files, caveats=tuple(fields.pop("caveats", ())), **fields)
