"""The folder in which JAX keeps compiled programs, so that the next process need not compile them again.

JAX writes and reads it, and never fails because of it. What JAX does not look after is here: whose the folder is, for
which processor its programs are, and what a killed process leaves in it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnrun.atomic_files import make_folder

#: The most bytes of the programs for one processor; JAX removes those that were not used for the longest time.
LIMIT = 256 * 1024**2
#: A program that takes fewer seconds to compile is not kept: with few files JAX finds quickly what to remove.
_SHORTEST_COMPILATION = 0.1
#: The seconds for which other processes are waited for before the folder is cleaned.
_PATIENCE = 1.0
#: JAX's names: a program, when it was last used (written after the program), and the lock of the folder.
_PROGRAM, _USED, _LOCK = "-cache", "-atime", ".lockfile"
#: The lines of `/proc/cpuinfo` that name a processor and what it can do, on x86 and ARM.
_PROCESSOR_LINES = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features")


def open_compile_cache(jax: Any, threads: int) -> None:
    """Let JAX keep compiled programs in the user's cache folder, unless the user has decided about that.

    `JAX_ENABLE_COMPILATION_CACHE=false` turns it off, and `JAX_COMPILATION_CACHE_DIR` names another folder, with JAX's
    own settings for it. On a disk that cannot be written, and in a folder that others can write, nothing is kept.

    Args:
        jax: The started JAX. Nothing is kept for accelerators, whose programs were not compared bit by bit.
        threads: The threads of one operation.
    """
    if jax.default_backend() != "cpu" or not jax.config.jax_enable_compilation_cache:
        return
    if jax.config.jax_compilation_cache_dir is not None:
        return
    folder = programs_folder(threads)
    if not _is_private(folder.parent) or not _is_private(folder):
        return
    _remove_unfinished(folder)
    jax.config.update("jax_compilation_cache_max_size", LIMIT)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST_COMPILATION)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def programs_folder(threads: int) -> Path:
    """Return the folder of the programs for this processor and number of threads; it need not exist.

    The key of a program has JAX's version and the whole computation, but of a processor only what XLA knows of it, and
    no threads. A home folder may be shared by machines with different processors.
    """
    from platformdirs import user_cache_path

    key = hashlib.sha256(f"{_processor()}\n{threads}".encode()).hexdigest()[:16]
    return user_cache_path("nnrun", appauthor=False) / "jax" / key


def _processor() -> str:
    """Return what tells this processor from others."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    # Cores of two kinds are named one after the other.
    known = sorted({line for line in lines if line.startswith(_PROCESSOR_LINES)})
    return "\n".join([platform.system(), platform.machine(), *(known or [platform.processor()])])


def _is_private(folder: Path) -> bool:
    """Make a folder for this user alone; return whether it is one, since what lies in it is run."""
    try:
        make_folder(folder.parent)
        make_folder(folder, mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    is_own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
    if stat.S_ISDIR(found.st_mode) and is_own:
        return os.access(folder, os.W_OK)
    text = f"{folder} is not a folder that only you can write and read: JAX keeps no compiled programs there"
    warnings.warn(f"{text}; remove it, and nnrun makes a new one", stacklevel=2)
    return False


def _remove_unfinished(folder: Path) -> None:
    """Remove programs that a killed process or a full disk left incomplete.

    JAX would replace none of them, and would keep no other program once it looks for what to remove: it expects that
    each program has a file of when it was last used.
    """
    from filelock import FileLock, Timeout

    with suppress(OSError, Timeout), FileLock(folder / _LOCK, timeout=_PATIENCE):
        for program in list(folder.glob(f"*{_PROGRAM}")):
            if not program.with_name(program.name.removesuffix(_PROGRAM) + _USED).exists():
                program.unlink()
