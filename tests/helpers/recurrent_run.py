"""A run with recurrent layers on series of which some end early."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress


def train_recurrent(folder: Path, config: str) -> Path:
    """Train a config on `series.npz`, which is made in its folder; return the run's folder."""
    x = np.random.default_rng(0).normal(size=(32, 6, 2)).astype("float32")
    x[:9, 3:] = 0
    np.savez(folder / "series.npz", x=x, y=np.arange(32) % 3)
    (folder / "recurrent.yaml").write_text(config, encoding="utf-8")
    return train(TrainRequest(str(folder / "recurrent.yaml"), runs_dir=folder / "runs"), NullProgress()).folder.path
