"""What a validation may change, in memory as it was before: a stop within a long one saves the state before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.engine.state import random_streams
from nnrun.engine.state.epoch_start import EpochStart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np

    from nnrun.engine.state.variables import TrainingVariables


class ValidationStart:
    """The values at the start of a validation that it may change.

    Args:
        variables: The variables of the training.
        callbacks: All callbacks, and others with `get_state` and `set_state`.
    """

    def __init__(self, variables: TrainingVariables, callbacks: Sequence[Any]) -> None:
        self._variables, self._whole = variables, EpochStart(variables, callbacks)
        self._arrays: dict[str, np.ndarray] = {}

    def keep(self, *, whole: bool) -> None:
        """Keep what it may change.

        Args:
            whole: Whether callbacks act before it, which may change anything; else weights and optimizer stay as they
                are, and need no copy.
        """
        if whole:
            self._whole.keep(0, None)
        else:
            self._arrays = {**self._variables.collect_untrained(), **random_streams.collect()}

    def restore(self) -> None:
        """Bring everything back to the start of the validation."""
        if self._whole.is_known:
            self._whole.restore()
        else:
            random_streams.restore(self._arrays)
            self._variables.assign(self._arrays)

    def forget(self) -> None:
        """Forget the values: the validation is over."""
        self._whole.forget()
        self._arrays = {}
