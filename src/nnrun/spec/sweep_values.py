"""Check the values of a sweep: each alone must make a valid experiment of the config that it is put into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config import overrides
from nnrun.config.dump import dump_inline
from nnrun.errors import ConfigError, Problem
from nnrun.spec.experiment import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    for path, domain in (sweep.parameters or {}).items():
        place = ("sweep", "parameters", path)
        if isinstance(domain, list):
            values = [(value, document.mark((*place, index))) for index, value in enumerate(domain[:_MOST_VALUES])]
        else:
            values = [(domain[name], document.mark((*place, name))) for name in ("low", "high")]
        for value, mark in values:
            found = list(_problems(document, path, value, mark))
            yield from found
            if any(problem.mark != mark for problem in found):
                break  # the path is wrong, for every value


def _problems(document: Document, path: str, value: Any, mark: Mark) -> Iterator[Problem]:
    option = f"{path}={dump_inline(value)}"
    try:
        validate(overrides.apply(document, [option]))
    except ConfigError as error:
        for problem in error.problems:
            place = problem.mark
            if place is None or place.file != "--set":
                # The value has made another section wrong.
                yield Problem(mark, f"{option}: {problem.text} ({place})", problem.hint, problem.name)
            elif place.column <= len(path):
                key_mark = document.key_mark(("sweep", "parameters", path))
                yield Problem(key_mark, problem.text, problem.hint, problem.name)
            else:
                yield Problem(mark, problem.text, problem.hint, problem.name)
