"""The state at the start of an epoch, in memory, to which `on_nan: rollback` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.state import callback_states, random_streams
from nnrun.engine.state.finite import first_not_finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.engine.state.variables import TrainingVariables

#: The prefix of its arrays in a state within the epoch.
_PREFIX = "epoch_start/"


class EpochStart:
    """The state at the start of the epoch that is trained.

    Args:
        variables: The variables of the training.
        callbacks: All callbacks, and others with `get_state` and `set_state`.

    Attributes:
        step: The number of the epoch's steps that are done there: more than 0 only where nothing earlier is known.
        learning_rate: The learning rate at the start of the epoch, if some of its steps are done.
    """

    def __init__(self, variables: TrainingVariables, callbacks: Sequence[Any]) -> None:
        self._variables, self._callbacks = variables, callbacks
        self._arrays: dict[str, np.ndarray] = {}
        self._states: list[dict[str, Any]] = []
        self.step = 0
        self.learning_rate: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether a state is kept."""
        return bool(self._arrays)

    def keep(self, step: int, learning_rate: float | None) -> None:
        """Keep the state as it is now."""
        arrays = {**self._variables.collect(), **random_streams.collect()}
        self._states = callback_states.collect(self._callbacks, arrays)
        self._arrays, self.step, self.learning_rate = arrays, step, learning_rate

    def forget(self) -> None:
        """Forget the state: its epoch is over."""
        self._arrays = {}

    def restore(self) -> None:
        """Bring everything back to the state that was kept."""
        callback_states.restore(self._callbacks, self._states, self._arrays)
        random_streams.restore(self._arrays)
        self._variables.restore(self._arrays)

    def first_not_finite(self) -> str | None:
        """Return the name of a variable of the model that is not finite now."""
        return first_not_finite(self._variables.collect())

    def save(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Add what is kept to the arrays of a state within the epoch; return the rest of it."""
        arrays |= {f"{_PREFIX}{name}": array for name, array in self._arrays.items()}
        return {"step": self.step, "learning_rate": self.learning_rate, "callbacks": self._states}

    def load(self, saved: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Take from a state what `save` has added to it."""
        self.step, self.learning_rate, self._states = saved["step"], saved["learning_rate"], saved["callbacks"]
        named = {name.removeprefix(_PREFIX): array for name, array in arrays.items() if name.startswith(_PREFIX)}
        self._arrays = named
