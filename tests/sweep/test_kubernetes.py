"""The manifest of a sweep as an Indexed Job of Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nnrun.errors import RunError
from nnrun.sweep.kubernetes import manifest, require_names


def test_each_pod_pulls_trials_until_none_waits() -> None:
    """The manifest is YAML of a Job of `batch/v1`, whose pods share a volume and are replaced when they are stopped."""
    text = manifest(
        "nnrun-0a1b2c",
        ("nnrun", "sweep", "work", "/data/my runs/sweeps/x"),
        pods=4,
        cores=2,
        image="example.org/nnrun:1",
        claim="shared",
        mount=Path("/data/my runs"),
    )
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"], job["metadata"]) == ("batch/v1", "Job", {"name": "nnrun-0a1b2c"})
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    # A policy for failed pods is allowed with this restart policy alone.
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    assert container["command"] == ["nnrun", "sweep", "work", "/data/my runs/sweeps/x"]
    assert container["volumeMounts"] == [{"name": pod["volumes"][0]["name"], "mountPath": "/data/my runs"}]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "shared"}
    stopped, disrupted = spec["podFailurePolicy"]["rules"]
    assert stopped["onExitCodes"] == {"containerName": container["name"], "operator": "In", "values": [75]}
    assert disrupted["onPodConditions"] == [{"type": "DisruptionTarget"}]
    assert {stopped["action"], disrupted["action"]} == {"Ignore"}


@pytest.mark.parametrize(
    ("image", "claim", "is_right"),
    [
        ("nnrun", "runs", True),
        ("nnrun:1.0", "runs-2.my", True),
        ("localhost:5000/team/nnrun_gpu:v1_a", "r", True),
        ("registry.example.org/a/b-c/nnrun@sha256:" + 64 * "0", "runs", True),
        ("Registry.Example.org/nnrun", "runs", True),
        ("a/NNRUN:1", "runs", False),
        ("nnrun:", "runs", False),
        ("my image", "runs", False),
        ("", "runs", False),
        ("nnrun", "Runs", False),
        ("nnrun", "my_runs", False),
        ("nnrun", "-runs", False),
        ("nnrun", 254 * "r", False),
    ],
)
def test_names_that_kubernetes_would_refuse_are_refused(image: str, claim: str, *, is_right: bool) -> None:
    """Before a manifest is written that `kubectl` takes and no pod can start from."""
    if is_right:
        require_names(image, claim)
        return
    with pytest.raises(RunError, match="received --"):
        require_names(image, claim)
