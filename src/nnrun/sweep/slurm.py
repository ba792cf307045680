"""A sweep as an array of SLURM tasks, each of which pulls trials; nothing stays alive on the login node."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.runs.disk import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Seconds before the end of a task's time in which it saves its state.
_SECONDS_TO_SAVE = 120
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
#: Options on which the script depends.
_OURS = ("array", "requeue", "no-requeue", "wrap", "parsable")
#: What the tasks do. A signal that comes before the worker's number is known is passed on as soon as it is, and ends no
#: `wait`: the second one returns the worker's code again. A later one ends `wait` before the worker has saved its
#: state, so that the script waits again. The state of the job tells the end of a task's time, after which it goes on
#: later, from `scancel`, after which it ends.
_BODY = """\
stopping=0
trap 'stopping=1; kill -TERM "$worker" 2> /dev/null' TERM
{command} &
worker=$!
if [ "$stopping" = 1 ]; then kill -TERM "$worker" 2> /dev/null; fi
wait "$worker"
code=$?
while [ "$stopping" = 1 ]; do
    stopping=0
    wait "$worker"
    code=$?
done
task="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
if [ "$code" = 75 ] && scontrol show job "$task" | grep -q 'JobState=RUNNING'; then
    scontrol requeue "$task"
fi
exit "$code"
"""


@dataclass(frozen=True)
class ArrayScript:
    """The script of an array of tasks.

    Attributes:
        name: The name of the job.
        folder: The folder of the tasks' output.
        command: The command of each task.
        tasks: How many tasks there are.
        cores: The cores of each.
        options: Options of `sbatch` without their dashes; None: an option without a value.
        gpus: The GPUs of each.
    """

    name: str
    folder: Path
    command: Sequence[str]
    tasks: int
    cores: int
    options: Mapping[str, str | None]
    gpus: int = 0

    @property
    def text(self) -> str:
        """The script."""
        # In the name of the output a percent sign begins a pattern.
        folder = str(self.folder).replace("%", "%%")
        options: dict[str, str | None] = {
            "job-name": self.name,
            "output": f"{folder}/slurm-%A_%a.txt",
            "open-mode": "append",
            "ntasks": "1",
            "cpus-per-task": str(self.cores),
            **({"gpus-per-task": str(self.gpus)} if self.gpus else {}),
            "signal": f"B:TERM@{_SECONDS_TO_SAVE}",
            **self.options,
            "array": f"0-{self.tasks - 1}",
            "requeue": None,
        }
        lines = [
            f"#SBATCH --{name}" + ("" if value is None else f"={_quoted(value)}") for name, value in options.items()
        ]
        head = ["#!/bin/bash", "# Made by nnrun. Each task trains the trials of a sweep that wait, until none does."]
        return "\n".join([*head, *lines, "", _BODY.format(command=shlex.join(self.command))])


def parse_options(words: Sequence[str]) -> dict[str, str | None]:
    """Return options of `sbatch`, which are given as `partition=long` or `exclusive`, by name.

    Raises:
        RunError: One is no option, or is one on which the script depends.
    """
    options: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not _OPTION.fullmatch(name) or not value.isprintable() or '"' in value or (equals and not value):
            hint = "for example --slurm-option partition=long --slurm-option time=8:00:00"
            raise RunError(f"expected an option of sbatch as NAME=VALUE or NAME, received {word!r}", hint)
        if name in _OURS:
            raise RunError(f"nnrun itself gives sbatch the option --{name}", "--jobs N is the size of the array")
        options[name] = value if equals else None
    return options


def require_sbatch() -> None:
    """Check that jobs can be submitted from here.

    Raises:
        RunError: There is no `sbatch`.
    """
    if shutil.which("sbatch") is None:
        hint = "type this on a login node of the cluster, or add --print, which only writes the script"
        raise RunError("sbatch is not on this machine, so that no job can be submitted to SLURM", hint)


def submit(script: Path, text: str) -> str:
    """Write a script and submit it; return the number of the job.

    Raises:
        RunError: SLURM refuses it; the script stays.
    """
    write_file(script, text.encode())
    done = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        hint = f"correct the script and submit it: sbatch {shlex.quote(str(script))}"
        raise RunError(f"sbatch refused {script}: {reason}", hint)
    # With several clusters its name follows.
    return done.stdout.strip().partition(";")[0]


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w%./:@,+=-]+", value) else f'"{value}"'
