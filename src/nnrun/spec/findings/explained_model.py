"""Explanations of the findings of models: shapes, activations and outputs."""

from __future__ import annotations

from nnrun.spec.findings.explanation import Explanation

FINDINGS = {
    "shape-impossible": Explanation(
        "error",
        "A layer cannot take the shape that the layer before it gives.",
        "Keras would refuse to build the model. The message says which shape was expected and which was received; "
        "`nnrun summary` shows the shapes of all layers before it.",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model:
  - Conv2D: {filters: 4, kernel_size: 5}
  - MaxPooling2D: {pool_size: 5}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
""",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model:
  - Conv2D: {filters: 4, kernel_size: 5}
  - MaxPooling2D: {pool_size: 2}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "return-sequences-missing": Explanation(
        "error",
        "A layer wants a sequence, but the recurrent layer before it passes on only its last step.",
        "Between stacked recurrent layers every step must be passed on: all but the last need return_sequences: true.",
        """
data: {source: digits, prepare: [{Reshape: [8, 8]}]}
model:
  - LSTM: 8
  - LSTM: 8
  - Dense: {units: $classes, activation: softmax}
""",
        """
data: {source: digits, prepare: [{Reshape: [8, 8]}]}
model:
  - LSTM: {units: 8, return_sequences: true}
  - LSTM: 8
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "input-shape-mismatch": Explanation(
        "error",
        "`Input` states another shape than one example of the data has.",
        "The model would be built for data that never come. Leave `Input` out, or bring the data to its shape.",
        """
model:
  - Input: {shape: [8, 8, 1]}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
""",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model:
  - Input: {shape: [8, 8, 1]}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "dense-on-picture": Explanation(
        "warning",
        "A Dense stands on a picture that nothing has flattened.",
        "Dense acts on the last dimension alone, so that every place of the picture is treated by itself. Where that "
        "is meant (a 1 x 1 convolution by another name), silence it.",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model:
  - Dense: {units: 4, activation: relu}
  - GlobalAveragePooling2D
  - Dense: {units: $classes, activation: softmax}
""",
        """
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}]}
model:
  - Flatten
  - Dense: {units: 4, activation: relu}
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "undecided": Explanation(
        "note",
        "The rules cannot tell a layer's shape without Keras.",
        "What a function or a saved model inside a layer does is known only when it runs. `nnrun check --build` "
        "builds the model with Keras and decides.",
        """
model:
  - Flatten
  - Dense: {units: $vocabulary, activation: relu}
  - Dense: {units: $classes, activation: softmax}
""",
        """
model:
  - Flatten
  - Dense: {units: 16, activation: relu}
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "softmax-of-one-unit": Explanation(
        "error",
        "Softmax is applied to a single unit.",
        "Softmax makes its values sum to 1, so that one value alone is always 1 and nothing can be learned.",
        """
data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]}}}
model:
  - Dense: {units: 1, activation: softmax}
training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 4}
""",
        """
data: {source: {inline: {rows: [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]}}}
model:
  - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 4}
""",
    ),
    "loss-activation-mismatch": Explanation(
        "error",
        "The last activation does not give what the loss compares.",
        "A categorical crossentropy takes shares that sum to 1 (softmax), a binary one a probability for each output "
        "(sigmoid); with from_logits: true both apply these themselves and take plain sums.",
        """
model:
  - Flatten
  - Dense: {units: $classes, activation: sigmoid}
training: {loss: categorical_crossentropy, optimizer: Adam}
""",
        """
model:
  - Flatten
  - Dense: {units: $classes}
training: {loss: {CategoricalCrossentropy: {from_logits: true}}, optimizer: Adam}
""",
    ),
    "too-few-outputs": Explanation(
        "error",
        "The last layer has fewer units than the target has classes.",
        "Some class could never be predicted, and Keras would fail, or give NaN, at the first row that has it.",
        """
model:
  - Flatten
  - Dense: {units: 9, activation: softmax}
""",
        """
model:
  - Flatten
  - Dense: {units: $classes, activation: softmax}
""",
    ),
    "output-shape-mismatch": Explanation(
        "error",
        "The output has another shape than the target it is compared with.",
        "Keras would refuse the first batch, or stretch the smaller of the two over the larger and minimise something "
        "that nobody means.",
        """
data: {source: {inline: {rows: [[0, 0.5], [1, 1.5], [2, 2.5]]}}}
model:
  - Dense: {units: 2}
training: {loss: mse, optimizer: Adam, batch_size: 3}
""",
        """
data: {source: {inline: {rows: [[0, 0.5], [1, 1.5], [2, 2.5]]}}}
model:
  - Dense: {units: $targets}
training: {loss: mse, optimizer: Adam, batch_size: 3}
""",
    ),
    "unused-input": Explanation(
        "error",
        "No output depends on one of the model's inputs.",
        "Its data would be loaded and then ignored, which cannot be meant.",
        """
data: {source: {inline: {rows: [[0, 0, 0.5], [0, 1, 1.5], [1, 0, 1.5]]}}}
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - Dense: {from: left, units: 1}
training: {loss: mse, optimizer: Adam, batch_size: 3}
""",
        """
data: {source: {inline: {rows: [[0, 0, 0.5], [0, 1, 1.5], [1, 0, 1.5]]}}}
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - Concatenate: {from: [left, right]}
    - Dense: 1
training: {loss: mse, optimizer: Adam, batch_size: 3}
""",
    ),
    "unused-node": Explanation(
        "warning",
        "A layer's output goes nowhere.",
        "Keras leaves out what no output depends on, so that the layer is not part of the model.",
        """
model:
  layers:
    - Flatten: {name: flat}
    - Dense: {units: 8, activation: relu, name: lost}
    - Dense: {from: flat, units: $classes, activation: softmax}
""",
        """
model:
  layers:
    - Flatten: {name: flat}
    - Dense: {units: 8, activation: relu, name: hidden}
    - Dense: {from: hidden, units: $classes, activation: softmax}
""",
    ),
    "unused-define": Explanation(
        "warning",
        "The model does not use a stack of `define:`.",
        "Perhaps its name is misspelt where it is meant; otherwise it can go.",
        """
define:
  block: [{Dense: {units: 8, activation: relu}}]
""",
        """
define:
  block: [{Dense: {units: 8, activation: relu}}]
model:
  - Flatten
  - block
  - Dense: {units: $classes, activation: softmax}
""",
    ),
}
