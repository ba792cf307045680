"""`extends:` at the top of a config: other configs that it is laid over.

    extends: base.yaml                 a file beside this one, else a config that comes with nnrun, by its bare name
    extends: [base.yaml, small.yaml]   several, in order; a later one wins, and this config over all

How one config is laid over another is `merge`'s business. Marks point into the file that each value came from, and a
problem inside a base is told at its place in the base.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from nnrun.config import document as documents
from nnrun.config.files import shipped_configs
from nnrun.config.hints import did_you_mean
from nnrun.config.merge import over, without
from nnrun.config.render import show
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

_KEY = "extends"
#: How many bases may stand one behind the other, and how many side by side in one list.
DEEPEST, WIDEST = 10, 20

#: The files from the config that was asked for down to the one at hand, as the user knows them.
_Chain = tuple[FilePath, ...]


def read(file: FilePath) -> Document:
    """Read a config with everything that it extends.

    Raises:
        ConfigError: The file, or one that it extends, cannot be read or is no config; bases that lead back to
            themselves; a `null` that removes nothing. With every problem that could be found.
    """
    return _Reader().read((file,))


class _Reader:
    """Reads each file once, by however many ways it is reached."""

    def __init__(self) -> None:
        self.read_already: dict[FilePath, Document | ConfigError] = {}

    def read(self, chain: _Chain) -> Document:
        """Read the last file of a chain and lay it over its bases."""
        document = documents.read(chain[-1])
        if _KEY not in document.data:
            return document
        problems: list[Problem] = []
        bases: list[Document] = []
        for name, mark in _names(document):
            try:
                bases.append(self._base(name, mark, chain))
            except ConfigError as error:
                problems += [replace(problem, mark=problem.mark or mark) for problem in error.problems]
        if problems:
            raise ConfigError(dict.fromkeys(problems))
        return _laid_over(bases, without(document, _KEY))

    def _base(self, name: str, mark: Mark, chain: _Chain) -> Document:
        file = _find(name, mark, chain[-1])
        here, longer = file.resolve(), (*chain, file)
        said = " -> ".join(map(str, longer))
        if here in {each.resolve() for each in chain}:
            text = f"expected bases that end somewhere, received a circle: {said}"
            raise ConfigError([Problem(mark, text, "take one of these 'extends:' out")])
        if len(chain) > DEEPEST:
            text = f"expected at most {DEEPEST} bases one behind the other, received more: {said}"
            raise ConfigError([Problem(mark, text, "let one of these files say what its bases say")])
        if here not in self.read_already:
            try:
                self.read_already[here] = self.read(longer)
            except ConfigError as error:
                self.read_already[here] = error
        known = self.read_already[here]
        if isinstance(known, ConfigError):
            raise known
        return known


def _laid_over(bases: list[Document], top: Document) -> Document:
    """The last document over all before it."""
    below, *others = bases
    said = str(below.file)
    for each in (*others, top):
        below = over(below, each, said)
        said = f"{said} and {each.file}"
    files = [file for base in bases for file in (*base.sources, base.file)]
    return replace(below, sources=tuple(dict.fromkeys(files)))


def _names(document: Document) -> list[tuple[str, Mark]]:
    """Each base's name with its place."""
    said = document.data[_KEY]
    listed: dict[Path, object] = {(_KEY,): said}
    if isinstance(said, list):
        listed = {(_KEY, index): name for index, name in enumerate(said)}
    wrong = [path for path, name in listed.items() if not isinstance(name, str) or not name.strip()]
    problems = [
        Problem(
            document.mark(path),
            f"expected a config's file name, received {show(listed[path])}",
            "write extends: base.yaml, or a list of files of which later ones win",
        )
        for path in wrong
    ]
    if not 1 <= len(listed) <= WIDEST:
        text = f"expected 1 to {WIDEST} files to extend, received {len(listed)}"
        problems = [Problem(document.mark((_KEY,)), text, "write extends: base.yaml")]
    if problems:
        raise ConfigError(problems)
    return [(str(name), document.mark(path)) for path, name in listed.items()]


def _find(name: str, mark: Mark, beside: FilePath) -> FilePath:
    """The file that a base's name means in the file `beside`."""
    file = beside.parent / name
    try:
        if file.exists():
            return file
        near = file.with_name(f"{file.name}.yaml").exists()
    except OSError as error:
        text = f"the file '{file}' cannot be looked for ({error.strerror})"
        raise ConfigError([Problem(mark, text, "check its name and permissions")]) from None
    known = shipped_configs()
    if name in known:
        return known[name]
    hint = f"Did you mean '{name}.yaml'?" if near else did_you_mean(name, [*_neighbours(file), *known])
    text = f"there is no file '{file}', and no config called '{name}' comes with nnrun"
    raise ConfigError([Problem(mark, text, hint or "name a file beside this one")])


def _neighbours(file: FilePath) -> list[str]:
    try:
        return sorted(entry.name for entry in file.parent.iterdir() if entry.suffix in (".yaml", ".yml"))
    except OSError:
        return []
