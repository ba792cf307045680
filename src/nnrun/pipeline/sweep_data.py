"""The data of a sweep are those of its beginning: a file that changed meanwhile stops it, and fails no trial."""

from __future__ import annotations

import shutil
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.errors import DataError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.same_runs import changed_data, changed_files
from nnrun.progress import NullProgress
from nnrun.runs import record as records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.progress import Progress
    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Trial


class ChangedDataError(RunError):
    """The data are not those that a sweep began with; when they are again, the sweep goes on."""


def frozen_data_dir(fields: Mapping[str, Any]) -> FilePath | None:
    """Return the folder of data that a sweep began with, from its ledger; None: the default one."""
    return None if fields.get("data_dir") is None else FilePath(fields["data_dir"])


def require_frozen_data(folder: SweepFolder, fields: Mapping[str, Any], progress: Progress | None = None) -> None:
    """Check that the data are those that a sweep began with.

    Args:
        folder: The sweep.
        fields: What the ledger knows of the sweep as a whole.
        progress: Receives how far the reading is; None: nothing does.

    Raises:
        ChangedDataError: They are others, or are gone.
    """
    if not fields.get("data"):
        return
    with user_code.register_code(tuple(folder.code / name for name in fields.get("code", ()))):
        examined = examine(folder.resolved, (), frozen_data_dir(fields))
        try:
            changed = changed_data(fields["data"], examined, progress or NullProgress())
        except DataError as error:
            raise ChangedDataError(
                f"the data of the sweep are not there as they were: {error.text}", error.hint
            ) from error
    _require_none(changed)


def require_trained_on_frozen_data(folder: SweepFolder, trial: Trial, fields: Mapping[str, Any]) -> None:
    """Check that a trial was trained on the data that the sweep began with; what was trained on others is removed.

    Raises:
        ChangedDataError: It was trained on others.
    """
    run = folder.run(trial.number)
    changed = changed_files(fields["data"], records.read(run).get("digests", {}))
    if changed:
        # Its run is done, and would be taken for that of the trial; without its record, what a kill leaves is not.
        run.record.unlink()
        shutil.rmtree(run.path)
    _require_none(changed)


def _require_none(changed: Sequence[str]) -> None:
    if changed:
        text = f"the data changed since the sweep began: {', '.join(changed)}"
        raise ChangedDataError(text, "restore the file, and go on with --resume; or begin another sweep")
