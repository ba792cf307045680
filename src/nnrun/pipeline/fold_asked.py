"""Which model of a run is asked: the only one, that of one fold, or the one of the final fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.pipeline.cross_validate import is_cross_validated
from nnrun.runs.record import read_finished_folds

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment


def model_of(
    folder: RunFolder, record: dict[str, Any], experiment: Experiment, fold: int | None
) -> tuple[RunFolder, dict[str, Any]]:
    """The folder in which the model lies, and the run's record with what is said of that model's own data.

    Raises:
        RunError: There is no such model; the message says which there are.
    """
    if not is_cross_validated(experiment):
        if fold is not None:
            raise RunError(f"{folder.id} is no cross-validation, so that it has no fold {fold}", "leave out --fold")
        return folder, record
    if fold is None and folder.last.is_file():
        return folder, record
    done = read_finished_folds(folder)
    if not done:
        raise RunError(f"{folder.id}: no fold of this cross-validation is done", f"nnrun train {folder.config}")
    there = f"{min(done)} to {max(done)}" if len(done) == max(done) - min(done) + 1 else ", ".join(map(str, done))
    if fold is None:
        text = f"{folder.id} is a cross-validation without a final model; its folds are {there}"
        raise RunError(text, f"--fold {min(done)}, or train with k_fold: {{final_fit: true}}")
    if fold not in done:
        raise RunError(f"{folder.id} has no fold {fold}; its folds are {there}", f"--fold {min(done)}")
    return folder.fold(fold), {**record, "facts": done[fold]["facts"], "digests": done[fold]["digests"]}
