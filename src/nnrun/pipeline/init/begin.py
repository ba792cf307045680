"""Write a first config for data of one's own, or copy one that comes with nnrun, and check it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.config import document as documents
from nnrun.config.files import find_config, shipped_configs
from nnrun.config.hints import did_you_mean
from nnrun.data.data_paths import DataPaths
from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.check import examine_document
from nnrun.pipeline.init.files import configs_of
from nnrun.pipeline.init.new_file import name_of, require_new, write_new
from nnrun.pipeline.init.shipped import copied_config, schema_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.errors import Problem
    from nnrun.pipeline.init.config_text import FirstConfig
    from nnrun.pipeline.init.request import Ask, InitRequest, Question


@dataclass(frozen=True)
class Begun:
    """A config that was written.

    Attributes:
        file: The config.
        problems: What `check` says about it.
        source: The name of its source.
        assumed: The questions that nobody answered, with what was taken and how to say otherwise.
        notes: What the user should know about the data.
    """

    file: Path
    problems: Sequence[Problem]
    source: str
    assumed: Sequence[tuple[Question, str]] = field(default=())
    notes: Sequence[str] = field(default=())


def begin(request: InitRequest, ask: Ask | None) -> Begun:
    """Write a first config, and check it.

    Args:
        request: What is asked for.
        ask: Answers questions; None takes the default of each.

    Raises:
        RunError: There is no such data file or config, or the config to write exists.
        DataError: The data cannot be used.
        ConfigError: A config that comes with nnrun cannot be read.
    """
    assumed: list[tuple[Question, str]] = []

    def answer(question: Question) -> str:
        if ask is not None:
            return ask(question)
        assumed.append((question, question.default))
        return question.default

    places = DataPaths(Path(), request.data_dir)
    found = places.find(request.word)
    if found is None or found.suffix in (".yaml", ".yml"):
        return _begin_with_shipped(request, found)
    out = require_new(request.out or Path(f"{name_of(found)}.yaml"))
    name = _config_name(found, out, request)
    configs = configs_of(found, name, name_of(out), request, answer)
    text, problems = _checked(configs, out, request.data_dir)
    write_new(out, text)
    return Begun(out, problems, configs[0].source, tuple(assumed), configs[0].notes)


def _begin_with_shipped(request: InitRequest, found: Path | None) -> Begun:
    """Copy a config that comes with nnrun."""
    source = find_config(request.word)
    if found is not None or not source.is_file():
        known = [*shipped_configs(), *_data_files()]
        hint = did_you_mean(request.word, known) or did_you_mean(Path(request.word).stem, known)
        what = "is a config already" if found is not None else "no data file, folder or config that comes with nnrun"
        hint = f"nnrun check {request.word}" if found is not None else hint or "nnrun init lists ways to begin"
        raise RunError(f"{request.word}: {what}", hint)
    if request.targets or request.task is not None:
        raise RunError(f"{request.word} is a config, which has its target already", "leave out --target and --task")
    out = require_new(request.out or Path(f"{Path(request.word).name}.yaml"))
    text = copied_config(source, out)
    examined = examine_document(documents.parse(text, out), out, request.data_dir)
    write_new(out, text)
    return Begun(out, examined.problems, examined.experiment.data.source.name)


def _data_files() -> list[str]:
    """Return the names in the current folder."""
    try:
        return sorted(path.name for path in Path().iterdir())
    except OSError:
        return []


def _checked(configs: Sequence[FirstConfig], out: Path, data_dir: Path | None) -> tuple[str, Sequence[Problem]]:
    """Return the text of the first config that `check` has nothing against, else of the first, with its problems."""
    checked = []
    for config in configs:
        text = schema_line(out) + config.text(out.name)
        try:
            problems: Sequence[Problem] = examine_document(documents.parse(text, out), out, data_dir).problems
        except ConfigError as error:
            problems = error.problems
        if not any(problem.severity != "note" for problem in problems):
            return text, problems
        checked.append((text, problems))
    return min(checked, key=lambda one: sum(problem.severity == "error" for problem in one[1]))


def _config_name(found: Path, out: Path, request: InitRequest) -> str:
    """Return how a config in `out` names a data file: as the user did where it lies in the data folder."""
    if not (Path(request.word).is_absolute() or Path(request.word).exists()):
        return request.word
    folder = out.absolute().parent
    if Path(request.word).is_absolute() and not found.resolve().is_relative_to(folder.resolve()):
        return request.word
    return os.path.relpath(found.absolute(), folder).replace(os.sep, "/")
