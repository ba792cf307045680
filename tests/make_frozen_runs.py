"""Make run folders to keep: `python tests/make_frozen_runs.py FOLDER` trains FOLDER/made_from/*.yaml into FOLDER.

The folders of a version are made once, by that version, and never again: later versions must read them. A run of
`interrupted.yaml` is stopped within its training, as Ctrl-C stops it. What names a machine or a place is replaced.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.state.state_file import read_state, write_state
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The epoch in which the run is stopped that can be resumed.
STOPPED_AFTER = 3
#: What stands for the machine.
MACHINE = {"host": "host", "system": "Linux", "cpu": "CPU", "process": {"host": "host", "pid": 1, "start": "boot:1"}}
#: How nnrun's own lines in the log begin; those of TensorFlow name the processor.
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")


class _Stopping(NullProgress):
    """Asks for a stop after some epochs."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:  # noqa: ARG002
        if done == STOPPED_AFTER:
            interruption.request("stopped by the user", "interrupted")


def make(folder: Path) -> None:
    """Train every config of a folder's `made_from`; each run becomes a folder of its config's name."""
    made_from = folder / "made_from"
    for config in sorted(made_from.glob("*.yaml")):
        progress = _Stopping() if config.stem == "interrupted" else NullProgress()
        shutil.rmtree(folder / config.stem, ignore_errors=True)
        with TemporaryDirectory() as runs:
            request = TrainRequest(
                str(config), runs_dir=Path(runs), data_dir=made_from, argv=("nnrun", "train", config.name)
            )
            with suppress(interruption.StopRequestedError):
                train(request, progress)
            interruption.clear()
            (run,) = Path(runs).iterdir()
            leave_out_the_machine(run, made_from)
            if config.stem != "interrupted":
                # As large as the last model, and read in the same way.
                for best in run.rglob("best.keras"):
                    best.unlink()
            shutil.copytree(run, folder / config.stem)


def leave_out_the_machine(run: Path, made_from: Path) -> None:
    """Replace what names a machine or a place in a run folder, and in the states of it."""
    for file in run.rglob("record.json"):
        fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = {name: value for name, value in MACHINE.items() if name in fields}
        git = {"git": {"commit": None, "diff": None, "note": "left out"}} if "git" in fields else {}
        file.write_text(json.dumps(fields | known | git, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for file in run.rglob("*.safetensors"):
        state = read_state(file)
        context = state.document["context"] | {"cpu": MACHINE["cpu"]}
        write_state(file, state.document | {"context": context}, state.arrays)
    for file in (run / "resolved.yaml", run / "log.txt"):
        text = file.read_text(encoding="utf-8").replace(f"{made_from.resolve()}/", "")
        if file.name == "log.txt":
            text = "".join(f"{line}\n" for line in text.splitlines() if _LOG_LINE.match(line))
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
