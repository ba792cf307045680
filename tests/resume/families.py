"""The kinds of trainings whose resume is proven: a small config for each, with its data and the user's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A state after every step and every epoch; all of them are kept.
EVERY_STEP = "  save_every: {steps: 1, epochs: 1, keep: 1000}\n"
#: Where a config says how states are saved, if not at its end.
SAVING = "  # saving\n"
_DIGITS = """data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, {Reshape: SHAPE}]
  split: {test: 0.2, validation: 0.2}
"""
_SOFTMAX = "  - Dense: {units: $classes, activation: softmax}\n"
_TRAINING = """training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  batch_size: 400
  epochs: 2
"""


@dataclass(frozen=True)
class Family:
    """One kind of training.

    Attributes:
        config: The config without `name`, seed and `save_every`, which stands last in its section `training`.
        code: The user's code; empty if there is none.
        write_data: Writes the data files into the folder of the config.
        exit_code: The exit code with which the training ends.
    """

    config: str
    code: str = ""
    write_data: Callable[[Path], None] = lambda _: None
    exit_code: int = 0

    def write(self, folder: Path, *, every_step: bool = True) -> list[str]:
        """Write config, data and code into a folder; return the arguments of `nnrun train` for them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.write_data(folder)
        config = folder / ("every_step.yaml" if every_step else "plain.yaml")
        saving = EVERY_STEP if every_step else ""
        text = self.config.replace(SAVING, saving) if SAVING in self.config else self.config + saving
        config.write_text(f"name: proof\nseed: 11\n{text}")
        if not self.code:
            return [str(config)]
        (folder / "code.py").write_text(self.code)
        return [str(config), "--code", str(folder / "code.py")]


def digits(layers: str, more: str = "", *, shape: str = "[64]", training: str = _TRAINING, head: str = "") -> str:
    """Return a config that trains on the digits: 1,077 rows, which are three steps of 400 rows."""
    return f"{head}{_DIGITS.replace('SHAPE', shape)}model:\n{layers}{_SOFTMAX}{training}{more}"


def write_table(folder: Path) -> None:
    """Write a table of 90 rows with two groups of columns and two targets."""
    rows = [
        f"{18 + index * 7 % 60},{2000 + index * 131 % 977},{('Ulm', 'Bonn')[index % 2]},"
        f"{index * 31 % 97 / 10},{('yes', 'no')[index * index % 5 % 2]}"
        for index in range(90)
    ]
    (folder / "table.csv").write_text("age,pay,town,price,buys\n" + "\n".join(rows) + "\n")


def write_pictures(folder: Path) -> None:
    """Write 60 pictures of two classes in several formats."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for index in range(60):
        kind = index % 2
        file = folder / "pictures" / ("dark", "light")[kind] / f"{index:02}.{('jpg', 'png', 'bmp')[index % 3]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(90 * kind, 150 + 90 * kind, (8, 9, 3), dtype="uint8")).save(file)


_TABLE = """data:
  source: {csv: {file: table.csv, target: [price, buys], stream: STREAM}}
  prepare: [{OneHot: [town]}, {Standardize: {columns: [age, pay]}}]
  split: {test: 0.2, validation: 0.2}
model:
  inputs: {where: [town], who: [pay, age]}
  layers:
    - Concatenate: {from: [who, where]}
    - Dense: {units: 8, activation: relu}
    - BatchNormalization
    - Dropout: {rate: 0.2, name: seen}
    - Dense: {from: seen, units: 1, name: price}
    - Dense: {from: seen, units: 1, activation: sigmoid, name: buys}
  outputs:
    price: {loss: mean_squared_error}
    buys: {loss: binary_crossentropy, metrics: [accuracy]}
training:
  optimizer: {SGD: {learning_rate: 0.01, momentum: 0.9, nesterov: true}}
  batch_size: 20
  epochs: 2
"""
#: Three folds, and the final fit on all rows.
_TABLE_FOLDS = _TABLE.replace("STREAM", "false").replace(
    "split: {test: 0.2, validation: 0.2}",
    "split: {validation: 0.2, k_fold: {folds: 3, shuffle: true, final_fit: true}}",
)
_PICTURES = """data:
  source: {images: {folder: pictures, stream: true, memory: 0.0005}}
  prepare: [{Rescale: {divide_by: 255}}, Standardize]
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  class_weight: balanced
  augment: [{RandomFlip: horizontal}]
  batch_size: 10
  epochs: 2
"""
_TEXT = """data:
  source: {descriptions: {lowercase: true, window: 12, stride: 60, encode: codes, predict: every}}
  split: {validation: 0.1}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 4}
  - GRU: {units: 8, dropout: 0.2, return_sequences: true}
  - BatchNormalization
  - Dropout: 0.1
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  samples: {every: 1, length: 20, temperature: 0.7}
  batch_size: 128
  epochs: 3
"""
_PERCEPTRON = """data:
  source: breast_cancer
  prepare: [Standardize]
  split: {test: 0.3, stratify: true}
model:
  - Dense: {units: 1, activation: binary_step, kernel_initializer: zeros}
training:
  rule: perceptron
  learning_rate: 1.0
  metrics: [accuracy]
  batch_size: 50
  epochs: 4
"""
#: Separable: the rule ends by itself.
_SEPARABLE = """data:
  source: {inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}}
model:
  - Dense: {units: 1, activation: binary_step, kernel_initializer: zeros}
training:
  rule: perceptron
  learning_rate: 1.0
  metrics: [accuracy]
  batch_size: 2
  epochs: 20
"""
_OWN_CODE = '''"""A layer and callbacks that draw random numbers, and remember what they saw."""

import random

import keras
import numpy as np


class Blur(keras.layers.Layer):
    """Adds noise from the generator that all of Keras shares."""

    def call(self, x, training=False):
        """Blur in training alone."""
        return x + 0.1 * keras.random.normal(keras.ops.shape(x)) if training else x


class Wobble(keras.callbacks.Callback):
    """Changes the learning rate by chance, and keeps what it did."""

    def on_train_begin(self, logs=None):
        """Begin without anything seen."""
        self.seen, self.total = [], np.zeros(2)

    def on_train_batch_end(self, batch, logs=None):
        """Draw from all streams."""
        self.total = self.total + [random.gauss(0, 1), np.random.standard_normal()]
        late = float(keras.ops.convert_to_numpy(keras.random.uniform(()))) if self.seen else 0.0
        self.seen.append((batch, late, logs["loss"]))
        self.model.optimizer.learning_rate = 0.01 * (1.5 + np.tanh(self.total.sum() + late))

    def get_state(self):
        """Return what was seen."""
        return {"seen": self.seen, "total": self.total}

    def set_state(self, state):
        """Restore it."""
        self.seen, self.total = state["seen"], state["total"]
'''
#: With the seed of the families, the last step of the second epoch has no loss that is a number: in the first order of
#: its rows and in the second one, but not in the third. The sums are exact, as all pixels are sixteenths.
_PICKY_CODE = '''"""A layer that refuses some batches."""

import keras


class Picky(keras.layers.Layer):
    """Trains on no batch whose first example has one of two sums."""

    def call(self, x, training=False):
        """Return what is no number for such a batch."""
        if not training:
            return x
        first = keras.ops.sum(x[0])
        return keras.ops.where((first == 18.5625) | (first == 21.0625), float("nan"), x)
'''
_DENSE = "  - Dense: {units: 16, activation: relu}\n  - BatchNormalization\n  - Dropout: 0.3\n"
_SMOOTH = _DENSE.replace("relu", "tanh")
_PLATEAU = """  callbacks:
    - EarlyStopping: {monitor: val_loss, patience: 2, restore_best_weights: true}
    - ReduceLROnPlateau: {monitor: val_loss, patience: 1, factor: 0.5, cooldown: 1}
"""
_WORSE = _TRAINING.replace("optimizer: Adam", "optimizer: {SGD: {learning_rate: 2.5}}").replace(
    "epochs: 2", "epochs: 8"
)
_OWN_TRAINING = """  callbacks:
    - ModelCheckpoint: {filepath: "steps/{epoch}-{batch}.weights.h5", save_weights_only: true, save_freq: 2}
    - CSVLogger
    - Wobble
"""
_EMA = "  optimizer: {Adam: {use_ema: true, ema_momentum: 0.8, EMA}}\n"


def _with_optimizer(optimizer: str) -> str:
    return _TRAINING.replace("  optimizer: Adam\n", optimizer)


#: All families by name.
#: The first phase is ended by its callback; each phase augments, and both write one file.
_PHASES = f"""training:
- loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  batch_size: 400
  epochs: 3
  freeze: [first]
  augment: [{{RandomContrast: 0.2}}]
  callbacks: [{{EarlyStopping: {{monitor: val_loss, patience: 0, baseline: 0.0}}}}, CSVLogger]
{SAVING}- thaw: [first]
  freeze: [BatchNormalization]
  optimizer: {{SGD: {{learning_rate: 0.01, momentum: 0.9}}}}
  epochs: 1
  callbacks: [CSVLogger]
"""
_FROZEN_FIRST = """  - Conv2D: {filters: 4, kernel_size: 3, activation: relu, name: first}
  - BatchNormalization
  - Flatten
  - Dropout: 0.2
"""
FAMILIES = {
    "dense": Family(digits(_DENSE)),
    "phases": Family(digits(_FROZEN_FIRST, shape="[8, 8, 1]", training=_PHASES)),
    "conv": Family(
        digits(
            "  - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n  - Flatten\n  - Dropout: 0.2\n",
            "  augment:\n    - RandomTranslation: {height_factor: 0.1, width_factor: 0.1}\n    - RandomContrast: 0.2\n",
            shape="[8, 8, 1]",
        )
    ),
    "lstm": Family(digits("  - LSTM: {units: 8, dropout: 0.2, recurrent_dropout: 0.2}\n", shape="[8, 8]")),
    "plateau": Family(digits(_DENSE, _PLATEAU, training=_WORSE)),
    "text": Family(_TEXT),
    "graph": Family(_TABLE.replace("STREAM", "false"), write_data=write_table),
    "jax": Family(digits(_DENSE, head="backend: jax\n")),
    "folds": Family(_TABLE_FOLDS, write_data=write_table),
    "stream-table": Family(
        _TABLE.replace("STREAM", "true, memory: 0.00001"),
        write_data=write_table,
    ),
    "stream-pictures": Family(_PICTURES, write_data=write_pictures),
    "perceptron": Family(_PERCEPTRON),
    "perceptron-ends": Family(_SEPARABLE),
    "float16": Family(digits(_DENSE, head="precision: mixed_float16\n")),
    "halves": Family(
        digits("  - LSTM: 192\n", shape="[8, 8]", training=_TRAINING.replace("batch_size: 400", "batch_size: 500"))
    ),
    "xla": Family(digits(_DENSE, "  execution: {xla: true}\n")),
    "ema": Family(
        digits(
            _DENSE,
            training=_with_optimizer(
                _EMA.replace("EMA", "ema_overwrite_frequency: 3, gradient_accumulation_steps: 2, weight_decay: 0.01")
            ),
        )
    ),
    "swap": Family(
        digits(
            _DENSE,
            "  callbacks: [{SwapEMAWeights: {swap_on_epoch: true}}, CSVLogger]\n",
            training=_with_optimizer(_EMA.replace(", EMA", "")),
        )
    ),
    "schedule": Family(
        digits(
            "  - GaussianNoise: 0.1\n" + _DENSE,
            training=_with_optimizer(
                "  optimizer: {AdamW: {learning_rate: {CosineDecay: {initial_learning_rate: 0.01, decay_steps: 5}}}}\n"
            ),
        )
    ),
    "nan-rollback": Family(digits("  - Picky\n" + _SMOOTH, "  on_nan: rollback\n"), _PICKY_CODE),
    # ReLU makes 0 of what is no number: the loss stays one, and the weights are noticed at the end of the epoch.
    "nan-weights": Family(digits("  - Picky\n" + _DENSE, "  on_nan: rollback\n"), _PICKY_CODE),
    "nan-stop": Family(digits("  - Picky\n" + _SMOOTH, "  on_nan: stop\n"), _PICKY_CODE, exit_code=1),
    "own-code": Family(digits("  - Blur\n" + _DENSE, _OWN_TRAINING), _OWN_CODE),
}
