"""`nnrun lab`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("word", metavar="RUN|CONFIG", shell_complete=completion.run)
@options.output_file("run.ipynb", "The notebook to write. Default: named after the run or config, in this folder.")
@options.runs_dir
@options.as_json
def lab(*, word: str, out: Path | None, runs_dir: Path, as_json: bool) -> None:
    """Write a notebook that starts with a run, or with a config.

    It loads the run, or checks and trains the config, and shows metrics, a plot, scores and predictions. Open it in
    Jupyter, in an environment that has nnrun. A file that exists is not replaced. A name that a shipped config and a
    run both have is the config's.

    \b
    nnrun lab last
    nnrun lab iris --out iris.ipynb
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.pipeline.lab import write_notebook

    found = write_notebook(word, runs_dir, out)
    if as_json:
        print_json(found.as_json())
        return
    output = Output.stdout()
    output.write_line(output.shown(str(found.file)))
