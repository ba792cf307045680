"""`nnrun launch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options
from nnrun.cli.commands.train import time_limit

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("config", metavar="[CONFIG]", required=False, shell_complete=completion.config)
@click.option("--workers", type=click.IntRange(min=2), metavar="N", help="The number of processes.")
@click.option("--coordinator", metavar="HOST:PORT", help="Where process 0 listens, if each process is started by hand.")
@click.option("--process-id", "process", type=click.IntRange(min=0), metavar="I", help="This process' number, from 0.")
@click.option("--resume", "resumed", metavar="RUN", help="Go on with a run: its path, the start of its id, or last.")
@options.sets
@options.code
@time_limit
@options.folders
@click.pass_context
def launch(
    context: click.Context,
    *,
    config: str | None,
    workers: int | None,
    coordinator: str | None,
    process: int | None,
    resumed: str | None,
    sets: tuple[str, ...],
    code: tuple[Path, ...],
    time_limit: float | None,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train one model in several processes, which divide each batch.

    Needs backend: jax. The losses are those of one process, up to rounding. If a process is lost, the run goes on from
    its last state with --resume. In a task of SLURM or Open MPI it is one of the processes, on their own machines.

    \b
    nnrun launch --workers 2 my.yaml
    nnrun launch --workers 2 --resume last
    srun -N 2 --ntasks-per-node 1 nnrun launch my.yaml
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.pipeline.launch import LaunchRequest
    from nnrun.pipeline.launch import launch as launch_processes
    from nnrun.pipeline.launch_place import find_place

    if (config is None) == (resumed is None):
        raise click.UsageError("expected a config, or --resume RUN")
    own = [word for word, is_on in (("--quiet", quiet), ("--json", as_json)) if is_on]
    own += [] if time_limit is None else ["--time-limit", f"{time_limit}s"]
    path = "" if config is None else str(locate_config(config))
    place = find_place(workers, coordinator, process)
    count = place.processes if place else workers or 0
    request = LaunchRequest(count, path, resumed or "", sets, code, runs_dir, data_dir, tuple(own), place)
    context.exit(launch_processes(request))
