"""`training:` as a list: the phases of one training, each with what it changes of the phase before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.config.render import format_value
from nnrun.spec.section import read_section
from nnrun.spec.training import TrainingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.spec.finding import Finding
    from nnrun.spec.part import PartReader

#: Keys that every phase has for itself.
OWN_KEYS = ("epochs", "callbacks", "freeze", "thaw", "cache_frozen")
#: Keys that are the same in all phases.
COMMON_KEYS = ("rule", "samples", "save_every", "on_nan")


def read_phases(reader: PartReader, values: Sequence[Any]) -> TrainingSpec | None:
    """Read a list of phases; return None where anything is wrong, with all errors added to `reader`."""
    if not values:
        text = "expected at least one phase, received an empty list"
        reader.add_error(("training",), text, "write - {loss: ..., optimizer: ..., epochs: 5}")
        return None
    phases: list[TrainingSpec | None] = []
    before: dict[str, Any] = {}
    for number, value in enumerate(values):
        if not isinstance(value, dict) or not value:
            text = f"expected a mapping for phase {number + 1}, received {_shown(value)}"
            hint = "write what it changes: - {thaw: [...], optimizer: {Adam: {learning_rate: 1e-5}}, epochs: 5}"
            reader.add_error(("training", number), text, hint)
            phases.append(None)
            continue
        before = {**{key: one for key, one in before.items() if key not in OWN_KEYS}, **value}
        phases.append(_read_phase(reader, number, before, value))
    found = [phase for phase in phases if phase is not None]
    if len(found) < len(values):
        return None
    _require_common(reader, found, values)
    return with_phases(found)


def with_phases(phases: Sequence[TrainingSpec]) -> TrainingSpec:
    """Return the training of these phases."""
    return replace(phases[-1], epochs=sum(phase.epochs for phase in phases), phases=tuple(phases))


def _shown(value: Any) -> str:
    return "an empty one" if value in (None, {}) else format_value(value)


def _read_phase(
    reader: PartReader, number: int, whole: Mapping[str, Any], stated: Mapping[str, Any]
) -> TrainingSpec | None:
    """Read one phase in full; what is wrong with a key of an earlier phase is reported there alone."""
    count, path = len(reader.errors), ("training", number)
    read = read_section(reader, TrainingSpec, dict(whole), path)
    errors = reader.errors[count:]
    reader.errors[count:] = [one for one in errors if _is_of_phase(one, stated, is_first=number == 0)]
    return read


def _is_of_phase(error: Finding, stated: Mapping[str, Any], *, is_first: bool) -> bool:
    return is_first or len(error.path) < 3 or error.path[2] in stated


def _require_common(reader: PartReader, phases: Sequence[TrainingSpec], values: Sequence[Mapping[str, Any]]) -> None:
    for number, phase in enumerate(phases[1:], start=1):
        for key in COMMON_KEYS:
            if getattr(phase, key) != getattr(phases[0], key) and key in values[number]:
                text = f"{key} is the same in all phases, and phase {number + 1} has another one"
                reader.add_error(("training", number, key), text, "write it in the first phase", at_key=True)
