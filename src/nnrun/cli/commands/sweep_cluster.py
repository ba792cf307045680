"""`nnrun sweep --on` and `nnrun sweep work`: the trials of a sweep on the machines of a cluster."""

from __future__ import annotations

import os
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from nnrun import interruption
from nnrun.cli import options
from nnrun.cli.commands.sweep_jobs import gpus_per_trial
from nnrun.cli.commands.train import time_limit

if TYPE_CHECKING:
    from nnrun.pipeline.sweep import SweepRequest, TrainTrials
    from nnrun.pipeline.sweep_launch import ClusterRequest, Launched
    from nnrun.sweep.folder import SweepFolder

#: The options of `nnrun sweep` that hand the trials to a cluster; `launch_request` takes their values.
launch_options = options.combine(
    click.option(
        "--on",
        "cluster",
        type=click.Choice(["slurm", "ray", "k8s"]),
        help="Submit the trials to SLURM as an array of --jobs tasks, train them with --jobs workers on Ray while this "
        "command stays, or write a manifest for Kubernetes.",
    ),
    click.option("--print", "print_only", is_flag=True, help="With --on: write and print the script, submit nothing."),
    click.option(
        "--slurm-option",
        "slurm_options",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of sbatch, for example partition=long. May be repeated.",
    ),
    click.option(
        "--ray-address",
        metavar="ADDRESS",
        help="With --on ray: ray://HOST:PORT, HOST:PORT, auto or local. Default: RAY_ADDRESS, else Ray is started on "
        "this machine for as long as the sweep takes.",
    ),
    click.option("--image", metavar="IMAGE", help="With --on k8s: the container image, which has nnrun."),
    click.option("--volume-claim", metavar="NAME", help="With --on k8s: the claim of the volume that the pods share."),
)


def launch_request(settings: dict[str, Any]) -> ClusterRequest | None:
    """Take the values of `launch_options` out of those of all options; None if nothing is handed to a cluster.

    With a cluster the ledger becomes one that machines may share.

    Raises:
        click.UsageError: An option is given that only a cluster needs.
        RunError: The trials cannot be handed over.
    """
    from nnrun.pipeline.sweep_launch import ClusterRequest

    names = ("cluster", "print_only", "slurm_options", "image", "volume_claim", "ray_address")
    request = ClusterRequest(**{name: settings.pop(name) for name in names})
    if request.cluster is None:
        if request != ClusterRequest(request.cluster):
            raise click.UsageError("--print, --slurm-option, --ray-address, --image and --volume-claim belong to --on")
        return None
    if request.stays and request.ray_address is None:
        request = replace(request, ray_address=os.environ.get("RAY_ADDRESS") or None)
    if settings["ledger"] == "sqlite":
        raise click.UsageError(
            "--ledger sqlite is for the processes of one machine: leave it out, or give --ledger files or an address"
        )
    settings["ledger"] = settings["ledger"] or "files"
    if ledger_of(settings["ledger"])[1] is not None:
        raise click.UsageError("the tasks get no password from --ledger: keep it in ~/.pgpass or PGPASSWORD")
    request.require_launchable()
    return request


def ledger_of(text: str) -> tuple[str, str | None]:
    """Return the value of `--ledger` without a password, and the password.

    Raises:
        click.UsageError: It is a word that names no ledger.
        RunError: It is no address of a ledger.
    """
    from nnrun.sweep.postgres_ledger import Address

    if text in ("sqlite", "files"):
        return text, None
    if ":" not in text:
        # An address is not repeated, for it may have a password.
        raise click.UsageError(f"expected --ledger sqlite, files or postgresql://user@host/database, received {text!r}")
    address = Address.parse(text)
    return address.url, address.password


def trainer_on(request: ClusterRequest, folder: SweepFolder) -> TrainTrials:
    """Return what trains the trials of a sweep on a cluster while this process stays.

    Raises:
        RunError: The ledger is one of a single machine.
    """
    from nnrun.pipeline.sweep_launch import require_shared_ledger
    from nnrun.pipeline.sweep_ray import train_on_ray
    from nnrun.sweep.ray_cluster import RayAddress

    require_shared_ledger(folder)
    return train_on_ray(RayAddress.parse(request.ray_address))


def repeated(request: ClusterRequest | None) -> str:
    """Return the options that name a cluster on which this process stays, with a space before them."""
    if request is None:
        return ""
    return " --on ray" + ("" if request.ray_address is None else f" --ray-address {quote(request.ray_address)}")


def launch(folder: SweepFolder, request: ClusterRequest, asked: SweepRequest, *, quiet: bool, as_json: bool) -> None:
    """Hand a sweep to a cluster, and print how."""
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.pipeline import sweep_launch

    launched = sweep_launch.launch(folder, request, asked.jobs or 1, asked.gpus_per_trial)
    output = Output.stdout()
    if as_json:
        print_json(_as_json(folder, launched))
    elif launched is None:
        print_terms(output, [("sweep", str(folder.path)), ("note", "no trial waits")])
    elif request.print_only:
        output.write(launched.text)
    elif quiet:
        output.write_line(launched.job or "")
    else:
        terms = [("sweep", str(folder.path)), ("job", f"{launched.job}, {launched.tasks} tasks")]
        print_terms(output, [*terms, ("script", str(launched.file)), ("next", f"nnrun sweep show {folder.short_id}")])


def _as_json(folder: SweepFolder, launched: Launched | None) -> dict[str, Any]:
    document: dict[str, Any] = {"sweep": folder.id, "folder": str(folder.path)}
    if launched is None:
        return {**document, "tasks": 0}
    return {**document, "tasks": launched.tasks, "job": launched.job, "file": str(launched.file)}


@click.command()
@click.argument("word", metavar="SWEEP")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="How many processes train at the same time."
)
@gpus_per_trial
@time_limit
@options.runs_dir
@options.quiet
def work(*, word: str, time_limit: float | None, quiet: bool, **settings: Any) -> None:
    """Train the trials of a sweep that wait, until none does: one worker of several.

    Workers on several machines share the sweep's folder and its ledger, and each trial is trained once. Asked to stop
    by SIGTERM or --time-limit, a worker saves the states of its trials and ends with exit code 75; whoever works next
    goes on with them. The trials of a worker whose machine is lost are taken over after five minutes.

    \b
    nnrun sweep my.yaml --ledger files
    nnrun sweep work runs/sweeps/20260101T000000Z_my_0a1b2c
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.sweep import SweepRequest, run_sweep
    from nnrun.sweep.folder import find_sweep

    if time_limit is not None:
        interruption.limit_time(time_limit)
    request = SweepRequest("", **settings)
    folder = find_sweep(request.runs_dir, word)
    with open_progress(quiet=quiet, json=False) as progress:
        result = run_sweep(folder, request, progress)
    counts = {status: result.count(status) for status in ("done", "pruned", "failed", "running", "waiting")}
    Output.stdout().write_line(", ".join(f"{count} {status}" for status, count in counts.items() if count))
