"""nnrun: a command-line experiment runner for neural networks, in Keras' own words; from Python: `nnrun.api`."""

__version__ = "0.1.0"

# `nnrun.api` is imported when the first of its names is used: commands start without it, and without `typing`.
# Type checkers read `__init__.pyi`.
__all__ = ["Run", "Sweep", "__version__", "check", "list_runs", "load_run", "run_sweep", "train"]


def __getattr__(name: str):  # type: ignore[no-untyped-def]
    """Return a name of `nnrun.api`."""
    if name not in __all__:
        raise AttributeError(f"module 'nnrun' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("nnrun.api"), name)


def __dir__() -> list[str]:
    """Return the names that a notebook completes."""
    return sorted({*globals(), *__all__})
