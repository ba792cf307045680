"""The one door from an exception to an exit code: what is said, on which stream, and where a bug's traceback goes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nnrun import __version__
from nnrun.cli.terminal.layout import wrap
from nnrun.cli.terminal.screen import Screen, visible
from nnrun.errors import EXIT_BUG, EXIT_INTERRUPTED, ConfigError, DataError, DefectsError, NnrunError

if TYPE_CHECKING:
    from collections.abc import Callable


#: What a shell says of a program that a broken pipe ended: 128 + SIGPIPE.
EXIT_PIPE = 141
_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn", "pandas", "pyyaml", "click", "rich")


def enter(work: Callable[[], object], *, json: bool) -> int:
    """Do the work of a command and give its exit code, whatever happens.

    Args:
        work: The command; a number that it returns is its exit code.
        json: Whether errors are told as one JSON document on stdout.
    """
    try:
        return _worked(work, json=json)
    except BrokenPipeError:
        let_go_of_stdout()
        return EXIT_PIPE


def _worked(work: Callable[[], object], *, json: bool) -> int:
    try:
        result = work()
        Screen.out().flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the user gets words and a code
        return _tell(error, json=json)
    return result if type(result) is int else 0


def let_go_of_stdout() -> None:
    """Lead stdout nowhere, so that the interpreter's last flush cannot fail where nobody reads any more."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        return


@dataclass(frozen=True)
class Story:
    """What is told of an error.

    Attributes:
        text: What went wrong.
        code: The exit code.
        hint: What to type next.
    """

    text: str
    code: int
    hint: str | None = None


def describe_error(error: BaseException) -> Story:
    """Find the words and the exit code for an error; a bug's traceback is put into a file."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Story("interrupted", EXIT_INTERRUPTED)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        return Story(error.format_message(), error.exit_code, f"{context.command_path if context else 'nnrun'} --help")
    if isinstance(error, NnrunError):
        return Story(error.text, error.exit_code, error.hint)
    return Story(_keep_bug(error), EXIT_BUG)


def _tell(error: BaseException, *, json: bool) -> int:
    story = describe_error(error)
    notes: list[str] = getattr(error, "__notes__", [])
    if json:
        from nnrun.cli.terminal.screen import put_json

        put_json({"error": error_json(error, story, notes)})
        return story.code
    screen = Screen.err()
    if isinstance(error, ConfigError | DefectsError):
        from nnrun.cli.terminal.problems import put_problems

        put_problems(screen, error.problems)
    elif story.code == EXIT_INTERRUPTED:
        _put(screen, "", story.text)
    else:
        _put(screen, "error: ", story.text, fg="red", bold=True)
    if story.hint and not isinstance(error, DefectsError):
        _put(screen, "hint: ", story.hint, fg="cyan")
    for note in notes:
        _put(screen, "", note)
    return story.code


def _put(screen: Screen, head: str, text: str, **styles: Any) -> None:
    for number, line in enumerate(visible(text).split("\n")):
        before = "" if number else head
        for part in wrap(f"{before}{line}", screen.width, "    "):
            shown = f"{screen.style(before, **styles)}{part[len(before) :]}" if before else part
            screen.put(shown)
            before = ""


def error_json(error: BaseException, story: Story, notes: list[str]) -> dict[str, Any]:
    """Give an error as plain data for `--json`."""
    from nnrun.cli.terminal.problems import as_json

    found = error.problems if isinstance(error, ConfigError | DefectsError) else ()
    problems = [as_json(problem) for problem in found]
    place = {"file": error.file, "row": error.row, "column": error.column} if isinstance(error, DataError) else {}
    return {
        "type": "Interrupted" if story.code == EXIT_INTERRUPTED else type(error).__name__,
        "exit_code": story.code,
        "text": story.text,
        "hint": story.hint,
        "notes": notes,
        **place,
        "problems": problems,
    }


def _keep_bug(error: BaseException) -> str:
    """Write a bug's traceback and all versions into a file; give the one line for the screen."""
    import tempfile

    said = visible(f"{type(error).__name__}: {error}").split("\n")[0]
    try:
        descriptor, name = tempfile.mkstemp(prefix="nnrun-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(bug_report(error))
    except OSError as refusal:
        return f"a bug in nnrun: {said} (its traceback could not be kept: {refusal.strerror})"
    return f"a bug in nnrun: {said} (traceback and versions: {name})"


def bug_report(error: BaseException) -> str:
    """Give what a developer needs: the command, the versions, the traceback."""
    import platform
    import traceback

    lines = [
        f"command: {sys.argv}",
        f"nnrun {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(f"{package} {_version(package)}" for package in _PACKAGES),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
