"""`nnrun train --smoke`: everything that a config will do is tried with two batches, and nothing is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.dataset import DataPart, Dataset
from nnrun.errors import ConfigError
from nnrun.pipeline.limited_data import limited, limited_to
from nnrun.pipeline.smoke import smoke
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullProgress
from nnrun.spec.facts import Facts

SETS = ("training.batch_size=16", "training.callbacks+={EarlyStopping: {patience: 3}}")


def _folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("nnrun-smoke-*"))


@pytest.fixture
def config(tmp_path: Path, tiny: str) -> Path:
    """Write the tiny config to a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny)
    return path


@pytest.mark.keras
def test_everything_is_tried_with_two_batches(config: Path, tmp_path: Path) -> None:
    """Training, resumption and the report come to their end; the folder is removed, and the run's time is estimated."""
    before = _folders()
    result = smoke(TrainRequest(str(config), SETS, tmp_path / "runs"), NullProgress())
    assert [step.name for step in result.steps] == ["train", "resume", "report"]
    assert "32 of 1,149 training rows" in result.steps[0].text
    assert {"test", "validation"} <= set(result.scores)
    assert result.epoch_steps == 72
    assert result.epoch_seconds is not None
    assert _folders() <= before
    assert not (tmp_path / "runs").exists()


def test_a_config_with_errors_is_refused_first(config: Path, tmp_path: Path) -> None:
    """Nothing is tried of a config that `check` refuses."""
    with pytest.raises(ConfigError):
        smoke(TrainRequest(str(config), ("training.loss=mae_of_something",), tmp_path / "runs"), NullProgress())


def test_code_that_a_config_names_is_read_and_not_run(config: Path, tmp_path: Path) -> None:
    """Its entries are known to the check, and it is refused as `train` refuses it until it is allowed."""
    code = "import keras\n@keras.saving.register_keras_serializable('own')\nclass Twice(keras.layers.Layer):\n"
    (tmp_path / "own.py").write_text(code + "    def call(self, x):\n        return x + x\n")
    config.write_text("code: [own.py]\n" + config.read_text())
    with pytest.raises(ConfigError, match="have not allowed"):
        smoke(TrainRequest(str(config), ("model.0=Twice",), tmp_path / "runs"), NullProgress())


def test_each_part_has_its_first_examples() -> None:
    """Within the limit every part keeps its first rows with everything that belongs to them; outside all of them."""
    rows = np.arange(10)
    part = DataPart(
        rows.reshape(-1, 1), {"a": rows}, rows, sample_weight=rows, origin={"line": rows + 2}, own_y={"a": rows}
    )
    dataset = Dataset(part, None, part, Facts("regression", "number", (1,)))
    with limited_to(4):
        cut = limited(dataset)
    assert (len(cut.train), cut.validation, len(cut.test or ())) == (4, None, 4)
    assert cut.train.x.shape == (4, 1)
    assert cut.train.origin["line"].tolist() == [2, 3, 4, 5]
    assert isinstance(cut.train.y, dict)
    assert cut.train.y["a"].tolist() == [0, 1, 2, 3]
    assert limited(dataset) is dataset
