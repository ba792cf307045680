"""What is wrong with the targets of parts and folds: absent classes, a single class, rows in the target's order.

One rule for `check`, which has the targets alone, and for `train` and `data check`, which have the whole data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nnrun.data.class_counts import ClassTable, class_table
from nnrun.data.class_coverage import ClassCoverage
from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.divisions import divide
from nnrun.data.load import own_parts
from nnrun.data.target_encoding import WHOLE_TARGET, check_one_hot, check_zero_one, forms_by_target
from nnrun.data.target_order import check_order, number_columns, target_values
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.data.dataset import SourceData
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms
    from nnrun.spec.target_values import ValuesByTarget


@dataclass(frozen=True)
class TargetReport:
    """What was found in the targets of a data set.

    Attributes:
        findings: What is wrong.
        values: What is known of targets of numbers.
        classes: The names of the classes of each target with one class an example, or the tokens of a text, by its key.
    """

    findings: tuple[Finding, ...] = ()
    values: ValuesByTarget = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def examine_targets(
    data: SourceData,
    spec: DataSpec,
    *,
    forms: TargetForms,
    seed: int,
    follows_dates: Callable[[], bool],
) -> TargetReport:
    """Examine the targets of every part, and of every fold of all repeats.

    Args:
        data: The data of the source; of the features only their number and the column of groups are used.
        spec: The config's `data:`.
        forms: The form in which each loss takes its target, after the preparation.
        seed: The seed of the experiment.
        follows_dates: Returns whether the rows of the source are in the order of a date: such rows are cut in order for
            a reason.
    """
    try:
        divisions = divide(data, spec, forms=forms, seed=seed)
    except DataError as error:
        return TargetReport((Finding(("data", "split"), error.text, error.hint, "impossible-split"),))
    own = own_parts(data, spec.split)
    findings: list[Finding] = []
    values, classes = {}, {}
    for key, form in forms_by_target(forms).items():
        if key in FIELDS:
            continue
        table = class_table(data, own, key, form)
        if table is not None:
            findings += _unsuitable_columns(table, spec)
            if not table.is_wide and table.train.shape[1:] == (1,):
                classes[key] = table.names
            name = "" if key in {ALL_TARGETS, WHOLE_TARGET} or len(data.target_names) == 1 else key
            findings += ClassCoverage(data, spec, table, name, seed, forms).findings(divisions)
        elif form == "number" and (columns := number_columns(data, own, key)):
            values[key] = {name: target_values(*arrays) for name, arrays in columns.items()}
            ordered = next(check_order(columns, spec, divisions), None)
            findings += [ordered] if ordered is not None and not follows_dates() else []
    return TargetReport(tuple(findings), values, classes)


def _unsuitable_columns(table: ClassTable, spec: DataSpec) -> Iterator[Finding]:
    """Yield a finding where several columns are neither one-hot rows nor 0 and 1, whichever their loss compares."""
    if not table.is_wide:
        return
    try:
        for part in (table.train, *table.own.values()):
            (check_zero_one if table.is_multi_label else check_one_hot)(part)
    except DataError as error:
        path = (*spec.source.path, spec.source.name, "target")
        yield Finding(path, error.text, error.hint, "loss-target-mismatch")
