"""The environment of a run: packages, processor, memory, process. Nothing here fails; unknown values are None."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGES = ("nnrun", "keras", "tensorflow", "jax", "numpy")
#: States of a process that has ended (proc(5), field 3): zombie and dead.
_ENDED = ("Z", "X", "x")


def versions() -> dict[str, str | None]:
    """Return the installed versions of nnrun, Keras, TensorFlow, JAX, NumPy and Python, without importing them."""
    return {**{package: _version(package) for package in _PACKAGES}, "python": platform.python_version()}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Return host, system, processor, the cores that this process may use, and whether oneDNN's kernels are on."""
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "onednn": _onednn(),
    }


def _cpu_model() -> str | None:
    for line in _read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine() or None


def _onednn() -> bool | None:
    """Return whether the TensorFlow of this process uses oneDNN; before it is imported, what it will do.

    It decides once, when it is imported: a notebook may have done that before nnrun set the switch.
    """
    loaded = sys.modules.get("tensorflow.python.util._pywrap_util_port")
    return bool(loaded.IsMklEnabled()) if loaded is not None else _onednn_switch()


def _onednn_switch() -> bool | None:
    """Return TensorFlow's own switch; without it oneDNN is on for x86-64 (since TensorFlow 2.9)."""
    switch = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    if switch is not None:
        return switch != "0"
    return True if platform.machine() in ("x86_64", "AMD64") else None


def peak_memory_bytes() -> int | None:
    """Return the largest resident memory of this process so far (psutil has no peak outside of Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # getrusage(2): kilobytes on Linux, bytes on macOS.
    return peak if sys.platform == "darwin" else peak * 1024


def process() -> dict[str, Any]:
    """Identify this process among all others: host, process number, and start."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "start": _process_start(os.getpid())}


def is_alive(known: Mapping[str, Any]) -> bool | None:
    """Return whether the process that `process()` described still runs; None if it ran on another host."""
    import psutil

    pid = known.get("pid")
    if known.get("host") != socket.gethostname() or not isinstance(pid, int):
        return None
    if known.get("start") is not None and Path("/proc/self/stat").exists():
        return bool(_process_start(pid) == known["start"])
    return bool(psutil.pid_exists(pid))


def _process_start(pid: int) -> str | None:
    """Return the boot id and the clock tick at which a process started (proc(5), field 22); None if it is gone."""
    # The second field is the program's name in brackets, which may itself hold spaces and brackets.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    boot = _read("/proc/sys/kernel/random/boot_id").strip()
    # A process that has ended stays a zombie until its parent asks for its exit code.
    has_ended = not fields or fields[0] in _ENDED
    return f"{boot}:{fields[19]}" if len(fields) > 19 and not has_ended else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
