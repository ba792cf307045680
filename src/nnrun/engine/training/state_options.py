"""What a training needs to save its state, and to go back to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.state.epoch_start import EpochStart
from nnrun.engine.training.callbacks import appended_files

if TYPE_CHECKING:
    from types import ModuleType

    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.state.variables import TrainingVariables
    from nnrun.spec.training import TrainingSpec


def attach(
    keras: ModuleType,
    training: TrainingSpec,
    saver: StateSaver | None,
    variables: TrainingVariables,
    callbacks: list[Any],
) -> EpochStart | None:
    """Let a state have everything that the training changes; return what `on_nan: rollback` goes back to, if it may."""
    start = EpochStart(variables, callbacks) if training.on_nan == "rollback" else None
    if saver is not None:
        appended = appended_files(keras, callbacks, resumed=saver.is_resumed)
        saver.attach(variables, callbacks, appended, start)
    return start
