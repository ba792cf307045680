"""What the bits of a training depend on in addition to its state, and how that differs where a run is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.render import format_value
from nnrun.errors import RunError
from nnrun.runs import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.progress import Progress

#: Keys of the config that may differ on a resume: they change no bit of the epochs that are done.
FREE_KEYS = ("training.epochs", "training.save_every", "training.on_nan", "expect", "silence", "name")
#: What follows from a difference, by the name of the circumstance.
_MEANINGS = {
    "versions": "another version may compute other bits",
    "cpu": "another processor may sum in another order",
    "onednn": "other kernels sum in another order",
    "threads": "sums over threads differ by rounding, in convolutions for example",
    "backend": "another backend computes other bits",
    "executor": "another executor may round in another way, and XLA draws other random numbers",
    "data": "the epochs so far saw other data",
    "code": "the epochs so far ran other code",
    "folds": "folds that are trained together round together",
}


def of_machine(threads: int, backend: str) -> dict[str, Any]:
    """Return the circumstances that are known before anything is loaded."""
    machine = environment.machine()
    return {
        "versions": environment.versions(),
        "cpu": machine["cpu"],
        "onednn": machine["onednn"],
        "threads": threads,
        "backend": backend,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return how circumstances differ, a sentence each; only those that both have are compared."""
    found = []
    for name in (name for name in now if name in before):
        old, new = before[name], now[name]
        if isinstance(old, dict) and isinstance(new, dict):
            pairs = [(f"{key}", old.get(key), new.get(key)) for key in {**old, **new}]
        else:
            pairs = [(name, old, new)]
        found += [
            f"{label}: {_shown(one)} then, {_shown(other)} now ({_MEANINGS[name]})"
            for label, one, other in pairs
            if one != other
        ]
    return found


def _shown(value: Any) -> str:
    """Return a value as a sentence has it: a version needs no quotation marks."""
    return value if isinstance(value, str) else "none" if value is None else format_value(value)


def require_same(
    before: Mapping[str, Any], now: Mapping[str, Any], progress: Progress, *, even_if_different: bool
) -> None:
    """Refuse to go on under other circumstances, or warn of them.

    Raises:
        RunError: Something differs, and the user has not asked to go on nevertheless.
    """
    refuse_or_warn(differences(before, now), progress, even_if_different=even_if_different)


def refuse_or_warn(found: Sequence[str], progress: Progress, *, even_if_different: bool) -> None:
    """Refuse to go on if circumstances differ, or warn of every difference.

    Raises:
        RunError: Something differs, and the user has not asked to go on nevertheless.
    """
    if not found:
        return
    if not even_if_different:
        raise RunError(*refusal(found))
    for one in found:
        progress.warn(f"Since the run was stopped this differs: {one}.")


def refusal(found: Sequence[str]) -> tuple[str, str]:
    """Return the text and the hint of the error that differences are."""
    text = "this run would not end with the same bits here: " + "; ".join(found)
    return text, "add --even-if-different to go on nevertheless"


def config_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the keys in which two resolved configs differ, as dotted paths, each with both values."""
    return list(_differing("", before, now))


def _differing(path: str, before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            yield from _differing(f"{path}.{key}" if path else str(key), before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differing(f"{path}.{index}", one, other)
    elif before != now:
        yield path, before, now


def is_free(path: str) -> bool:
    """Whether a key may differ on a resume."""
    return any(is_below(path, free) for free in FREE_KEYS)


def is_below(path: str, above: str) -> bool:
    """Whether a key is `above`, or lies in its mapping."""
    return path == above or path.startswith(f"{above}.")
