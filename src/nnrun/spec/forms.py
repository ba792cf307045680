"""What stands in `model:` and `define:` beside Keras' own words, as data: each form with its keys and what they mean.

`model_reader` reads these forms; the JSON Schema and the reference page are made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How layers, stacks and inputs may be called, as a pattern for the whole name.
NAME = "[A-Za-z_][A-Za-z0-9_-]*"

#: What each sort of value is, as the end of "expected ...".
EXPECTS: Mapping[str, str] = {
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
class Row:
    """One key of a form.

    Attributes:
        takes: The sort of its value, a key of `EXPECTS`.
        meaning: What it is for.
        required: Whether the form cannot do without it.
        default: Its value where the config is silent, as YAML; empty where there is none.
    """

    takes: str
    meaning: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        meaning: What it is, in one sentence.
        keys: Its keys in the order in which they are usually written.
        example: One line of YAML.
    """

    meaning: str
    keys: Mapping[str, Row]
    example: str


_FROM = Row("tensors", "Which tensors it takes instead of the one before; name.1 is a layer's second output.")
_NAME = Row("name", "What its output is called by from: and in reports.")

FORMS: Mapping[str, Form] = {
    "model": Form(
        "A model as a graph; a list of layers instead is a chain.",
        {
            "inputs": Row("inputs", "What enters, and what each input takes from the data.", default="all of the data"),
            "layers": Row("stack", "The layers, in the order in which they are applied.", required=True),
            "outputs": Row("outputs", "What leaves, with losses of its own.", default="the last layer's output"),
        },
        "{inputs: {facts: [age, bmi]}, layers: [{Dense: {units: 1, name: price}}], outputs: [price]}",
    ),
    "layer": Form(
        "What stands among a layer's arguments beside Keras' own.",
        {
            "from": _FROM,
            "name": _NAME,
            "call": Row("call", "Arguments of the layer's call, other than the tensors it takes."),
        },
        "- MultiHeadAttention: {from: [x, x], num_heads: 4, key_dim: 8, call: {use_causal_mask: true}}",
    ),
    "output": Form(
        "One output of a graph.",
        {
            "from": Row("tensor", "The layer that it is.", default="the layer of its own name"),
            "target": Row("field", "What it is compared with.", default="the target of its own name"),
            "loss": Row("losses", "Its own loss.", default="training.loss"),
            "weight": Row("weight", "The weight of its loss in the sum.", default="1.0"),
            "metrics": Row("metrics_of_output", "Its own metrics.", default="training.metrics"),
        },
        "price: {loss: mean_squared_error, weight: 0.5, metrics: [mean_absolute_error]}",
    ),
    "repeat": Form(
        "The same layers several times in a row, each time with weights of their own.",
        {
            "times": Row("times", "How many times.", required=True),
            "layers": Row("stack", "The layers.", required=True),
            "from": _FROM,
            "name": _NAME,
        },
        "- repeat: {times: 3, layers: [{Dense: {units: 8, activation: relu}}]}",
    ),
    "residual": Form(
        "Layers whose output is added to their input.",
        {
            "layers": Row("stack", "The layers.", required=True),
            "shortcut": Row("stack", "What is made of the input before it is added.", default="the input as it is"),
            "from": _FROM,
            "name": _NAME,
        },
        "- residual: {layers: [{Dense: 8}, {Dense: 8}], shortcut: [{Dense: 8}]}",
    ),
    "use": Form(
        "A stack of define:, by its name; the name alone, as if it were a layer, is the same.",
        {
            "stack": Row("stack_name", "The stack.", required=True),
            "share": Row("truth", "Whether all such uses share one set of weights.", default="false"),
            "from": _FROM,
            "name": _NAME,
        },
        "- use: {stack: block, share: true}",
    ),
}
