"""Explanations of the findings of training: batches, callbacks, claims."""

from __future__ import annotations

from nnrun.spec.findings.explanation import Explanation

_VALIDATION = "data: {source: digits, split: {validation: 0.2}}\n"
_WRITING = """
data: {source: {descriptions: {encode: codes, predict: every, stride: 100}}}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 8}
  - GRU: {units: 8, return_sequences: true}
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  samples: {every: 2, seed_text: SEED}
"""


def _training(rest: str) -> str:
    return (
        "training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 20, "
        f"{rest}}}\n"
    )


FINDINGS = {
    "monitor-unknown": Explanation(
        "error",
        "A callback or `best:` watches a figure that no epoch will have.",
        "Keras would warn in passing and never act. Figures are called `loss`, then each metric by its full name in "
        "snake case, after the output's name where there are several, with val_ before it for the validation part.",
        _VALIDATION + _training("callbacks: [{EarlyStopping: {monitor: val_acc}}]"),
        _VALIDATION + _training("callbacks: [{EarlyStopping: {monitor: val_accuracy}}]"),
    ),
    "early-stopping-on-training-loss": Explanation(
        "warning",
        "Training stops early by a figure of the training rows, since there is no validation part.",
        "The loss of the training rows goes on falling while the model overfits. Hold out a validation part and watch "
        "val_loss.",
        _training("callbacks: [{EarlyStopping: {monitor: loss, patience: 3}}]"),
        _VALIDATION + _training("callbacks: [{EarlyStopping: {monitor: val_loss, patience: 3}}]"),
    ),
    "patience-too-long": Explanation(
        "warning",
        "EarlyStopping waits for more epochs than there are.",
        "It can never stop anything. Lower its patience or raise epochs.",
        _VALIDATION + _training("callbacks: [{EarlyStopping: {patience: 20}}]"),
        _VALIDATION + _training("callbacks: [{EarlyStopping: {patience: 5}}]"),
    ),
    "schedule-and-callback": Explanation(
        "error",
        "A callback sets a learning rate that follows a schedule already.",
        "Keras refuses to set the learning rate of an optimizer that has a schedule. Choose one of the two.",
        _VALIDATION
        + """training:
  loss: sparse_categorical_crossentropy
  optimizer: {SGD: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.1, decay_steps: 9, decay_rate: 0.5}}}}
  callbacks: [ReduceLROnPlateau]
""",
        _VALIDATION
        + """training:
  loss: sparse_categorical_crossentropy
  optimizer: {SGD: {learning_rate: 0.1}}
  callbacks: [ReduceLROnPlateau]
""",
    ),
    "checkpoint-name-unknown": Explanation(
        "error",
        "The file's name of a ModelCheckpoint asks for a figure that no epoch will have.",
        "Keras would fail when the first epoch ends. Between braces may stand epoch and every figure of an epoch.",
        _VALIDATION + _training('callbacks: [{ModelCheckpoint: {filepath: "at-{val_los:.2f}.keras"}}]'),
        _VALIDATION + _training('callbacks: [{ModelCheckpoint: {filepath: "at-{val_loss:.2f}.keras"}}]'),
    ),
    "batch-larger-than-data": Explanation(
        "warning",
        "A batch is larger than the training rows.",
        "Every epoch is a single step then, and the weights change only as often as there are epochs.",
        _training("batch_size: 5000"),
        _training("batch_size: 32"),
    ),
    "perceptron-of-one-unit": Explanation(
        "error",
        "The perceptron's rule is to train something else than one unit with a step.",
        "The rule (Rosenblatt, 1958) corrects the weights of a single Dense of one unit, whose activation is "
        "binary_step, whenever a row is wrong. It knows no gradient, and so no layers before the last.",
        "data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}}, split: {test: train}}\n"
        "model: [{Dense: {units: 1, activation: sigmoid}}]\n"
        "training: {rule: perceptron, epochs: 20, batch_size: 4}\n",
        "data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}}, split: {test: train}}\n"
        "model: [{Dense: {units: 1, activation: binary_step}}]\n"
        "training: {rule: perceptron, epochs: 20, batch_size: 4}\n",
    ),
    "augment-of-several-inputs": Explanation(
        "error",
        "Training batches are to be changed at random, but the model has several inputs.",
        "It is not said which of them is meant. Keras' random layers may stand in the model too, behind an input; "
        "there they act in training alone as well, but are part of what is saved.",
        """
data: {source: {inline: {rows: [[0, 0, 0.5], [0, 1, 1.5], [1, 0, 1.5]]}}}
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - Concatenate: {from: [left, right]}
    - Dense: 1
training: {loss: mse, optimizer: Adam, batch_size: 3, augment: [{GaussianNoise: 0.1}]}
""",
        """
data: {source: {inline: {rows: [[0, 0, 0.5], [0, 1, 1.5], [1, 0, 1.5]]}}}
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - GaussianNoise: {from: left, stddev: 0.1, name: shaken}
    - Concatenate: {from: [shaken, right]}
    - Dense: 1
training: {loss: mse, optimizer: Adam, batch_size: 3}
""",
    ),
    "samples-of-no-text": Explanation(
        "error",
        "Samples are to be written while a model is trained that does not continue a text.",
        "A sample of text is what the model says comes next, over and over; only a source that is a text (text, "
        "shakespeare, metamorphosis, descriptions) teaches that, and only a model of one output says it.",
        _training("samples: {every: 2}"),
        _WRITING.replace("SEED", "'the data '"),
    ),
    "seed-text-unknown": Explanation(
        "error",
        "The seed text of samples has characters (words, bytes) that the data's text has not.",
        "The model has no code for them. A text that is lowercased folds its seed text too; everything else must be "
        "written as the text writes it.",
        _WRITING.replace("SEED", "für"),
        _WRITING.replace("SEED", "fur"),
    ),
    "not-on-jax": Explanation(
        "error",
        "The config asks of JAX what only TensorFlow can.",
        "With backend: jax everything is compiled by XLA, data live in memory, and layers made of TensorFlow's own "
        "operations (TextVectorization, StringLookup and the like) are not there.",
        "backend: jax\n" + _training("execution: {xla: false}"),
        "backend: jax\n" + _training("execution: {xla: true}"),
    ),
    "test-part-watched": Explanation(
        "warning",
        "The test part is used for validation.",
        "Whatever is decided by its figures (when training stops, which epoch is kept) makes the "
        "test figures too good. Where that is how an experiment was published, silence it; the report says so still.",
        "data: {source: digits, split: {test: 0.2, validation: test}}\n",
        "data: {source: digits, split: {test: 0.2, validation: 0.1}}\n",
    ),
    "expect-path-unknown": Explanation(
        "error",
        "`expect:` names a figure that scores.json will not have.",
        "The claim could never be checked. A path is a part (test, validation, train), a dot and a figure's full name.",
        "data: {source: digits, split: {test: 0.2}}\nexpect: {test.acc: {at_least: 0.9}}\n",
        "data: {source: digits, split: {test: 0.2}}\nexpect: {test.accuracy: {at_least: 0.9}}\n",
    ),
}
