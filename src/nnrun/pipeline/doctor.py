"""Examine what runs depend on: environment, folders, and the runs themselves; and mend what can be mended."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnrun.atomic_files import find_leftovers, remove_leftovers
from nnrun.cores import usable_cores
from nnrun.data.data_paths import DataPaths
from nnrun.errors import RunError
from nnrun.formatting import format_bytes, format_count, format_names
from nnrun.pipeline.known_holes import NEEDED, holes_in, installed, is_before
from nnrun.runs import environment
from nnrun.runs import record as records
from nnrun.runs.disk import disk_error
from nnrun.runs.find import list_runs, unfinished
from nnrun.runs.lock import hold, is_held, stale_holder
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.runs.find import RunRow
    from nnrun.runs.folder import RunFolder

#: The supported versions of Python: the first, and the first that is too new.
_PYTHON = (3, 11), (3, 14)
#: Less free space than this is too little for the runs of a day.
_LEAST_SPACE = 2**30
#: A download or conversion that has not been touched for so long, in seconds, is none that is under way.
_OLD_SECONDS = 24 * 3600
Status = Literal["ok", "note", "wrong", "mended"]


@dataclass(frozen=True)
class Item:
    """One thing that was examined.

    Attributes:
        status: `ok`, `note` (nothing is wrong, but it may be unexpected), `wrong`, or `mended`.
        area: What it is about.
        text: What was found.
        hint: What to type, one line for each way; None where there is nothing to do.
    """

    status: Status
    area: str
    text: str
    hint: str | None = None


def examine_all(runs_dir: Path, data_dir: Path | None, *, fix: bool) -> Iterator[Item]:
    """Examine environment, folders and runs; yield each result as soon as it is known.

    Args:
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        fix: Whether leftovers and stale locks are cleared, and runs that died are marked as such.
    """
    yield from _python()
    yield from _packages()
    yield from _processor()
    yield from _runs_folder(runs_dir)
    cache = DataPaths(Path(), data_dir).cache_dir()
    yield from _data_folder(cache)
    yield from _old_downloads(cache, fix=fix)
    rows = list_runs(runs_dir)
    found = [item for row in rows for item in _run(row, fix=fix)]
    yield from found
    if not any(item.status == "wrong" for item in found):
        yield Item("ok", "runs", f"{format_count(len(rows), 'run')} in {runs_dir}, none of them broken")


def _python() -> Iterator[Item]:
    version = ".".join(map(str, sys.version_info[:3]))
    first, after = _PYTHON
    if first <= sys.version_info[:2] < after:
        yield Item("ok", "Python", version)
    else:
        text = f"{version}: nnrun and TensorFlow need 3.11, 3.12 or 3.13"
        yield Item("wrong", "Python", text, "python3.13 -m venv .venv && .venv/bin/pip install nnrun")


def _packages() -> Iterator[Item]:
    for package, first, after in NEEDED:
        version, wanted = installed(package), f"{package}>={first}{f',<{after}' if after else ''}"
        hint = f"pip install --upgrade '{wanted}'"
        if version is None:
            yield Item("wrong", package, "is not installed", hint)
            continue
        for hole in holes_in(package, version):
            yield Item("wrong", package, f"{version} has {hole.advisory}: {hole.what} (fixed in {hole.fixed})", hint)
        if is_before(version, first) or (after is not None and not is_before(version, after)):
            yield Item("wrong", package, f"{version}: nnrun is made for {wanted}", hint)
        else:
            yield Item("ok", package, f"{version}, no known hole" if package == "keras" else version)


def _processor() -> Iterator[Item]:
    cores, share = usable_cores(), _cpu_quota()
    if share is not None and share < cores:
        text = f"{cores}, but this container gets the time of {share:g} of them: more threads than that wait"
        yield Item("note", "cores", text, f"taskset -c 0-{max(0, int(share) - 1)} nnrun train CONFIG")
    else:
        yield Item("ok", "cores", f"{cores}, and as many threads")
    switch, machine = os.environ.get("TF_ENABLE_ONEDNN_OPTS"), environment.machine()
    if switch == "0":
        text = "off by TF_ENABLE_ONEDNN_OPTS=0: runs have other bits than where it is on"
        yield Item("note", "oneDNN", text, "unset TF_ENABLE_ONEDNN_OPTS")
    else:
        yield Item("ok", "oneDNN", "on" if machine["onednn"] else "as TensorFlow has it on this processor")


def _cpu_quota() -> float | None:
    """Return how many cores' time the control group of this process gets (cgroup v2, cpu.max); None: all of it."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _runs_folder(folder: Path) -> Iterator[Item]:
    if not folder.is_dir():
        text = "is not there yet: the first run makes it" if not folder.exists() else "is a file"
        status: Status = "ok" if not folder.exists() else "wrong"
        yield Item(
            status,
            "runs folder",
            f"{folder} {text}",
            None if status == "ok" else f"mv {_word(folder)} {_word(folder)}.old",
        )
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            has_locks = _has_locks(file.fileno())
    except OSError as error:
        refused = disk_error(error, folder)
        yield Item("wrong", "runs folder", refused.text, f"chmod u+rwx {_word(folder)}")
        return
    if has_locks:
        yield Item("ok", "runs folder", f"{folder}, can be written")
    else:
        text = f"{folder} has no locks (flock): nothing keeps two processes of two hosts from training one run"
        yield Item("note", "runs folder", text, "export NNRUN_RUNS_DIR=DIR    # on another disk")
    if folder.stat().st_mode & stat.S_IWOTH and not folder.stat().st_mode & stat.S_ISVTX:
        text = f"{folder} can be written by everybody: a run may be somebody else's"
        yield Item("note", "runs folder", text, f"chmod o-w {_word(folder)}")
    yield from _space("disk of runs", folder)


def _has_locks(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _space(area: str, folder: Path) -> Iterator[Item]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Item("wrong", area, f"{folder}: {error.strerror}", f"df -h {_word(folder)}")
        return
    text = f"{format_bytes(free)} free"
    if free < _LEAST_SPACE:
        yield Item("wrong", area, f"{text}: a run needs room for its models and states", f"du -sh {_word(folder)}/*")
    else:
        yield Item("ok", area, text)


def _data_folder(folder: Path) -> Iterator[Item]:
    if not folder.exists():
        yield Item("ok", "data folder", f"{folder} is not there yet: the first download makes it")
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        yield Item("wrong", "data folder", f"{folder} cannot be read", f"chmod u+rx {_word(folder)}")
    elif not os.access(folder, os.W_OK):
        yield Item("note", "data folder", f"{folder} can be read only: nothing can be downloaded", None)
    else:
        yield Item("ok", "data folder", f"{folder}, can be written")
        yield from _space("disk of data", folder)


def _old_downloads(cache: Path, *, fix: bool) -> Iterator[Item]:
    """Find what downloads and conversions have left behind that were killed."""
    paths = [*find_leftovers(cache), *cache.rglob("*.part")] if cache.is_dir() and os.access(cache, os.W_OK) else []
    old = [path for path in paths if not path.is_symlink() and _age(path) > _OLD_SECONDS]
    if not old:
        return
    text = f"left by downloads that were stopped: {format_names(old)}"
    if fix:
        for path in old:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()
        old = [path for path in old if path.exists()]
    yield Item("wrong" if old or not fix else "mended", "leftovers", text, shlex.join(["rm", "-r", *map(str, old)]))


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0


def _run(row: RunRow, *, fix: bool) -> Iterator[Item]:
    """Find what is wrong with a run, and mend it."""
    folder = row.folder
    if row.status == "broken":
        yield _broken(row)
        return
    if is_held(folder) or row.status == "running":
        return
    fields = records.read(folder)
    found = list(_mendable(row, fields))
    if found and fix:
        found = [_mend(folder, fields, found)]
    yield from found
    if row.status == "died" and (fix or fields.get("status") == "died"):
        yield Item("note", "run", f"{unfinished(folder, fields)}", f"nnrun resume {_word(folder.path)}")
    if row.status != "done":
        yield from _damaged_state(folder)


def _broken(row: RunRow) -> Item:
    has_record = row.folder.record.exists()
    text = f"{row.id} is broken: {row.problem}"
    remove = f"rm -r {_word(row.folder.path)}"
    return Item(
        "wrong", "run", text, f"{remove}    # or restore its record.json from a backup" if has_record else remove
    )


def _mendable(row: RunRow, fields: dict[str, Any]) -> Iterator[Item]:
    folder, fix = row.folder, _fix_command(row.folder)
    if row.status == "died" and fields.get("status") == "running":
        yield Item("wrong", "run", f"{unfinished(folder, fields)}", f"nnrun resume {_word(folder.path)}\n{fix}")
    holder = stale_holder(folder)
    if holder is not None:
        yield Item("wrong", "lock", f"{folder.id} has the lock of process {holder}, which is gone", fix)
    leftovers = find_leftovers(folder.path)
    if leftovers:
        names = format_names(path.relative_to(folder.path) for path in leftovers)
        yield Item("wrong", "leftovers", f"{folder.id} has temporary files of a process that was killed: {names}", fix)


def _mend(folder: RunFolder, fields: dict[str, Any], found: list[Item]) -> Item:
    """Clear the lock and the leftovers of a run, and mark it as died if it is; return what was done."""
    text = "; ".join(item.text for item in found)
    try:
        with hold(folder):
            remove_leftovers(folder.path)
            if fields.get("status") == "running":
                Record(folder, fields).finish("died", "its process ended without a word: killed, or out of memory")
    except RunError as error:
        return Item("wrong", found[0].area, f"{text}: {error.text}", error.hint)
    return Item("mended", found[0].area, text)


def _damaged_state(folder: RunFolder) -> Iterator[Item]:
    """Find a saved state that cannot be used, and the newest of the kept ones that can."""
    from nnrun.engine.state.saver import LAST, kept_states
    from nnrun.pipeline.run_state import read_run_state

    last = folder.state / LAST
    if not last.exists():
        return
    try:
        read_run_state(last)
    except RunError as error:
        hint = f"nnrun train {_word(folder.resolved)}"
        for path in reversed(kept_states(folder.state)):
            with suppress(RunError):
                read_run_state(path)
                hint = shlex.join(["cp", str(path), str(last)])
                break
        yield Item("wrong", "state", error.text, hint)


def _fix_command(folder: RunFolder) -> str:
    runs_dir = folder.path.parent
    return "nnrun doctor --fix" + ("" if runs_dir == Path("runs") else f" --runs-dir {_word(runs_dir)}")


def _word(path: Path) -> str:
    return shlex.quote(str(path))
