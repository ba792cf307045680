"""Hostile inputs: how one is described, how it is run, and what must hold whatever it is.

`python tests/security/hostile_inputs.py` runs all of them and prints a table with the outcome of each; with `--quick`
those that need no Keras, with names only these.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
#: The modules with inputs, one for each door through which something comes in.
DOORS = ("configs", "data_files", "checkpoints", "run_folders", "texts", "surroundings")
#: What no input may exceed: seconds of computation, and bytes of memory (with Keras loaded, of growth).
MOST_SECONDS, MOST_MEMORY = 20, 700_000_000
#: What hostile code makes when it runs, wherever it stands.
MARKER = "PWNED"


@dataclass(frozen=True)
class Hostile:
    """One hostile input.

    Attributes:
        name: Its name.
        tries: What it tries.
        run: The command lines, in order; the outcome is that of the last.
        prepare: Writes its files into an empty folder.
        code: The exit code that is right.
        says: A part of what is printed.
        keras: Whether Keras is started.
        holds: A further requirement, given the folder and what was printed; returns what is wrong, or None.
        door: The module that it stands in.
    """

    name: str
    tries: str
    run: tuple[str, ...]
    prepare: Callable[[Path], object]
    code: int = 2
    says: str = ""
    keras: bool = False
    holds: Callable[[Path, str], str | None] = field(default=lambda _folder, _output: None)
    door: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an input did: exit code, seconds, memory in bytes, output, and what is wrong about it."""

    name: str
    code: int
    seconds: float
    memory: int
    output: str
    wrong: str | None


def all_inputs() -> list[Hostile]:
    """Return every input, by door."""
    # Run as a script, this module has the name `__main__`; the doors must get the same one.
    sys.modules.setdefault("hostile_inputs", sys.modules[__name__])
    return [replace(one, door=door) for door in DOORS for one in import_module(f"hostile_{door}").INPUTS]


def tree(folder: Path) -> dict[str, bytes | str | None]:
    """Return every file, link and folder below a folder, with what it holds."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def run(one: Hostile) -> Outcome:
    """Run an input in a folder of its own, next to a folder of somebody else's files that must stay as they are."""
    from click.testing import CliRunner

    from nnrun.cli.main import nnrun

    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        place, victim = Path(temporary) / "place", Path(temporary) / "victim"
        place.mkdir()
        victim.mkdir()
        (victim / "precious.txt").write_text("precious")
        (victim / "private.txt").write_text("a diary of mine")
        started, memory = time.process_time(), _memory()
        with chdir(place):
            one.prepare(place)
            before = tree(victim)
            code, output = 0, ""
            for command in one.run:
                words = [word.replace("FOLDER", str(place)) for word in command.split()]
                result = CliRunner().invoke(nnrun, words)
                code, output = result.exit_code, result.output
        seconds, memory = time.process_time() - started, max(0, _memory() - memory)
        wrong = _what_is_wrong(one, code, output, seconds, memory) or one.holds(place, output)
        if wrong is None and tree(victim) != before:
            wrong = "files outside of its folder were changed"
        if wrong is None and any(MARKER in path.name for path in Path(temporary).rglob("*")):
            wrong = "its code was run"
    return Outcome(one.name, code, round(seconds, 2), memory, output, wrong)


def _what_is_wrong(one: Hostile, code: int, output: str, seconds: float, memory: int) -> str | None:
    if code != one.code:
        return f"exit {code} instead of {one.code}"
    if one.says not in output:
        return f"does not say {one.says!r}"
    if "a bug in nnrun" in output or "Traceback" in output:
        return "ends as a bug"
    if seconds > MOST_SECONDS:
        return f"took {seconds:.0f} s"
    if memory > MOST_MEMORY:
        return f"took {memory / 1e6:.0f} MB"
    return None


def _memory() -> int:
    """Return the largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_isolated(one: Hostile) -> Outcome:
    """Run an input in a process of its own, which is ended when it takes too long."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _report(one, write)
    os.close(write)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    # Seconds of a clock, of which a crowded machine gives this process few.
    signal.alarm(50 * MOST_SECONDS)
    with os.fdopen(read, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    if not answer:
        return Outcome(one.name, -1, 0.0, 0, "", f"its process ended with status {status}")
    return Outcome(**json.loads(answer))


def _report(one: Hostile, write: int) -> None:
    """Run an input in this child process, write the outcome into the pipe, and end."""
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    try:
        outcome = run(one)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must know it
        outcome = Outcome(one.name, -1, 0.0, 0, traceback.format_exc(), "the runner failed")
    with os.fdopen(write, "wb") as stream:
        stream.write(json.dumps(asdict(outcome)).encode())
    os._exit(0)


def outcomes(inputs: list[Hostile]) -> Iterator[Outcome]:
    """Run inputs: those without Keras each in a process of its own, then the others in this one."""
    # Once, for all processes that are forked.
    import matplotlib.figure  # noqa: F401
    import numpy as np  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import yaml  # noqa: F401
    from click.testing import CliRunner  # noqa: F401

    import nnrun.cli.main  # noqa: F401
    from nnrun.catalog import lookup
    from nnrun.pipeline import check  # noqa: F401
    from nnrun.report import page  # noqa: F401

    for category in lookup.CATEGORIES:
        lookup.names(category)

    yield from map(run_isolated, [one for one in inputs if not one.keras])
    yield from map(run, [one for one in inputs if one.keras])


def _print(text: str, *, file: TextIO | None = None) -> None:
    print(text, file=file or sys.stdout, flush=True)


def main(words: list[str]) -> int:
    """Run the inputs that are asked for; print the table, or a JSON line for each with `--json`."""
    names = {word for word in words if not word.startswith("-")}
    asked = [one for one in all_inputs() if not names or one.name in names]
    inputs = [one for one in asked if not (one.keras and "--quick" in words)]
    by_name, wrong = {one.name: one for one in inputs}, 0
    if "--json" not in words:
        _print("| input | what it tries | command | outcome | s |\n|---|---|---|---|---|")
    for outcome in outcomes(inputs):
        one = by_name[outcome.name]
        wrong += outcome.wrong is not None
        if "--json" in words:
            _print(json.dumps(asdict(outcome)))
            continue
        right = f"exit {outcome.code}" + (f": {one.says}" if one.says else "")
        result = f"**{outcome.wrong}**" if outcome.wrong else right
        cells = (one.name, one.tries, " && ".join(one.run), result, f"{outcome.seconds:.1f}")
        _print("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        if "-v" in words or outcome.wrong:
            _print(outcome.output, file=sys.stderr)
    _print(f"{len(inputs)} inputs, {wrong} wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
