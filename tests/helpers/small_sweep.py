"""A small table and the config of a sweep over it, for tests that train many small models."""

from __future__ import annotations

from pathlib import Path

CONFIG = """name: NAME
seed: 7
data:
  source: {csv: {file: table.csv, target: ill}}
  prepare: [StandardScaler]
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Dense: {units: 4, activation: relu}
  - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: Adam
  epochs: EPOCHS
  batch_size: 16
"""


def write_table(folder: Path, rows: int = 80) -> None:
    """Write `table.csv`: three whole numbers and a class, some of whose rows cannot be learned."""
    folder.mkdir(parents=True, exist_ok=True)
    values = [(row * 7 % 11, row * 5 % 13, row * row % 17, (row * 7 % 11 > 4) ^ (row % 9 == 0)) for row in range(rows)]
    lines = [f"{glucose},{age},{bmi},{int(ill)}\n" for glucose, age, bmi, ill in values]
    (folder / "table.csv").write_text("glucose,age,bmi,ill\n" + "".join(lines))


def config_text(sweep: str, *, name: str = "swept", epochs: int = 2, training: str = "") -> str:
    """Return a config.

    Args:
        sweep: The section `sweep:`, with its key.
        name: The experiment's name.
        epochs: The epochs.
        training: More lines of the section `training:`, indented.
    """
    return CONFIG.replace("NAME", name).replace("EPOCHS", str(epochs)) + training + sweep


def write_sweep(folder: Path, text: str, name: str = "swept") -> Path:
    """Write a table and a config; return the config's path."""
    write_table(folder)
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"
