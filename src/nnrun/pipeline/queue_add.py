"""What a queued command is made of: copies of its config and code, so that nothing that is edited later changes it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from nnrun.config import extends, overrides
from nnrun.config.dump import dump_inline
from nnrun.config.files import find_config
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.given_secrets import require_no_secrets, secret_refused
from nnrun.pipeline.initial_weights import copy_file
from nnrun.pipeline.resume import check_resume
from nnrun.pipeline.run_files import code_records, copy_sources
from nnrun.pipeline.same_runs import current_data_digests
from nnrun.pipeline.train import raise_if_errors, write_resolved_config
from nnrun.pipeline.trust import require_allowed
from nnrun.runs.find import find
from nnrun.runs.secrets import arguments_without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.pipeline.resume import ResumeRequest
    from nnrun.pipeline.train import TrainRequest
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.queue import Queue

#: What would have to keep a secret of the command line.
_KEEPER = "a queue"


@dataclass(frozen=True)
class FrozenCommand:
    """The copies that a queued command is run with.

    Attributes:
        folder: The folder of the copies, which is also that of the log.
        code: The copies of the files of `--code`.
        data: The digests of the data files, by name.
        run: The run that goes on; None for a new one.
    """

    folder: RunFolder
    code: tuple[FilePath, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    run: RunFolder | None = None


def frozen_data_dir(given: FilePath | None) -> FilePath | None:
    """Return the folder of data that a queued command has: the environment of a later `queue start` may differ."""
    known = given if given is not None else os.environ.get("NNRUN_DATA_DIR")
    return FilePath(known).resolve() if known else None


def freeze_train(queue: Queue, request: TrainRequest, progress: Progress) -> FrozenCommand:
    """Check a config as `nnrun check` does, and copy it with all `--set` options applied; nothing is trained.

    Raises:
        ConfigError: The config has errors; with their places.
        DataError: The data cannot be read.
        RunError: An option has a secret, which a queue does not keep, or nothing can be written.
    """
    file = find_config(request.config)
    with user_code.register_code(request.code, file, request.sets) as codes:
        examined = examine(file, request.sets, request.data_dir, request.runs_dir)
        raise_if_errors(examined)
        require_allowed(codes)
        require_no_secrets(examined.document, _KEEPER)
        if isinstance(examined.experiment.init_from, str):
            # `last` is the last run now.
            other = find(request.runs_dir, examined.experiment.init_from).path.resolve()
            option = f"init_from={dump_inline(str(other))}"
            examined = examine(file, (*request.sets, option), request.data_dir, request.runs_dir)
        digests = current_data_digests(examined, progress)
        for problem in examined.problems:
            progress.show_problem(problem)
        folder = queue.new_folder(examined.experiment.name)
        copy_sources(folder, file, examined.document, codes)
        copy_file(folder, examined.experiment)
        write_resolved_config(folder, examined, codes)
        code = code_records(folder, examined.document, codes)
    return FrozenCommand(folder, tuple(folder.path / one["file"] for one in code), digests)


def freeze_resume(queue: Queue, request: ResumeRequest, progress: Progress) -> FrozenCommand:
    """Check that a run can go on with its options, and copy the code; nothing is trained.

    Raises:
        ConfigError: An option is wrong.
        RunError: The run runs, cannot go on, or an option has a secret.
    """
    folder = find(request.options.runs_dir, request.run)
    require_no_secrets(overrides.apply(extends.read(folder.resolved), request.options.sets), _KEEPER)
    run = check_resume(replace(request, run=str(folder.path)))
    kept = queue.new_folder(run.id)
    with user_code.register_code(request.options.code) as codes:
        document = extends.read(run.resolved)
        copy_sources(kept, run.resolved, document, codes)
        code = code_records(kept, document, codes)
    progress.say(f"Run {run.id} goes on from its last state")
    return FrozenCommand(kept, tuple(kept.path / one["file"] for one in code), run=run)


def require_no_secret_words(words: Sequence[str]) -> None:
    """Check that no word of a command line looks like a secret.

    Raises:
        RunError: One does.
    """
    shown = arguments_without_secrets(words)
    changed = [after for before, after in zip(words, shown, strict=True) if before != after]
    if changed:
        raise secret_refused(changed[0], _KEEPER)
