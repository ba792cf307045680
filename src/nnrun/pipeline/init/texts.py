"""A first config for a text: a network that learns to write it, character by character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import DataError
from nnrun.pipeline.init.config_text import FirstConfig, ReasonedValue
from nnrun.pipeline.init.table_network import early_stopping

if TYPE_CHECKING:
    from pathlib import Path

#: The length of a window, and how many characters give enough of them.
_WINDOW, _LEAST_CHARACTERS = 100, 2_000
#: So many windows of a short text are enough steps of an epoch.
_WINDOWS = 1_000


def text_config(found: Path, name: str, title: str) -> FirstConfig:
    """Return a config that learns to write a text, character by character.

    Raises:
        DataError: It is too short.
    """
    size = found.stat().st_size
    if size < _LEAST_CHARACTERS:
        hint = "name a longer text; a table needs a separator between the fields of each row"
        text = f"expected a text of at least {_LEAST_CHARACTERS:,} characters, received {size:,}"
        raise DataError(text, file=found, hint=hint)
    stride = max(1, min(_WINDOW // 2, size // _WINDOWS))
    units = 128 if size < 500_000 else 256
    epochs = next(epochs for most, epochs in ((100_000, 60), (500_000, 30), (float("inf"), 12)) if size < most)
    arguments = {
        "file": ReasonedValue(name),
        "window": ReasonedValue(_WINDOW, "characters that an example has"),
        "stride": ReasonedValue(stride, "windows overlap, so that a short text gives enough of them"),
        "encode": ReasonedValue("codes", "a number for each character, for the Embedding"),
        "predict": ReasonedValue("every", "each character of a window predicts the next"),
    }
    model = [
        ReasonedValue({"Embedding": {"input_dim": "$vocabulary", "output_dim": 32}}, "a vector for each character"),
        ReasonedValue({"LSTM": {"units": units, "return_sequences": True}}, f"by the size of the text: {size:,} bytes"),
        ReasonedValue({"Dropout": 0.2}),
        ReasonedValue({"Dense": {"units": "$classes", "activation": "softmax"}}, "a probability for each character"),
    ]
    training = {
        "loss": ReasonedValue("sparse_categorical_crossentropy"),
        "optimizer": ReasonedValue({"Adam": {"learning_rate": 0.003, "clipnorm": 1.0}}),
        "metrics": ReasonedValue(["accuracy"]),
        "epochs": ReasonedValue(epochs, "at most"),
        "batch_size": ReasonedValue(32),
        "samples": ReasonedValue(
            {"every": 5, "length": 200, "temperature": 0.7}, "a text of its own every five epochs"
        ),
    }
    split = ReasonedValue({"validation": 0.1}, "the last tenth of the text")
    what = f"{name}, character by character (nnrun generate-text last --temperature 0.7), begun by nnrun init"
    return FirstConfig(title, what, "text", arguments, [], split, model, training, None, [early_stopping(3)])
