"""`nnrun resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.commands import train as train_command

if TYPE_CHECKING:
    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress


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
def resume(*, run: str, even_if_different: bool, trust_run: bool, **settings: Any) -> None:
    """Continue a run that was stopped, to the same bits.

    It goes on from the last state that was saved, whatever stopped it. A run that is done is left as it is, or trained
    for more epochs with --set training.epochs=N.

    \b
    nnrun resume last
    nnrun resume 3f9a21 --set training.epochs=40
    """  # noqa: D301
    from nnrun.pipeline.resume import ResumeRequest
    from nnrun.pipeline.resume import resume as resume_run

    def continued(options: TrainRequest, progress: Progress) -> TrainResult:
        request = ResumeRequest(run, options, trust_run=trust_run, even_if_different=even_if_different)
        return resume_run(request, progress)

    train_command.run_and_print(continued, settings)
