"""Checks of a training in phases: each phase as if it were alone, and what must be the same in all."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.spec.finding import Finding
from nnrun.spec.findings.cached_features import check_cache_frozen
from nnrun.spec.findings.checks import check
from nnrun.spec.graph import holds_layers
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.training import TrainingSpec


def check_experiment(context: CheckContext, earlier: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Return the findings of all checks, for every phase of the training."""
    phases = context.training.phases
    own = (*_patterns(context), *check_cache_frozen(context))
    if not phases:
        return (*own, *check(context, earlier))
    found: list[Finding] = [*own, *_common(context)]
    for number in range(len(phases)):
        of_phase = replace(context, experiment=context.experiment.in_phase(number))
        found += [replace(one, path=_in_phase(one.path, number)) for one in check(of_phase, earlier)]
    return tuple(dict.fromkeys(found))


def _in_phase(path: Path, number: int) -> Path:
    """Return the place in a phase of what is written under `training:`."""
    inside = path[1:]
    return path if path[:1] != ("training",) or isinstance((*inside, "")[0], int) else ("training", number, *inside)


def _common(context: CheckContext) -> Iterator[Finding]:
    """Find what a training in phases cannot do."""
    experiment = context.experiment
    split = experiment.data.split
    if split is not None and split.k_fold is not None:
        text = "a cross-validation trains every fold in one phase, and training: has several"
        hint = "write split: {test: 0.2, validation: 0.2}, or training: as one mapping"
        yield Finding(("data", "split", "k_fold"), text, hint, "phases-with-folds", at_key=True)
    forms = [target_forms(experiment.in_phase(number)) for number in range(len(experiment.training.phases))]
    for number, form in enumerate(forms):
        if form != forms[-1]:
            text = f"the loss of phase {number + 1} takes the targets in another form than that of the last phase"
            hint = "write losses of one form: both with integer classes (sparse), or both with one-hot rows"
            yield Finding(("training", number, "loss"), text, hint, "phase-of-other-targets")
            return


def _patterns(context: CheckContext) -> Iterator[Finding]:
    """Find patterns of `freeze` and `thaw` that match no layer; those of inner layers are known to Keras alone."""
    if any(holds_layers(row.part.name) or row.class_name == "Sequential" for row in context.rows):
        return
    names = {name for row in context.rows for name in (row.name, row.class_name)}
    if len(context.rows) < len(context.graph.nodes):
        return
    for place, training in _places(context):
        for key in ("freeze", "thaw"):
            for index, pattern in enumerate(getattr(training, key)):
                if not any(fnmatchcase(name, pattern) for name in names):
                    text = f"no layer has a name or class like {pattern!r}"
                    hint = did_you_mean(pattern, names) or f"the layers are: {', '.join(_named(context))}"
                    yield Finding((*place, key, index), text, hint, "pattern-without-layer")


def _places(context: CheckContext) -> Iterator[tuple[Path, TrainingSpec]]:
    phases = context.training.phases
    if not phases:
        yield ("training",), context.training
    for number, phase in enumerate(phases):
        yield ("training", number), phase


def _named(context: CheckContext) -> list[str]:
    return [row.name for row in context.rows if row.parameters]
