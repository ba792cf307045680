"""Several devices on JAX: those of this process, or one of each process that `nnrun launch` has started.

All processes of a launch run the same commands on the same data, and JAX divides each batch over their devices. So they
must take the same steps in the same calls. How many steps a call takes depends on time, and is what the first process
decides and the others follow.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun import interruption
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: The environment variables by which `nnrun launch` tells a process its place.
COORDINATOR, PROCESSES, PROCESS = "NNRUN_COORDINATOR", "NNRUN_PROCESSES", "NNRUN_PROCESS"
LOCAL_PROCESS = "NNRUN_LOCAL_PROCESS"
#: Milliseconds for which the others wait for its next call: as long as they may wait for a slow epoch's callbacks.
_PATIENCE = 24 * 3600 * 1000
#: So many calls back nobody asks for an answer any more: each call has a step in which all take part.
_FORGOTTEN = 100


@dataclass(frozen=True)
class ProcessGroup:
    """The place of this process among those that train one model.

    Attributes:
        coordinator: The address of the first process, `host:port`.
        processes: The number of processes.
        process: The number of this one, from 0.
        local_process: Its number among those of its machine, from 0.
    """

    coordinator: str
    processes: int
    process: int
    local_process: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> ProcessGroup | None:
        """Return the place that the environment names; None for a process on its own."""
        if COORDINATOR not in environment:
            return None
        processes, process = int(environment[PROCESSES]), int(environment[PROCESS])
        return cls(environment[COORDINATOR], processes, process, int(environment.get(LOCAL_PROCESS, process)))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that name this place."""
        numbers = {PROCESSES: self.processes, PROCESS: self.process, LOCAL_PROCESS: self.local_process}
        return {COORDINATOR: self.coordinator, **{name: str(number) for name, number in numbers.items()}}

    def address(self) -> str:
        """Return the address of this machine on the network on which it reaches the first process.

        Raises:
            OSError: The name of the first process' machine is not known.
        """
        host, port = split_address(self.coordinator)
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as one:
            # Nothing is sent: the system only chooses the address that it would send from.
            one.connect(address)
            return str(one.getsockname()[0])

    def device_numbers(self, own: int, environment: Mapping[str, str] = os.environ) -> list[int]:
        """Return the numbers of the GPUs of this process, of which it has `own`.

        Of a scheduler that shows each task its own GPUs alone, they are those; else the processes of a machine share
        its GPUs in order.
        """
        visible = environment.get("CUDA_VISIBLE_DEVICES", "")
        if visible and len(visible.split(",")) == own:
            return list(range(own))
        return list(range(self.local_process * own, (self.local_process + 1) * own))


class Agreement:
    """Lets all processes take steps in the calls that the first one chooses.

    Args:
        client: JAX's client of the coordination service.
        is_first: Whether this is the first process.
    """

    def __init__(self, client: Any, *, is_first: bool) -> None:
        self._client, self._is_first, self._calls = client, is_first, 0

    def __call__(self, stop: int) -> int:
        """Return the step before which the next call of a program stops: the first process' `stop`.

        Raises:
            RunError: The first process has ended.
        """
        name, self._calls = self._name(self._calls), self._calls + 1
        if self._is_first:
            self._client.key_value_set(name, str(stop))
            if self._calls > _FORGOTTEN:
                self._client.key_value_delete(self._name(self._calls - _FORGOTTEN))
            return stop
        try:
            return int(self._client.blocking_key_value_get(name, _PATIENCE))
        except Exception as error:  # JAX's own errors have no public class
            raise RunError("the first process has ended") from error

    def _name(self, call: int) -> str:
        return f"nnrun/call/{call}"


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`, of `[host]:port` without its brackets.

    Raises:
        ValueError: It is no such address.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(address)
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with brackets around a host that has colons."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_devices(jax: Any, count: int) -> None:
    """Let JAX have `count` devices, before its backend starts: the processes of a launch connect here.

    Raises:
        RunError: The first process is not reached, or cannot listen.
    """
    group = ProcessGroup.of()
    own = count if group is None else max(1, count // group.processes)
    # Refused where the backend runs already, as in a second session of a process: `data_parallel` sees what there is.
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", own)
    if group is not None and not jax.distributed.is_initialized():
        try:
            _join(jax, group, own)
        except (OSError, RuntimeError) as error:
            text = f"process {group.process} of {group.processes} cannot connect at {group.coordinator}: {error}"
            raise RunError(text, "let all of them have the same coordinator, on a port that is free") from error


def _join(jax: Any, group: ProcessGroup, own: int) -> None:
    """Connect with the other processes, listening on the network of the first process alone.

    JAX would listen on every interface of the machine, and its library between processors at whatever address the
    machine's name has.
    """
    address, (_, port) = group.address(), split_address(group.coordinator)
    library: Any = importlib.import_module("jaxlib._jax")
    library.make_gloo_tcp_collectives = partial(library.make_gloo_tcp_collectives, hostname=address)
    # JAX would take SIGTERM, which is nnrun's request to save the state.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        group.coordinator,
        group.processes,
        group.process,
        local_device_ids=group.device_numbers(own),
        coordinator_bind_address=join_address(address, port),
    )


def data_parallel(keras: Any, jax: Any, count: int) -> Any:
    """Return Keras' distribution over `count` devices; None for one.

    Raises:
        RunError: There are not so many.
    """
    if count == 1:
        return None
    devices = [f"{one.platform}:{one.id}" for one in jax.devices()]
    if len(devices) < count:
        text = f"the config wants data_parallel: {count}, and there are {len(devices)} devices ({devices[0]})"
        raise RunError(text, f"write data_parallel: {len(devices)}" if len(devices) > 1 else "leave out distribution")
    if ProcessGroup.of() is not None:
        _connect()
        _place_without_asking(jax)
    return keras.distribution.DataParallel(devices=devices[:count], auto_shard_dataset=False)


@contextmanager
def lost_processes() -> Iterator[None]:
    """Let a run stop, to be resumed, where another process of its launch is gone.

    Raises:
        StopRequestedError: JAX cannot compute any more, in a process that computes with others.
    """
    try:
        yield
    except Exception as error:
        if ProcessGroup.of() is None or not _is_of_connection(error):
            raise
        raise interruption.StopRequestedError("another process of the launch was lost", "preempted") from error


def _is_of_connection(error: BaseException | None) -> bool:
    """Whether JAX's connections to other processes caused an error, which may be one of the model's in form."""
    jax = sys.modules["jax"]
    while error is not None:
        if isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _connect() -> None:
    """Let the processes connect to each other now, while what their library prints on stdout can go to stderr."""
    from jax.experimental import multihost_utils

    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        multihost_utils.sync_global_devices("nnrun")
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def place_everywhere(jax: Any, array: Any, sharding: Any) -> Any:
    """Put an array, which all processes have, on all devices.

    `jax.device_put` lets the processes compare it first, so that all must come to it at the same time. When a model is
    saved, and with it the weights of another epoch are put in place, depends on time.
    """
    host = np.asarray(array)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def _place_without_asking(jax: Any) -> None:
    """Let Keras' variables take values by `place_everywhere`."""
    library: Any = importlib.import_module("keras.src.backend.jax.distribution_lib")
    own = library.distribute_tensor
    if own.__module__ == __name__:
        return

    def distribute_tensor(tensor: Any, layout: Any) -> Any:
        sharding = getattr(layout, "backend_layout", layout)
        is_shared = isinstance(tensor, jax.Array) and not tensor.is_fully_addressable
        if isinstance(tensor, jax.core.Tracer) or is_shared:
            return own(tensor, layout)
        return place_everywhere(jax, tensor, sharding)

    library.distribute_tensor = distribute_tensor


def current_mesh() -> Any:
    """Return JAX's mesh of the devices that batches are divided over; None for one device."""
    distribution = sys.modules["keras"].distribution.distribution()
    return None if distribution is None else distribution.device_mesh.backend_mesh


_agreements: list[Agreement] = []


def own_choice(stop: int) -> int:
    """Return the step before which this process would stop: there is no other that it must agree with."""
    return stop


def agreement() -> Callable[[int], int]:
    """Return the agreement of this process with the others of its launch; a process on its own has its way."""
    group = ProcessGroup.of()
    if group is None:
        return own_choice
    if not _agreements:
        # JAX has no public name for its client of the coordination service.
        client = sys.modules["jax"]._src.distributed.global_state.client  # noqa: SLF001
        _agreements.append(Agreement(client, is_first=group.process == 0))
    return _agreements[0]
