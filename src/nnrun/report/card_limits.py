"""The limits of a model as its run folder shows them, for the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count, format_names
from nnrun.report.card_data import part_outputs
from nnrun.report.elements import format_percent
from nnrun.report.predictions import is_cross_validated, scored_part
from nnrun.report.run_contents import as_mapping
from nnrun.report.run_info import warnings
from nnrun.report.scores import is_scored_on_training
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.report.card_data import DataSource
    from nnrun.report.classification import ClassScores
    from nnrun.report.run_contents import RunContents

#: Fewer rows than these are few, and so is what gives a wider interval of the error, in percentage points.
_FEW_ROWS, _WIDE = 100, 10.0
#: The most frequent class has so many times the examples of the rarest one: the classes are imbalanced.
_IMBALANCED = 3
#: Below this share of its examples found, a class is named.
_POOR_RECALL = 0.5


def limits(
    run: RunContents, config: Mapping[str, Any], source: DataSource, classes: Mapping[str, Sequence[ClassScores]]
) -> list[str]:
    """Return what a reader must know before relying on the model, each in one sentence.

    Args:
        run: The run.
        config: Its resolved config.
        source: The source of its data.
        classes: The scores of each class, by output.
    """
    found = [*_of_evaluation(run, config), *_of_size(run)]
    for output, scores in classes.items():
        found += _of_classes(f"Output {output}: " if output else "", scores)
    found += [*_of_comparison(run), *_of_origin(run), *(source.named.caveats if source.named else ())]
    return list(dict.fromkeys((*found, *warnings(run))))


def _of_evaluation(run: RunContents, config: Mapping[str, Any]) -> Iterator[str]:
    part = scored_part(run)[0]
    if not config:
        yield "resolved.yaml cannot be read, so that the settings are not known."
    split = as_mapping(as_mapping(config.get("data")).get("split"))
    if is_cross_validated(run):
        yield (
            "The scores of a cross-validation are those of the models of its folds, each of which was trained on a "
            "part of the rows. A model that was trained on all rows has no test part."
        )
    elif not part:
        yield "The model was not scored on rows that it was not trained on."
    elif is_scored_on_training(run):
        yield "The test part is the training part: the scores do not show how well the model generalizes."
    elif part == "validation":
        yield (
            "There is no test part: the scores are of the validation part, which was watched during training, and are "
            "too optimistic if it decided anything."
        )
    if split.get("validation") == "test":
        yield (
            "The test part was watched during training (validation: test): the scores are too optimistic if it decided "
            "anything."
        )


def _of_size(run: RunContents) -> Iterator[str]:
    name, part = scored_part(run)
    rows = as_number(part.get("rows"))
    if rows is not None and rows < _FEW_ROWS and not is_cross_validated(run):
        yield f"The {name} part is small: {format_count(int(rows), 'row')}, so that the scores are uncertain."
    for output, scores in part_outputs(run).items():
        ends = [as_number(end) for end in scores.get("error_percent_interval_95") or ()]
        known = [end for end in ends if end is not None]
        if len(known) == 2 and known[1] - known[0] > _WIDE:
            of = f" of output {output}" if output else ""
            yield (
                f"The 95 % interval of the error{of} is wide: {known[0]:.2f} to {known[1]:.2f} %, "
                f"{known[1] - known[0]:.1f} percentage points."
            )
    facts = as_mapping(run.record.get("facts"))
    if not is_cross_validated(run) and (facts.get("positions") or facts.get("window") is not None):
        yield (
            "Intervals take all predictions as independent. Those of neighbouring positions or times are not, so that "
            "the intervals are too narrow."
        )


def _of_classes(beginning: str, scores: Sequence[ClassScores]) -> Iterator[str]:
    seen = [one for one in scores if one.support]
    unseen = [one.name for one in scores if not one.support]
    if unseen:
        yield f"{beginning}No scored example has the class {format_names(unseen)}: nothing is known of it."
    total = sum(one.support for one in seen)
    if len(seen) > 1:
        most, least = max(seen, key=lambda one: one.support), min(seen, key=lambda one: one.support)
        if most.support >= _IMBALANCED * least.support:
            yield (
                f"{beginning}The classes are imbalanced: {most.name} has {format_percent(most.support / total)} of the "
                f"scored examples, {least.name} {format_percent(least.support / total)}."
            )
    poor = sorted((one for one in seen if (one.recall or 0) < _POOR_RECALL), key=lambda one: one.recall or 0)
    if poor:
        names = format_names(f"{one.name} ({format_percent(one.recall or 0)} of {one.support:,})" for one in poor)
        yield f"{beginning}Fewer than half of the examples were found of: {names}."


def _of_comparison(run: RunContents) -> Iterator[str]:
    if not run.baselines:
        yield "It is not known whether simple models do as well: the run has no baselines."
    seed = run.record.get("seed")
    yield (
        f"Trained with one seed ({seed}): how much the scores vary with the seed is not known."
        if seed is not None
        else "The seed is not recorded, so that the training cannot be repeated."
    )


def _of_origin(run: RunContents) -> Iterator[str]:
    if not as_mapping(run.record.get("digests")):
        yield "No digests of the data are recorded: it cannot be proven which rows the model was trained on."
    if as_mapping(run.record.get("git")).get("diff"):
        yield "The working folder had changes that were not committed; record.json has them."
    if run.record.get("code"):
        yield "The run used code of its author's own, which nnrun does not check."
    if run.record.get("init_from"):
        yield "Training began from the weights of another run or model, whose data this folder does not know."
