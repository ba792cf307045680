"""`nnrun fork`."""

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
@click.option(
    "--at-epoch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Begin after epoch N, whose state training.save_every has kept. Default: the last state.",
)
@options.sets
@options.code
@options.trust_run
@train_command.time_limit
@train_command.report
@options.folders
def fork(*, run: str, at_epoch: int | None, trust_run: bool, **settings: Any) -> None:
    """Begin a run of its own from the state of another one.

    The child has a copy of the config, the metrics so far and the state of its parent, and goes on from there with what
    --set changes: everything that leaves the weights as they are. The parent is not touched. Without a change the child
    ends with the bits of its parent.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun fork last --set training.epochs=40 --set training.optimizer.Adam.learning_rate=1e-4
    nnrun fork 3f9a21 --at-epoch 12 --set training.batch_size=256
    """  # noqa: D301
    from nnrun.pipeline.fork import ForkRequest
    from nnrun.pipeline.fork import fork as fork_run

    def forked(options: TrainRequest, progress: Progress) -> TrainResult:
        return fork_run(ForkRequest(run, options, at_epoch=at_epoch, trust_run=trust_run), progress)

    train_command.run_and_print(forked, settings)
