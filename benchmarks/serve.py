"""Ask `nnrun serve` from many clients at once: times, lost requests, memory, and what batches gain.

    python benchmarks/serve.py                        10,000 requests, 50 at once, one in ten wrong
    python benchmarks/serve.py --requests 2000        a shorter look

A small network on a table is trained first. Every answer is compared with the prediction of its row when nobody else
asks. The gain is measured in turns: the same number of requests by a server that batches and by one that does not
(`--batch-size 1`), again and again, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Rows of the table that `smoke/insurance` is trained on: patients with diabetes.
_COLUMNS = {"age": (19, 79), "sex": (1, 2), "bmi": (18, 42), "bp": (62, 133), "s5": (3, 6)}
#: Every so many requests one is wrong, in one of three ways.
_WRONG = 10
_WARM = 500


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    host: str
    port: int

    @property
    def memory(self) -> int:
        """The resident memory, in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)


@dataclass
class Outcome:
    """What clients have seen."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0

    @property
    def per_second(self) -> float:
        """The number of answers in a second."""
        return len(self.times) / self.seconds


@contextmanager
def started(run: Path, *options: str) -> Iterator[Server]:
    """Start a server on a free port, and stop it at the end."""
    command = [sys.executable, "-m", "nnrun", "serve", str(run), "--port", "0", "--json", "--quiet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = "" if process.stdout is None else process.stdout.readline()
            url = urlsplit(json.loads(line)["url"])
            yield Server(process, str(url.hostname), int(url.port or 0))
        finally:
            process.terminate()
            process.wait(60)


def body(number: int) -> tuple[int, dict[str, Any]]:
    """Return the status that a request is to get, and its body."""
    row: dict[str, Any] = {
        name: round(low + (high - low) * ((number * prime) % 97) / 96, 2)
        for prime, (name, (low, high)) in zip((5, 7, 11, 13, 17), _COLUMNS.items(), strict=True)
    }
    if number % _WRONG:
        return 200, {"rows": [row]}
    kind = number // _WRONG % 3
    if kind == 0:
        return 422, {"rows": [{**row, "bmi": "heavy"}]}
    if kind == 1:
        return 422, {"rows": [{name: value for name, value in row.items() if name != "bp"}]}
    return 422, {"rows": [{**row, "cholesterol": 1}]}


def ask(connection: http.client.HTTPConnection, number: int) -> tuple[int, Any]:
    """Send a request, and return its status and answer."""
    data = json.dumps(body(number)[1])
    connection.request("POST", "/predict", data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def ask_all(server: Server, numbers: range, at_once: int, known: dict[int, float]) -> Outcome:
    """Send requests from many clients, each on one connection, and compare every answer with what is known."""
    outcome, lock = Outcome(), threading.Lock()
    following = count(numbers.start)

    def client() -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
        while (number := next(following)) < numbers.stop:
            begun = time.perf_counter()
            status, answer = ask(connection, number)
            seconds = time.perf_counter() - begun
            is_right = status == body(number)[0]
            if is_right and status == 200:
                is_right = abs(answer["predictions"][0]["prediction"] - known[number % 970]) < 1e-3
            with lock:
                outcome.times.append(seconds)
                outcome.statuses[status] += 1
                outcome.wrong += not is_right
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(at_once)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - begun
    return outcome


def alone(server: Server) -> dict[int, float]:
    """Return the prediction of each row, of which there are 97 times ten, all asked in few requests."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
    numbers = [number for number in range(970) if body(number)[0] == 200]
    rows = [body(number)[1]["rows"][0] for number in numbers]
    connection.request("POST", "/predict", json.dumps({"rows": rows}), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    return dict(zip(numbers, (one["prediction"] for one in answer["predictions"]), strict=True))


def milliseconds(times: list[float], percent: int) -> str:
    """Return a quantile of times as text."""
    return f"{1000 * statistics.quantiles(times, n=100)[percent - 1]:.0f} ms"


def report(name: str, outcome: Outcome, asked: int) -> None:
    """Print what clients have seen."""
    lost = asked - len(outcome.times)
    print(
        f"{name}: {len(outcome.times):,} answers in {outcome.seconds:.1f} s ({outcome.per_second:.0f}/s), "
        f"p50 {milliseconds(outcome.times, 50)}, p99 {milliseconds(outcome.times, 99)}; "
        f"statuses {dict(sorted(outcome.statuses.items()))}, lost {lost}, unexpected {outcome.wrong}"
    )


def compare(run: Path, turns: int, size: int, at_once: int) -> None:
    """Print what batches gain: both servers answer the same requests in turns."""
    with started(run) as batching, started(run, "--batch-size", "1") as single:
        known = alone(batching)
        rates: dict[str, list[float]] = {"batches": [], "alone": []}
        for turn in range(turns + 1):
            for name, server in (("batches", batching), ("alone", single)):
                found = ask_all(server, range(turn * size, (turn + 1) * size), at_once, known)
                # The first turn warms up.
                rates[name] += [found.per_second] if turn else []
                if found.wrong:
                    raise SystemExit(f"{name}: {found.wrong} unexpected answers: {found.statuses}")
    for name, values in rates.items():
        print(f"{name}: {', '.join(f'{value:.0f}' for value in values)} answers/s")
    ratios = [first / second for first, second in zip(rates["batches"], rates["alone"], strict=True)]
    print(f"gain of batches: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


def main() -> None:
    """Train, serve and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--turn-size", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train = [sys.executable, "-m", "nnrun", "train", "smoke/insurance", "--runs-dir", folder, "--quiet"]
        run = Path(subprocess.run(train, check=True, capture_output=True, text=True).stdout.strip())
        with started(run) as server:
            known = alone(server)
            ask_all(server, range(_WARM), asked.at_once, known)
            before = server.memory
            outcome = ask_all(server, range(asked.requests), asked.at_once, known)
            after = server.memory
        report(f"{asked.at_once} at once", outcome, asked.requests)
        print(f"memory: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
        compare(run, asked.turns, asked.turn_size, asked.at_once)


if __name__ == "__main__":
    main()
