"""The constructs of `model:` and `define:` that are not Keras' own, as data: their keys and what these mean.

`nnrun.spec.model` reads them; the JSON Schema and the reference page are made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The names that layers, stacks and inputs may have, as a pattern for the whole name.
NAME = "[A-Za-z_][A-Za-z0-9_-]*"

#: What a value of each type is, as the end of "expected ...".
EXPECTED: Mapping[str, str] = {
    "call": "a mapping of arguments of the layer's call",
    "field": "a column's name or a field such as $image",
    "inputs": "a mapping of names to fields or columns",
    "losses": "a loss",
    "metrics_of_output": "a list of metrics",
    "name": "a name of letters, digits, '_' and '-'",
    "outputs": "a mapping of names to outputs, or a list of names",
    "stack": "a list of layers",
    "stack_name": "the name of a stack of define:",
    "tensor": "the name of a layer",
    "tensors": "the name of a layer or input, or a list of names",
    "times": "an integer from 1 to 1000",
    "truth": "true or false",
    "weight": "a number of at least 0",
}


@dataclass(frozen=True)
class ConstructKey:
    """One key of a construct.

    Attributes:
        type: The type of its value, a key of `EXPECTED`.
        meaning: What it is for.
        required: Whether it must be there.
        default: Its value where it is not there, as YAML; empty where it has none.
    """

    type: str
    meaning: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Construct:
    """One construct.

    Attributes:
        meaning: What it is, in one sentence.
        keys: Its keys in the order in which they are usually written.
        example: One line of YAML.
    """

    meaning: str
    keys: Mapping[str, ConstructKey]
    example: str

    @property
    def example_value(self) -> str:
        """The example without the key in front of it."""
        return self.example.partition(": ")[2]


_FROM = ConstructKey("tensors", "The tensors it takes instead of the output before; name.1 is a layer's second output.")
_NAME = ConstructKey("name", "The name of its output, for from: and in reports.")
_LAYERS = ConstructKey("stack", "The layers.", required=True)

CONSTRUCTS: Mapping[str, Construct] = {
    "model": Construct(
        "A model as a graph; a list of layers instead is a chain.",
        {
            "inputs": ConstructKey("inputs", "The inputs, with the data that each takes.", default="all of the data"),
            "layers": ConstructKey("stack", "The layers, in the order in which they are applied.", required=True),
            "outputs": ConstructKey("outputs", "The outputs, with their losses.", default="the last layer's output"),
        },
        "model: {inputs: {facts: [age, bmi]}, layers: [{Dense: {units: 1, name: price}}], outputs: [price]}",
    ),
    "layer": Construct(
        "Keys among a layer's arguments that are not Keras' own.",
        {
            "from": _FROM,
            "name": _NAME,
            "call": ConstructKey("call", "Arguments of the layer's call, other than the tensors it takes."),
        },
        "- MultiHeadAttention: {from: [x, x], num_heads: 4, key_dim: 8, call: {use_causal_mask: true}}",
    ),
    "output": Construct(
        "One output of a graph.",
        {
            "from": ConstructKey("tensor", "The layer whose output it is.", default="the layer of its own name"),
            "target": ConstructKey("field", "What it is compared with.", default="the target of its own name"),
            "loss": ConstructKey("losses", "Its own loss.", default="training.loss"),
            "weight": ConstructKey("weight", "The weight of its loss in the sum.", default="1.0"),
            "metrics": ConstructKey("metrics_of_output", "Its own metrics.", default="training.metrics"),
        },
        "price: {loss: mean_squared_error, weight: 0.5, metrics: [mean_absolute_error]}",
    ),
    "repeat": Construct(
        "The same layers several times in a row, each time with new weights.",
        {
            "times": ConstructKey("times", "How many times.", required=True),
            "layers": _LAYERS,
            "from": _FROM,
            "name": _NAME,
        },
        "- repeat: {times: 3, layers: [{Dense: {units: 8, activation: relu}}]}",
    ),
    "residual": Construct(
        "Layers whose output is added to their input.",
        {
            "layers": _LAYERS,
            "shortcut": ConstructKey(
                "stack", "Layers applied to the input before it is added.", default="the input as it is"
            ),
            "from": _FROM,
            "name": _NAME,
        },
        "- residual: {layers: [{Dense: 8}, {Dense: 8}], shortcut: [{Dense: 8}]}",
    ),
    "use": Construct(
        "A stack of define:, by its name; the name alone, as if it were a layer, is the same.",
        {
            "stack": ConstructKey("stack_name", "The stack.", required=True),
            "share": ConstructKey("truth", "Whether all such uses share one set of weights.", default="false"),
            "from": _FROM,
            "name": _NAME,
        },
        "- use: {stack: block, share: true}",
    ),
}
