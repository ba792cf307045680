# ruff: noqa: SLF001, S608 - what 100,000 trials leave is written here by the ledgers' own means
"""What the ledger of a sweep costs, and how many trials on how many slots it bears: measured, and simulated.

    python benchmarks/scale.py measure --out costs.json [--trials 100000] [--postgres ADDRESS] [--folder FOLDER]
    python benchmarks/scale.py validate costs.json [--postgres ADDRESS]
    python benchmarks/scale.py simulate costs.json

`measure` makes a real ledger of each kind, and times the functions that a worker calls at several stages, between which
trials end in bulk; then with several processes at the same time. It also trains a small sweep, whose
trainings are what the simulation replays. FOLDER is where the ledgers are made: another disk has other times.

`simulate` replays these times for 10, 1,000 and 100,000 trials on 1 to 1,000 slots, event by event: a slot claims a
trial, trains, renews its claim every 30 seconds, and ends it. A part of each call is the slot's own; the rest is done
by what all slots share (SQLite's lock, the folder, the server), which serves so many at a time.

`validate` lets 2 to 16 real processes claim, wait and end, simulates the same, and says how far apart both are. Exits
with 1 if that is more than half.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.runs.record import now
from nnrun.sweep.file_ledger import FileLedger
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import RENEWAL_SECONDS, Ledger, Trial, claimant
from nnrun.sweep.postgres_ledger import PostgresLedger
from nnrun.sweep.sqlite_ledger import SqliteLedger
from nnrun.sweep.write_once import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOME = Path(__file__).resolve().parents[1]
STAGES = (0.01, 0.1, 0.99)
PROCESSES = (1, 2, 4, 8, 16)
SCORES = {
    "task": "classification",
    "checkpoint": "last",
    "test": {"rows": 200, "loss": 0.3291, "errors": 21, "error_rate": 0.105, "error_percent": 10.5},
    "validation": {"rows": 200, "loss": 0.3187, "errors": 19, "error_rate": 0.095, "error_percent": 9.5},
}
#: What a claim and an end leave of a trial, for many at once.
ENDED = tuple(
    f"UPDATE {{table}} SET {change} WHERE number >= :first AND number < :stop {{of_sweep}}"
    for change in (
        "status = 'running', attempts = 1, process = :process, started = :at",
        "status = 'done', process = NULL, scores = :scores, ended = :at",
    )
)
#: The smallest useful sweep: how long its trials take is replayed.
SWEEP = ("iris", "--grid", "training.batch_size=8,16,32", "--seeds", "4", "--choose-by", "test.loss")
#: Trials of the ledgers that several processes share.
CONTENDED = 240
#: What is simulated: trials and slots, and trainings that take a tenth of those of the small sweep, or as long.
SIZES = ((10, 1), (10, 10), (1000, 16), (1000, 1000), (100_000, 16), (100_000, 1000))
FACTORS = (0.1, 1)
#: The largest error of a simulated number of trials a second.
MOST_ERROR = 0.5
#: Seconds that SQLite sleeps between two tries to get its lock (`sqliteDefaultBusyCallback`); the last one repeats.
SQLITE_DELAYS = tuple(one / 1000 for one in (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100))


def make(place: Path, kind: str, trials: int) -> SweepFolder:
    """Make a sweep's folder with a ledger; nothing is trained."""
    folder = SweepFolder.create(place, "scale")
    listed = [
        Trial(number, number, 1, {"training.optimizer.Adam.learning_rate": 1 / (number + 1), "model.0.Dense.units": 64})
        for number in range(trials)
    ]
    folder.create_ledger(kind, {"name": "scale", "start": now(), "mode": "auto", "threads": 1}, listed)
    return folder


def timed(call: Callable[..., Any], *words: Any) -> tuple[float, float]:
    """Return the seconds of a call, and those of the processor in this process."""
    start, before = time.perf_counter(), time.process_time()
    call(*words)
    return time.perf_counter() - start, time.process_time() - before


def fill(folder: SweepFolder, trials: int) -> dict[str, Any]:
    """Claim and end the trials of a ledger but the last 1 %; return the times of calls at each stage, and of reads."""
    ledger, keep = folder.open_ledger(), max(20, trials // 500)
    found: dict[str, Any] = {}
    done = 0
    for stage in (max(keep, int(share * trials)) for share in STAGES):
        end_many(ledger, done, stage - keep)
        calls: dict[str, list[tuple[float, float]]] = {"claim": [], "renew": [], "finish": []}
        for _ in range(min(keep, stage - done)):
            start = time.perf_counter(), time.process_time()
            trial = claimed(ledger)
            calls["claim"].append((time.perf_counter() - start[0], time.process_time() - start[1]))
            calls["renew"].append(timed(ledger.renew, trial))
            calls["finish"].append(timed(ledger.finish, trial, SCORES))
        done = stage
        found |= {f"{name} at {stage}": median(times) for name, times in calls.items()}
        found["samples"] = calls
    found |= {name: timed(call) for name, call in reads(folder).items()}
    found["MB"] = size_of(folder) / 1e6
    return found


def end_many(ledger: Ledger, first: int, stop: int) -> None:
    """Leave what claiming and ending trials leaves, in bulk: one by one 100,000 trials take very long."""
    values = {
        "process": json.dumps(claimant()),
        "scores": json.dumps(SCORES),
        "at": now(),
        "first": first,
        "stop": stop,
    }
    if isinstance(ledger, FileLedger):
        for number in range(first, stop):
            end_in_files(ledger, number, values)
        return
    for change in ENDED:
        if isinstance(ledger, SqliteLedger):
            with ledger._file.transaction() as connection:
                connection.execute(change.format(table="trials", of_sweep=""), values)
        elif isinstance(ledger, PostgresLedger):
            of_sweep = f"AND sweep = '{ledger._sweep}'"
            query = re.sub(r":(\w+)", r"%(\1)s", change.format(table="nnrun_trials", of_sweep=of_sweep))
            ledger._server.run(lambda connection, _, query=query: connection.execute(query, values))


def end_in_files(ledger: FileLedger, number: int, values: dict[str, Any]) -> None:
    """Leave the two files of a trial, and the one of its subfolder after the last trial there."""
    claim = {"process": json.loads(values["process"]), "attempts": 1, "started": values["at"]}
    end = {"status": "done", "attempts": 1, "error": None, "scores": SCORES, "ended": values["at"]}
    for folder, content in ((ledger._claims, claim), (ledger._ends, end)):
        path = folder.path(number, 1)
        if number % BLOCK == 0:
            path.parent.mkdir()
        path.write_text(json.dumps(content))
    if (number + 1) % BLOCK == 0:
        ledger._close(number // BLOCK * BLOCK)


def claimed(ledger: Ledger) -> Trial:
    """Claim a trial, which must be there."""
    trial = ledger.claim()
    assert trial is not None, "no trial waits"  # noqa: S101
    return trial


def median(times: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median seconds of calls, and those of the processor."""
    return statistics.median(wall for wall, _ in times), statistics.median(own for _, own in times)


def reads(folder: SweepFolder) -> dict[str, Callable[[], Any]]:
    """Return what is read of a ledger, by a process that has read nothing yet."""
    return {
        "open and claim": lambda: folder.open_ledger().claim(),
        "counts": lambda: folder.open_ledger().counts(),
        "running": lambda: folder.open_ledger().trials("running"),
        "all trials": lambda: folder.open_ledger().trials(),
    }


def size_of(folder: SweepFolder) -> int:
    """Return the bytes that the ledger takes on disk, by whole blocks."""
    return sum(path.stat().st_blocks * 512 for path in folder.path.rglob("*") if path.is_file())


def loop(path: Path, trials: int, seconds: float, ready: Any, results: Any) -> None:
    """Claim a trial, wait, and end it, again and again: what a worker does with its ledger."""
    ledger, found, chance = SweepFolder(path).open_ledger(), [], random.Random(os.getpid())  # noqa: S311
    ready.wait()
    for _ in range(trials):
        start = time.perf_counter()
        trial = claimed(ledger)
        took = time.perf_counter() - start
        waited = timed(time.sleep, chance.uniform(0.5, 1.5) * seconds)[0] if seconds else 0.0
        found.append((took + timed(ledger.finish, trial, SCORES)[0], waited))
    results.put((found, time.time()))


def contend(folder: SweepFolder, processes: int, trials: int, seconds: float) -> dict[str, Any]:
    """Let processes work through trials; return the trials a second, the seconds that claim and end take, and waits."""
    context = multiprocessing.get_context("fork")
    ready, results = context.Barrier(processes + 1), context.Queue()
    each = max(1, trials // processes)
    workers = [
        context.Process(target=loop, args=(folder.path, each, seconds, ready, results)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ready.wait()
    start = time.time()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    calls = [one for of_worker, _ in found for one in of_worker]
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = max(end for _, end in found) - start
    overhead, waits = statistics.fmean(one for one, _ in calls), [one for _, one in calls]
    return {"rate": len(calls) / took, "overhead": overhead, "cpu": busy / len(calls), "waits": waits}


def trainings(runs: Path) -> dict[str, Any]:
    """Train a small sweep in one process; return the seconds of its trials, and those that were no training."""
    environment = {**os.environ, "PYTHONPATH": str(HOME / "src")}
    command = [sys.executable, "-m", "nnrun", "sweep", *SWEEP, "--runs-dir", str(runs), "--json", "--quiet"]
    made = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    records = [json.loads((Path(one["run"]) / "record.json").read_text()) for one in made["trials"]]
    rows = [(Path(one["run"]) / "metrics.jsonl").read_text().splitlines() for one in made["trials"]]
    epochs = [sum(json.loads(row).get("seconds") or 0.0 for row in of_run) for of_run in rows]
    whole = [between(record["start"], record["end"]) for record in records]
    # The first one starts the backend.
    return {"seconds": whole[1:], "besides epochs": statistics.fmean(a - b for a, b in zip(whole, epochs, strict=True))}


def between(start: str, end: str) -> float:
    """Return the seconds between two times."""
    from datetime import datetime

    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


@dataclass
class Costs:
    """What a call costs: a part of its own, and one of what all slots share.

    Attributes:
        calls: The pairs of seconds, own and shared, that were measured, by the call's name.
        servers: How many calls the shared part serves at the same time.
        is_polled: Whether a call that finds it busy sleeps and tries again, as SQLite does.
        renews: Whether claims are renewed.
    """

    calls: dict[str, list[tuple[float, float]]]
    servers: int
    is_polled: bool
    renews: bool

    @classmethod
    def of(cls, kind: str, measured: dict[str, Any], *, quiet: bool) -> Costs:
        """Return what was measured of a kind of ledger; of a quiet machine, without the slower half of the calls.

        What is shared of PostgreSQL is the time of the server's processors; of the others as much of a call as explains
        how many calls a second many processes make together (Little's law): all of it where they are no faster than
        one.
        """
        samples, renews = measured["samples"], kind != "sqlite"
        if quiet:
            # What else runs on a machine only delays.
            samples = {name: sorted(times)[: (len(times) + 1) // 2] for name, times in samples.items()}
        server = measured.get("server seconds")
        one = sum(statistics.fmean(wall for wall, _ in samples[name]) for name in ("claim", "finish"))
        parallel = max(1.0, one * max(found["rate"] for found in measured["together"].values()))
        servers = int(os.cpu_count() or 1) if server is not None else int(parallel)
        share = min(1.0, server / one if server is not None else servers / parallel)
        calls = {name: [(wall * (1 - share), wall * share) for wall, _ in times] for name, times in samples.items()}
        return cls(calls, servers, kind == "sqlite", renews)


@dataclass
class Simulation:
    """Slots that work through the trials of a ledger.

    Attributes:
        costs: What a call costs.
        seconds: The times of a training, of which one is drawn for each trial.
        trials: How many trials.
        slots: How many slots.
        cores: How many calls compute at the same time, where all slots are processes of one machine; None: each slot
            has a core of its own.
    """

    costs: Costs
    seconds: list[float]
    trials: int
    slots: int
    cores: int | None = None
    _events: list[tuple[float, int, Iterator[Any]]] = field(default_factory=list)
    _order: int = 0

    def run(self) -> dict[str, float]:
        """Return the seconds in all, those of the ledger a trial, and the share of the time in which it is busy."""
        chance = random.Random(7)  # noqa: S311
        self._free = [0.0] * self.costs.servers
        self._cores = [0.0] * (self.cores or 0)
        self._left, self._busy, self._now = self.trials, 0.0, 0.0
        waits: list[float] = []
        for _ in range(self.slots):
            self._schedule(0.0, self._slot(chance, waits))
        while self._events:
            self._now, _, slot = heapq.heappop(self._events)
            pause = next(slot, None)
            if pause is not None:
                self._schedule(self._now + pause, slot)
        waits.sort()
        trained = statistics.fmean(self.seconds) * self.trials
        return {
            "seconds": self._now,
            "overhead": statistics.fmean(waits),
            "p99": waits[int(0.99 * (len(waits) - 1))],
            "busy": self._busy / self.costs.servers / self._now,
            "efficiency": trained / (self._now * min(self.slots, self.trials)),
            "rate": self.trials / self._now,
        }

    def _schedule(self, at: float, slot: Iterator[Any]) -> None:
        self._order += 1
        heapq.heappush(self._events, (at, self._order, slot))

    def _slot(self, chance: random.Random, waits: list[float]) -> Iterator[float]:
        """Claim, train and end until no trial is left; yields the seconds until the next event."""
        while self._left:
            self._left -= 1
            start = self._now
            yield from self._call("claim", chance)
            wait, left = self._now - start, chance.choice(self.seconds)
            while self.costs.renews and left > RENEWAL_SECONDS:
                yield RENEWAL_SECONDS
                left -= RENEWAL_SECONDS
                # A thread of its own renews: training goes on meanwhile.
                self._serve(chance.choice(self.costs.calls["renew"])[1], self._free)
            yield left
            start = self._now
            yield from self._call("finish", chance)
            waits.append(wait + self._now - start)

    def _call(self, name: str, chance: random.Random) -> Iterator[float]:
        own, shared = chance.choice(self.costs.calls[name])
        yield self._serve(own, self._cores) if self._cores else own
        tries = 0
        while self.costs.is_polled and min(self._free) > self._now:
            yield SQLITE_DELAYS[min(tries, len(SQLITE_DELAYS) - 1)]
            tries += 1
        if self._cores:
            # The shared part takes a core, too.
            self._serve(shared, self._cores)
        self._busy += shared
        yield self._serve(shared, self._free)

    def _serve(self, seconds: float, servers: list[float]) -> float:
        """Take the first free server for some seconds; return the seconds until they are over."""
        at = min(range(len(servers)), key=servers.__getitem__)
        servers[at] = max(servers[at], self._now) + seconds
        return servers[at] - self._now


def server_seconds(address: str) -> float | None:
    """Return the seconds of the processor that a PostgreSQL server of this machine has taken; None if not known."""
    import psutil
    import psycopg

    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchone()
    try:
        pid = int((Path(str(row and row[0])) / "postmaster.pid").read_text().split()[0])
    except OSError:
        return None
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def kinds_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the kinds of ledgers that are asked for, by name."""
    found = {"sqlite": "sqlite", "files": "files", "postgres": arguments.postgres}
    return {name: kind for name, kind in found.items() if kind and name in (arguments.only or found)}


def measure(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Measure each kind of ledger, and a small sweep."""
    found: dict[str, Any] = {"trials": arguments.trials, "ledgers": {}}
    for name, kind in kinds_of(arguments).items():
        start = time.perf_counter()
        folder = make(place, kind, arguments.trials)
        made = time.perf_counter() - start
        of_kind = found["ledgers"][name] = {"create": made, **fill(folder, arguments.trials)}
        of_kind["together"] = {}
        for processes in PROCESSES:
            before = server_seconds(kind) if name == "postgres" else None
            together = contend(make(place, kind, CONTENDED), processes, CONTENDED, 0.0)
            of_kind["together"][processes] = together
            if before is not None and processes == 1:
                of_kind["server seconds"] = ((server_seconds(kind) or before) - before) / CONTENDED
        show_measured(name, of_kind)
    found["trainings"] = trainings(place)
    seconds = found["trainings"]["seconds"]
    print(f"trainings: {statistics.median(seconds):.2f} s, besides epochs {found['trainings']['besides epochs']:.2f} s")
    return found


def show_measured(name: str, measured: dict[str, Any]) -> None:
    """Print what was measured of a kind of ledger."""
    print(f"{name}: created in {measured['create']:.1f} s, {measured['MB']:.0f} MB")
    for what, value in measured.items():
        if isinstance(value, tuple):
            print(f"  {what:24} {1000 * value[0]:10.2f} ms, of the processor here {1000 * value[1]:9.2f} ms")
    if "server seconds" in measured:
        print(f"  {'of the server':24} {1000 * measured['server seconds']:10.2f} ms a trial")
    for processes, one in measured["together"].items():
        print(f"  {processes:2} processes {one['rate']:8.0f} trials/s, {1000 * one['overhead']:8.2f} ms a trial")


def simulate(costs: dict[str, Any]) -> None:
    """Print what the simulation says of each kind of ledger, and at how many slots it saturates."""
    seconds = costs["trainings"]["seconds"]
    print("ledger   trials   slots  training  ledger/trial      p99  busy  efficiency  trials/s")
    for name, measured in costs["ledgers"].items():
        found = Costs.of(name, measured, quiet=True)
        for factor in FACTORS:
            times = [factor * one for one in seconds]
            for trials, slots in SIZES:
                row = Simulation(found, times, trials, slots).run()
                print(
                    f"{name:8} {trials:6} {slots:7} {statistics.fmean(times):8.1f}s {1000 * row['overhead']:11.1f}ms "
                    f"{1000 * row['p99']:6.0f}ms {row['busy']:5.0%} {row['efficiency']:11.0%} {row['rate']:9.1f}"
                )
        whole = sum(statistics.fmean(b for _, b in found.calls[one]) for one in ("claim", "finish"))
        most = found.servers / whole
        print(f"{name:8} bears {most:.0f} trials/s: {60 * most:.0f} slots whose trials take a minute each")


def validate(costs: dict[str, Any], arguments: argparse.Namespace, place: Path) -> int:
    """Compare the simulation with real processes that claim, wait and end; return 1 if it is far off."""
    worst = 0.0
    for name, kind in kinds_of(arguments).items():
        # Measured at once: a machine that others use has other times an hour later.
        now_measured = {**costs["ledgers"][name], **fill(make(place, kind, CONTENDED), CONTENDED)}
        together = {one: contend(make(place, kind, CONTENDED), one, CONTENDED, 0.0) for one in PROCESSES}
        found = Costs.of(name, {**now_measured, "together": together}, quiet=False)
        for processes in PROCESSES[1:]:
            for seconds in (0.02, 0.1):
                real = contend(make(place, kind, CONTENDED), processes, CONTENDED, seconds)
                # The waits as they were: on a busy machine a process is woken late.
                one = Simulation(found, real["waits"], CONTENDED, processes).run()
                error = one["rate"] / real["rate"] - 1
                worst = max(worst, abs(error))
                print(
                    f"{name:8} {processes:2} processes, {seconds:.2f} s: real {real['rate']:6.1f} trials/s, "
                    f"{1000 * real['overhead']:6.1f} ms a trial; simulated {one['rate']:6.1f} ({error:+.0%}), "
                    f"{1000 * one['overhead']:6.1f} ms"
                )
    return int(worst > MOST_ERROR)


def main() -> int:
    """Measure, validate or simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "validate", "simulate"))
    parser.add_argument("costs", type=Path, nargs="?", help="what measure wrote")
    parser.add_argument("--out", type=Path, default=Path("costs.json"))
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--postgres", metavar="ADDRESS", help="a database: postgresql://user@host/database")
    parser.add_argument("--only", action="append", choices=("sqlite", "files", "postgres"))
    parser.add_argument("--folder", type=Path, help="where the ledgers are made")
    arguments = parser.parse_args()
    if arguments.what == "simulate":
        simulate(json.loads(arguments.costs.read_text()))
        return 0
    with tempfile.TemporaryDirectory(prefix="nnrun-scale-", dir=arguments.folder) as place:
        if arguments.what == "validate":
            return validate(json.loads(arguments.costs.read_text()), arguments, Path(place))
        arguments.out.write_text(json.dumps(measure(arguments, Path(place))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
