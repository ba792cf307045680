"""Check and train random configs: `python tests/fuzz/fuzz_train.py FIRST COUNT [--backend jax] [--keep FOLDER]`.

Each seed makes one config with its data files. What `check` accepts must train: exit code 0, or a loss that is not
finite. No command may end with exit code 3, and every refusal has a place in a file. A failing seed is run again with
`python tests/fuzz/fuzz_train.py SEED 1 --keep FOLDER`.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from random_training import ConfigMaker

from nnrun.cli.main import nnrun
from nnrun.config.dump import dump
from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.config.document import Document
    from nnrun.errors import Mark

#: A config that takes longer than this is a fault.
MAX_SECONDS = 240
#: How a run may end although `check` accepts the config: only the numbers themselves decide it.
_DIVERGED = ("training diverged", "not finite", "no finite")
#: What only the data decide is refused before Keras sees it.
_BY_KERAS = re.compile(r"Keras (refused|cannot train)|cannot compare outputs")
_PLACE = re.compile(r"\bc\.yaml:\d+|\b(t|s|list)\.csv|\ba\.npz|\b[xy]\.npy|\bown\.py:\d+|\bread_own\b|t\.parquet")


class TooSlowError(BaseException):
    """A config takes longer than `MAX_SECONDS`."""


@dataclass
class Outcome:
    """What the commands of one seed did.

    Attributes:
        verdict: `done`, `refused` by `check`, `diverged`, `data refused` for values that `check` does not read (of
            the user's own code, of examples, of named sets), or a fault.
        detail: What was printed, for a fault and a refusal.
        commands: How many commands were run.
    """

    verdict: str
    detail: str = ""
    commands: int = 0

    @property
    def is_fault(self) -> bool:
        """Whether nnrun is at fault."""
        return self.verdict.startswith("FAULT")


@dataclass
class Tally:
    """The counts of outcomes, and the faults with their seeds."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return a summary in one line."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.counts.items()))
        return f"{sum(self.counts.values())} configs: {counts}"


def call(*words: str) -> tuple[int, str]:
    """Run a command of `nnrun` in this process; return its exit code and what it printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            nnrun.main(list(words))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return code, output.getvalue()


def run_seed(seed: int, folder: Path, backend: str = "tensorflow") -> Outcome:
    """Make the config of a seed in a folder; check it, train it, and use the run."""
    rng = random.Random(seed)  # noqa: S311
    maker = ConfigMaker(rng, folder, backend)
    config = folder / "c.yaml"
    plain = maker.config()
    config.write_text(dump(plain), encoding="utf-8")
    if rng.random() < 0.9:
        leave_out_refused(plain, config, folder)
    code = ("--code", str(folder / maker.data.code)) if maker.data.code else ()
    checked, said = call("check", str(config), *code)
    if checked == 0 and "check --build" in said:
        checked, said = call("check", str(config), *code, "--build")
    if checked == 2:
        return Outcome("refused", said, 1)
    if checked:
        return Outcome(f"FAULT: check exits {checked}", said, 1)
    trained, told = call("train", str(config), *code, "--runs-dir", str(folder / "runs"))
    if trained == 0:
        return _use_run(rng, folder, maker, code)
    if trained in (1, 2) and any(word in told for word in _DIVERGED):
        return Outcome("diverged", told, 2)
    of_data = _PLACE.search(told) and not _BY_KERAS.search(told)
    if trained in (1, 2) and of_data and (not maker.data.known or "target-out-of-range" in told):
        return Outcome("data refused", told, 2)
    name = f"FAULT: train exits {trained}" if trained == 3 else "FAULT: check accepts and train refuses"
    return Outcome(name, told, 2)


def leave_out_refused(plain: dict[str, Any], config: Path, folder: Path) -> None:
    """Take out of a config what `check` refuses and a config can do without, and write it again."""
    for _ in range(4):
        try:
            examined = examine(config, (), folder)
        except ConfigError:
            return  # the user's own code is not registered here
        errors = [one.mark for one in examined.problems if one.severity == "error" and one.mark is not None]
        paths = [path for path in _optional_paths(plain) if _holds(examined.document, path, errors)]
        for path in reversed(paths):
            _remove(plain, path)
        if not paths:
            return
        config.write_text(dump(plain), encoding="utf-8")


def _optional_paths(plain: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of what a config can do without."""
    outputs = plain["model"].get("outputs", {}) if isinstance(plain["model"], dict) else {}
    lists = [("training", "metrics"), ("training", "callbacks"), ("training", "augment")]
    lists += [("model", "outputs", name, "metrics") for name in outputs]
    for path in lists:
        found: Any = plain
        for key in path:
            found = found.get(key, {})
        yield from ((*path, index) for index in range(len(found)))
    for path in (("expect",), ("precision",), *(("training", key) for key in ("best", "execution", "samples"))):
        if path[0] in plain and (len(path) == 1 or path[1] in plain["training"]):
            yield path


def _holds(document: Document, path: tuple[str | int, ...], marks: Sequence[Mark]) -> bool:
    """Return whether an error is marked at a path or inside it."""
    inside = [document.key_mark(each) for each in _paths_below(_value(document.data, path), path)]
    places = {(mark.line, mark.column) for mark in inside}
    return any((mark.line, mark.column) in places for mark in marks)


def _paths_below(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _paths_below(inner, (*path, key))


def _value(data: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def _remove(plain: dict[str, Any], path: tuple[str | int, ...]) -> None:
    *parents, last = path
    del _value(plain, tuple(parents))[last]


def _use_run(rng: random.Random, folder: Path, maker: ConfigMaker, code: tuple[str, ...]) -> Outcome:
    """Read the figures of a finished run; of one run in four also evaluate, predict and report."""
    run = next((folder / "runs").iterdir())
    for file in (run / "scores.json", run / "record.json"):
        json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    if rng.random() > 0.25:
        return Outcome("done", commands=2)
    where = ("--runs-dir", str(folder / "runs"), "--data-dir", str(folder))
    fold = ("--fold", "0") if (run / "folds" / "00").is_dir() else ()
    commands = [("eval", str(run), *fold, *code, *where), ("report", str(run)), ("runs", "show", str(run), *where[:2])]
    if maker.data.file:
        commands.append(("predict", str(run), str(folder / maker.data.file), *fold, *code, *where))
    if "text" in maker.data.task:
        commands.append(("generate-text", str(run), "--length", "5", "--seed-text", "It was a bright", *where))
    for command in commands:
        status, told = call(*command)
        if status:
            return Outcome(f"FAULT: {command[0]} exits {status}", told, 3)
    return Outcome("done", commands=2 + len(commands))


def _refuse_constant(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _stop(_number: int, _frame: Any) -> None:
    raise TooSlowError


def outcomes(seeds: range, backend: str, keep: Path | None) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcome of each seed; what a fault was made of stays in the folder `keep`."""
    signal.signal(signal.SIGALRM, _stop)
    for seed in seeds:
        folder = Path(tempfile.mkdtemp(prefix=f"nnrun-fuzz-{seed}-"))
        try:
            signal.alarm(MAX_SECONDS)
            outcome = run_seed(seed, folder, backend)
        except TooSlowError:
            outcome = Outcome(f"FAULT: takes longer than {MAX_SECONDS} s")
        except Exception as error:  # noqa: BLE001 - any other exception is a fault
            outcome = Outcome("FAULT: an exception", f"{type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
        if keep is not None and (outcome.is_fault or len(seeds) == 1):
            shutil.copytree(folder, keep / str(seed), dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        gc.collect()
        yield seed, outcome


def main() -> int:
    """Run the seeds of the command line; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    tally, start = Tally(), time.monotonic()
    for seed, outcome in outcomes(range(given.first, given.first + given.count), given.backend, given.keep):
        tally.counts[outcome.verdict] += 1
        if outcome.verdict == "refused":
            tally.refusals.update(re.findall(r"\[([a-z-]+)\]$", outcome.detail, re.MULTILINE) or ["language"])
        if outcome.is_fault or given.count == 1:
            tally.faults.append(f"seed {seed}: {outcome.verdict}")
            print(f"seed {seed}: {outcome.verdict}\n{outcome.detail}", flush=True)
    print(tally.line(), f"in {time.monotonic() - start:.0f} s; refused:", dict(tally.refusals.most_common(12)))
    return int(any(name.startswith("FAULT") for name in tally.counts))


if __name__ == "__main__":
    sys.exit(main())
