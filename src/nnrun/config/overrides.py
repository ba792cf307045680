"""`--set`: changes to a config from the command line.

    training.epochs=3                                        sets a value
    training.optimizer.Adam.learning_rate=1e-3               goes into a part; the bare word `Adam` becomes a mapping
    model.2.Dropout=0.5, model.-1.Dense.units=5              an item of a list, counted from 0, or from the end
    training.callbacks+='{EarlyStopping: {patience: 3}}'     appends one item; creates the list where there is none
    training.metrics~                                        removes a key or an item (`=null` sets null)
    expect."test.error_percent".value=1.1                    a key with a dot stands in quotes where it is new

Values are YAML. Marks of what changed point into the option; all others stay.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.config.document import Document, plain
from nnrun.config.files import SourceText
from nnrun.config.hints import did_you_mean
from nnrun.config.parser import YamlNode, compose_value
from nnrun.config.syntax import DEEPEST
from nnrun.errors import ConfigError, Mark, Path, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE = "--set"
_OPTION = re.compile(r"""((?:"[^"]*"|'[^']*'|[^"'=~+])*)(\+=|=|~$)""", re.DOTALL)
_STEP = re.compile(r"""("[^"]*"|'[^']*'|[^.]*)(?:\.|$)""", re.DOTALL)
_INDEX = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class _Step:
    """One word of a dotted path, with its place in the option."""

    word: str
    start: int
    end: int


class _Refused(Exception):  # noqa: N818 (carries one problem to the loop over all options)
    """One option cannot be applied."""

    def __init__(self, mark: Mark, text: str, hint: str | None) -> None:
        super().__init__(text)
        self.problem = Problem(mark, text, hint)


def apply(document: Document, sets: Sequence[str]) -> Document:
    """The document with every option applied, in order; the one given stays as it is.

    Raises:
        ConfigError: With a problem for every option that cannot be applied.
    """
    problems: list[Problem] = []
    for option in sets:
        try:
            document = _Edit(document, option).run()
        except _Refused as refused:
            problems.append(refused.problem)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return document


class _Edit:
    """One option at work on copies of a document's data and marks."""

    def __init__(self, document: Document, option: str) -> None:
        self.before = document
        self.option = option
        self.source = SourceText(option, _FILE)
        self.data = copy.deepcopy(document.data)
        self.value_marks = dict(document.value_marks)
        self.key_marks = dict(document.key_marks)
        self.provenance = dict(document.provenance)
        self.changed: set[Path] = set()

    def run(self) -> Document:
        self.source.refuse_unprintable()
        found = _OPTION.match(self.option)
        if not found:
            raise self._refused(
                0, len(self.option), "expected path=value, path+=value or path~", "for example --set training.epochs=3"
            )
        steps = self._steps(found.group(1))
        if found.group(2) == "~":
            self._remove(steps)
        else:
            self._put(steps, self._value(found.end()), append=found.group(2) == "+=")
        self._remember()
        return replace(
            self.before,
            data=self.data,
            value_marks=self.value_marks,
            key_marks=self.key_marks,
            provenance=self.provenance,
        )

    def _refused(self, start: int, end: int, text: str, hint: str | None = None) -> _Refused:
        return _Refused(self.source.mark(start, end), text, hint)

    def _refused_at(self, step: _Step, text: str, hint: str | None = None) -> _Refused:
        return self._refused(step.start, step.end, text, hint)

    # The option's two halves ------------------------------------------------------------------------------------------

    def _steps(self, path: str) -> list[_Step]:
        steps, start = [], 0
        while start <= len(path):
            found = _STEP.match(path, start)
            word = found.group(1) if found else ""
            if not found or not word.strip("\"' "):
                raise self._refused(
                    start,
                    start + 1,
                    "expected a key or an index here",
                    "write the path as training.epochs=3; a key that holds a dot stands in quotes",
                )
            steps.append(_Step(word.strip("\"'") if word[0] in "\"'" else word.strip(), start, start + len(word)))
            start = found.end() + (found.end() == len(path) and not path.endswith("."))
        if len(steps) > DEEPEST:
            raise self._refused_at(steps[DEEPEST], f"expected a path of at most {DEEPEST} keys, received {len(steps)}")
        return steps

    def _value(self, start: int) -> tuple[YamlNode, SourceText]:
        """The value's tree; the path is blanked out, so that positions are those of the option."""
        blanked = SourceText(" " * start + self.option[start:], _FILE, shown=self.option)
        node = compose_value(blanked)
        if node is None:
            raise self._refused(
                len(self.option.rstrip()) - 1,
                len(self.option),
                "expected a value, received none",
                "write null for nothing, '' for an empty text, or path~ to remove the key",
            )
        return node, blanked

    # Walking the path ------------------------------------------------------------------------------------------------

    def _parent(self, steps: list[_Step], *, create: bool) -> tuple[Path, Any, _Step]:
        """The container that the last step names something in, and that step; new mappings are made on the way."""
        path: Path = ()
        here: Any = self.data
        while True:
            step, steps = self._next(here, steps)
            if not steps:
                return path, here, step
            key = self._locate(path, here, step, must_exist=not create)
            path = (*path, key)
            if isinstance(here, dict) and (key not in here or here[key] is None):
                self._open(here, path, step)
            elif create and isinstance(here[key], str):
                self._unfold(here, path, steps[0])
            here = here[key]

    def _next(self, here: Any, steps: list[_Step]) -> tuple[_Step, list[_Step]]:
        """The next step and the rest; steps that only together name a key (`test.error_percent`) are joined."""
        if isinstance(here, dict):
            for count in range(1, len(steps) + 1):
                word = ".".join(step.word for step in steps[:count])
                if word in here:
                    return _Step(word, steps[0].start, steps[count - 1].end), steps[count:]
        return steps[0], steps[1:]

    def _locate(self, path: Path, here: Any, step: _Step, *, must_exist: bool) -> str | int:
        """The key or index that a step names inside `here`."""
        where = f"'{_dotted(path)}'" if path else "the config"
        if isinstance(here, list):
            return self._index(where, path, here, step)
        if not isinstance(here, dict):
            change = "~" if must_exist else f"={{{step.word}: ...}}"
            raise self._refused_at(
                step,
                f"{where} is a single value, so there is no '{step.word}' inside it",
                f"change it as a whole: --set '{_dotted(path)}{change}'",
            )
        if step.word not in here and (must_exist or _INDEX.fullmatch(step.word)):
            hint = did_you_mean(step.word, here) or (f"it has: {', '.join(list(here)[:8])}" if here else None)
            raise self._refused_at(step, f"{where} has no '{step.word}'", hint)
        return step.word

    def _index(self, where: str, path: Path, here: list[Any], step: _Step) -> int:
        if not _INDEX.fullmatch(step.word):
            at = next((index for index, item in enumerate(here) if _is_part(item, step.word)), 0)
            inside = f".{step.word}" if here and _is_part(here[at], step.word) else " for its first item"
            hint = f"write {_dotted((*path, at))}{inside}"
            raise self._refused_at(step, f"{where} is a list; expected an index, received '{step.word}'", hint)
        index = int(step.word)
        if not -len(here) <= index < len(here):
            held = f"it counts from 0 to {len(here) - 1}" if here else "it is empty"
            raise self._refused_at(
                step, f"{where} has no item {index} ({held})", f"append with --set '{_dotted(path)}+=...'"
            )
        return index % len(here)

    def _open(self, here: dict[str, Any], path: Path, step: _Step) -> None:
        """Make an empty mapping where there is nothing yet."""
        here[str(path[-1])] = {}
        self.key_marks.setdefault(path, self.source.mark(step.start, step.end))
        self._change(path, self.source.mark(step.start, step.end))

    def _unfold(self, here: Any, path: Path, step: _Step) -> None:
        """Turn the bare word `Adam` into `{Adam: {}}`, where the next step is that word."""
        word = here[path[-1]]
        if word.lower() != step.word.lower():
            raise self._refused_at(
                step,
                f"'{_dotted(path)}' is '{word}', so there is no '{step.word}' inside it",
                f"write --set '{_dotted(path)}={{{step.word}: ...}}' to replace it",
            )
        here[path[-1]] = {step.word: None}
        self.key_marks[*path, step.word] = self.source.mark(step.start, step.end)
        self._change(path, self.source.mark(step.start, step.end))
        self.value_marks[*path, step.word] = self.source.mark(step.start, step.end)

    # Changing ---------------------------------------------------------------------------------------------------------

    def _put(self, steps: list[_Step], value: tuple[YamlNode, SourceText], *, append: bool) -> None:
        path, here, step = self._parent(steps, create=True)
        key = self._locate(path, here, step, must_exist=False)
        path = (*path, key)
        if isinstance(here, dict):
            self.key_marks.setdefault(path, self.source.mark(step.start, step.end))
        if append:
            here[key] = self._list(here.get(key) if isinstance(here, dict) else here[key], path, step, value)
            here, path = here[key], (*path, len(here[key]))
            here.append(None)
        node, source = value
        self._forget(path)
        here[path[-1]] = plain(node, source, path, self.value_marks, self.key_marks)
        self.changed |= {known for known in self.value_marks if known[: len(path)] == path}

    def _list(self, held: Any, path: Path, step: _Step, value: tuple[YamlNode, SourceText]) -> list[Any]:
        """The list to append to."""
        if held is None:
            self._change(path, value[1].mark(value[0].start, value[0].end))
            return []
        if not isinstance(held, list):
            raise self._refused_at(
                step,
                f"'{_dotted(path)}' is no list, so nothing can be appended to it",
                f"write --set '{_dotted(path)}=[...]' to replace it",
            )
        return held

    def _remove(self, steps: list[_Step]) -> None:
        path, here, step = self._parent(steps, create=False)
        key = self._locate(path, here, step, must_exist=True)
        del here[key]
        self._forget((*path, key))
        self.key_marks.pop((*path, key), None)
        if isinstance(key, int):
            for table in (self.value_marks, self.key_marks, self.provenance):
                _close_gap(table, path, key)

    def _change(self, path: Path, mark: Mark) -> None:
        self.value_marks[path] = mark
        self.changed.add(path)

    def _forget(self, path: Path) -> None:
        """Drop the marks of a value and of all below it (its own key stays)."""
        for table in (self.value_marks, self.key_marks, self.provenance):
            for known in [known for known in table if known[: len(path)] == path]:
                if table is not self.key_marks or known != path:
                    del table[known]

    def _remember(self) -> None:
        """Add the new mark of every changed value to those it had before."""
        for path in self.changed:
            earlier = self.before.history(path) if path in self.before.value_marks else ()
            self.provenance[path] = (*earlier, self.value_marks[path])


def _close_gap(table: dict[Path, Any], path: Path, gone: int) -> None:
    """Move the entries of a list's later items up by one."""
    depth = len(path)
    moved = [known for known in table if len(known) > depth and known[:depth] == path and int(known[depth]) > gone]
    entries = {(*path, int(known[depth]) - 1, *known[depth + 1 :]): table.pop(known) for known in moved}
    table.update(entries)


def _is_part(item: Any, name: str) -> bool:
    """Whether a list's item is the part of that name, as a bare word or a mapping."""
    return item == name or (isinstance(item, dict) and name in item)


def _dotted(path: Path) -> str:
    return ".".join(str(key) for key in path)
