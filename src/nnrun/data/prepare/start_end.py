"""The step `StartEndPacker`: the tokens of a target get a beginning and an end, so that a model can write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.prepare.step import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks, ExampleSpec

_TARGETS_ALONE = "StartEndPacker is for `prepare_target`, after a TextVectorization"


class StartEndPacker(Step):
    """Let a model write its target token by token: after a beginning, up to an end (KerasHub's layer of that name).

    It stands in `prepare_target` after a TextVectorization. The target ends with `end_value`. An input of the model
    that takes the target by its name receives it shifted by one: `start_value` first, then each token before the one
    that is to be predicted. Predictions are written token by token, each after those that were written before.

    Args:
        start_value: The token with which the input begins.
        end_value: The token with which the target ends.
    """

    def __init__(self, start_value: str = "[start]", end_value: str = "[end]") -> None:
        if not start_value or not end_value or start_value == end_value:
            raise ValueError(f"StartEndPacker expected two different tokens, received {start_value!r}, {end_value!r}")
        self.start_value, self.end_value = start_value, end_value

    def fit_blocks(self, data: Blocks) -> list[str]:  # noqa: ARG002 - as every step
        """Refuse to be fitted to features."""
        raise ValueError(_TARGETS_ALONE)

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:  # noqa: ARG002 - as every step
        """Refuse features."""
        raise ValueError(_TARGETS_ALONE)

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:  # noqa: ARG002 - as every step
        """Refuse features."""
        raise ValueError(_TARGETS_ALONE)

    def vocabulary(self, tokens: Sequence[str]) -> list[str]:
        """Return the vocabulary with the beginning and the end, which get the two numbers after all others.

        Raises:
            ValueError: A token of the texts is one of the two.
        """
        taken = next((one for one in (self.start_value, self.end_value) if one in tokens), None)
        if taken is not None:
            raise ValueError(f"StartEndPacker: {taken!r} is a token of the target's texts; give another")
        return [*tokens, self.start_value, self.end_value]

    @staticmethod
    def pack(numbers: np.ndarray, end: int) -> np.ndarray:
        """Return token numbers with the end after each text: (rows, length) to (rows, length + 1), int32.

        Args:
            numbers: Token numbers, filled up with 0.
            end: The number of the end.
        """
        packed = np.zeros((len(numbers), numbers.shape[1] + 1), dtype="int32")
        packed[:, :-1] = numbers
        packed[np.arange(len(numbers)), (numbers != 0).sum(axis=1)] = end
        return packed

    @staticmethod
    def shift(packed: np.ndarray, start: int, end: int) -> np.ndarray:
        """Return what a decoder sees before each token of the target: the start, then the tokens without the end."""
        shifted = np.zeros_like(packed)
        shifted[:, 0] = start
        shifted[:, 1:] = np.where(packed[:, :-1] == end, 0, packed[:, :-1])
        return shifted
