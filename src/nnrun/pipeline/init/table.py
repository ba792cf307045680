"""A first config for a table: how its columns are read, prepared and divided into parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count, format_names
from nnrun.pipeline.init.config_text import FirstConfig, ReasonedValue
from nnrun.pipeline.init.table_network import network_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.table_survey import SurveyedColumn
    from nnrun.pipeline.init.table_plan import TablePlan

#: The rarest of more categories share one column.
_CATEGORIES = 30
#: So many rows give a fold or part at least a few.
LEAST_ROWS = 10


def describe_plan(plan: TablePlan, file: str) -> str:
    """Return in one line what a config does."""
    what = format_names(list(plan.targets), 3)
    kind = format_count(plan.classes, "class", "classes") if plan.task == "classes" else "a number"
    kind = kind if len(plan.targets) == 1 else f"{len(plan.targets)} numbers"
    source = f"{'the' if plan.survey.is_whole else 'more than'} {plan.survey.rows_read:,} rows"
    from_what = "its own past" if plan.is_series else format_count(len(plan.features), "column")
    return f"{what} ({kind}) from {from_what} of {source} of {file}, begun by nnrun init"


def configs_for(plan: TablePlan, name: str, file: str) -> list[FirstConfig]:
    """Return configs for a table, the one to prefer first; the others ask less of the classes in its parts."""
    network = network_for(plan)
    missing_target = any(plan.survey.column(name).missing for name in plan.targets)
    prepare, target_step = _prepare(plan), None
    if plan.task == "number" and not plan.is_series:
        target_step = ReasonedValue(
            ["StandardScaler"], "for training alone: predictions and scores are in the target's unit"
        )
    first = FirstConfig(
        name,
        describe_plan(plan, file),
        plan.survey.source,
        _source(plan, drop_missing_target=missing_target),
        prepare,
        None,
        network.layers,
        network.training,
        target_step,
        network.callbacks,
        _notes(plan),
    )
    return [replace(first, split=split) for split in _splits(plan)]


def _notes(plan: TablePlan) -> list[str]:
    """Return what the user should know about the columns."""
    if not plan.telling:
        return []
    one = len(plan.telling) == 1
    names, what = format_names(list(plan.telling), 3), "alone tells" if one else "tell, each alone,"
    which = "it" if one else "each"
    text = (
        f"{names} {what} {plan.targets[0]} in every row: take {which} out of `features` if it is not known beforehand"
    )
    return [text]


def _source(plan: TablePlan, *, drop_missing_target: bool) -> dict[str, ReasonedValue]:
    """Return the arguments of the source, each with its reason."""
    reasons = {
        "separator": "what divides the fields of a row",
        "encoding": "the text is no UTF-8",
        "header": "the first line is a row",
        "decimal": "numbers are written so",
        "types": "what the texts of these columns mean",
        "missing": "these words stand for a missing value",
    }
    arguments = dict(plan.survey.arguments)
    # Stated by the config, so that `check` does not ask: a missing text is a category of its own.
    if words := dict.fromkeys(word for one in _read_texts(plan) for word in one.words):
        arguments["missing"] = list(dict.fromkeys([*arguments.get("missing", ()), *words]))
    entries = {key: ReasonedValue(value, reasons.get(key, "")) for key, value in arguments.items()}
    if not plan.survey.has_header and "header" not in entries:
        entries["header"] = ReasonedValue(value=False, why="the first line is a row; columns are named by their index")
    targets = plan.keys(plan.targets)
    what = format_count(plan.classes, "class", "classes") if plan.task == "classes" else "a number"
    entries["target"] = ReasonedValue(targets[0] if len(targets) == 1 else targets, f"{what}: {plan.why_task}")
    if plan.time is not None:
        entries["time"] = ReasonedValue(plan.key(plan.time), "orders the rows, which follow one another in time")
    unasked = [name for name in plan.left_out if name not in (*plan.survey.left_out, plan.time)]
    if unasked or plan.telling:
        reasons_left = "; ".join(f"{name}: {reason}" for name, reason in plan.left_out.items() if name != plan.time)
        why = f"left out: {_shortened(reasons_left)}" if reasons_left else "all other columns"
        entries["features"] = ReasonedValue(plan.keys(plan.features), why)
    if drop_missing_target:
        share = max(plan.survey.column(name).missing for name in plan.targets) / plan.survey.rows
        why = f"{100 * share:.2g} % of the rows have no target"
        if plan.is_series:  # each value is in the windows of others, too
            entries["drop_missing"] = ReasonedValue(value=True, why=f"{why}: windows that hold one are left out")
        else:
            entries["drop_missing_target"] = ReasonedValue(value=True, why=why)
    if plan.is_series:
        window = _window(plan)
        entries["window"] = ReasonedValue(window, f"the {window} rows before predict the next one")
        entries["horizon"] = ReasonedValue(1)
    return entries


def _read_texts(plan: TablePlan) -> list[SurveyedColumn]:
    """Return the columns of text that the config reads."""
    columns = map(plan.survey.column, (*plan.targets, *plan.features))
    return [column for column in columns if column.kind in ("text", "free_text")]


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:196]} ..."


def _window(plan: TablePlan) -> int:
    """Return how many rows predict the next one: a season where the distance of the times tells one."""
    days = sorted(plan.survey.column(str(plan.time)).numbers)
    distance = (days[-1] - days[0]) / max(1, plan.survey.rows_read - 1)
    seasons = ((0.9, 24), (1.5, 14), (8, 26), (400, 12))
    return max(2, min(next((rows for most, rows in seasons if distance <= most), 5), plan.survey.rows_read // 6))


def _prepare(plan: TablePlan) -> list[ReasonedValue]:
    """Return the steps: missing values, numbers to one size, categories to columns, sentences to words."""
    numbers, texts, prose = plan.of_kind("number", "date"), plan.of_kind("text"), plan.of_kind("free_text")
    if plan.is_series:
        return [ReasonedValue("StandardScaler", "mean 0 and standard deviation 1, by the training rows")]
    steps = []
    gaps = [column.name for column in (*numbers, *texts) if column.missing]
    if any(column.missing for column in numbers):
        steps.append(ReasonedValue({"SimpleImputer": {"strategy": "median"}}, f"missing: {format_names(gaps, 4)}"))
    if any(column.missing for column in texts):
        keys = [column.name for column in texts]
        step = {"SimpleImputer": {"columns": keys, "strategy": "constant", "fill_value": "missing"}}
        steps.append(ReasonedValue(step, "a missing text is a category"))
    if empty := [column.name for column in prose if column.missing]:
        step = {"SimpleImputer": {"columns": empty, "strategy": "constant", "fill_value": "missing"}}
        steps.append(ReasonedValue(step, "a missing text is a word"))
    if numbers:
        dates = " (dates: days since 1970)" if plan.of_kind("date") else ""
        count = format_count(len(numbers), "column")
        steps.append(ReasonedValue("StandardScaler", f"{count} of numbers{dates}: mean 0, standard deviation 1"))
    few = [column.name for column in texts if len(column.counts) <= _CATEGORIES]
    many = [column.name for column in texts if len(column.counts) > _CATEGORIES]
    if few:
        step = {"OneHotEncoder": {"columns": few, "handle_unknown": "ignore"}}
        steps.append(ReasonedValue(step, "a column for each category"))
    if many:
        limits = {"handle_unknown": "infrequent_if_exist", "max_categories": _CATEGORIES}
        steps.append(ReasonedValue({"OneHotEncoder": {"columns": many, **limits}}, "rare categories share a column"))
    if prose:
        steps.append(_text_step(plan, [column.name for column in prose]))
    return steps


def _text_step(plan: TablePlan, names: Sequence[str]) -> ReasonedValue:
    if len(plan.features) == 1:
        words = plan.survey.column(names[0]).usual_words
        step = {"columns": list(names), "max_tokens": 5000, "output_sequence_length": words}
        return ReasonedValue({"TextVectorization": step}, f"{words} words hold nine of ten texts")
    step = {"columns": list(names), "output_mode": "tf_idf", "max_tokens": 1000}
    return ReasonedValue({"TextVectorization": step}, "how often a text has each of 1,000 words")


def _splits(plan: TablePlan) -> list[ReasonedValue]:
    """Return ways to make parts, the one to prefer first."""
    rows = plan.survey.rows_read
    if plan.time is not None:
        forward = {"forward": {"n_splits": 1, "test_size": 0.2}, "validation": 0.1}
        if plan.is_series:
            forward = {"test": 0.2}
        return [
            ReasonedValue(
                forward, "the latest rows test" if plan.is_series else "the latest rows test, those before validate"
            )
        ]
    is_few = plan.is_small
    # Each fold tests a row of each class, where there are so many.
    folds = max(2, min(5, plan.smallest_class or 5))
    k_fold: dict[str, Any] = {"folds": folds, "shuffle": True, "final_fit": True}
    parts: dict[str, Any] = {"test": 0.2, "validation": 0.1}
    why = (
        f"{rows:,} rows are few: each tests once; final_fit trains on all, for nnrun predict"
        if is_few
        else "a fifth tests, a tenth of the rest validates"
    )
    plain = {"k_fold": k_fold} if is_few else parts
    if plan.task == "number":
        return [ReasonedValue(plain, why)]
    stratified = {"k_fold": {**k_fold, "stratify": True}} if is_few else {**plain, "stratify": True}
    return [ReasonedValue(stratified, f"{why}; classes in proportion"), ReasonedValue(plain, why)]
