"""`nnrun export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.options import FolderPath

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS = ("saved_model", "onnx", "litert", "openvino", "weights", "python")


@click.command()
@options.run
@click.option("--to", "form", required=True, type=click.Choice(_FORMATS), help="The format.")
@click.option(
    "--out", type=FolderPath(), metavar="FOLDER", help="The folder to write. Default: NAME_FORMAT in this folder."
)
@click.option("--force", is_flag=True, help="Replace the folder, if it is an export.")
@click.option("--check/--no-check", default=True, show_default=True, help="Compare its outputs with those of Keras.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-4,
    show_default=True,
    metavar="X",
    help="How far outputs may differ, relative to numbers above 1.",
)
@click.option(
    "--rows", type=click.IntRange(min=1), default=256, show_default=True, metavar="N", help="Compare on N examples."
)
@click.option(
    "--checkpoint",
    default="",
    metavar="last|best|PATH",
    help="The saved model. Default: last, of a run that is done; others need it.",
)
@options.fold
@options.code
@options.trust_run
@options.given_secrets
@options.folders
def export(
    *,
    form: str,
    out: Path | None,
    force: bool,
    check: bool,
    tolerance: float,
    rows: int,
    quiet: bool,
    as_json: bool,
    **model: Any,
) -> None:
    """Export the model of a run for use without nnrun.

    The folder holds the model, signature.json, which says what it takes and returns, and the preparation: inside of the
    model where the format can, and always as preparation.json with preparation.py, which applies it by NumPy alone.
    The model's outputs are compared with those of Keras on examples of the run's data; where they differ, nothing is
    kept. onnx and openvino need the extra `export`.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun export last --to saved_model
    nnrun export last --to onnx --out served/model
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.export import ExportRequest
    from nnrun.pipeline.export import export as export_run
    from nnrun.runs.find import run_as_json, warn_if_unfinished

    request = ExportRequest(EvaluateRequest(**model), form, out, force, check, tolerance, rows)
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = export_run(request, progress)
        warn_if_unfinished(result.folder, progress)
    if as_json:
        print_json({**run_as_json(result.folder), **result.as_json(), "warnings": progress.warnings})
        return
    output = Output.stdout()
    output.write_line(output.shown(str(result.out)))
    for line in result.lines():
        output.write_line(line)
