"""`nnrun trust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.trust import Allowed
    from nnrun.runs.trusted_code import TrustedCode

#: Digits of a digest that are shown, and lines of a change.
_SHOWN_DIGITS, _SHOWN_LINES = 12, 40


@click.command()
@click.argument("config", required=False, shell_complete=completion.config)
@options.sets
@click.option("--list", "lists", is_flag=True, help="List the code that is allowed to run.")
@click.option("--remove", metavar="FILE|DIGEST", help="Allow code no more: all contents of a file, or a SHA-256.")
@options.as_json
def trust(config: str | None, *, sets: tuple[str, ...], lists: bool, remove: str | None, as_json: bool) -> None:
    """Allow the code that CONFIG names under `code:` to run.

    Allowed is its content as it is now: changed code is asked about again. Read the code before: it runs with all your
    rights. What is allowed is kept outside of projects and runs, for you alone. In scripts, name the files with --code,
    or set NNRUN_TRUST_CODE to their SHA-256, or to `all`.

    \b
    nnrun trust my.yaml
    nnrun trust --list
    nnrun trust --remove my_code.py
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.pipeline.trust import trust_config
    from nnrun.runs import trusted_code

    if sum((config is not None, lists, remove is not None)) != 1:
        raise click.UsageError("Expected a CONFIG, --list, or --remove with a file or a digest.")
    output = Output.stdout()
    if config is not None:
        allowed = trust_config(locate_config(config), sets)
        if as_json:
            named = [{"file": one.code.file, "sha256": one.code.sha256, "new": one.is_new} for one in allowed]
            print_json({"allowed": named})
            return
        for each in allowed:
            print_allowed(output, each)
        return
    found = trusted_code.list_trusted() if remove is None else trusted_code.remove(remove)
    if as_json:
        print_json({"allowed" if lists else "removed": [_as_json(one) for one in found]})
    elif found:
        print_trusted(output, found, removed=not lists)
    else:
        output.write_line("No code is allowed.")


def _as_json(one: TrustedCode) -> dict[str, str]:
    return {"file": one.file, "sha256": one.sha256, "allowed": one.allowed, "state": one.state()}


def print_allowed(output: Output, allowed: Allowed) -> None:
    """Print what a file defines that is allowed now, or what has changed in it."""
    from nnrun.formatting import format_count

    code = allowed.code
    if not allowed.is_new:
        output.write_line(output.shown(f"{code.file}: this content was allowed already"))
        return
    names = ", ".join(f"{entry.name} ({entry.category})" for entry in code.entries) or "nothing that a config can name"
    lines = format_count(len(code.content.splitlines()), "line")
    output.write_line(output.shown(f"{code.file}: allowed, {lines}, SHA-256 {code.sha256[:_SHOWN_DIGITS]}"))
    output.write_line(output.shown(f"  it defines {names}"))
    changes = allowed.changes()
    if changes and allowed.before is not None:
        output.write_line(f"  changed since {allowed.before.date}:")
    for line in changes[:_SHOWN_LINES]:
        output.write_lines([output.shown(f"    {line}")])
    if len(changes) > _SHOWN_LINES:
        output.write_line(f"    and {len(changes) - _SHOWN_LINES} more lines")


def print_trusted(output: Output, found: Sequence[TrustedCode], *, removed: bool) -> None:
    """Print a table of what is allowed, or is no more."""
    from nnrun.cli.terminal.output import Table, print_table

    rows = [[one.file, one.sha256[:_SHOWN_DIGITS], one.date, "removed" if removed else one.state()] for one in found]
    print_table(output, Table(("file", "sha256", "allowed", "state"), rows))
