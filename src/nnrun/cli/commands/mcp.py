"""`nnrun mcp`."""

from __future__ import annotations

from pathlib import Path

import click

from nnrun.cli import options


@click.command()
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The folder of configs and runs; nothing outside of it is read as one. Default: the current folder.",
)
@click.option(
    "--allow-smoke", is_flag=True, help="Offer smoke_train too, which trains on two batches and keeps nothing."
)
@options.runs_dir
@options.data_dir
def mcp(root: Path, allow_smoke: bool, runs_dir: Path, data_dir: Path | None) -> None:
    """Answer agents by the Model Context Protocol, on stdin and stdout.

    Tools check configs, explain words, and list, show and compare runs. They only read, unless --allow-smoke is given.
    Needs the extra mcp.

    \b
    nnrun mcp
    nnrun mcp --root experiments --allow-smoke
    """  # noqa: D301
    from nnrun.cli.mcp_server import AgentTools, serve_stdio

    data = None if data_dir is None else data_dir.resolve()
    serve_stdio(AgentTools(root.resolve(), (root / runs_dir).resolve(), data), allows_smoke=allow_smoke)
