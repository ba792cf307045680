"""The NVIDIA GPUs that this process may use, and how processes that train at the same time share them out.

A process sees the GPUs that the environment variable `CUDA_VISIBLE_DEVICES` names: numbers, UUIDs (`GPU-...`) or MIG
devices (`MIG-...`), in the order in which it sees them; without the variable it sees all of them. See "CUDA Environment
Variables" in NVIDIA's CUDA C++ Programming Guide, and "Device Enumeration" in its MIG User Guide.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from nnrun.errors import RunError
from nnrun.formatting import format_count

#: The variable that says which GPUs a process sees; an empty one hides all of them.
VISIBLE = "CUDA_VISIBLE_DEVICES"
#: Seconds for the answer of `nvidia-smi`, which takes some where no process keeps the driver loaded.
_PATIENCE = 60.0
#: The lines of `nvidia-smi -L`: a GPU, and below it the MIG devices that it is divided into.
_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)\s]+)\)")
_MIG = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)\s]+)\)")
#: The beginning of the name of a MIG device, and of older drivers' one, which has the UUID of its GPU.
_MIG_NAME = re.compile(r"MIG-(?:(GPU-[^/]+)/\d+/\d+)?")


@dataclass
class InstalledGpu:
    """A GPU of this machine.

    Attributes:
        uuid: Its UUID.
        mig: The UUIDs of the MIG devices that it is divided into; empty where it is whole.
    """

    uuid: str
    mig: list[str] = field(default_factory=list)


def installed_gpus() -> list[InstalledGpu] | None:
    """Return the GPUs that `nvidia-smi` lists, by their numbers there; None where it is not installed.

    Raises:
        RunError: It fails.
    """
    if shutil.which("nvidia-smi") is None:
        return None
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"nvidia-smi does not answer: {error}", f"name the GPUs: export {VISIBLE}=0,1") from error
    if "No devices" in done.stdout + done.stderr:
        return []
    if done.returncode:
        reason = " ".join((done.stdout + " " + done.stderr).split()) or f"exit code {done.returncode}"
        raise RunError(f"nvidia-smi -L fails: {reason}", f"repair the driver, or name the GPUs: export {VISIBLE}=0,1")
    found: list[InstalledGpu] = []
    for line in done.stdout.splitlines():
        if match := _GPU.match(line):
            found.append(InstalledGpu(match[1]))
        elif found and (match := _MIG.match(line)):
            found[-1].mig.append(match[1])
    return found


def visible_gpus() -> list[str]:
    """Return the GPUs that this process sees, by names that `CUDA_VISIBLE_DEVICES` takes.

    Raises:
        RunError: `nvidia-smi` fails, or the variable names a GPU twice or one that is not there.
    """
    installed = installed_gpus()
    text = os.environ.get(VISIBLE)
    if text is None:
        # UUIDs: the numbers of CUDA may have another order than those of `nvidia-smi`.
        return [name for gpu in installed or () for name in (gpu.mig or [gpu.uuid])]
    names: list[str] = []
    for name in (one.strip() for one in text.split(",")):
        # As for CUDA, what is no device ends the list: `-1`, SLURM's `NoDevFiles`, an empty text.
        if not (name.isdecimal() or name.startswith(("GPU-", "MIG-"))):
            break
        if name in names:
            raise RunError(f"{VISIBLE}={text} names {name} twice", "name each GPU once")
        if installed is not None and not _is_installed(name, installed):
            raise RunError(f"{VISIBLE}={text} names {name}, and nvidia-smi -L lists {_listed(installed)}", "correct it")
        names.append(name)
    return names


def gpu_groups(per_trial: int) -> list[list[str]]:
    """Return the GPUs of each process that may train at the same time: `per_trial` of those that this process sees.

    Args:
        per_trial: How many a process has, at least 1.

    Raises:
        RunError: This process does not see so many, or they are MIG devices, of which a process can use one alone.
    """
    names = visible_gpus()
    if not names:
        where = f"{VISIBLE}={os.environ[VISIBLE]}" if VISIBLE in os.environ else "nvidia-smi lists none"
        if VISIBLE not in os.environ and shutil.which("nvidia-smi") is None:
            where = "nvidia-smi is not installed"
        hint = "leave out --gpus-per-trial to train on the processor"
        raise RunError(f"--gpus-per-trial {per_trial}: this process sees no GPU ({where})", hint)
    if per_trial > 1 and any(name.startswith("MIG-") for name in names):
        text = f"--gpus-per-trial {per_trial}: a process can use one MIG device alone"
        raise RunError(text, "write --gpus-per-trial 1, or switch MIG off for these GPUs")
    if per_trial > len(names):
        text = f"--gpus-per-trial {per_trial}: this process sees {format_count(len(names), 'GPU')}, {', '.join(names)}"
        raise RunError(text, f"write --gpus-per-trial {len(names)}, or fewer")
    return [names[first : first + per_trial] for first in range(0, len(names) - per_trial + 1, per_trial)]


def _is_installed(name: str, installed: list[InstalledGpu]) -> bool:
    """Return whether a name stands for a GPU or MIG device; of UUIDs the beginning is enough."""
    if name.isdecimal():
        return int(name) < len(installed)
    old_mig = _MIG_NAME.match(name)
    whole = old_mig[1] if old_mig and old_mig[1] else name
    return any(one.startswith(whole) for gpu in installed for one in (gpu.uuid, *gpu.mig))


def _listed(installed: list[InstalledGpu]) -> str:
    names = [name for gpu in installed for name in (gpu.uuid, *gpu.mig)]
    return ", ".join(names) if names else "no GPU"
