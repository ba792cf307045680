"""Every shipped smoke config trains to the same bits on the resident executor without XLA as by Keras' own `fit`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.data.load import load
from nnrun.data.text.windows import Windows
from nnrun.engine.backend.start import tensorflow
from nnrun.engine.executors.logs import to_float
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.session import Session
from nnrun.pipeline.check import examine
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from nnrun.data.dataset import Dataset

SMOKE = Path(__file__).resolve().parents[2] / "configs" / "smoke"
#: Steps of an epoch that are compared, the incomplete one at the end among them.
STEPS = 6
#: The perceptron's rule takes no step of Keras', and phases are several calls of `fit`.
OTHER = {"perceptron", "transfer_digits"}
CASES = [(path.stem, ()) for path in sorted(SMOKE.glob("*.yaml")) if path.stem not in OTHER] + [
    ("digits_cnn", ("precision=mixed_bfloat16",)),
    ("digits_mlp", ("training.optimizer={Adam: {gradient_accumulation_steps: 2}}",)),
    ("mnist_cnn", ("training.augment=[{RandomTranslation: {height_factor: 0.1, width_factor: 0.1}}]",)),
    ("digits_mlp", ("training.class_weight=balanced",)),
]


def _by_fit(session: Session, dataset: Dataset, epochs: int, batch: int, seed: int) -> list[dict[str, float]]:
    """Train by Keras' own `fit` and `evaluate` on the same rows in the same order; return the logs of each epoch."""
    train, lines = session._weighted_by_class(dataset.train), []
    session._build(train)
    session._augment(train)
    for epoch in range(epochs):
        x, y, *weight = train.take(tensorflow(), train.fields, epoch_order(seed, epoch, train.rows))
        history = session.model.fit(
            x, y, sample_weight=weight[0] if weight else None, batch_size=batch, shuffle=False, verbose=0
        )
        line = {name: to_float(np.float32(values[0])) for name, values in history.history.items()}
        if dataset.validation is not None:
            part = session.to_tensors(dataset.validation)
            x, y, *weight = part.take(tensorflow(), part.fields, np.arange(part.rows, dtype="int32"))
            scored = session.model.evaluate(
                x, y, sample_weight=weight[0] if weight else None, batch_size=batch, verbose=0, return_dict=True
            )
            line |= {f"val_{name}": to_float(np.float32(value)) for name, value in scored.items()}
        lines.append(line)
    return lines


def _cut(dataset: Dataset, batch: int) -> Dataset:
    """Keep as many rows as `STEPS` steps take, the last of them incomplete."""

    def cut(part: Any, rows: int) -> Any:
        kept = part is None or len(part) <= rows or not isinstance(part.x, (np.ndarray, dict, Windows))
        return part if kept else part.first(rows)

    rows = STEPS * batch - batch // 2
    return replace(dataset, train=cut(dataset.train, rows), validation=cut(dataset.validation, rows))


@pytest.mark.keras
@pytest.mark.parametrize(("name", "sets"), CASES, ids=lambda one: one if isinstance(one, str) else "".join(one)[:40])
def test_a_smoke_config_trains_to_the_bits_of_fit(name: str, sets: tuple[str, ...], tmp_path: Path) -> None:
    """Metrics of every epoch, weights, states of random numbers and optimizer are equal, bit for bit."""
    # Without callbacks: one that restores the best epoch's weights says nothing of the steps.
    fixed = ("training.epochs=2", "training.execution.xla=false", "training.callbacks=[]")
    examined = examine(SMOKE / f"{name}.yaml", (*sets, *fixed), None)
    experiment = examined.experiment
    dataset = load(
        experiment.data, form=examined.form, seed=experiment.seed, paths=examined.places, progress=NullProgress()
    )
    batch, found = experiment.training.batch_size, []
    dataset = _cut(dataset, batch)
    for ours in (True, False):
        opening = Session.open(
            experiment,
            dataset.facts,
            examined.document.key_mark,
            threads=2,
            log=tmp_path / "log.txt",
            phase=lambda _: nullcontext(),
        )
        with opening as session:
            lines: list[dict[str, Any]] = []
            if ours:
                session.fit(dataset, tmp_path, tmp_path / "best.keras", NullProgress(), lines.append)
                assert session.executor_name == "resident"
            else:
                lines = _by_fit(session, dataset, 2, batch, experiment.seed)
            figures = [
                {key: value for key, value in line.items() if key not in ("epoch", "fold", "learning_rate", "seconds")}
                for line in lines
            ]
            state = [np.array(one) for one in (*session.model.variables, *session.model.optimizer.variables)]
            found.append((figures, state))
    assert found[0][0] == found[1][0]
    for left, right in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(left, right)
