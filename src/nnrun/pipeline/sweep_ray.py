"""Train a sweep on Ray, which places workers and does nothing else: each pulls trials, as `nnrun sweep work` does.

A process of its own speaks with Ray, so that nothing of Ray reaches the screen, and so that a cluster that goes
away ends that process alone. Each worker is an actor, which Ray never begins again. Its trial belongs to it by the
ledger: when Ray says that a worker is gone, another one is started in its place, where possible on the same node, and
takes the trial over as soon as the ledger lets it.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as FilePath
from threading import Condition
from typing import TYPE_CHECKING, Any

from nnrun import __version__, interruption
from nnrun.engine.backend.redirect_output import redirect_output
from nnrun.errors import NnrunError, RunError, is_of_the_system
from nnrun.formatting import format_count
from nnrun.gpus import gpu_groups, visible_gpus
from nnrun.pipeline.child_processes import run_in_processes
from nnrun.pipeline.sweep_claim import release_killed
from nnrun.pipeline.sweep_memory import MEMORY
from nnrun.pipeline.sweep_trials import MOST_KILLS, SweepTask, release_dead
from nnrun.scratch import scratch_folder
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ray_cluster import RayAddress, connect, fitting_nodes
from nnrun.sweep.rounds import trials_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.pipeline.child_processes import EventSink
    from nnrun.pipeline.sweep import SweepMonitor, SweepRequest, TrainTrials
    from nnrun.progress import Progress
    from nnrun.sweep.ledger import Ledger

#: Seconds between two looks at the workers, and for which a worker waits for something to report.
_LOOK_SECONDS, _REPORT_SECONDS = 0.2, 1.0
#: Seconds between two looks at the ledger for the trial of a lost node.
_LEASE_LOOK_SECONDS = 2.0
#: Seconds after which it is asked whether a worker fits on any node, and after which a message says that none began.
_NODES_SECONDS, _START_SECONDS = 2.0, 30.0
#: Seconds for which a node that a worker fits on may be missing: clusters may add one.
_PLACE_PATIENCE = 300.0


def train_on_ray(address: RayAddress) -> TrainTrials:
    """Return what trains the trials of a sweep with workers on Ray."""
    return partial(_train, address)


def _train(
    address: RayAddress,
    folder: SweepFolder,
    request: SweepRequest,
    fields: Mapping[str, Any],
    left: int,
    monitor: SweepMonitor,
    progress: Progress,
) -> None:
    per_trial = request.gpus_per_trial if request.gpus_per_trial is not None else fields.get("gpus_per_trial")
    if address.kind == "local" and per_trial:
        gpu_groups(per_trial)
    where = "here" if address.kind == "local" else f"at {address.text}"
    progress.say(f"Ray {where}: {format_count(min(request.jobs or 1, left), 'worker')}, with its output in ray.txt")
    with scratch_folder("ray") as scratch:
        driver = RayDriver(folder, address, min(request.jobs or 1, left), int(fields["threads"]), per_trial, scratch)
        run_in_processes([driver], 1, monitor.on_event, _on_driver_killed)


def _on_driver_killed(driver: RayDriver, _: int, exit_code: int | None) -> list[RayDriver]:
    """Report that the process which speaks with Ray has ended: Ray ends it where its cluster is gone.

    Raises:
        RunError: Always.
    """
    text = f"the connection to Ray was lost (exit code {exit_code}); its last words are in {driver.folder.path}/ray.txt"
    raise RunError(text, f"nnrun sweep --resume {driver.folder.path} --on ray")


class RayWorker:
    """What runs on a node: one process that trains, and its events until they are asked for.

    Args:
        folder: The sweep's folder.
        environment: Variables that count as where the sweep was begun.
        hides_gpus: Whether the process sees no GPU; otherwise it sees those that Ray gives it.
        version: The version of nnrun where the sweep was begun.
    """

    def __init__(self, folder: SweepFolder, environment: Mapping[str, str], version: str, *, hides_gpus: bool) -> None:
        # Ray sets it for the libraries of a worker; the figures are to be those of any other process.
        os.environ.pop("OMP_NUM_THREADS", None)
        os.environ.update(environment)
        # A spawned process runs the main file of its parent again: here that of Ray's worker, which it does not need.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._task = SweepTask(folder, () if hides_gpus else None)
        self._version = version
        self._events: list[tuple[str, int | None, Any]] = []
        self._changed = Condition()
        self._kills = 0

    def node(self) -> tuple[str, str]:
        """Return Ray's name of the node, and its host."""
        import ray

        return ray.get_runtime_context().get_node_id(), socket.gethostname()

    def work(self) -> tuple[str, Any]:
        """Train trials until none waits; return how that ended: `end`, `stopped` with a reason, or `error` with one."""
        folder = self._task.folder
        try:
            if self._version != __version__:
                raise RunError(f"nnrun is {__version__} there and {self._version} here", "install the same version")
            ledger = folder.open_ledger(patient=True)
            release_dead(folder, ledger)
            run_in_processes([self._task], 1, self._send, partial(self._on_killed, ledger))
        except interruption.StopRequestedError as stop:
            return "stopped", stop.reason
        except NnrunError as error:
            return "error", (error.text, error.hint)
        except OSError as error:
            # A disk that is full or away; anything else is a bug, with its traceback.
            if not is_of_the_system(error):
                raise
            return "error", (f"the system refuses: {error}", "remove the cause, and go on with the sweep")
        return "end", None

    def events(self) -> list[tuple[str, int | None, Any]]:
        """Return what has happened since the last call; wait a moment for it."""
        with self._changed:
            if not self._events:
                self._changed.wait(_REPORT_SECONDS)
            found, self._events = self._events, []
        return found

    def stop(self, reason: str) -> None:
        """Let the process save the state of its trial and end."""
        interruption.request(reason, "preempted")

    def _send(self, kind: str, number: int | None, payload: Any) -> None:
        if kind == MEMORY:
            return
        if kind == "done":
            self._kills = 0
        with self._changed:
            if kind == "at":
                # Of the places of a trial the last one counts.
                self._events = [one for one in self._events if one[0] != "at"]
            self._events.append((kind, number, payload))
            self._changed.notify()

    def _on_killed(self, ledger: Ledger, task: SweepTask, pid: int, exit_code: int | None) -> list[SweepTask]:
        release_killed(ledger, pid, f"its process was killed, with exit code {exit_code}", self._send)
        self._kills += 1
        if self._kills >= MOST_KILLS:
            text = f"a process of the sweep was killed, with exit code {exit_code}, as others before it"
            raise RunError(text, "see that there is enough memory")
        return [task] if trials_left(ledger.fields(), ledger.counts()) else []


@dataclass(frozen=True)
class RayDriver:
    """The process that speaks with Ray.

    Attributes:
        folder: The sweep.
        address: Where Ray is.
        jobs: How many workers there are, at most.
        threads: The cores of each.
        gpus_per_trial: The GPUs of each; None: it has none, and what it sees is not touched.
        scratch: The folder for the files of a local Ray.
    """

    folder: SweepFolder
    address: RayAddress
    jobs: int
    threads: int
    gpus_per_trial: int | None
    scratch: FilePath

    def run(self, send: EventSink) -> None:
        """Start workers, and pass on their events until no trial is left.

        Raises:
            StopRequestedError: A request to stop came in; all workers have saved the states of their trials.
            RunError: Ray cannot be used, no node has room for a worker, or a worker fails.
        """
        with redirect_output(self.folder.path / "ray.txt"):
            os.dup2(2, 1)
            local = self.address.kind == "local" and self.gpus_per_trial
            ray = connect(self.address, self.scratch, visible_gpus() if local else ())
            try:
                with interruption.deferred():
                    RayWorkers(ray, self, send).run()
            finally:
                ray.shutdown()


@dataclass
class _Placed:
    """A worker, with what it was last asked.

    Attributes:
        number: Its number, from 0.
        actor: Ray's handle.
        node: The answer to where it is.
        work: The answer that ends it.
        events: The answer with its events.
        place: Ray's name of its node, and the host; None as long as it has none.
    """

    number: int
    actor: Any
    node: Any
    work: Any
    events: Any
    place: tuple[str, str] | None = None


@dataclass
class RayWorkers:
    """The workers of a sweep on Ray.

    Attributes:
        ray: Ray's module, which is connected.
        driver: What is to be trained, and where.
        send: Receives the events.
    """

    ray: Any
    driver: RayDriver
    send: EventSink
    _live: list[_Placed] = field(default_factory=list)
    _started: int = 0
    _losses: int = 0
    _has_lost: bool = False
    _is_stopping: bool = False
    _says_waiting: bool = False

    def run(self) -> None:
        """Start workers, and pass on their events until no trial is left or a stop is requested.

        Raises:
            RunError: No node has room for a worker, a worker fails, or too many are lost.
        """
        self._ledger = self.driver.folder.open_ledger(patient=True)
        self._began = time.monotonic()
        for _ in range(self.driver.jobs):
            self._start()
        try:
            while self._live or self._starts_for_lost_trials():
                self._look()
        except BaseException:
            self._stop("another worker failed")
            raise

    def _look(self) -> None:
        """Take what has happened within a moment."""
        answers = {ref: worker for worker in self._live for ref in (worker.node, worker.events, worker.work) if ref}
        # One after the other, and the end of a worker last: its events come before.
        ready, _ = self.ray.wait(list(answers), num_returns=1, timeout=_LOOK_SECONDS)
        for ref in ready:
            self._receive(answers[ref], ref)
        stop = interruption.pending()
        if stop is not None and not self._is_stopping:
            self._stop(stop.reason)
        self._require_places()

    def _start(self, node: str | None = None) -> None:
        """Start a worker, on a node if it can be there.

        It runs once: begun again by Ray, it would do nothing that another one does not.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        driver = self.driver
        options: dict[str, Any] = {
            "num_cpus": driver.threads,
            "num_gpus": driver.gpus_per_trial or 0,
            "max_restarts": 0,
            "max_task_retries": 0,
            # Its training, a report, a stop, and one to spare.
            "max_concurrency": 4,
        }
        options["scheduling_strategy"] = "SPREAD" if node is None else NodeAffinitySchedulingStrategy(node, soft=True)
        data_dir = os.environ.get("NNRUN_DATA_DIR")
        environment = {"NNRUN_DATA_DIR": str(FilePath(data_dir).resolve())} if data_dir else {}
        folder = SweepFolder(driver.folder.path.resolve())
        remote = self.ray.remote(**options)(RayWorker)
        actor = remote.remote(folder, environment, __version__, hides_gpus=driver.gpus_per_trial == 0)
        worker = _Placed(self._started, actor, actor.node.remote(), actor.work.remote(), actor.events.remote())
        self._started += 1
        self._live.append(worker)

    def _receive(self, worker: _Placed, ref: Any) -> None:
        try:
            answer = self.ray.get(ref)
        except self.ray.exceptions.RayActorError as error:
            self._on_lost(worker, error)
            return
        if ref == worker.node:
            worker.place, worker.node = answer, None
        elif ref == worker.events:
            self._pass_on(worker, answer)
            worker.events = worker.actor.events.remote()
        else:
            self._on_end(worker, *answer)

    def _pass_on(self, worker: _Placed, events: list[tuple[str, int | None, Any]]) -> None:
        for kind, number, payload in events:
            if kind == "done":
                self._losses = 0
            if kind == "at":
                # Numbers of processes of several nodes may be the same.
                text = payload[1] and f"{payload[1]}  on {worker.place[1] if worker.place else '?'}"
                self.send(kind, number, (worker.number, text))
            else:
                self.send(kind, number, payload)

    def _on_end(self, worker: _Placed, kind: str, payload: Any) -> None:
        self._live.remove(worker)
        # Of one that is gone meanwhile, the ledger has all that counts.
        with suppress(self.ray.exceptions.RayActorError):
            self._pass_on(worker, self.ray.get(worker.events) + self.ray.get(worker.actor.events.remote()))
        self.send("at", None, (worker.number, ""))
        self.ray.kill(worker.actor, no_restart=True)
        host = worker.place[1] if worker.place else "its node"
        if kind == "error":
            text, hint = payload
            raise RunError(f"a worker on {host} fails: {text}", hint)
        if kind == "stopped" and not self._is_stopping:
            self._replace(worker, f"a worker on {host} was stopped there: {payload}")

    def _on_lost(self, worker: _Placed, error: Any) -> None:
        """Start another worker in the place of one that Ray says is gone.

        Raises:
            RunError: It never began, or others before it were lost, too.
        """
        self._live.remove(worker)
        self.send("at", None, (worker.number, ""))
        reason = " ".join(str(error).split())
        if "No module named 'nnrun" in reason or "failed to import on the worker" in reason or error.actor_init_failed:
            text = f"nnrun cannot be used on a node of the cluster: {reason[-500:]}"
            raise RunError(text, "install nnrun in the same version on all nodes, for the Python that runs Ray there")
        self._has_lost = True
        if isinstance(error, self.ray.exceptions.ActorUnavailableError):
            # It may live on, without anybody who hears of it.
            worker.actor.stop.remote("Ray cannot reach it")
        if not self._is_stopping:
            host = worker.place[1] if worker.place else "a node"
            self._replace(worker, f"worker {worker.number} on {host} is gone")

    def _replace(self, worker: _Placed, text: str) -> None:
        self._losses += 1
        if self._losses >= MOST_KILLS:
            raise RunError(f"{text}, as others before it", "see that the nodes have enough memory")
        if not trials_left(self._ledger.fields(), self._ledger.counts()):
            return
        self.send("warning", None, f"{text}: another one is started in its place")
        self._start(worker.place[0] if worker.place else None)

    def _starts_for_lost_trials(self) -> bool:
        """Wait until the trial of a lost node may be taken over, if there is one, and start a worker for it."""
        is_reported = False
        while self._has_lost and not self._is_stopping and interruption.pending() is None:
            if self._ledger.abandoned():
                self._start()
                return True
            running = self._ledger.trials("running")
            if not running:
                return False
            if not is_reported:
                numbers = ", ".join(str(one.number) for one in running)
                self.send(
                    "say", None, f"Trial {numbers} may still run on a lost node: it is taken over within 5 minutes"
                )
                is_reported = True
            time.sleep(_LEASE_LOOK_SECONDS)
        return False

    def _stop(self, reason: str) -> None:
        """Let all workers save and end; those that have no place yet have nothing to save."""
        self._is_stopping = True
        for worker in list(self._live):
            if worker.place is None:
                self._live.remove(worker)
                self.ray.kill(worker.actor, no_restart=True)
            else:
                worker.actor.stop.remote(reason)

    def _require_places(self) -> None:
        """Check that the workers have room.

        Raises:
            RunError: No node is large enough, and none has come for a while.
        """
        seconds = time.monotonic() - self._began
        if self._says_waiting and seconds < _PLACE_PATIENCE:
            return
        if seconds < _NODES_SECONDS or any(one.place for one in self._live) or self._is_stopping:
            return
        driver, nodes = self.driver, self.ray.nodes()
        need = format_count(driver.threads, "CPU") + f" and {format_count(driver.gpus_per_trial or 0, 'GPU')}"
        if fitting_nodes(nodes, driver.threads, driver.gpus_per_trial or 0):
            if seconds < _START_SECONDS or self._says_waiting:
                return
            self.send("say", None, f"Ray has started no worker yet, which needs {need}: the sweep waits")
        elif driver.address.kind == "local" or seconds >= _PLACE_PATIENCE:
            known = [one.get("Resources") or {} for one in nodes if one.get("Alive")]
            have = "; ".join(f"{one.get('CPU', 0):g} CPUs and {one.get('GPU', 0):g} GPUs" for one in known[:8])
            text = f"a worker needs {need}, and no node of Ray has them: {have or 'there is no node'}"
            raise RunError(text, "ask for less with --threads or --gpus-per-trial, or add a node")
        else:
            text = f"No node of Ray has {need}: the sweep waits for one, {_PLACE_PATIENCE / 60:.0f} minutes at most"
            self.send("say", None, text)
        self._says_waiting = True
