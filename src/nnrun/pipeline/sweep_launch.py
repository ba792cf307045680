"""Hand a sweep to the scheduler of a cluster: its tasks run `nnrun sweep work`, and this process ends."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.runs.disk import RunLog, write_file
from nnrun.sweep import kubernetes, slurm
from nnrun.sweep.rounds import trials_left

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.sweep.folder import SweepFolder


@dataclass(frozen=True)
class ClusterRequest:
    """Where the tasks of a sweep run.

    Attributes:
        cluster: `slurm` or `k8s`.
        print_only: Whether the script or manifest is only written.
        slurm_options: Options of `sbatch`, as `NAME=VALUE`.
        image: The image of the pods of Kubernetes.
        volume_claim: The claim of the volume that the pods share.
    """

    cluster: str
    print_only: bool = False
    slurm_options: tuple[str, ...] = ()
    image: str | None = None
    volume_claim: str | None = None

    def require_launchable(self) -> None:
        """Check, before anything is frozen, that the tasks can be handed over.

        Raises:
            RunError: There is no `sbatch`, an option is wrong or missing, or the cluster gets a manifest alone.
        """
        slurm.parse_options(self.slurm_options)
        if self.cluster == "slurm" and not self.print_only:
            slurm.require_sbatch()
        if self.cluster == "k8s" and not self.print_only:
            raise RunError("for Kubernetes nnrun writes a manifest, and submits nothing", "add --print")
        if self.cluster == "k8s" and (self.image is None or self.volume_claim is None):
            text = "the pods of Kubernetes need an image with nnrun, and the claim of a volume that all of them share"
            raise RunError(text, "add --image IMAGE --volume-claim NAME")


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


def launch(folder: SweepFolder, request: ClusterRequest, jobs: int) -> Launched | None:
    """Write the script or manifest of a sweep into its folder, and submit it unless it is only to be written.

    Args:
        folder: The sweep.
        request: Where the tasks run.
        jobs: How many tasks there are, at most.

    Returns:
        What was handed over; None if no trial is left.

    Raises:
        RunError: The ledger is one of a single machine, or the cluster refuses the job.
    """
    ledger = folder.open_ledger()
    if not ledger.is_shared:
        text = f"the ledger of {folder.id} is a SQLite file, which the tasks of a cluster must not share"
        raise RunError(text, "begin another sweep with --on, or go on here: nnrun sweep --resume")
    tasks = min(jobs, trials_left(ledger.fields(), ledger.counts()))
    if not tasks:
        return None
    path, cores = folder.path.resolve(), int(ledger.fields().get("threads") or 1)
    name = re.sub(r"[^a-z0-9-]+", "-", f"nnrun-{folder.short_id}".lower())
    if request.cluster == "k8s":
        text = kubernetes.manifest(
            name,
            ("nnrun", "sweep", "work", str(path)),
            pods=tasks,
            cores=cores,
            image=request.image or "",
            claim=request.volume_claim or "",
            mount=folder.path.parents[1].resolve(),
        )
        write_file(folder.path / "k8s.yaml", text.encode())
        return Launched(folder.path / "k8s.yaml", text, tasks, None)
    command = (sys.executable, "-m", "nnrun", "sweep", "work", str(path))
    options = slurm.parse_options(request.slurm_options)
    text = slurm.ArrayScript(name, path, command, tasks, cores, options).text
    script = folder.path / "slurm.sh"
    if request.print_only:
        write_file(script, text.encode())
        return Launched(script, text, tasks, None)
    job = slurm.submit(script, text)
    RunLog(folder.log).write(f"Job {job} of SLURM trains the trials, in {tasks} tasks")
    return Launched(script, text, tasks, job)
