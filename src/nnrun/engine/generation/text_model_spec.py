"""How a model takes and gives characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.data.text.windows import Encoding


@dataclass(frozen=True)
class TextModelSpec:
    """How a model takes and gives characters.

    Attributes:
        window: How many characters an example has.
        vocabulary: How many different ones there are.
        encoding: How they are given to the model.
        every: Whether it says after every character of the window what follows, not only at its end.
        logits: Whether it gives logarithms, not probabilities.
        padding: The code that stands before a text shorter than the window.
    """

    window: int
    vocabulary: int
    encoding: Encoding
    every: bool
    logits: bool
    padding: int
