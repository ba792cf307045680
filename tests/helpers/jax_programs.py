"""Let a process that trains on JAX several times compile each program once."""

from __future__ import annotations

from pathlib import Path


def kept_programs(folder: Path) -> dict[str, str]:
    """Return the environment in which JAX keeps the programs of one process in a folder, also the quickly compiled.

    A kept program has the bits of a compiled one: `tests/engine/backend/test_compile_cache.py`.

    Args:
        folder: A folder that no other process uses: those with another number of threads have other programs.
    """
    return {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
