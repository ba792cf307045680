"""`nnrun resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.examined_config
def resolve(config: str, sets: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Print a config with every default and path filled in.

    What the config extends is merged in, and --set is applied. The output is a config itself.

    \b
    nnrun resolve my.yaml
    nnrun resolve digits_mlp --set training.epochs=3 > mine.yaml
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.problems import print_problems
    from nnrun.config.dump import dump
    from nnrun.pipeline.check import examine, resolve_config

    examined = examine(locate_config(config), sets, data_dir)
    resolved = resolve_config(examined)
    if as_json:
        print_json(resolved)
    else:
        output = Output.stdout()
        output.write_lines(["# Written by nnrun resolve: with what the config extends, every --set, default and path."])
        output.write_lines([output.shown(dump(resolved).rstrip("\n"))])
    errors = [problem for problem in examined.problems if problem.severity == "error"]
    if errors:
        print_problems(Output.stderr(), errors)
    return EXIT_REFUSED if errors else 0
