"""`nnrun agent-docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The shipped config that the page shows, and the steps of preparation that it names.
_CONFIG = "smoke/iris"
_STEPS = ("StandardScaler", "OneHotEncoder", "SimpleImputer", "TextVectorization", "Rescale", "Reshape")


@click.command("agent-docs")
def agent_docs() -> None:
    """Print one page for programs and agents that use nnrun.

    It says how a config is written, checked, trained and read again, what the commands print with --json, and what
    their exit codes mean.

    \b
    nnrun agent-docs
    nnrun agent-docs > AGENTS.md
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output

    context = click.get_current_context()
    Output.stdout().write(page(context.find_root().command))


def page(root: click.Command) -> str:
    """Return the page, with the commands of the command line `root`."""
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    from nnrun import __version__, errors
    from nnrun.catalog import lookup
    from nnrun.config.files import shipped_configs

    config = shipped_configs()[_CONFIG].read_text(encoding="utf-8")
    fields = {
        "version": __version__,
        "config": "\n".join(line for line in config.splitlines() if not line.startswith("#")).strip(),
        "sources": ", ".join(f"`{name}`" for name in sorted(lookup.names("sources"))),
        "preparation": ", ".join(f"`{name}`" for name in _STEPS),
        "commands": list(_commands("nnrun", root)),
        "failed": errors.EXIT_FAILED,
        "refused": errors.EXIT_REFUSED,
        "bug": errors.EXIT_BUG,
        "preempted": errors.EXIT_PREEMPTED,
        "interrupted": errors.EXIT_INTERRUPTED,
    }
    template = files("nnrun.cli").joinpath("agent_docs.md.j2").read_text(encoding="utf-8")
    # A page of Markdown: nothing is escaped, and every value is nnrun's own.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(template).render(fields) + "\n"  # noqa: S701


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Yield the name and the one line of each command below this one."""
    if not isinstance(command, click.Group):
        yield name, command.get_short_help_str(200)
        return
    for word, inner in command.commands.items():
        if not inner.hidden:
            yield from _commands(f"{name} {word}", inner)
