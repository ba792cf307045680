"""Secrets that `--set` puts into a config: a run folder keeps none of them, and what goes on with it gets them again.

A value is a secret by the rule of `nnrun.runs.secrets`: by its name (`password`, below `credentials`), or by its form
(a key of a known service, name and password in an address). What a config file itself says is the user's own text, and
stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.config import overrides
from nnrun.config.dotted import join_path
from nnrun.errors import ConfigError, Problem, RunError
from nnrun.runs.secrets import LEFT_OUT, find_by_form, has_secret_name, leave_out_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.config.document import Document
    from nnrun.errors import Path


@dataclass
class GivenSecrets:
    """The secrets of a command line.

    Attributes:
        named: Values that stand below the name of a secret, as texts.
        parts: Texts that are secrets by their form, also inside of longer ones.
    """

    named: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)

    def leave_out(self, value: Any, *, named: bool = False) -> Any:
        """Return plain data without the secrets.

        Args:
            value: The data.
            named: Whether they stand below the name of a secret.
        """
        if isinstance(value, dict):
            return {key: self.leave_out(item, named=named or has_secret_name(str(key))) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.leave_out(item, named=named) for item in value]
        if named and _is_value(value) and str(value) in self.named:
            return LEFT_OUT
        if isinstance(value, str):
            for part in sorted(self.parts, key=len, reverse=True):
                value = value.replace(part, LEFT_OUT)
        return value


def find_given(document: Document) -> GivenSecrets:
    """Return the secrets that a config has of the command line; no later message or log of this process has them."""
    found = GivenSecrets()
    for path, value in _leaves(document.data):
        mark = document.value_marks.get(path)
        if mark is None or mark.file != overrides.FILE or not _is_value(value) or LEFT_OUT in str(value):
            continue
        if any(has_secret_name(str(key)) for key in path):
            found.named.add(str(value))
        if isinstance(value, str):
            found.parts.update(find_by_form(value))
    leave_out_values(found.named | found.parts)
    return found


def require_no_secrets(document: Document, keeper: str) -> None:
    """Check that a config has no secret of the command line, where something would have to keep it.

    Args:
        document: The config.
        keeper: What would have to keep it, such as `a queue`.

    Raises:
        RunError: It has one.
    """
    given = find_given(document)
    if given.named or given.parts:
        raise secret_refused("--set", keeper)


def secret_refused(where: str, keeper: str) -> RunError:
    """Return the error of a secret that cannot be kept.

    Args:
        where: What gives it.
        keeper: What would have to keep it.
    """
    text = f"{where} gives a secret, and {keeper} keeps none: it would be on disk from now on"
    return RunError(text, "write it into the config file, or run nnrun train")


def require_given(document: Document) -> None:
    """Check that a config of a run folder has everything that was left out of it.

    Raises:
        ConfigError: Something has to be given again; with what to type.
    """
    problems = [
        Problem(
            document.mark(path),
            f"'{join_path(path)}' was given on the command line, and run folders keep no secrets",
            f"give it again: --set '{join_path(path)}=...'",
        )
        for path in _left_out(document)
    ]
    if problems:
        raise ConfigError(problems)


def given_again(document: Document, sets: Sequence[str]) -> tuple[str, ...]:
    """Return those `--set` options that give again what was left out of the config of a run folder."""
    missing = _left_out(document)
    found: list[str] = []
    for option in sets if missing else ():
        try:
            if len(_left_out(overrides.apply(document, [option]))) < len(missing):
                found.append(option)
        except ConfigError:
            continue
    return tuple(found)


def give_again(document: Document, sets: Sequence[str]) -> Document:
    """Return the config of a run folder with the secrets that were left out of it, and without any other change.

    Raises:
        ConfigError: An option cannot be applied.
        RunError: An option changes something else.
    """
    changed = overrides.apply(document, sets)
    others = [option for option in sets if option not in given_again(document, sets)]
    if others:
        text = f"--set {others[0]}: only a secret can be set here that the run folder does not keep"
        raise RunError(text, "begin a run of its own with another config: nnrun fork RUN --set ...")
    find_given(changed)
    return changed


def _left_out(document: Document) -> list[Path]:
    return [path for path, value in _leaves(document.data) if isinstance(value, str) and LEFT_OUT in value]


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict | list):
        items: Any = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _is_value(value: Any) -> bool:
    return value is not None and not isinstance(value, bool)
