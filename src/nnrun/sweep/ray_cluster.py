"""A connection to Ray: to a cluster at an address, or to one of this machine that lasts as long as the process.

Everything here belongs into a process of its own: Ray prints, takes signals, and ends the process that it runs in when
its cluster goes away.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import socket
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

from nnrun.cores import usable_cores
from nnrun.errors import MissingExtraError, RunError
from nnrun.gpus import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Seconds within which a port of the address takes a connection, and within which Ray is there behind it.
_PORT_PATIENCE, _PATIENCE = 10.0, 90.0
#: The memory of a local Ray for objects, in bytes, the least that it takes: nnrun puts nothing there.
_OBJECT_BYTES = 80 * 1024**2
_ADDRESS = re.compile(r"(ray://)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
#: What a local Ray begins with: nobody but this user connects, every port is on the loopback interface (the variable
#: has this effect on all systems), nothing is killed because other programs of the machine need memory, and a worker
#: has the priority of a process that nnrun itself starts.
_LOCAL = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_worker_niceness": "0",
}


@dataclass(frozen=True)
class RayAddress:
    """Where Ray is.

    Attributes:
        kind: `local`: it is started here; `auto`: it runs on this machine; `node`: this machine belongs to the cluster;
            `client`: the cluster has a server for clients.
        text: The address, as Ray takes it.
    """

    kind: Literal["local", "auto", "node", "client"] = "local"
    text: str = "local"

    @classmethod
    def parse(cls, text: str | None) -> RayAddress:
        """Return the address that a text names; without a text, Ray is started here.

        Raises:
            RunError: It names none.
        """
        if text is None or text == "local":
            return cls()
        if text == "auto":
            return cls("auto", "auto")
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match[3]) < 65536:
            hint = "for example --ray-address ray://head.example.org:10001, or auto on a machine of the cluster"
            raise RunError(
                f"expected ray://HOST:PORT, HOST:PORT, auto or local as the address, received {text!r}", hint
            )
        return cls("client" if match[1] else "node", text)

    def require_reachable(self) -> None:
        """Check, without Ray, that its package is here and that something takes connections at the address.

        Ray itself tries for minutes, and cannot be interrupted then.

        Raises:
            MissingExtraError: Ray is not installed.
            RunError: Nothing does.
        """
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError("ray", "--on ray")
        if self.kind not in ("node", "client"):
            return
        host, _, port = self.text.removeprefix("ray://").rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PORT_PATIENCE).close()
        except OSError as error:
            text = f"nothing takes connections at {self.text}: {error.strerror or error}"
            raise RunError(text, _hint(self)) from error


def connect(address: RayAddress, scratch: Path, gpus: Sequence[str] = ()) -> Any:
    """Connect to Ray, or start it; return its module.

    Args:
        address: Where it is.
        scratch: The folder for the files of a local Ray; its path is short, as those of sockets must be.
        gpus: The GPUs that a local Ray gives to its workers, by names that `CUDA_VISIBLE_DEVICES` takes.

    Raises:
        RunError: It is not there, refuses, or has another version.
    """
    # Its handler of signals prints a stack trace at each.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1"}
    # The address of the command counts.
    os.environ.pop("RAY_ADDRESS", None)
    options: dict[str, Any] = {"address": address.text}
    if address.kind == "local":
        os.environ |= {**_LOCAL, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        options |= {"num_cpus": usable_cores(), "include_dashboard": False, "_temp_dir": str(scratch)}
        options |= {"object_store_memory": _OBJECT_BYTES, "num_gpus": len(gpus)}
        if gpus:
            os.environ[VISIBLE] = ",".join(gpus)
    import ray

    failed, done = _in_thread(lambda: ray.init(**options, log_to_driver=False, logging_level="ERROR"))
    if not done:
        raise RunError(f"no Ray answers at {address.text} within {_PATIENCE:.0f} s", _hint(address))
    if failed:
        raise _refusal(address, failed[0])
    return ray


def fitting_nodes(nodes: Sequence[Mapping[str, Any]], cpus: int, gpus: int) -> int:
    """Return how many of Ray's nodes could have a worker, if nothing else ran there.

    Args:
        nodes: What `ray.nodes()` returns.
        cpus: The cores of a worker.
        gpus: Its GPUs.
    """
    known = [one.get("Resources") or {} for one in nodes if one.get("Alive")]
    return sum(one.get("CPU", 0) >= cpus and one.get("GPU", 0) >= gpus for one in known)


def _in_thread(start: Any) -> tuple[list[BaseException], bool]:
    """Call a function in a thread; return its error, and whether it has returned in time.

    The thread stays: a local Ray ends with the thread that has started it, and outside of the main thread Ray leaves
    the signals alone.
    """
    failed: list[BaseException] = []
    ended = Event()

    def call() -> None:
        try:
            start()
        except BaseException as error:  # noqa: BLE001 - Ray ends a process in many ways
            failed.append(error)
        ended.set()
        Event().wait()

    Thread(target=call, daemon=True).start()
    # In small steps, between which a request to stop is taken.
    steps = int(_PATIENCE / 0.1)
    return failed, any(ended.wait(0.1) for _ in range(steps))


def _refusal(address: RayAddress, error: BaseException) -> RunError:
    # Of an error of the cluster, which comes with its traceback, what it says itself.
    reason = re.sub(r".*Traceback \(most.*\b\w+(Error|Exception): ", "", " ".join(str(error).split()))
    if "mismatch" in reason:
        hint = "install the cluster's versions of Ray and Python here: pip install 'ray[client]==VERSION'"
        return RunError(f"Ray at {address.text} has other versions than this process: {reason[:600]}", hint)
    return RunError(f"Ray at {address.text} cannot be used: {reason[:600] or type(error).__name__}", _hint(address))


def _hint(address: RayAddress) -> str:
    if address.kind == "local":
        return "see whether Ray starts at all: python -c 'import ray; ray.init()'"
    if address.kind == "client":
        return "ray://HOST:10001 is the port for clients of a cluster's head (ray start --head)"
    return "on a machine of the cluster: --ray-address auto; on any other one: --ray-address ray://HOST:10001"
