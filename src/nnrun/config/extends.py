"""`extends:` at the top of a config: other configs on which it is based.

    extends: base.yaml                 a file in the same folder, else a config that comes with nnrun, by its name
    extends: [base.yaml, small.yaml]   several, in order; later ones win, and this config over all

`merge` defines how one config is merged over another. Marks point into the file that a value came from, and a problem
in a base is shown at its place in the base.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from nnrun.config import document as documents
from nnrun.config.files import neighbouring_configs, shipped_configs
from nnrun.config.hints import did_you_mean
from nnrun.config.merge import drop_key, merge_documents
from nnrun.config.render import format_value
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

_KEY = "extends"
#: How long a chain of bases may be, and how many bases one config may list.
MAX_CHAIN, MAX_BASES = 10, 20

#: The files from the config that was asked for to the one being read, as the user names them.
_Chain = tuple[FilePath, ...]


def read(file: FilePath, text: str | None = None) -> Document:
    """Read a config with everything that it extends.

    Args:
        file: The config.
        text: What would stand in it; None: what does.

    Raises:
        ConfigError: The file, or one that it extends, cannot be read or is not a config; files that extend each other
            in a circle; a `null` that removes nothing. With every problem that could be found.
    """
    return _Reader().read((file,), text)


class _Reader:
    """Reads each file once, even if several others extend it."""

    def __init__(self) -> None:
        self._bases: dict[FilePath, Document | ConfigError] = {}

    def read(self, chain: _Chain, text: str | None = None) -> Document:
        """Read the last file of a chain, or what would stand in it, and merge it over its bases."""
        document = documents.read(chain[-1]) if text is None else documents.parse(text, chain[-1])
        if _KEY not in document.data:
            return document
        problems: list[Problem] = []
        bases: list[Document] = []
        for name, mark in _base_names(document):
            try:
                bases.append(self._base(name, mark, chain))
            except ConfigError as error:
                problems += [replace(problem, mark=problem.mark or mark) for problem in error.problems]
        if problems:
            raise ConfigError(dict.fromkeys(problems))
        return _merge_all(bases, drop_key(document, _KEY))

    def _base(self, name: str, mark: Mark, chain: _Chain) -> Document:
        file = _find(name, mark, chain[-1])
        resolved, longer = file.resolve(), (*chain, file)
        shown = " -> ".join(map(str, longer))
        if resolved in {each.resolve() for each in chain}:
            text = f"expected a chain of bases with an end, received a circle: {shown}"
            raise ConfigError([Problem(mark, text, "remove one of these 'extends:'")])
        if len(chain) > MAX_CHAIN:
            text = f"expected a chain of at most {MAX_CHAIN} bases, received a longer one: {shown}"
            raise ConfigError([Problem(mark, text, "merge some of these files into one")])
        if resolved not in self._bases:
            try:
                self._bases[resolved] = self.read(longer)
            except ConfigError as error:
                self._bases[resolved] = error
        known = self._bases[resolved]
        if isinstance(known, ConfigError):
            raise known
        return known


def _merge_all(bases: list[Document], top: Document) -> Document:
    """Merge documents in order, `top` last."""
    merged, *others = bases
    names = str(merged.file)
    for each in (*others, top):
        merged = merge_documents(merged, each, names)
        names = f"{names} and {each.file}"
    files = [file for base in bases for file in (*base.sources, base.file)]
    return replace(merged, sources=tuple(dict.fromkeys(files)))


def _base_names(document: Document) -> list[tuple[str, Mark]]:
    """Return the name of each base with its place."""
    value = document.data[_KEY]
    listed: dict[Path, object] = {(_KEY,): value}
    if isinstance(value, list):
        listed = {(_KEY, index): name for index, name in enumerate(value)}
    problems = [
        Problem(
            document.mark(path),
            f"expected the file name of a config, received {format_value(name)}",
            "write extends: base.yaml, or a list of files of which later ones win",
        )
        for path, name in listed.items()
        if not isinstance(name, str) or not name.strip()
    ]
    if not 1 <= len(listed) <= MAX_BASES:
        text = f"expected 1 to {MAX_BASES} files to extend, received {len(listed)}"
        problems = [Problem(document.mark((_KEY,)), text, "write extends: base.yaml")]
    if problems:
        raise ConfigError(problems)
    return [(str(name), document.mark(path)) for path, name in listed.items()]


def _find(name: str, mark: Mark, extending: FilePath) -> FilePath:
    """Return the file that the name of a base means in the file `extending`."""
    file = extending.parent / name
    try:
        if file.exists():
            return file
        suffix_is_missing = file.with_name(f"{file.name}.yaml").exists()
    except OSError as error:
        text = f"the file '{file}' cannot be looked up ({error.strerror})"
        raise ConfigError([Problem(mark, text, "check its name and permissions")]) from None
    shipped = shipped_configs()
    if name in shipped:
        return shipped[name]
    try:
        neighbours = neighbouring_configs(file.parent)
    except OSError:
        neighbours = []
    hint = f"Did you mean '{name}.yaml'?" if suffix_is_missing else did_you_mean(name, [*neighbours, *shipped])
    text = f"there is no file '{file}', and no config called '{name}' comes with nnrun"
    raise ConfigError([Problem(mark, text, hint or "name a file in the same folder")])
