"""Fail every file operation of a training once: `python tests/resume/fault_injection.py [--every K] [--kinds ...]`.

A tiny training, the resume of a killed one, and the extension of a finished one are run again and again. Each time one
operation on the run's files is hit from outside, by strace: the process is killed before it, the operation fails with
ENOSPC or EIO, or the process is asked to stop in it by a signal; one pass for each operation, in order, until all were
hit. (A kill after an operation is the kill before the next; the state after the last one is the finished run.) A
request to stop ends the process with its exit code, and leaves no run without its record. After each pass `runs list`
and `runs show` must work, and `resume` must end with the bits of a training that nobody disturbed. Where no record was
made yet, the next training must succeed, and what is left must not stand in the way of `last`.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import errno
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy_session
from comparison import contents, differing
from forked_commands import CHANGING, READING, fork, prepare, strace_works, write_config

from nnrun.atomic_files import TEMPORARY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forked_commands import Call, Ended

#: Signals that ask for a stop, and the exit codes that follow.
STOPS = {"INT": 130, "TERM": 75, "HUP": 75}
KINDS = ("kill", "ENOSPC", "EIO", *STOPS)
#: Calls that take room on the disk.
_TAKING_ROOM = ("openat", "write", "pwrite64", "writev", "mkdir", "rename", "link", "fsync", "ftruncate", "truncate")


@dataclass(frozen=True)
class Scenario:
    """A command whose operations are hit.

    Attributes:
        name: Its name.
        words: Its words, without `--runs-dir`.
        runs: The folder of runs that it finds, which is copied for each pass; None: there is none.
        again: The command that goes on after a fault.
        expected: What the run has computed in the end.
    """

    name: str
    words: tuple[str, ...]
    runs: Path | None
    again: tuple[str, ...]
    expected: dict[str, str]


def main() -> int:
    """Run all passes; return 1 if one of them lost something."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--every", type=int, default=1, help="hit every K-th operation only")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--scenarios", nargs="*", default=("train", "resume", "extend"))
    arguments = parser.parse_args()
    prepare()
    if not strace_works():
        print("skipped: strace is missing, or may not watch processes here")
        return 0
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="nnrun-faults-") as folder:
        for scenario in scenarios(Path(folder), arguments.scenarios):
            outcomes: Counter[str] = Counter()
            for number, (kind, call) in enumerate(faults(scenario, Path(folder), arguments.kinds)):
                if number % arguments.every:
                    continue
                outcome = hit(scenario, Path(folder), kind, call)
                outcomes[outcome.partition(":")[0]] += 1
                if outcome.startswith("wrong"):
                    wrong += 1
                    print(f"{scenario.name}: {kind} at {call.name} {call.number} {call.arguments[-150:]}: {outcome}")
            print(f"{scenario.name}: {sum(outcomes.values())} states; {dict(outcomes)}", flush=True)
    return 1 if wrong else 0


def scenarios(folder: Path, names: Sequence[str]) -> Iterator[Scenario]:
    """Prepare the scenarios: runs that were killed and finished, and what each must end with."""
    config = str(write_config(folder))
    train, extend = ("train", config), ("resume", "last", "--set", "training.epochs=3")
    finished, extended = folder / "finished", folder / "extended"
    require(fork([on(train, finished)]))
    shutil.copytree(finished, extended)
    require(fork([on(extend, extended)]))
    if "train" in names:
        yield Scenario("train", train, None, ("resume", "last"), contents(run_in(finished)))
    if "resume" in names:
        killed = folder / "killed"
        fork([on(train, killed)], kill_between_epochs(train, killed))
        yield Scenario("resume", ("resume", "last"), killed, ("resume", "last"), contents(run_in(finished)))
    if "folds" in names:
        folds, crossed = folder / "folds.yaml", folder / "crossed"
        folds.write_text(numpy_session.FOLDS_CONFIG)
        train = ("train", str(folds))
        require(fork([on(train, crossed)]))
        yield Scenario("folds", train, None, ("resume", "last"), contents(run_in(crossed)))
    if "extend" in names:
        yield Scenario("extend", extend, finished, extend, contents(run_in(extended)))


def kill_between_epochs(train: Sequence[str], runs: Path) -> tuple[str, ...]:
    """Return the options of strace that kill a training after the state of the first of two epochs was saved."""
    calls = watch([on(train, runs)], runs)
    states = [call for call in calls if call.name == "rename" and "last.safetensors" in call.arguments]
    shutil.rmtree(runs)
    return _injection("kill", states[1])


def faults(scenario: Scenario, folder: Path, kinds: Sequence[str]) -> Iterator[tuple[str, Call]]:
    """Return what is to be hit: every operation of a pass that nothing hits."""
    runs = runs_of(scenario, folder)
    calls = watch([on(scenario.words, runs)], runs)
    for kind in kinds:
        for call in calls:
            if kind in ("EIO", *STOPS) or (call.name in _TAKING_ROOM if kind == "ENOSPC" else _changes(call)):
                yield kind, call


def hit(scenario: Scenario, folder: Path, kind: str, call: Call) -> str:
    """Run a scenario, hit one operation, go on with the run; return what came of it: `wrong: ...` is a fault."""
    runs = runs_of(scenario, folder)
    ended = fork([on(scenario.words, runs)], _injection(kind, call))
    if kind in STOPS:
        if ended.code != STOPS[kind] or "Traceback" in ended.text:
            return f"wrong: exit code {ended.code}: {ended.text[-300:]}"
        if any(not (path / "record.json").exists() for path in runs.glob("*")):
            return "wrong: a folder without a record is left"
    elif kind != "kill" and (ended.code not in (0, 1, 2) or "Traceback" in ended.text or "a bug in" in ended.text):
        return f"wrong: exit code {ended.code}: {ended.text[-300:]}"
    if kind == "kill" and ended.code != -9:
        return f"missed: exit code {ended.code}"
    return ("done, " if ended.code == 0 else "") + check(scenario, runs)


def check(scenario: Scenario, runs: Path) -> str:
    """Read the runs of a folder after a fault and go on with them; return what came of it."""
    recorded = [path for path in runs.glob("*") if (path / "record.json").exists()]
    read = fork([on(("runs", "list", "--json"), runs), on(("runs", "show", "last"), runs)])
    if read.code != (0 if recorded else 1) or "Traceback" in read.text or (recorded and '"broken"' in read.text):
        return f"wrong: runs show ended with {read.code}: {read.text[-300:]}"
    if not recorded:
        went_on = fork([on(("train", scenario.words[1], "--auto-resume"), runs), on(("resume", "last"), runs)])
        outcome = "begun again"
    else:
        went_on, outcome = fork([on(scenario.again, runs)]), "identical"
    if went_on.code:
        return f"wrong: {scenario.again} ended with {went_on.code}: {went_on.text[-400:]}"
    found = differing(scenario.expected, contents(run_in(runs)))
    if found:
        return f"wrong: differs in {', '.join(found[:4])}"
    left = [path for path in runs.rglob(".*") if TEMPORARY_NAME.fullmatch(path.name)]
    # A folder without a record is nobody's: nothing is removed from it.
    left = [path for path in left if run_in(runs) in path.parents]
    return f"wrong: {left} is left" if left else outcome


def watch(commands: Sequence[Sequence[str]], runs: Path) -> list[Call]:
    """Run commands and return their operations on the files below a folder."""
    ended = fork(commands, ("-s", "0", "-e", f"trace={','.join((*CHANGING, *READING))}"))
    require(ended)
    return [call for call in ended.calls if str(runs) in call.arguments]


def require(ended: Ended) -> None:
    """Check that a command has succeeded."""
    assert ended.code == 0, ended.text


def run_in(runs: Path) -> Path:
    """Return the run of a folder that has a record."""
    (run,) = (path for path in runs.iterdir() if (path / "record.json").exists())
    return run


def _changes(call: Call) -> bool:
    creates = "O_CREAT" in call.arguments or "O_TRUNC" in call.arguments
    return call.name in CHANGING and (call.name != "openat" or creates) and not call.result.startswith("-1")


def _injection(kind: str, call: Call) -> tuple[str, ...]:
    fault = f"signal={kind.upper()}" if kind in ("kill", *STOPS) else f"error={errno.errorcode[getattr(errno, kind)]}"
    # All calls are counted from the start, so all are watched.
    names = ",".join((*CHANGING, *READING))
    return ("-s", "0", "-e", f"trace={names}", "-e", f"inject={call.name}:{fault}:when={call.number}")


def on(words: Sequence[str], runs: Path) -> tuple[str, ...]:
    """Return the words of a command on a folder of runs."""
    return (*words, "--runs-dir", str(runs))


def runs_of(scenario: Scenario, folder: Path) -> Path:
    """Return a folder of runs for a pass."""
    runs = folder / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    if scenario.runs is not None:
        shutil.copytree(scenario.runs, runs)
    return runs


if __name__ == "__main__":
    sys.exit(main())
