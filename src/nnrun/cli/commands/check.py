"""`nnrun check`."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options
from nnrun.cli.terminal.problems import CheckedFile
from nnrun.errors import EXIT_REFUSED, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...", shell_complete=completion.config)
@click.option("--strict", is_flag=True, help="Treat warnings as errors: exit with 2.")
@click.option("--build", is_flag=True, help="Build the model with Keras where the rules alone cannot decide.")
@click.option(
    "--fix",
    "is_fixing",
    is_flag=True,
    help="Mend what a hint names the one right value or key for, show what changes, and ask before it is written.",
)
@click.option("--yes", "-y", is_flag=True, help="Write what --fix changes without asking.")
@options.sets
@options.code
@options.data_dir
@options.runs_dir
@options.quiet
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="The output format: for people, for scripts, for GitHub's workflows, or SARIF 2.1.0.",
)
@options.as_json
def check(
    *,
    files: tuple[str, ...],
    strict: bool,
    build: bool,
    is_fixing: bool,
    yes: bool,
    sets: tuple[str, ...],
    code: tuple[Path, ...],
    data_dir: Path | None,
    runs_dir: Path,
    quiet: bool,
    form: str,
    as_json: bool,
) -> int:
    """Find everything that is wrong with configs.

    Nothing is trained. FILES are configs, folders of configs, or names of configs that come with nnrun. Exits with 2
    on any error.

    \b
    nnrun check my.yaml
    nnrun check configs --strict
    nnrun check my.yaml --fix
    """  # noqa: D301
    from nnrun.pipeline.user_code import register_code

    is_text = form == "text" and not as_json
    if is_fixing and not (yes or is_text):
        raise click.UsageError("With --fix, another format than text needs --yes: it cannot ask.")
    # Files that cannot be used are refused once, whatever the number of configs.
    with register_code(code):
        found = [each for word in files for each in find_configs(word)]
        for each in found if is_fixing else ():
            _mend(each, data_dir, runs_dir, yes=yes, shows=is_text and not quiet)
        checked = [check_config(each, sets, data_dir, runs_dir, build=build, code=code) for each in found]
    failed = any(each.count("error") or (strict and each.count("warning")) for each in checked)
    shown = [each.without_notes() for each in checked] if quiet else checked
    if as_json or form == "json":
        _print_json(checked, failed=failed)
    elif form == "text":
        _print_text(shown, quiet=quiet)
    else:
        _print_format(shown, form)
    return EXIT_REFUSED if failed else 0


def wants_json(words: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON, so that its errors are JSON too."""
    return "--json" in words or "--format=json" in words or ("--format", "json") in pairwise(words)


def find_configs(word: str) -> Iterator[Path | CheckedFile]:
    """Yield the configs that a word names: a file, all of a folder, or a shipped one; or the error where none is."""
    from nnrun.cli.commands.configs import locate_config

    path = Path(word)
    if path.is_dir():
        found = sorted(inner for inner in path.rglob("*.yaml") if inner.is_file())
        yield from found
        if not found:
            hint = "nnrun configs lists those that come with nnrun"
            yield CheckedFile(word, (Problem(None, f"{word}: the folder has no *.yaml files", hint),))
        return
    try:
        yield locate_config(word)
    except ConfigError as error:
        yield CheckedFile(word, error.problems)


def check_config(
    file: Path | CheckedFile,
    sets: Sequence[str],
    data_dir: Path | None,
    runs_dir: Path | None = None,
    *,
    build: bool = False,
    code: Sequence[Path] = (),
) -> CheckedFile:
    """Check one config; a file that cannot be read is a problem too, so that the others are still checked."""
    from nnrun.pipeline.check import check_with_keras, examine
    from nnrun.pipeline.user_code import register_code

    if isinstance(file, CheckedFile):
        return file
    try:
        with register_code(code, file, sets) as codes:
            found = examine(file, sets, data_dir, runs_dir)
            return CheckedFile(str(file), (check_with_keras(found, codes) if build else found).problems)
    except ConfigError as error:
        return CheckedFile(str(file), error.problems)


def _mend(file: Path | CheckedFile, data_dir: Path | None, runs_dir: Path, *, yes: bool, shows: bool) -> None:
    """Show what can be mended in a config, and write it where the user agrees; a shipped config stays as it is."""
    from nnrun.cli.terminal.language import translated
    from nnrun.cli.terminal.output import Output
    from nnrun.config.files import shipped_folder
    from nnrun.formatting import format_count, visible
    from nnrun.pipeline.fix import fix_config, write_fixed

    if isinstance(file, CheckedFile) or not file.is_file() or file.is_relative_to(shipped_folder()):
        return
    output = Output.stdout()
    fixed = fix_config(file, data_dir, runs_dir)
    if not fixed.mended:
        return
    for line in fixed.diff() if shows or not yes else ():
        color = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        output.write_lines([output.style(visible(line), fg=color) if color else visible(line)])
    count = format_count(len(fixed.mended), "finding")
    if not yes and sys.stdin.isatty() and output.is_terminal:
        yes = click.confirm(translated(f"Write this to {output.shown(str(file))}? It mends {count}"), default=False)
    elif not yes:
        output.write_line(f"{output.shown(str(file))}: not written; add --yes to write it ({count})")
    if yes:
        write_fixed(fixed)
        if shows:
            output.write_line(f"{output.shown(str(file))}: {count} mended")


def _print_json(checked: Sequence[CheckedFile], *, failed: bool) -> None:
    from nnrun.cli.terminal.output import print_json

    severities = ("error", "warning", "note")
    totals = {f"{severity}s": sum(each.count(severity) for each in checked) for severity in severities}
    print_json({"ok": not failed, **totals, "files": [each.as_json() for each in checked]})


def _print_format(checked: Sequence[CheckedFile], form: str) -> None:
    from nnrun.cli.terminal.formats import github_commands, sarif_log
    from nnrun.cli.terminal.output import Output, print_json

    if form == "sarif":
        print_json(sarif_log(checked))
        return
    output = Output.stdout()
    output.write_lines(map(output.shown, github_commands(checked)))


def _print_text(checked: Sequence[CheckedFile], *, quiet: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_paragraph
    from nnrun.cli.terminal.problems import print_problems
    from nnrun.config.render import count_problems

    output = Output.stdout()
    for each in checked:
        print_problems(output, each.problems, counted=False)
        if not quiet and not each.count("error"):
            others = f" ({count_problems(each.problems)})" if each.problems else ""
            output.write_line(f"{output.shown(each.name)}: {output.style('ok', fg='green', bold=True)}{others}")
    problems = [problem for each in checked for problem in each.problems]
    if not quiet and (len(checked) > 1 or any(each.count("error") for each in checked)):
        files = f" in {len(checked)} configs" if len(checked) > 1 else ""
        print_paragraph(output, f"{count_problems(problems)}{files}")
