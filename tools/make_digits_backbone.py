"""Train the backbone of configs/transfer_digits.yaml: a small network that has seen the digits 0 to 4 alone.

`python tools/make_digits_backbone.py` writes configs/backbones/digits_0_to_4.keras, without its optimizer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

CONFIG = """\
name: digits_0_to_4
seed: 7
data:
  source: {npz: {file: digits.npz}}
  prepare: [{Rescale: {divide_by: 16}}]
  split: {validation: 0.2}
model:
  - Reshape: {target_shape: [8, 8, 1]}
  - Conv2D: {filters: 16, kernel_size: 3, padding: same, activation: relu}
  - BatchNormalization
  - Conv2D: {filters: 32, kernel_size: 3, activation: relu}
  - BatchNormalization
  - MaxPooling2D
  - Flatten: {name: features}
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 15}
"""


def main() -> None:
    """Train on 901 pictures, and keep the last model."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = digits.target < 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "digits.npz", x=digits.images[rows].astype("float32"), y=digits.target[rows])
        (folder / "base.yaml").write_text(CONFIG, encoding="utf-8")
        result = train(TrainRequest(str(folder / "base.yaml"), runs_dir=folder / "runs"), NullProgress())
        import keras

        model = keras.models.load_model(result.folder.last, compile=False)
    model.save(Path(__file__).resolve().parents[1] / "configs" / "backbones" / "digits_0_to_4.keras")
    print(result.scores["validation"])


if __name__ == "__main__":
    main()
