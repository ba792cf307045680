"""Check the values of a sweep: each alone must make a valid experiment of the config that it is put into."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from nnrun.config import overrides
from nnrun.config.dotted import split_path
from nnrun.config.dump import dump_inline
from nnrun.errors import ConfigError, Problem
from nnrun.spec.experiment import validate
from nnrun.spec.sweep import parents, takes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.config.document import Document
    from nnrun.errors import Mark
    from nnrun.spec.sweep import SweepSpec

#: More values of one parameter are examined no further; they are checked again when they are trained.
_MOST_VALUES = 1000


def value_problems(document: Document, sweep: SweepSpec) -> Iterator[Problem]:
    """Yield an error for each path and value that the config does not take, at its place in the section `sweep:`.

    Args:
        document: The config, which is a valid experiment.
        sweep: Its section.
    """
    parameters = sweep.parameters or {}
    above, wrong = parents(parameters), set[str | None]()
    for path in sorted(parameters, key=lambda one: len(split_path(one))):
        if above[path] in wrong:
            wrong.add(path)  # the errors of what it is a part of come first
            continue
        found = list(_of_parameter(document, parameters, above, path))
        wrong |= {path} if found else set()
        yield from found


def _of_parameter(
    document: Document, parameters: Mapping[str, Any], above: Mapping[str, str | None], path: str
) -> Iterator[Problem]:
    contexts, parent = list(islice(_contexts(parameters, above, path), _MOST_VALUES)), above[path]
    place, key_mark = ("sweep", "parameters", path), document.key_mark(("sweep", "parameters", path))
    if not contexts and parent is not None:
        name = split_path(path)[len(split_path(parent))]
        hint = f"add {name} to the values of '{parent}', or leave out '{path}'"
        yield Problem(key_mark, f"no value of '{parent}' is '{name}', so no trial has '{path}'", hint)
        return
    domain = parameters[path]
    if isinstance(domain, list):
        values = [(value, document.mark((*place, index))) for index, value in enumerate(domain)]
    else:
        values = [(domain[name], document.mark((*place, name))) for name in ("low", "high")]
    most = max(1, _MOST_VALUES // len(contexts))
    for context in contexts:
        base = overrides.apply(document, context)
        for value, mark in values[:most]:
            found = list(_problems(base, path, value, mark, key_mark))
            yield from found
            if found and (context != contexts[-1] or any(problem.mark != mark for problem in found)):
                return  # the path is wrong, for every value; or the same errors would come in other contexts


def _contexts(parameters: Mapping[str, Any], above: Mapping[str, str | None], path: str) -> Iterator[tuple[str, ...]]:
    """Yield the options that give the parameters above a path values which have what it names."""
    parent = above[path]
    if parent is None:
        yield ()
        return
    rest = split_path(path)[len(split_path(parent)) :]
    values = parameters[parent] if isinstance(parameters[parent], list) else []
    for context in _contexts(parameters, above, parent):
        yield from ((*context, f"{parent}={dump_inline(value)}") for value in values if takes(value, rest))


def _problems(document: Document, path: str, value: Any, mark: Mark, key_mark: Mark) -> Iterator[Problem]:
    option = f"{path}={dump_inline(value)}"
    try:
        validate(overrides.apply(document, [option]))
    except ConfigError as error:
        for problem in error.problems:
            place = problem.mark
            if place is None or place.file != overrides.FILE or place.text != option:
                # The value has made another section wrong.
                yield Problem(mark, f"{option}: {problem.text} ({place})", problem.hint, problem.name)
            elif place.column <= len(path):
                yield Problem(key_mark, problem.text, problem.hint, problem.name)
            else:
                yield Problem(mark, problem.text, problem.hint, problem.name)
