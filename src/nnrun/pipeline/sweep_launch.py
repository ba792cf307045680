"""Hand a sweep to the scheduler of a cluster: its tasks run `nnrun sweep work`, and this process ends."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.runs.disk import RunLog, write_file
from nnrun.sweep import kubernetes, slurm
from nnrun.sweep.ray_cluster import RayAddress
from nnrun.sweep.rounds import trials_left

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Ledger


@dataclass(frozen=True)
class ClusterRequest:
    """Where the tasks of a sweep run.

    Attributes:
        cluster: `slurm`, `k8s` or `ray`.
        print_only: Whether the script or manifest is only written.
        slurm_options: Options of `sbatch`, as `NAME=VALUE`.
        image: The image of the pods of Kubernetes.
        volume_claim: The claim of the volume that the pods share.
        ray_address: Where Ray is; None: it is started on this machine.
    """

    cluster: str
    print_only: bool = False
    slurm_options: tuple[str, ...] = ()
    image: str | None = None
    volume_claim: str | None = None
    ray_address: str | None = None

    @property
    def stays(self) -> bool:
        """Whether this process stays as long as the trials are trained."""
        return self.cluster == "ray"

    def require_launchable(self) -> None:
        """Check, before anything is frozen, that the tasks can be handed over.

        Raises:
            RunError: There is no `sbatch`, an option is wrong or missing, the cluster gets a manifest alone, or Ray is
                not at its address.
            MissingExtraError: Ray is not installed.
        """
        if self.cluster == "ray":
            if self.print_only:
                raise RunError("there is no script for Ray: its workers are started from here", "leave out --print")
            RayAddress.parse(self.ray_address).require_reachable()
        slurm.parse_options(self.slurm_options)
        if self.cluster == "slurm" and not self.print_only:
            slurm.require_sbatch()
        if self.cluster == "k8s" and not self.print_only:
            raise RunError("for Kubernetes nnrun writes a manifest, and submits nothing", "add --print")
        if self.cluster == "k8s" and (self.image is None or self.volume_claim is None):
            text = "the pods of Kubernetes need an image with nnrun, and the claim of a volume that all of them share"
            raise RunError(text, "add --image IMAGE --volume-claim NAME")
        if self.cluster == "k8s":
            kubernetes.require_names(self.image or "", self.volume_claim or "")


@dataclass(frozen=True)
class Launched:
    """What was handed over.

    Attributes:
        file: The script or manifest.
        text: Its content.
        tasks: How many tasks there are.
        job: The number of the job; None where nothing was submitted.
    """

    file: Path
    text: str
    tasks: int
    job: str | None


def require_shared_ledger(folder: SweepFolder) -> Ledger:
    """Return the ledger of a sweep, if processes of several machines may share it.

    Raises:
        RunError: They may not.
    """
    ledger = folder.open_ledger()
    if not ledger.is_shared:
        text = f"the ledger of {folder.id} is a SQLite file, which the tasks of a cluster must not share"
        raise RunError(text, "begin another sweep with --on, or go on here: nnrun sweep --resume")
    return ledger


def launch(
    folder: SweepFolder, request: ClusterRequest, jobs: int, gpus_per_trial: int | None = None
) -> Launched | None:
    """Write the script or manifest of a sweep into its folder, and submit it unless it is only to be written.

    Args:
        folder: The sweep.
        request: Where the tasks run.
        jobs: How many tasks there are, at most.
        gpus_per_trial: The GPUs of each task; None: as when the sweep began.

    Returns:
        What was handed over; None if no trial is left.

    Raises:
        RunError: The ledger is one of a single machine, or the cluster refuses the job.
    """
    ledger = require_shared_ledger(folder)
    tasks = min(jobs, trials_left(ledger.fields(), ledger.counts()))
    if not tasks:
        return None
    fields = ledger.fields()
    path, cores = folder.path.resolve(), int(fields.get("threads") or 1)
    gpus = fields.get("gpus_per_trial") if gpus_per_trial is None else gpus_per_trial
    words = ("sweep", "work", str(path), *(() if gpus is None else ("--gpus-per-trial", str(gpus))))
    name = re.sub(r"[^a-z0-9-]+", "-", f"nnrun-{folder.short_id}".lower())
    if request.cluster == "k8s":
        text = kubernetes.manifest(
            name,
            ("nnrun", *words),
            pods=tasks,
            cores=cores,
            gpus=gpus or 0,
            image=request.image or "",
            claim=request.volume_claim or "",
            mount=folder.path.parents[1].resolve(),
        )
        write_file(folder.path / "k8s.yaml", text.encode())
        return Launched(folder.path / "k8s.yaml", text, tasks, None)
    command = (sys.executable, "-m", "nnrun", *words)
    options = slurm.parse_options(request.slurm_options)
    text = slurm.ArrayScript(name, path, command, tasks, cores, options, gpus or 0).text
    script = folder.path / "slurm.sh"
    if request.print_only:
        write_file(script, text.encode())
        return Launched(script, text, tasks, None)
    job = slurm.submit(script, text)
    RunLog(folder.log).write(f"Job {job} of SLURM trains the trials, in {tasks} tasks")
    return Launched(script, text, tasks, job)
