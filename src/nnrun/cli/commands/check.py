"""`nnrun check`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.errors import EXIT_REFUSED, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.user_code import UserCode


@dataclass(frozen=True)
class Checked:
    """One config, checked.

    Attributes:
        name: The file as the user named it.
        problems: What was found.
    """

    name: str
    problems: tuple[Problem, ...]

    def count(self, severity: str) -> int:
        """Count the problems of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def without_notes(self) -> Checked:
        """Leave out what is only a note."""
        return replace(self, problems=tuple(problem for problem in self.problems if problem.severity != "note"))

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        from nnrun.cli.terminal.problems import as_json

        return {
            "file": self.name,
            "ok": not self.count("error"),
            "problems": [as_json(problem) for problem in self.problems],
        }


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...", shell_complete=completion.config)
@click.option("--strict", is_flag=True, help="Warnings are errors: exit with 2.")
@click.option("--build", is_flag=True, help="Let Keras decide what the rules leave undecided.")
@options.sets
@options.code
@options.data_dir
@options.quiet
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="For people, for scripts, for GitHub's workflows, or SARIF 2.1.0.",
)
@options.as_json
def check(  # noqa: PLR0913 - one for each option
    *,
    files: tuple[str, ...],
    strict: bool,
    build: bool,
    sets: tuple[str, ...],
    code: tuple[Path, ...],
    data_dir: Path | None,
    quiet: bool,
    form: str,
    as_json: bool,
) -> int:
    """Say all that is wrong with configs, before time is spent.

    FILES are configs, folders of them, or names of configs that come with nnrun. Exits with 2 on any error.

    \b
    nnrun check my.yaml
    nnrun check configs --strict
    """  # noqa: D301
    with _known(code) as codes:
        checked = [examined(file, sets, data_dir, build=build, codes=codes) for word in files for file in walk(word)]
    failed = any(each.count("error") or (strict and each.count("warning")) for each in checked)
    shown = [each.without_notes() for each in checked] if quiet else checked
    if as_json or form == "json":
        _put_json(checked, failed=failed)
    elif form == "text":
        _tell(shown, quiet=quiet)
    else:
        _put_for_machines(shown, form)
    return EXIT_REFUSED if failed else 0


@contextmanager
def _known(files: Sequence[Path]) -> Iterator[Sequence[UserCode]]:
    if not files:
        yield ()
        return
    from nnrun.pipeline.user_code import register_code

    with register_code(files) as codes:
        yield codes


def wants_json(words: Sequence[str]) -> bool:
    """Tell whether a command line asks for JSON, so that its errors are JSON too."""
    return "--json" in words or "--format=json" in words or ("--format", "json") in pairwise(words)


def _put_json(checked: Sequence[Checked], *, failed: bool) -> None:
    from nnrun.cli.terminal.screen import put_json

    totals = {
        f"{severity}s": sum(each.count(severity) for each in checked) for severity in ("error", "warning", "note")
    }
    put_json({"ok": not failed, **totals, "files": [each.as_json() for each in checked]})


def _put_for_machines(checked: Sequence[Checked], form: str) -> None:
    from nnrun.cli.terminal.formats import github, sarif
    from nnrun.cli.terminal.screen import Screen, put_json

    if form == "sarif":
        put_json(sarif(checked))
        return
    for line in github(checked):
        Screen.out().put(line)


def walk(word: str) -> Iterator[Path | Checked]:
    """Give the configs that a word means: a file, all of a folder, or a shipped one; or what is wrong with the word."""
    from nnrun.cli.commands.configs import located

    path = Path(word)
    if path.is_dir():
        found = sorted(inner for inner in path.rglob("*.yaml") if inner.is_file())
        none = Problem(
            None, f"{word}: the folder holds no *.yaml files", "nnrun configs lists those that come with nnrun"
        )
        yield from found
        if not found:
            yield Checked(word, (none,))
        return
    try:
        yield located(word)
    except ConfigError as error:
        yield Checked(word, error.problems)


def examined(
    file: Path | Checked,
    sets: Sequence[str],
    data_dir: Path | None,
    *,
    build: bool = False,
    codes: Sequence[UserCode] = (),
) -> Checked:
    """Check one config; what cannot be read is a finding too, so that the others are still checked."""
    from nnrun.pipeline.check import examine

    if isinstance(file, Checked):
        return file
    if build:
        from nnrun.pipeline.check import check_with_keras
    try:
        found = examine(file, sets, data_dir)
        return Checked(str(file), (check_with_keras(found, codes) if build else found).problems)
    except ConfigError as error:
        return Checked(str(file), error.problems)


def _tell(checked: Sequence[Checked], *, quiet: bool) -> None:
    from nnrun.cli.terminal.layout import put_paragraph
    from nnrun.cli.terminal.problems import put_problems
    from nnrun.cli.terminal.screen import Screen, visible
    from nnrun.config.render import count_problems

    screen = Screen.out()
    for each in checked:
        put_problems(screen, each.problems, counted=False)
        if not quiet and not each.count("error"):
            others = f" ({count_problems(each.problems)})" if each.problems else ""
            screen.put(f"{visible(each.name)}: {screen.style('ok', fg='green', bold=True)}{others}")
    every = [problem for each in checked for problem in each.problems]
    if not quiet and (len(checked) > 1 or any(problem.severity == "error" for problem in every)):
        of = f" in {len(checked)} configs" if len(checked) > 1 else ""
        put_paragraph(screen, f"{count_problems(every)}{of}")
