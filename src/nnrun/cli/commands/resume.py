"""`nnrun resume`."""

from __future__ import annotations

import sys
from typing import Any

import click

from nnrun.cli import options
from nnrun.cli.commands import train as train_command


@click.command()
@options.run
@options.sets
@click.option(
    "--even-if-different",
    is_flag=True,
    help="Go on although versions, processor, data or code differ, so that the bits will differ too.",
)
@options.code
@options.trust_run
@train_command.jobs
@train_command.time_limit
@train_command.report
@options.folders
def resume(
    *,
    run: str,
    even_if_different: bool,
    trust_run: bool,
    time_limit: float | None,
    with_report: bool,
    quiet: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Continue a run that was stopped, to the same bits.

    It goes on from the last state that was saved, whatever stopped it. A run that is done is left as it is, or trained
    for more epochs with --set training.epochs=N.

    \b
    nnrun resume last
    nnrun resume 3f9a21 --set training.epochs=40
    """  # noqa: D301
    from nnrun.pipeline.resume import ResumeRequest
    from nnrun.pipeline.resume import resume as resume_run
    from nnrun.pipeline.train import TrainRequest

    request = TrainRequest("", argv=tuple(sys.argv), **settings)
    resumed = ResumeRequest(run, request, trust_run=trust_run, even_if_different=even_if_different)
    output = train_command.OutputOptions(quiet=quiet, as_json=as_json, with_report=with_report)
    train_command.run_and_print(lambda progress: resume_run(resumed, progress), request, output, time_limit)
