"""`nnrun reproduce`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.reproduce import Reproduction


@click.command()
@options.run
@options.given_secrets
@options.code
@options.trust_run
@options.folders
def reproduce(*, run: str, trust_run: bool, quiet: bool, as_json: bool, **settings: Any) -> int:
    """Train a run again, and say whether it is identical.

    The resolved config of the run is trained in a new run folder, with the run's number of threads and processes.
    History, scores, predictions and all variables are compared bit for bit. If something differs, the first epoch and
    figure are named, and what differs around the runs: versions, processor, threads, data, code. Exits with 1 then.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun reproduce last
    nnrun reproduce 3f9a21 --json
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.reproduce import ReproduceRequest
    from nnrun.pipeline.reproduce import reproduce as reproduce_run
    from nnrun.pipeline.train import TrainRequest

    request = ReproduceRequest(run, TrainRequest("", argv=tuple(sys.argv), **settings), trust_run=trust_run)
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = reproduce_run(request, progress)
    if as_json:
        print_json(result.as_json())
    else:
        print_reproduction(Output.stdout(), result)
    return int(result.difference is not None)


def print_reproduction(output: Output, result: Reproduction) -> None:
    """Print whether a run is identical, else the first difference and what differs around it."""
    from nnrun.cli.terminal.output import print_paragraph, print_terms
    from nnrun.formatting import format_count

    if result.difference is None:
        epochs = format_count(result.epochs, "epoch")
        print_paragraph(output, f"identical: {epochs}, scores, predictions and weights, bit for bit")
    else:
        print_paragraph(output, f"different: {result.difference.describe('in the run', 'in its repetition')}")
    around = result.circumstances or (
        "nothing that is known: versions, processor, threads, data and code are the same",
    )
    print_terms(
        output,
        [
            ("run", str(result.run.path)),
            ("repetition", str(result.repetition.path)),
            *([("differs around", "\n".join(around))] if result.difference is not None or result.circumstances else []),
        ],
    )
