"""`--set`: changes to a config from the command line.

    training.epochs=3                                        sets a value
    training.optimizer.Adam.learning_rate=1e-3               sets an argument; the word `Adam` becomes a mapping
    model.2.Dropout=0.5, model.-1.Dense.units=5              an item of a list, counted from 0, or from the end
    training.callbacks+='{EarlyStopping: {patience: 3}}'     appends an item; creates the list where there is none
    training.metrics~                                        removes a key or an item (`=null` sets null)
    expect."test.error_percent".value=1.1                    a new key with a dot is in quotes

Values are YAML. Marks of what changed point into the option; all others stay.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.config.document import Document, to_data
from nnrun.config.dotted import MissingStepError, PathStep, is_index, join_path, leading_key, parse_path
from nnrun.config.files import SourceText
from nnrun.config.hints import did_you_mean
from nnrun.config.parser import YamlNode, compose_value
from nnrun.config.syntax import MAX_DEPTH
from nnrun.errors import ConfigError, Mark, Path, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What marks of values of an option have in place of a file.
FILE = "--set"
_OPTION = re.compile(r"""((?:"[^"]*"|'[^']*'|[^"'=~+])*)(\+=|=|~$)""", re.DOTALL)


def as_options(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return values by dotted path as options; they are written as JSON, which is YAML."""
    plain = {path: value.item() if hasattr(value, "item") else value for path, value in values.items()}
    return tuple(f"{path}={json.dumps(value)}" for path, value in plain.items())


def apply(document: Document, options: Sequence[str]) -> Document:
    """Return the document with all options applied in order; the given one is not changed.

    Raises:
        ConfigError: With a problem for every option that cannot be applied.
    """
    problems: list[Problem] = []
    for option in options:
        try:
            document = _Edit(document, option).run()
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return document


class _Edit:
    """One option, applied to copies of a document's data and marks."""

    def __init__(self, document: Document, option: str) -> None:
        self.before = document
        self.option = option
        self.source = SourceText(option, FILE)
        self.data = copy.deepcopy(document.data)
        self.value_marks = dict(document.value_marks)
        self.key_marks = dict(document.key_marks)
        self.provenance = dict(document.provenance)
        self.changed: set[Path] = set()

    def run(self) -> Document:
        self.source.refuse_unprintable()
        found = _OPTION.match(self.option)
        if not found:
            text = "expected path=value, path+=value or path~"
            raise self._error(0, len(self.option), text, "for example --set training.epochs=3")
        steps = self._steps(found[1])
        if found[2] == "~":
            self._remove(steps)
        else:
            self._set(steps, self._value(found.end()), append=found[2] == "+=")
        self._extend_provenance()
        return replace(
            self.before,
            data=self.data,
            value_marks=self.value_marks,
            key_marks=self.key_marks,
            provenance=self.provenance,
        )

    def _error(self, start: int, end: int, text: str, hint: str | None = None) -> ConfigError:
        return ConfigError([Problem(self.source.mark(start, end), text, hint)])

    def _error_at(self, step: PathStep, text: str, hint: str | None = None) -> ConfigError:
        return self._error(step.start, step.end, text, hint)

    def _mark(self, step: PathStep) -> Mark:
        return self.source.mark(step.start, step.end)

    # The two sides of the option --------------------------------------------------------------------------------------

    def _steps(self, path: str) -> list[PathStep]:
        try:
            steps = parse_path(path)
        except MissingStepError as error:
            hint = "write the path as training.epochs=3; a key that contains a dot is in quotes"
            raise self._error(error.position, error.position + 1, "expected a key or an index here", hint) from None
        if len(steps) > MAX_DEPTH:
            raise self._error_at(
                steps[MAX_DEPTH], f"expected a path of at most {MAX_DEPTH} keys, received {len(steps)}"
            )
        return steps

    def _value(self, start: int) -> tuple[YamlNode, SourceText]:
        """Return the tree of the value; the path is replaced by blanks, so that positions are those of the option."""
        blanked = SourceText(" " * start + self.option[start:], FILE, shown=self.option)
        node = compose_value(blanked)
        if node is None:
            raise self._error(
                len(self.option.rstrip()) - 1,
                len(self.option),
                "expected a value, received none",
                "write null for no value, '' for an empty text, or path~ to remove the key",
            )
        return node, blanked

    # Following the path -----------------------------------------------------------------------------------------------

    def _parent(self, steps: list[PathStep], *, create: bool) -> tuple[Path, Any, PathStep]:
        """Return the container in which the last step names something, and that step; with `create`, make mappings."""
        path: Path = ()
        here: Any = self.data
        while True:
            step, steps = self._next(here, steps)
            if not steps:
                return path, here, step
            key = self._locate(path, here, step, must_exist=not create)
            path = (*path, key)
            if isinstance(here, dict) and (key not in here or here[key] is None):
                self._create_mapping(here, path, step)
            elif create and isinstance(here[key], str):
                self._expand_word(here, path, steps[0])
            here = here[key]

    def _next(self, here: Any, steps: list[PathStep]) -> tuple[PathStep, list[PathStep]]:
        """Return the next step and the rest; steps that name a key only together (`test.error_percent`) are joined."""
        if isinstance(here, dict):
            key, used = leading_key(here, [step.key for step in steps])
            if key is not None:
                return PathStep(key, steps[0].start, steps[used - 1].end), steps[used:]
        return steps[0], steps[1:]

    def _locate(self, path: Path, here: Any, step: PathStep, *, must_exist: bool) -> str | int:
        """Return the key or index that a step names inside `here`."""
        where = f"'{join_path(path)}'" if path else "the config"
        if isinstance(here, list):
            return self._index(where, path, here, step)
        if not isinstance(here, dict):
            change = "~" if must_exist else f"={{{step.key}: ...}}"
            text = f"{where} is a single value, so there is no '{step.key}' inside it"
            raise self._error_at(step, text, f"change it as a whole: --set '{join_path(path)}{change}'")
        if step.key not in here and (must_exist or is_index(step.key)):
            hint = did_you_mean(step.key, here) or (f"it has: {', '.join(list(here)[:8])}" if here else None)
            raise self._error_at(step, f"{where} has no '{step.key}'", hint)
        return step.key

    def _index(self, where: str, path: Path, here: list[Any], step: PathStep) -> int:
        if not is_index(step.key):
            at = next((index for index, item in enumerate(here) if _is_part(item, step.key)), 0)
            inside = f".{step.key}" if here and _is_part(here[at], step.key) else " for its first item"
            text = f"{where} is a list; expected an index, received '{step.key}'"
            raise self._error_at(step, text, f"write {join_path((*path, at))}{inside}")
        index = int(step.key)
        if not -len(here) <= index < len(here):
            indexes = f"its indexes are 0 to {len(here) - 1}" if here else "it is empty"
            text = f"{where} has no item {index} ({indexes})"
            raise self._error_at(step, text, f"append with --set '{join_path(path)}+=...'")
        return index % len(here)

    def _create_mapping(self, here: dict[str, Any], path: Path, step: PathStep) -> None:
        here[str(path[-1])] = {}
        self.key_marks.setdefault(path, self._mark(step))
        self._change(path, self._mark(step))

    def _expand_word(self, here: Any, path: Path, step: PathStep) -> None:
        """Turn the word `Adam` into `{Adam: {}}`, where the next step is that word."""
        word = here[path[-1]]
        if word.lower() != step.key.lower():
            text = f"'{join_path(path)}' is '{word}', so there is no '{step.key}' inside it"
            raise self._error_at(step, text, f"write --set '{join_path(path)}={{{step.key}: ...}}' to replace it")
        here[path[-1]] = {step.key: None}
        self.key_marks[*path, step.key] = self._mark(step)
        self._change(path, self._mark(step))
        self.value_marks[*path, step.key] = self._mark(step)

    # Changing ---------------------------------------------------------------------------------------------------------

    def _set(self, steps: list[PathStep], value: tuple[YamlNode, SourceText], *, append: bool) -> None:
        path, here, step = self._parent(steps, create=True)
        key = self._locate(path, here, step, must_exist=False)
        path = (*path, key)
        node, source = value
        if isinstance(here, dict):
            self.key_marks.setdefault(path, self._mark(step))
        if append:
            held = here.get(key) if isinstance(here, dict) else here[key]
            if held is None:
                held = here[key] = []
                self._change(path, source.mark(node.start, node.end))
            elif not isinstance(held, list):
                text = f"'{join_path(path)}' is not a list, so nothing can be appended to it"
                raise self._error_at(step, text, f"write --set '{join_path(path)}=[...]' to replace it")
            here, path = held, (*path, len(held))
            here.append(None)
        self._forget(path)
        here[path[-1]] = to_data(node, source, path, self.value_marks, self.key_marks)
        self.changed |= {known for known in self.value_marks if known[: len(path)] == path}

    def _remove(self, steps: list[PathStep]) -> None:
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
        """Drop the marks of a value and of all values inside it (its own key's mark stays)."""
        for table in (self.value_marks, self.key_marks, self.provenance):
            for known in [known for known in table if known[: len(path)] == path]:
                if table is not self.key_marks or known != path:
                    del table[known]

    def _extend_provenance(self) -> None:
        """Add the new mark of every changed value to its earlier ones."""
        for path in self.changed:
            earlier = self.before.history(path) if path in self.before.value_marks else ()
            self.provenance[path] = (*earlier, self.value_marks[path])


def _close_gap(table: dict[Path, Any], path: Path, removed: int) -> None:
    """Move the entries of a list's later items up by one."""
    depth = len(path)
    moved = [known for known in table if len(known) > depth and known[:depth] == path and int(known[depth]) > removed]
    entries = {(*path, int(known[depth]) - 1, *known[depth + 1 :]): table.pop(known) for known in moved}
    table.update(entries)


def _is_part(item: Any, name: str) -> bool:
    """Return whether an item of a list is the part of that name, as a word or a mapping."""
    return item == name or (isinstance(item, dict) and name in item)
