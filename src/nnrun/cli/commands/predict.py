"""`nnrun predict`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.pipeline.evaluate import EvaluateResult


@click.command()
@options.run
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the CSV here instead of on the screen."
)
@options.checkpoint
@options.fold
@options.code
@options.trust_run
@options.runs_dir
@options.data_dir
@options.quiet
@options.as_json
def predict(  # noqa: PLR0913 - one for each option
    *,
    run: str,
    file: Path,
    out: Path | None,
    checkpoint: str,
    fold: int | None,
    code: tuple[Path, ...],
    trust_run: bool,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Predict the rows of a file with the model of a run.

    FILE is of the same form as the run's data, but needs no truth. The predictions are CSV.

    \b
    nnrun predict last new.csv --out predicted.csv
    """  # noqa: D301
    from nnrun.cli.options import require_place, write
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.evaluate import predict as ask
    from nnrun.progress import NullProgress

    if out is not None:
        require_place(out, "predictions.csv")
    with open_progress(quiet=quiet, json=as_json) as progress:
        question = EvaluateRequest(run, runs_dir, data_dir, checkpoint, code=code, trust_run=trust_run, fold=fold)
        answer = ask(question, file)
        if out is not None:
            write(out, _csv(answer))
            progress.say(f"{len(answer.rows):,} predictions in {out}")
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        warnings = progress.warnings if isinstance(progress, NullProgress) else []
        put_json(
            {
                "run": answer.folder.id,
                "folder": answer.folder.path,
                "checkpoint": checkpoint,
                "file": file,
                "out": out,
                "predictions": rows,
                "warnings": warnings,
            }
        )
    elif out is None:
        Screen.out().write(_csv(answer))


def _csv(answer: EvaluateResult) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return text.getvalue()
