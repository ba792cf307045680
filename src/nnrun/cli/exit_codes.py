"""From an exception to an exit code: the message, the stream it is written to, and the file of a bug's traceback."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nnrun import __version__, interruption
from nnrun.cli.terminal.language import label, translated
from nnrun.cli.terminal.output import Output, discard_stdout, print_after, print_labeled
from nnrun.errors import (
    EXIT_BUG,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    ConfigError,
    DataError,
    DefectsError,
    NnrunError,
    is_of_the_system,
)

if TYPE_CHECKING:
    from collections.abc import Callable


#: The exit code that a shell reports for a program that was ended by a broken pipe: 128 + SIGPIPE.
EXIT_PIPE = 141
_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn", "pandas", "pyyaml", "click", "rich")


def run_command(command: Callable[[], object], *, json: bool) -> int:
    """Run a command and return its exit code; every error is printed.

    Args:
        command: The command; an integer that it returns is its exit code.
        json: Whether errors are printed as one JSON document on stdout.
    """
    try:
        try:
            result = command()
            Output.stdout().flush()
        except click.exceptions.Exit as end:
            return end.exit_code
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the user gets a message for every error
            return _print_error(error, json=json)
    except BrokenPipeError:  # also where the error itself could not be printed
        discard_stdout()
        return EXIT_PIPE
    return result if type(result) is int else 0


@dataclass(frozen=True)
class ErrorMessage:
    """What the user reads of an error.

    Attributes:
        text: What went wrong.
        code: The exit code.
        hint: What to type next.
    """

    text: str
    code: int
    hint: str | None = None


def describe_error(error: BaseException) -> ErrorMessage:
    """Return the message and exit code of an error; a bug's traceback is written into a file."""
    if isinstance(error, interruption.StopRequestedError):
        return ErrorMessage("interrupted" if error.status == "interrupted" else error.reason, error.exit_code)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return ErrorMessage("interrupted", EXIT_INTERRUPTED)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f"{context.command_path if context else 'nnrun'} --help"
        return ErrorMessage(error.format_message(), error.exit_code, hint)
    if isinstance(error, NnrunError):
        return ErrorMessage(error.text, error.exit_code, error.hint)
    if isinstance(error, OSError) and is_of_the_system(error):
        where = "" if error.filename is None else f"{error.filename}: "
        return ErrorMessage(
            f"{where}the system refuses: {error.strerror}", EXIT_FAILED, "remove the cause, and run it again"
        )
    return ErrorMessage(_save_traceback(error), EXIT_BUG)


def _print_error(error: BaseException, *, json: bool) -> int:
    message = describe_error(error)
    notes: list[str] = getattr(error, "__notes__", [])
    if json:
        from nnrun.cli.terminal.output import print_json

        # If the document cannot be written either, the exit code and a line on stderr are what is left.
        with suppress(NnrunError):
            print_json({"error": _error_as_json(error, message, notes)})
            Output.stdout().flush()
            return message.code
    output = Output.stderr()
    if isinstance(error, ConfigError | DefectsError):
        from nnrun.cli.terminal.problems import print_problems

        print_problems(output, error.problems)
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        output.write_line(label(message.text))
    else:
        print_labeled(output, "error", message.text, fg="red", bold=True)
    if message.hint and not isinstance(error, DefectsError):
        print_labeled(output, "hint", message.hint, fg="cyan")
    for note in notes:
        print_after(output, "", "", translated(note))
    return message.code


def _error_as_json(error: BaseException, message: ErrorMessage, notes: list[str]) -> dict[str, Any]:
    from nnrun.cli.terminal.problems import problem_as_json

    problems = error.problems if isinstance(error, ConfigError | DefectsError) else ()
    place = {"file": error.file, "row": error.row, "column": error.column} if isinstance(error, DataError) else {}
    return {
        "type": "Interrupted" if isinstance(error, KeyboardInterrupt | click.Abort) else type(error).__name__,
        "exit_code": message.code,
        "text": message.text,
        "hint": message.hint,
        "notes": notes,
        **place,
        "problems": [problem_as_json(problem) for problem in problems],
    }


def _save_traceback(error: BaseException) -> str:
    """Write a bug's traceback and all versions into a file; return the one line for the screen."""
    import tempfile

    text = f"{type(error).__name__}: {error}".split("\n")[0]
    try:
        descriptor, name = tempfile.mkstemp(prefix="nnrun-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_bug_report(error))
    except OSError as refusal:
        return f"a bug in nnrun: {text} (its traceback could not be saved: {refusal.strerror})"
    return f"a bug in nnrun: {text} (traceback and versions: {name})"


def _bug_report(error: BaseException) -> str:
    """Return what a developer needs: the command, the versions, the traceback."""
    import platform
    import traceback
    from importlib import metadata

    from nnrun.runs.secrets import arguments_without_secrets

    def version(package: str) -> str:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return "absent"

    lines = [
        f"command: {arguments_without_secrets(sys.argv)}",
        f"nnrun {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)
