"""`nnrun predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nnrun.cli import options
from nnrun.formatting import csv_text


@click.command()
@options.run
@click.argument("file", type=click.Path(path_type=Path))
@options.output_file("predictions.csv", "Write the CSV to this file instead of stdout.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write predictions that are pictures, such as masks, as PNG files into this folder.",
)
@options.model
@options.beam_width
@options.folders
def predict(*, file: Path, out: Path | None, pictures: Path | None, quiet: bool, as_json: bool, **request: Any) -> None:
    """Predict the rows of a file with the model of a run.

    FILE has the same form as the run's data, but needs no target. The predictions are CSV.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun predict last new.csv --out predicted.csv
    nnrun predict last photos/ --pictures masks/ --out predicted.csv
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.formatting import format_count
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.evaluate import predict as predict_file
    from nnrun.runs.find import run_as_json, warn_if_unfinished

    with open_progress(quiet=quiet, json=as_json) as progress:
        result = predict_file(EvaluateRequest(**request), file, progress, pictures)
        warn_if_unfinished(result.folder, progress)
        if out is not None:
            options.write_output_file(out, csv_text(result.columns, result.rows))
            progress.say(f"{format_count(len(result.rows), 'prediction')} in {out}")
    if as_json:
        document = {**run_as_json(result.folder), "checkpoint": request["checkpoint"]}
        rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
        print_json({**document, "file": file, "out": out, "predictions": rows, "warnings": progress.warnings})
    elif out is None:
        output = Output.stdout()
        output.write(output.shown(csv_text(result.columns, result.rows)))
