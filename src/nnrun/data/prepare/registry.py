"""The table of preparation steps: what creates them, keeps them as JSON, and restores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.data.prepare.categories import Hash, OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.label_sets import MultiLabelBinarizer
from nnrun.data.prepare.scaling import Clip, Log, MinMax, Rescale, Robust, Standardize
from nnrun.data.prepare.shapes import PadSequences, Reshape
from nnrun.data.prepare.sklearn_fast import FAST_NAMES, fast_step
from nnrun.data.prepare.sklearn_step import SklearnStep
from nnrun.data.prepare.start_end import StartEndPacker
from nnrun.data.prepare.text_vectorization import TextVectorization
from nnrun.data.prepare.user_code import UserStep, is_user_part
from nnrun.errors import DataError
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.catalog.lookup import Entry
    from nnrun.data.prepare.step import Step


STEPS: dict[str, type[Any]] = {
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
    "MultiLabelBinarizer": MultiLabelBinarizer,
    "StartEndPacker": StartEndPacker,
    "TextVectorization": TextVectorization,
}


def new_step(part: Part, seed: int | None = None) -> Step:
    """Create the step, of nnrun, scikit-learn or written by the user, that a config names.

    Args:
        part: The part of the config.
        seed: The seed of the experiment, for steps that are random.

    Raises:
        TypeError: An argument has no parameter.
        ValueError: Arguments contradict each other.
    """
    if is_user_part(part):
        return UserStep(part.name, part.arguments)
    if part.name not in STEPS:
        defaults = _defaults(part)
        return fast_step(part.name, part.arguments, defaults) or SklearnStep(part.name, part.arguments, seed)
    step: Step = STEPS[part.name](**part.arguments)
    return step


def may_be_random(part: Part) -> bool:
    """Return whether a step may draw random numbers: nnrun's own steps never do."""
    return part.name not in STEPS


def vocabulary_size(steps: Iterable[Step]) -> int:
    """Return the number of tokens of the largest vocabulary that fitted steps have; 0 where none has one."""
    return max((len(step.vocabulary) for step in steps if isinstance(step, TextVectorization)), default=0)


def feature_vocabulary(fitted: Iterable[Mapping[str, Any]]) -> list[str] | None:
    """Return the tokens, by number, that the only step which makes token numbers of features has learned.

    Args:
        fitted: The fitted preparation, as `prepare.json` holds it.

    Returns:
        The tokens; None where no step, or several, make token numbers.
    """
    found = [
        entry["learned"]["vocabulary"]
        for entry in fitted
        if entry.get("step") == "TextVectorization" and entry["arguments"].get("output_mode", "int") == "int"
    ]
    return list(found[0]) if len(found) == 1 else None


def _defaults(part: Part) -> dict[str, Any]:
    known = lookup.entry(part.category, part.name)
    return {} if known is None else {name: one.default for name, one in known.parameters.items()}


def stream_error(name: str, step: Step, *, table: bool) -> str | None:
    """Return why a step cannot be fitted to examples that stay on disk; None where it can.

    Args:
        name: The name of the step in the config.
        step: The step.
        table: Whether the examples are a table.
    """
    if not step.streams:
        own = [name for name, kind in STEPS.items() if kind.streams]
        names = ", ".join(sorted([*own, *_streaming_transformers()]))
        return f"{name} needs all examples at once, but these stay on disk, where only these steps work: {names}"
    if isinstance(step, Robust) and not table:
        return "Robust needs all values of a column at once, which of data on disk only tables allow"
    return None


def _streaming_transformers() -> list[str]:
    entries = (lookup.entry("preparation", name) for name in lookup.names("preparation"))
    return [entry.name for entry in entries if entry is not None and _streams(entry)]


def _streams(entry: Entry) -> bool:
    return bool(entry.traits.get("streams")) or entry.name in FAST_NAMES


def allow_missing(source: object, prepare: Sequence[Part]) -> None:
    """Let a source that can keep missing features do so where a step fills them in."""
    if hasattr(source, "missing_allowed"):
        source.missing_allowed = fills_missing(prepare)


def fills_missing(prepare: Sequence[Part]) -> bool:
    """Return whether a step fills missing features in."""
    return any(_fills_in(part) for part in prepare)


def _fills_in(part: Part) -> bool:
    entry = lookup.entry(part.category, part.name)
    return part.name == "Impute" or (entry is not None and bool(entry.traits.get("fills")))


def fitted_json(part: Part, step: Step) -> dict[str, Any]:
    """Return a fitted step as `prepare.json` holds it.

    Defaults are written out: a run that is resumed reads them from its resolved config, and keeps the file's bytes.
    """
    given = {**_defaults(part), **part.arguments}
    arguments = {name: value for name, value in given.items() if name in part.arguments or value is not None}
    return {"step": part.name, "arguments": arguments, "learned": step.state()}


def restore(fitted: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Return the fitted steps of a `prepare.json`, in order.

    Raises:
        DataError: This version of nnrun has no such step, or the file was changed.
    """
    steps: list[Step] = []
    for number, entry in enumerate(fitted, 1):
        if "step" not in entry:
            continue
        part = Part("preparation", entry["step"], entry["arguments"], ())
        if not _is_known(part):
            raise DataError(
                f"the run's preparation has a step {part.name!r}, which this version of nnrun does not have",
                hint="use the version of nnrun that is named in the run's record.json",
            )
        steps.append(_restored(part, entry["learned"], number))
    return steps


def _is_known(part: Part) -> bool:
    entry = lookup.entry("preparation", part.name) if isinstance(part.name, str) else None
    return part.name in STEPS or (entry is not None and entry.refused is None)


def _restored(part: Part, learned: Mapping[str, Any], number: int) -> Step:
    """Return a fitted step; what its JSON holds may have been changed by hand."""
    known = lookup.entry("preparation", part.name)
    for name, value in part.arguments.items():
        parameter = known.parameters.get(name) if known is not None else None
        if parameter is not None and not parameter.kind.accepts(value):
            raise _changed(part, number, f"{name} expected {parameter.kind.expects}, received {value!r}")
    try:
        step = new_step(part)
        step.restore(learned)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise _changed(part, number, reason) from error
    return step


def _changed(part: Part, number: int, reason: str) -> DataError:
    text = f"the run's preparation (prepare.json) cannot be used: entry {number}, {part.name}: {reason}"
    return DataError(text, hint="the file was changed, or made by another version of nnrun: train the run again")
