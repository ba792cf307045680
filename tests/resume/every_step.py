"""Proof that resume is exact: every family of trainings, resumed from the state after each of its steps.

    python tests/resume/every_step.py              all families
    python tests/resume/every_step.py lstm text    some of them
    python tests/resume/every_step.py lstm --states 0,-1    its first state and its last one

One run of a family saves its state after every step and goes on: it is what all others are compared with. For each
state a new process resumes a copy of the run folder in which this state is the last one, and whose other files are as
they were just before the next state was saved, as if the run had been killed there. Compared are the examples of every
step that follows, every state that follows, and all files of the run folder at the end. A run that saves no states
within its epochs must be equal, too.

Nothing of it is kept unless NNRUN_PROOF_DIR names a folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"


def _load(name: str) -> ModuleType:
    """Load a module of this folder, which is no package."""
    spec = util.spec_from_file_location(f"resume_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


families, comparison, traced_nnrun = _load("families"), _load("comparison"), _load("traced_nnrun")


@dataclass
class Result:
    """What was compared of a family.

    Attributes:
        family: Its name.
        states: The states that were resumed.
        failures: What differs, by the state's name.
        seconds: How long it took.
    """

    family: str
    states: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def identical(self) -> int:
        """The number of states from which the run came to the same end."""
        return self.states - sum(name != "without states" for name in self.failures)


class Proof:
    """The proof for one family.

    Args:
        name: The family.
        folder: An empty folder for all runs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder
        self._family = families.FAMILIES[name]
        self.run, self.trace = Path(), folder / "trace"
        #: Each state's file and position, in the order in which they were saved.
        self.states: list[tuple[Path, dict[str, Any]]] = []

    def train(self) -> None:
        """Train the run with all states."""
        self.run = self._train(self.trace, every_step=True)
        positions = [json.loads(line) for line in (self.trace / "states.jsonl").read_text().splitlines()]
        self.states = [(self.run / one["place"] / "state" / _state_name(one), one) for one in positions]

    def _train(self, trace: Path, *, every_step: bool) -> Path:
        place = self._folder / "config"
        arguments = self._family.write(place, every_step=every_step)
        runs_dir = self._folder / ("runs" if every_step else "plain-runs")
        options = ("--runs-dir", str(runs_dir), "-q", "--data-dir", str(self._folder / "config"))
        _nnrun(trace, self._family.exit_code, "train", *arguments, *options)
        return next(one for one in runs_dir.iterdir() if (one / "record.json").exists())

    def plain_differences(self) -> list[str]:
        """Return what differs from a run that saves no state within its epochs."""
        trace = self._folder / "plain-trace"
        plain = self._train(trace, every_step=False)
        found = comparison.differences(self.run, plain)
        # A run that fails keeps the state before that, which is an earlier one here.
        allowed = ("config.yaml", "resolved.yaml", *(["last state in state"] if self._family.exit_code else []))
        found = [name for name in found if name not in allowed]
        return found + ([] if _batches(trace) == _batches(self.trace) else ["batches"])

    def differences_from(self, number: int) -> list[str]:
        """Resume the run from a state in a new process, and return what differs from the run that went on."""
        position = self.states[number][1]
        place = self._folder / "resumed" / str(number)
        copy, trace = place / self.run.name, place / "trace"
        self._copy_as_killed(number, copy)
        code = ["--code", str(self._folder / "config" / "code.py")] if self._family.code else []
        data_dir = str(self._folder / "config")
        try:
            options = (*code, "-q", "--data-dir", data_dir, "--runs-dir", str(place))
            _nnrun(trace, self._family.exit_code, "resume", str(copy), *options)
        except RuntimeError as error:
            return [str(error)]
        found = [] if _batches(trace) == _batches(self.trace)[position["steps_before"] :] else ["batches"]
        for later, _ in self.states[number + 1 :]:
            same = copy / later.relative_to(self.run)
            differing = comparison.differing(comparison.state_digests(later), comparison.state_digests(same))
            if differing:
                found.append(f"{later.relative_to(self.run)}: {', '.join(differing[:5])}")
                break
        found += comparison.differences(self.run, copy)
        if not found:
            shutil.rmtree(place)
        return found

    def _copy_as_killed(self, number: int, copy: Path) -> None:
        """Copy the run folder as it was when the next state was to be saved; the last one, as before the scores."""
        position = self.states[number][1]
        if number + 1 < len(self.states):
            shutil.copytree(self.trace / "before" / str(number + 1) / self.run.name, copy)
        else:
            ended = [self.run / position["place"] / name for name in ("scores.json", "predictions.csv")]
            traced_nnrun.copy_run(self.run, copy, *ended)
            record = json.loads((copy / "record.json").read_text())
            record |= {"status": "running", "end": None}
            (copy / "record.json").write_text(json.dumps(record))
        last = copy / position["place"] / "state" / "last.safetensors"
        last.parent.mkdir(exist_ok=True)
        # A return to the start of an epoch replaces the kept states of the steps that are taken again.
        shutil.copy(self.trace / "saved" / f"{number}.safetensors", last)


def _state_name(position: dict[str, Any]) -> str:
    step = f"-step-{position['step']:06d}" if position["step"] else ""
    return f"epoch-{position['epoch']:04d}{step}.safetensors"


def _batches(trace: Path) -> list[dict[str, Any]]:
    file = trace / "batches.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _nnrun(trace: Path, exit_code: int, *arguments: str) -> None:
    path = os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, str(HERE / "traced_nnrun.py"), str(trace), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != exit_code:
        raise RuntimeError(f"exit code {done.returncode} of {' '.join(arguments[:2])}: {done.stderr[-1500:]}")


def prove(name: str, folder: Path, numbers: Sequence[int] | None = None, *, jobs: int = 1) -> Result:
    """Train a family in a folder and resume it from its states.

    Args:
        name: The family.
        folder: An empty folder.
        numbers: Which states are resumed, negative ones from the end; None: all, and a run without states is compared.
        jobs: How many processes run at a time.
    """
    started, proof, result = time.perf_counter(), Proof(name, folder), Result(name)
    proof.train()
    chosen = range(len(proof.states)) if numbers is None else [one % len(proof.states) for one in numbers]
    result.states = len(chosen)
    with ThreadPoolExecutor(jobs) as pool:
        plain = pool.submit(proof.plain_differences) if numbers is None else None
        for number, found in zip(chosen, pool.map(proof.differences_from, chosen), strict=True):
            if found:
                result.failures[f"{number}: {proof.states[number][0].relative_to(proof.run)}"] = found
        if plain is not None and plain.result():
            result.failures["without states"] = plain.result()
    result.seconds = time.perf_counter() - started
    return result


def main(arguments: Sequence[str]) -> int:
    """Prove families and print a table; return the exit code."""
    parser = ArgumentParser(description="Prove that resume is exact.")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(families.FAMILIES))
    parser.add_argument("--states", help="the numbers of the states to resume from; all by default")
    options = parser.parse_args(arguments)
    names = options.families or list(families.FAMILIES)
    if not set(names) <= set(families.FAMILIES):
        parser.error(f"families are {', '.join(families.FAMILIES)}")
    numbers = None if options.states is None else [int(one) for one in options.states.split(",")]
    _write(f"{'family':<16}{'states':>8}{'identical':>11}{'seconds':>9}")
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(os.environ.get("NNRUN_PROOF_DIR") or temporary)
        for name in names:
            shutil.rmtree(place / name, ignore_errors=True)
            result = prove(name, place / name, numbers, jobs=2)
            failed = failed or bool(result.failures)
            _write(f"{name:<16}{result.states:>8}{result.identical:>11}{result.seconds:>9.0f}")
            for state, found in result.failures.items():
                _write(f"    {state}: {'; '.join(found)}")
    return int(failed)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
