"""nnrun's command line, which also records what it is trained on: `python traced_nnrun.py FOLDER train CONFIG ...`.

`FOLDER/batches.jsonl` gets a line for each training step with a digest of its examples, `FOLDER/before/N` a copy of the
run folder as it is before the N-th state is saved, `FOLDER/saved/N.safetensors` a copy of that state, and
`FOLDER/states.jsonl` its position, the folder of the run or fold that it belongs to, and the number of steps that were
taken before it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nnrun.cli.main import main
from nnrun.engine.executors.perceptron import PerceptronExecutor
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.state.saver import LAST, StateSaver
from nnrun.engine.training import loop
from nnrun.engine.training.divergence import DivergenceTracer


class Trace:
    """Records the steps and states of this process in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "saved").mkdir()
        self._folder, self._epoch, self._steps, self._saves = folder, 0, 0, 0
        self._is_tracing = False

    def install(self) -> None:
        """Let nnrun's loop, executors and saver report to this trace."""
        order_of, call, train = loop.epoch_order, ResidentExecutor._call, PerceptronExecutor.train
        save, trace_divergence = StateSaver.save, DivergenceTracer.trace
        trace = self

        def epoch_order(seed: int, epoch: int, rows: int, **options: Any) -> Any:
            trace._epoch = epoch
            return order_of(seed, epoch, rows, **options)

        def traced_call(executor: Any, kind: str, tensors: Any, order: Any, start: int, stop: int) -> Any:
            if kind == "train":
                size, rows = executor._batch_size, np.asarray(order)
                for step in range(start, stop):
                    index = rows[step * size : (step + 1) * size]
                    trace._step(step, tensors.take(executor._tf, tensors.fields, executor._tf.constant(index)))
            return call(executor, kind, tensors, order, start, stop)

        def traced_train(executor: Any, tensors: Any, order: Any, *arguments: Any, **options: Any) -> Any:
            trace._step(0, [np.asarray(field)[order] for field in tensors.in_memory])
            return train(executor, tensors, order, *arguments, **options)

        def traced_save(saver: Any, position: Any, *, keep: bool = False) -> None:
            place = saver._folder.parent
            run = place.parent.parent if place.parent.name == "folds" else place
            states = sorted(saver._folder.glob("*.safetensors"))
            copy_run(run, trace._folder / "before" / str(trace._saves) / run.name, *states)
            save(saver, position, keep=keep)
            shutil.copy(saver._folder / LAST, trace._folder / "saved" / f"{trace._saves}.safetensors")
            trace._saves += 1
            line = {"epoch": position.epoch, "step": position.step, "place": str(place.relative_to(run))}
            trace._write("states.jsonl", {**line, "steps_before": trace._steps})

        def untraced_trace(tracer: Any) -> Any:
            # Where it begins to take steps again is a matter of time.
            trace._is_tracing = True
            return trace_divergence(tracer)

        loop.epoch_order, ResidentExecutor._call = epoch_order, traced_call
        PerceptronExecutor.train, StateSaver.save = traced_train, traced_save
        DivergenceTracer.trace = untraced_trace

    def _step(self, step: int, examples: Any) -> None:
        if self._is_tracing:
            return
        digest = hashlib.sha256()
        for array in _arrays(examples):
            digest.update(repr((array.shape, str(array.dtype))).encode() + array.tobytes())
        self._steps += 1
        self._write("batches.jsonl", {"epoch": self._epoch, "step": step, "sha256": digest.hexdigest()})

    def _write(self, name: str, line: dict[str, Any]) -> None:
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def copy_run(run: Path, copy: Path, *left_out: Path) -> None:
    """Copy a run folder without some files and folders, and without states that are kept besides the last one."""

    def ignored(folder: str, names: list[str]) -> list[str]:
        kept = Path(folder).name == "state"
        return [name for name in names if Path(folder) / name in left_out or (kept and name.startswith("epoch-"))]

    shutil.copytree(run, copy, ignore=ignored)


def _arrays(examples: Any) -> list[np.ndarray]:
    if isinstance(examples, dict):
        return [array for name in sorted(examples) for array in _arrays(examples[name])]
    if isinstance(examples, tuple | list):
        return [array for one in examples for array in _arrays(one)]
    return [np.asarray(examples)]


if __name__ == "__main__":
    Trace(Path(sys.argv.pop(1))).install()
    main()
