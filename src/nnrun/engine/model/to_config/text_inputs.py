"""Layers that look words up at the inputs of a model, as steps of `prepare:`: nnrun gives models numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import as_table
from nnrun.data.prepare.text_vectorization import TextVectorization
from nnrun.engine.model.to_config.calls import Call, Calls, Operation, Ref
from nnrun.engine.model.to_config.parts import refused_layer
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    import numpy as np

_LOOKUPS = ("TextVectorization", "StringLookup")
#: Texts of other languages, whose lower case Keras leaves as it is.
_ASCII_NOTE = "TextVectorization of nnrun makes lower case of every alphabet, Keras' layer of ASCII alone"


@dataclass(frozen=True)
class TextInput:
    """An input of texts, and the step that makes the numbers of it that the rest of the model takes.

    Attributes:
        arguments: The arguments of the step `TextVectorization`, except its columns.
        vocabulary: The words, to make texts of.
    """

    arguments: Mapping[str, Any]
    vocabulary: Sequence[str]

    def examples(self, random: np.random.Generator, count: int) -> list[str]:
        """Return texts of words of the vocabulary and others; the first has all kinds of them."""
        most = 1 if self.arguments.get("split", "") is None else 8
        words = [*self.vocabulary[:2000], "xyzzy"]
        if most > 1:
            words += ["Xyzzy,", f"({self.vocabulary[0].upper()})", f"{self.vocabulary[-1].capitalize()}!"]
        lengths = [most, *random.integers(1, most + 1, count - 1)]
        return [" ".join(random.choice(words, length)) for length in lengths]

    def numbers(self, texts: np.ndarray) -> np.ndarray:
        """Return what the step makes of texts: an array of shape (texts, numbers)."""
        import numpy as np

        step = TextVectorization(["text"], **self.arguments)
        table = Columns({"text": np.array(texts, dtype=object).reshape(-1)})
        step.fit(table)
        found = as_table(step.apply(table))
        return np.stack([*found.values.values()], axis=1).astype("float32")


def take_out_texts(keras: ModuleType, calls: Calls) -> tuple[Calls, dict[int, TextInput], list[str]]:
    """Take the layers out that look the words of inputs up.

    Args:
        keras: The started Keras.
        calls: The model.

    Returns:
        The model with numbers in place of texts; the inputs that were texts, by their numbers; and notes.

    Raises:
        RunError: A text is taken by something that no step does; with the layer's name.
    """
    found: dict[int, TextInput] = {}
    notes: list[str] = []
    inputs = list(calls.inputs)
    for index, tensor in enumerate(calls.inputs):
        if tensor.dtype != "string":
            continue
        ref = Ref(-1 - index)
        users = [at for at, call in enumerate(calls.calls) if ref in call.refs()]
        if len(users) != 1 or ref in calls.outputs:
            raise RunError(
                f"the input '{calls.input_names[index]}' of texts is taken by {len(users)} layers; expected one that "
                "looks its words up",
                "apply TextVectorization or StringLookup to it once, and share what that gives",
            )
        call = calls.calls[users[0]]
        found[index], offset = _text_input(call, tuple(tensor.shape))
        if any(not word.isascii() for word in found[index].vocabulary) and call.layer.get_config().get("standardize"):
            notes.append(_ASCII_NOTE)
        inputs[index] = keras.KerasTensor((None, _width(keras, call.layer, tensor)), dtype="float32")
        calls = _without(calls, users[0], ref, offset)
    return replace(calls, inputs=inputs), found, notes


def _width(keras: ModuleType, layer: Any, tensor: Any) -> int | None:
    """Return how many numbers a layer gives for a text; None where that depends on the text.

    The shape that Keras states is another one for `TextVectorization(output_mode="multi_hot")` of texts in a column.
    """
    config = layer.get_config()
    if config["output_mode"] == "int" and "split" in config:
        length = config["output_sequence_length"]
        return None if length is None else int(length)
    return int(
        layer(keras.ops.convert_to_tensor([["a"]] if len(tensor.shape) > 1 else ["a"], dtype="string")).shape[-1]
    )


def _without(calls: Calls, at: int, ref: Ref, offset: int) -> Calls:
    """Return a model without a call, whose output is now an input, or the sum of that and a number."""
    if offset:
        operation = Operation("add", {"x2": offset})
        others = [*calls.calls[:at], Call(operation, (ref,), name="offset"), *calls.calls[at + 1 :]]
        return replace(calls, calls=others)

    def moved(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(moved(one) for one in value)
        if not isinstance(value, Ref) or value.call < at:
            return value
        return ref if value.call == at else Ref(value.call - 1, value.output)

    kept = [
        replace(call, sources=moved(call.sources), call={key: moved(one) for key, one in call.call.items()})
        for place, call in enumerate(calls.calls)
        if place != at
    ]
    return replace(calls, calls=kept, outputs=moved(tuple(calls.outputs)))


def _text_input(call: Call, shape: tuple[int | None, ...]) -> tuple[TextInput, int]:
    """Return the step that a layer is, and what is to be added to its numbers.

    Raises:
        RunError: No step does what the layer does.
    """
    layer, kind = call.layer, type(call.layer).__name__

    def refused(why: str) -> RunError:
        hint = "look the words up before the data reach Keras, or write that part as a step: docs/own-code.md"
        return refused_layer(call.name, kind, why, hint)

    if kind not in _LOOKUPS:
        raise refused("takes texts, and a model of nnrun receives numbers")
    if call.shared is not None or shape not in ((None,), (None, 1)) or (kind == "StringLookup" and len(shape) < 2):
        raise refused(f"takes texts of the shape {shape[1:]}; a step of prepare takes one text of each row")
    config, words = layer.get_config(), [str(one) for one in layer.get_vocabulary(include_special_tokens=False)]
    mode = str(config["output_mode"])
    if not words:
        raise refused("was never adapted: it has no vocabulary")
    if mode == "tf_idf":
        raise refused("has weights of words (tf_idf), which the step TextVectorization learns from the data itself")
    if config.get("ragged") or config.get("invert"):
        raise refused("gives ragged tensors or words, which a step does not")
    if config.get("pad_to_max_tokens") and mode != "int":
        raise refused("pads its output to max_tokens, which a step does not")
    if kind == "TextVectorization":
        return TextInput({**_split_arguments(config, refused), "vocabulary": words}, words), 0
    unknown, has_mask = int(config["num_oov_indices"]), config.get("mask_token") is not None
    if unknown > 1 or (mode != "int" and (unknown != 1 or has_mask)):
        raise refused("has a number of unknown words other than one, or a mask among its columns")
    arguments: dict[str, Any] = {"standardize": None, "split": None}
    arguments |= (
        {"output_sequence_length": 1} if mode == "int" else {"output_mode": mode.replace("one_hot", "multi_hot")}
    )
    # The step's numbers are 0 for no word, 1 for an unknown one, and 2 for the first of the vocabulary.
    offset = unknown + has_mask - 2 if mode == "int" else 0
    return TextInput({**arguments, "vocabulary": words}, words), offset


def _split_arguments(config: Mapping[str, Any], refused: Any) -> dict[str, Any]:
    """Return how `TextVectorization` makes words of a text, defaults left out."""
    defaults = {
        "standardize": "lower_and_strip_punctuation",
        "split": "whitespace",
        "ngrams": None,
        "output_mode": "int",
        "output_sequence_length": None,
    }
    found: dict[str, Any] = {}
    for key, default in defaults.items():
        value = config.get(key)
        value = list(value) if isinstance(value, tuple) else value
        if isinstance(value, dict) or callable(value):
            raise refused(f"has Python code for {key}, which a config cannot contain")
        if value != default:
            found[key] = value
    return found
