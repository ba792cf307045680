"""`nnrun card`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.run
@options.output_file("MODEL_CARD.md", "The file to write. Default: MODEL_CARD.md in the run folder.")
@click.option("--force", is_flag=True, help="Replace the file, even if it was edited.")
@options.runs_dir
@options.as_json
def card(*, run: str, out: Path | None, force: bool, runs_dir: Path, as_json: bool) -> None:
    """Write a model card of a finished run.

    The card is Markdown with the metadata that Hugging Face's hub reads: model, data and their licence, training,
    scores with 95 % intervals, limits, and how to reproduce the run. It is made from the run folder alone. What the
    folder does not know, such as the intended use, is left as a line to fill in. A card that somebody edited is not
    replaced.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun card last
    nnrun card last --out README.md
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.report.card import write_card
    from nnrun.runs.find import find, run_as_json

    folder = find(runs_dir, run)
    path, made = write_card(folder, out, force=force)
    if as_json:
        document = {"card": path, "metadata": made.metadata, "limits": made.limits, "to_fill_in": made.missing}
        print_json({**run_as_json(folder), **document})
        return
    output = Output.stdout()
    output.write_line(output.shown(str(path)))
    # On standard error: --out may be standard output.
    Output.stderr().write_line(f"To fill in: {len(made.missing)} lines; grep 'to fill in' finds them.")
