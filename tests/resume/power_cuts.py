"""Cut the power at every file operation of a training: `python tests/resume/power_cuts.py [--every K]`.

A tiny training, the resume of a killed one, the extension of a finished one, and a cross-validation are recorded once
by strace: every call that changes a file, and every sync. After each of these calls all that a power cut may leave is
built from the record, by a model of a disk that loses what was not synced (see `power_cut_model`). In each of these
states every file that had its name when its folder was synced must be there. Each state, those that are equal only
once, is made a folder again: `runs list` and `runs show` must work there, and `resume` must end with the bits of a
training that nobody disturbed; where no record was made yet, the next training must. Where the record says that the
run is done, all its results must be there already, and when the command has ended it must say so.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from comparison import contents
from fault_injection import Scenario, check, kill_between_epochs, on, require, run_in, runs_of, scenarios
from forked_commands import fork, prepare, strace_works
from power_cut_model import Disk, Promises
from power_cut_record import OPTIONS, replay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forked_commands import Call
    from power_cut_model import Tree

_RUNS = "runs"
_MOST_SHOWN = 20


@dataclass
class Recorded:
    """A recorded command.

    Attributes:
        scenario: What was recorded.
        disk: The disk before it.
        calls: Its calls.
        after: What was on the real disk after it.
        earlier: What the run has while the record still says that it is done as it was before.
    """

    scenario: Scenario
    disk: Disk
    calls: Sequence[Call]
    after: Tree
    earlier: dict[str, str] | None


@dataclass(frozen=True)
class State:
    """What a power cut may leave.

    Attributes:
        call: The call after which it comes; None: the command has ended.
        words: What of the un-synced parts it has.
        broken: Which files were on disk, by `Promises`, and are not.
        tree: The files.
    """

    call: Call | None
    words: str
    broken: tuple[str, ...]
    tree: Tree = field(repr=False)


def main() -> int:
    """Try all states; return 1 if one of them lost something."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--every", type=int, default=1, help="try every K-th state only")
    parser.add_argument("--scenarios", nargs="*", default=("train", "resume", "extend", "folds"))
    parser.add_argument("--without", nargs="*", default=(), help="syncs that do nothing: fsync")
    arguments = parser.parse_args()
    prepare()
    if not strace_works():
        print("skipped: strace is missing, or may not watch processes here")
        return 0
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="nnrun-power-") as folder:
        place = Path(folder).resolve()
        for recorded in record(place, arguments.scenarios):
            name, outcomes = recorded.scenario.name, Counter[str]()
            numbers, found = states(recorded, place, arguments.without)
            for state in found[:: arguments.every]:
                outcome = try_state(recorded, state, place / _RUNS)
                outcomes[outcome.partition(":")[0]] += 1
                if outcome.startswith("wrong"):
                    wrong += 1
                    if wrong <= _MOST_SHOWN:
                        print(f"{name}: {_describe(state)}: {outcome}")
            print(f"{name}: {numbers} operations, {sum(outcomes.values())} states; {dict(outcomes)}", flush=True)
    return 1 if wrong else 0


def record(place: Path, names: Sequence[str]) -> Iterator[Recorded]:
    """Record the scenarios, each in the folder of runs in `place`."""
    runs = place / _RUNS
    for scenario in scenarios(place, names):
        runs_of(scenario, place)
        disk, earlier = Disk(), None
        if scenario.name == "resume":
            # What the killed training did not sync is not synced now.
            shutil.rmtree(runs)
            train = ("train", str(place / "tiny.yaml"))
            *_, when, kill = kill_between_epochs(train, runs)
            killed = fork([on(train, runs)], (*OPTIONS, when, kill))
            assert killed.code == -9, killed.text
            for _ in replay(killed.calls, disk, place):
                pass
        elif scenario.runs is not None:
            disk, earlier = Disk.copy_of(place, _RUNS), _results(run_in(runs))
        ended = fork([on(scenario.words, runs)], OPTIONS)
        require(ended)
        yield Recorded(scenario, disk, ended.calls, _tree_of(place), earlier)


def states(recorded: Recorded, place: Path, without: Sequence[str] = ()) -> tuple[int, list[State]]:
    """Return the number of operations of a record, and the different states that a power cut may leave."""
    disk, promises = recorded.disk, Promises()
    found: dict[tuple[str, bool], State] = {}
    number = 0
    for number, (call, paths) in enumerate(replay(recorded.calls, disk, place, without), 1):  # noqa: B007
        promises.after(call.name, paths, disk)
        for words, tree in disk.after_power_cut():
            broken = promises.broken(tree)
            found.setdefault((_digest(tree), bool(broken)), State(call, words, tuple(broken), tree))
    assert disk.tree() == recorded.after, "the record has everything that was done"
    # After the end of the command nothing may be lost any more, so these are looked at again.
    ended = {_digest(tree): State(None, words, (), tree) for words, tree in disk.after_power_cut()}
    return number, [*ended.values(), *found.values()]


def try_state(recorded: Recorded, state: State, runs: Path) -> str:
    """Make a state a folder, go on as a user does, and return what came of it: `wrong: ...` is a fault."""
    if state.broken:
        return f"wrong: lost are {', '.join(state.broken[:4])}"
    shutil.rmtree(runs, ignore_errors=True)
    for path, content in state.tree.items():
        file = runs.parent / path
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)
    try:
        problem = _false_promise(recorded, state, runs)
        return problem or check(recorded.scenario, runs)
    except (ValueError, KeyError, OSError, AssertionError) as error:
        return f"wrong: {type(error).__name__}: {error}"


def _false_promise(recorded: Recorded, state: State, runs: Path) -> str | None:
    """Return what a record promises that is not there."""
    files = list(runs.glob("*/record.json"))
    done = [file for file in files if json.loads(file.read_text())["status"] == "done"]
    if state.call is None and not done:
        return "wrong: the run was done, and is not any more"
    allowed = (recorded.scenario.expected, recorded.earlier)
    if done and _results(done[0].parent) not in allowed:
        return "wrong: the record says done, and something is missing"
    if state.call is None and (lost := _lost(recorded.after, state.tree)):
        return f"wrong: the command has ended, and lost are {', '.join(lost[:4])}"
    return None


def _results(run: Path) -> dict[str, str]:
    """Return what must be equal, without temporary files, which are removed by who goes on with the run."""
    return {name: digest for name, digest in contents(run).items() if Path(name).name[0] != "."}


def _lost(after: Tree, tree: Tree) -> list[str]:
    """Return the paths of what is lost, apart from hidden files, which are no results."""
    return [path for path in after if tree.get(path, b"") != after[path] and "/." not in path]


def _tree_of(place: Path) -> Tree:
    paths = (place / _RUNS, *(place / _RUNS).rglob("*"))
    return {str(path.relative_to(place)): None if path.is_dir() else path.read_bytes() for path in paths}


def _digest(tree: Tree) -> str:
    digest = hashlib.sha256()
    for path in sorted(tree):
        content = tree[path]
        digest.update(f"{path}\0{content if content is None else len(content)}\0".encode() + (content or b""))
    return digest.hexdigest()


def _describe(state: State) -> str:
    if state.call is None:
        return f"at the end, {state.words}"
    arguments = re.sub(r"(?:\\x[0-9a-f]{2})+", lambda match: _shown(match[0]), state.call.arguments)
    return f"after {state.call.name}({arguments[-150:]}), {state.words}"


def _shown(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode(errors="replace")[-70:]


if __name__ == "__main__":
    sys.exit(main())
