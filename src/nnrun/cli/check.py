"""`nnrun check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        from nnrun.cli.problems import as_json

        return {
            "file": self.name,
            "ok": not self.count("error"),
            "problems": [as_json(problem) for problem in self.problems],
        }


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...", shell_complete=options.complete_config)
@click.option("--strict", is_flag=True, help="Warnings are errors: exit with 2.")
@options.sets
@options.data_dir
@options.quiet
@options.as_json
def check(
    *, files: tuple[str, ...], strict: bool, sets: tuple[str, ...], data_dir: Path | None, quiet: bool, as_json: bool
) -> int:
    """Say all that is wrong with configs, before time is spent.

    FILES are configs, folders of them, or names of configs that come with nnrun. Exits with 2 on any error.

    \b
    nnrun check my.yaml
    nnrun check configs --strict
    """  # noqa: D301
    checked = [examined(file, sets, data_dir) for word in files for file in walk(word)]
    failed = any(each.count("error") or (strict and each.count("warning")) for each in checked)
    if as_json:
        from nnrun.cli.screen import put_json

        totals = {
            f"{severity}s": sum(each.count(severity) for each in checked) for severity in ("error", "warning", "note")
        }
        put_json({"ok": not failed, **totals, "files": [each.as_json() for each in checked]})
    else:
        _tell(checked, quiet=quiet)
    return EXIT_REFUSED if failed else 0


def walk(word: str) -> Iterator[Path | Checked]:
    """Give the configs that a word means: a file, all of a folder, or a shipped one; or what is wrong with the word."""
    from nnrun.cli.configs import located

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


def examined(file: Path | Checked, sets: Sequence[str], data_dir: Path | None) -> Checked:
    """Check one config; what cannot be read is a finding too, so that the others are still checked."""
    from nnrun.pipeline.check import examine

    if isinstance(file, Checked):
        return file
    try:
        return Checked(str(file), examine(file, sets, data_dir).problems)
    except ConfigError as error:
        return Checked(str(file), error.problems)


def _tell(checked: Sequence[Checked], *, quiet: bool) -> None:
    from nnrun.cli.layout import put_paragraph
    from nnrun.cli.problems import put_problems
    from nnrun.cli.screen import Screen, visible
    from nnrun.config.render import count

    screen = Screen.out()
    for each in checked:
        put_problems(
            screen, [problem for problem in each.problems if not quiet or problem.severity != "note"], counted=False
        )
        if not quiet and not each.count("error"):
            others = f" ({count(each.problems)})" if each.problems else ""
            screen.put(f"{visible(each.name)}: {screen.style('ok', fg='green', bold=True)}{others}")
    every = [problem for each in checked for problem in each.problems]
    if not quiet and (len(checked) > 1 or any(problem.severity == "error" for problem in every)):
        of = f" in {len(checked)} configs" if len(checked) > 1 else ""
        put_paragraph(screen, f"{count(every)}{of}")
