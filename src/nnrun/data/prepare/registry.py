"""The steps of `prepare:`: fitted on the training part alone, kept as JSON, applied to every part and to new data.

A step may be asked for its shape without numpy being imported; only `fit` and `apply` touch arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.prepare.categories import Hash, OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.scaling import Clip, Log, MinMax, Rescale, Robust, Standardize
from nnrun.data.prepare.shapes import PadSequences, Reshape
from nnrun.data.prepare.user_code import UserStep, is_user_part
from nnrun.errors import DataError
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.data.prepare.step import Step


STEPS: dict[str, type] = {
    "Rescale": Rescale,
    "Standardize": Standardize,
    "MinMax": MinMax,
    "Robust": Robust,
    "Clip": Clip,
    "Log": Log,
    "Impute": Impute,
    "Reshape": Reshape,
    "OneHot": OneHot,
    "Ordinal": Ordinal,
    "Hash": Hash,
    "PadSequences": PadSequences,
}


def new_step(part: Part) -> Step:
    """Create the step, of nnrun or written by the user, that a config names.

    Raises:
        TypeError: An argument has no parameter.
        ValueError: Arguments contradict each other.
    """
    if is_user_part(part):
        return UserStep(part.name, part.arguments)
    step: Step = STEPS[part.name](**part.arguments)
    return step


def allow_missing(source: object, prepare: Sequence[Part]) -> None:
    """Let a source that can keep missing features do so where a step fills them in."""
    if hasattr(source, "missing_allowed"):
        source.missing_allowed = any(part.name == "Impute" for part in prepare)


def fitted_json(name: str, arguments: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """A fitted step as it is kept in `prepare.json`."""
    return {"step": name, "arguments": dict(arguments), "learned": step.state()}


def restore(fitted: Iterable[Mapping[str, Any]]) -> list[Step]:
    """The fitted steps that `fitted_json` kept, in order.

    Raises:
        DataError: A step is not known to this version of nnrun.
    """
    steps: list[Step] = []
    for entry in fitted:
        if "step" not in entry:
            continue
        part = Part("preparation", entry["step"], entry["arguments"], ())
        if not is_user_part(part) and part.name not in STEPS:
            raise DataError(
                f"the run's preparation has a step {entry['step']!r}, which this version of nnrun does not know",
                hint="use the version of nnrun that is named in the run's record.json",
            )
        step = new_step(part)
        step.restore(entry["learned"])
        steps.append(step)
    return steps
