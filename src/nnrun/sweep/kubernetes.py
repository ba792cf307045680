"""A sweep as an Indexed Job of Kubernetes, each pod of which pulls trials: a manifest, which `kubectl apply` takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump
from nnrun.errors import EXIT_PREEMPTED, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds in which a pod that is asked to stop saves its state.
_SECONDS_TO_SAVE = 120
#: How many pods may fail by their own fault.
_MOST_FAILURES = 6
_VOLUME = "runs"
#: The name of an object (a subdomain of RFC 1123), and of an image: its registry, its name, its tag and its digest.
_LONGEST_NAME = 253
_PART = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*")
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)


def require_names(image: str, claim: str) -> None:
    """Check that Kubernetes can take the names of an image and of a volume's claim.

    Raises:
        RunError: It would refuse one.
    """
    if not _IMAGE.fullmatch(image):
        text = f"expected an image as REGISTRY/NAME:TAG, its name in lower case, received --image {image!r}"
        raise RunError(text, "for example --image registry.example.org/nnrun:1")
    if len(claim) > _LONGEST_NAME or not _NAME.fullmatch(claim):
        text = f"expected the name of a claim in lower case, with digits, - and ., received --volume-claim {claim!r}"
        raise RunError(text, "kubectl get pvc lists the claims")


def manifest(
    name: str,
    command: Sequence[str],
    *,
    pods: int,
    cores: int,
    image: str,
    claim: str,
    mount: Path,
    gpus: int = 0,
) -> str:
    """Return the manifest of a job, as YAML.

    Args:
        name: The name of the job, of at most 50 lower-case letters, digits and hyphens.
        command: The command of each pod.
        pods: How many pods there are.
        cores: The cores of each.
        image: The image, which has nnrun.
        claim: The claim of the volume that all pods share (`ReadWriteMany`), and that has the sweep's folder.
        mount: Where the volume is in each pod: the folder of runs, under the path that it has here.
        gpus: The GPUs of each.
    """
    resources: dict[str, Any] = {"requests": {"cpu": cores}}
    if gpus:
        # Of GPUs a limit is the request, too.
        resources["limits"] = {"nvidia.com/gpu": gpus}
    container = {
        "name": "nnrun",
        "image": image,
        "command": list(command),
        "resources": resources,
        "volumeMounts": [{"name": _VOLUME, "mountPath": str(mount)}],
    }
    pod: dict[str, Any] = {
        # The job begins another pod, whose worker takes over: what is left of a container tells it nothing.
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _SECONDS_TO_SAVE,
        "containers": [container],
        "volumes": [{"name": _VOLUME, "persistentVolumeClaim": {"claimName": claim}}],
    }
    # A pod that was asked to stop, or whose node was lost, has not failed, and another one takes its place.
    stopped = {"containerName": "nnrun", "operator": "In", "values": [EXIT_PREEMPTED]}
    policy = [
        {"action": "Ignore", "onExitCodes": stopped},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
    ]
    spec = {
        "completions": pods,
        "parallelism": pods,
        "completionMode": "Indexed",
        "backoffLimit": _MOST_FAILURES,
        "podFailurePolicy": {"rules": policy},
        "template": {"spec": pod},
    }
    return "# Made by nnrun: kubectl apply -f FILE\n" + dump(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
    )
