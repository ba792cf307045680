"""Earlier runs of the same experiment: equal resolved configs, on the same data, with the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.config.dump import dump
from nnrun.errors import NnrunError
from nnrun.pipeline.check import kept_config
from nnrun.runs import environment
from nnrun.runs import record as records
from nnrun.runs.find import list_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


#: The keys of a resolved config that do not change the results of a run.
_IGNORED_KEYS = ("expect", "silence", "code")


def find_unfinished_or_done(
    examined: Examined, code_digests: Sequence[str], runs_dir: FilePath, progress: Progress
) -> RunFolder | None:
    """Find the latest run of the same config, on the same data, with the same code, however far it came.

    A run that failed before its first state is none, as nothing of it would be lost; one that failed later goes on, for
    example when there is room on the disk again.
    """
    rows = [row for row in list_runs(runs_dir) if row.status != "broken"]
    rows = [row for row in rows if row.status != "failed" or _has_state(row.folder)]
    folders = [row.folder for row in rows if _has_config(row.folder, examined)]
    with_code = [
        folder for folder in folders if sorted(records.code_digests(records.read(folder))) == sorted(code_digests)
    ]
    if not with_code:
        return None
    current = current_data_digests(examined, progress)
    # A run that stopped while it loaded its data knows none of their digests.
    return next((one for one in reversed(with_code) if _file_digests(one) in ({}, current)), None)


def find_same_run(examined: Examined, runs_dir: FilePath, progress: Progress) -> tuple[RunFolder | None, str | None]:
    """Find the latest finished run of the same experiment, on the same data, with the same versions of all packages.

    Two experiments are the same if their resolved configs are equal; comments and claims may differ.

    Returns:
        The run, or None; and without one, which data changed since the latest run of the same experiment, if any.
    """
    folders = [row.folder for row in list_runs(runs_dir) if row.status == "done" and _is_same(row.folder, examined)]
    if not folders:
        return None, None
    current = current_data_digests(examined, progress)
    for folder in reversed(folders):
        if _file_digests(folder) == current:
            return folder, None
    before = _file_digests(folders[-1])
    changed = [name.removeprefix("file:") for name in {**before, **current} if before.get(name) != current.get(name)]
    return None, f"{', '.join(changed)} changed since run {folders[-1].short_id}"


def _has_state(folder: RunFolder) -> bool:
    from nnrun.engine.state.saver import LAST

    return any(folder.path.rglob(f"{folder.state.name}/{LAST}"))


def current_data_digests(examined: Examined, progress: Progress) -> dict[str, str]:
    """Return the digests of a config's data files as they are now."""
    from nnrun.data.load import current_file_digests, make_source

    data = examined.experiment.data
    source = make_source(data.source, data.prepare, data.split, data.prepare_target)
    return current_file_digests(source, examined.places, progress)


def changed_data(before: Mapping[str, str], examined: Examined, progress: Progress) -> list[str]:
    """Return the names of a config's data files that are not those of some digests.

    Raises:
        DataError: The files are missing, or cannot be read.
    """
    return changed_files(before, current_data_digests(examined, progress))


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the data files whose digests are not those that they were before."""
    return [name.removeprefix("file:") for name, sha256 in before.items() if now.get(name) != sha256]


def _file_digests(folder: RunFolder) -> dict[str, str]:
    """Return the digests of the data files that a run was trained on."""
    digests = records.read(folder).get("digests", {})
    return {name: digest for name, digest in digests.items() if name.startswith("file:")}


def _is_same(folder: RunFolder, examined: Examined) -> bool:
    record = records.read(folder)
    if record.get("name") != examined.experiment.name or record.get("versions") != environment.versions():
        return False
    # The results also depend on the user's own code and on another run's weights, which the config only names.
    if record.get("code") or record.get("init_from") or not folder.scores.is_file():
        return False
    return _has_config(folder, examined)


def _has_config(folder: RunFolder, examined: Examined) -> bool:
    """Return whether the resolved config of a run is that of an experiment, comments and claims aside."""
    if records.read(folder).get("name") != examined.experiment.name:
        return False
    try:
        before = documents.read(folder.resolved).data
    except NnrunError:
        return False
    now = documents.parse(dump(kept_config(examined)), examined.file).data
    return _without_ignored(before) == _without_ignored(now)


def _without_ignored(resolved: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resolved.items() if key not in _IGNORED_KEYS}
