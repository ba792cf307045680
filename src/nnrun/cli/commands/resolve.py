"""`nnrun resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.config
@options.sets
@options.knows_code
@options.data_dir
@options.as_json
def resolve(config: str, sets: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Print a config with everything said out.

    What it extends is merged in, --set is applied, every default and path is there. The output is a config too.

    \b
    nnrun resolve my.yaml
    nnrun resolve digits_mlp --set training.epochs=3 > mine.yaml
    """  # noqa: D301
    from nnrun.cli.commands.configs import located
    from nnrun.cli.terminal.problems import put_problems
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.config.dump import dump
    from nnrun.pipeline.check import examine, resolve_config

    examined = examine(located(config), sets, data_dir)
    said = resolve_config(examined)
    if as_json:
        put_json(said)
    else:
        screen = Screen.out()
        screen.put("# Made by nnrun: what the config extends, every --set, default and path said out.")
        screen.put(dump(said).rstrip("\n"))
    wrong = [problem for problem in examined.problems if problem.severity == "error"]
    if wrong:
        put_problems(Screen.err(), wrong)
    return EXIT_REFUSED if wrong else 0
