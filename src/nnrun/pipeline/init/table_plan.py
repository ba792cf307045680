"""What a first config does with the columns of a table: what is predicted, and from which others."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean_or_list
from nnrun.errors import DataError, RunError
from nnrun.formatting import format_names
from nnrun.pipeline.init.request import Question, ask_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.data.table_survey import SurveyedColumn, TableSurvey
    from nnrun.pipeline.init.request import Ask, Task

#: Names that columns to predict usually have.
_TARGET_NAMES = ("target", "label", "labels", "class", "y", "outcome", "species", "survived", "diagnosis", "response")
#: The kinds of columns that can be predicted.
_LEARNED = ("number", "text")
#: What may stand around a name in a header.
_QUOTES = "'\"` "
#: A column of text with another text in more rows than this share names the rows.
_IDENTIFIER = 0.5
#: A column that lacks more values than this share teaches little.
_MISSING = 0.5
#: A column of whole numbers of at most so many different ones may be classes; of at most the second, it probably is.
_MAY_BE_CLASSES, _PROBABLY_CLASSES = 20, 10


#: Values that come back so often, a share of the rows, do not go with one class each by chance.
_REPEATED = 0.1
#: Fewer rows than this show little as a test part, so that each is tested once, in folds.
_FEW_ROWS = 1000


@dataclass(frozen=True)
class TablePlan:
    """What a first config does with the columns of a table.

    Attributes:
        survey: The columns.
        targets: Those to predict.
        task: Whether these are classes or numbers.
        why_task: Why.
        features: Those to predict from.
        left_out: The other columns, each with the reason.
        telling: The features of which each value goes with one class only.
        time: The column that orders the rows, or None.
        is_series: Whether a row is predicted from the rows before it.
    """

    survey: TableSurvey
    targets: tuple[str, ...]
    task: Task
    why_task: str
    features: tuple[str, ...]
    left_out: dict[str, str]
    telling: tuple[str, ...]
    time: str | None
    is_series: bool

    @property
    def is_small(self) -> bool:
        """Whether the rows are too few for parts: each tests once, in folds, and none is kept for validation."""
        return self.survey.is_whole and self.survey.rows_read < _FEW_ROWS and self.time is None

    @property
    def classes(self) -> int:
        """The number of classes of the target; 0 of numbers."""
        return len(self.survey.column(self.targets[0]).counts) if self.task == "classes" else 0

    @property
    def smallest_class(self) -> int:
        """The rows of the smallest class; 0 where the target is a number."""
        counts = self.survey.column(self.targets[0]).counts if self.task == "classes" else {}
        return min(counts.values(), default=0)

    def of_kind(self, *kinds: str) -> list[SurveyedColumn]:
        """Return the features of these kinds."""
        return [column for column in map(self.survey.column, self.features) if column.kind in kinds]

    def key(self, name: str) -> str | int:
        """Return a column as a config names it: by its index where the file has no header."""
        return name if self.survey.has_header else int(name)

    def keys(self, columns: Sequence[str]) -> list[str | int]:
        """Return columns as a config names them."""
        return [self.key(name) for name in columns]


def plan_table(survey: TableSurvey, path: Path, targets: Sequence[str], task: Task | None, ask: Ask) -> TablePlan:
    """Decide what is predicted from which columns.

    Args:
        survey: The columns of the table.
        path: Its file, for messages.
        targets: The columns to predict; none: one is asked for.
        task: Whether the target is classes or a number; None: what its values say, else asked for.
        ask: Answers questions.

    Raises:
        RunError: A target is no column of the table.
        DataError: The target cannot be learned, or no column is left to predict it from.
    """
    chosen = tuple(dict.fromkeys(_named(survey, name, path) for name in targets)) or (_ask_target(survey, ask),)
    columns = [survey.column(name) for name in chosen]
    found, why = _task_of(columns, path, survey.rows, task, ask)
    features, left_out = _choose_features(survey, chosen)
    time = next((one.name for one in survey.columns if one.name not in chosen and _is_time(one, survey.rows)), None)
    others = [name for name in features if name != time]
    is_series = not others and time is not None and found == "number"
    if not others and not is_series:
        reasons = format_names([f"{name} ({reason})" for name, reason in left_out.items()])
        hint = f"write a config with `features: [...]` to use one of them: {reasons}" if left_out else None
        raise DataError(f"no column is left to predict {format_names(list(chosen))} from", file=path, hint=hint)
    if time is not None and not is_series:
        left_out[time] = "the time of a row orders the rows and is no feature"
    telling = _telling(survey, others, chosen[0]) if found == "classes" else ()
    return TablePlan(survey, chosen, found, why, tuple(others), left_out, telling, time, is_series)


def _named(survey: TableSurvey, name: str, path: Path) -> str:
    """Return the column of a name, also of one that the header has between quotes or blanks.

    Raises:
        RunError: There is no such column.
    """
    unquoted = [column for column in survey.names if column.strip(_QUOTES) == name.strip(_QUOTES)]
    if name not in survey.names and len(unquoted) != 1:
        raise RunError(f"--target {name}: {path} has no such column", did_you_mean_or_list(name, survey.names))
    return name if name in survey.names else unquoted[0]


def _ask_target(survey: TableSurvey, ask: Ask) -> str:
    usual = [name for name in survey.names if name.lower() in _TARGET_NAMES]
    learnable = [column.name for column in survey.columns if not _useless(column, survey) and column.kind in _LEARNED]
    default = usual[-1] if usual else (learnable or survey.names)[-1]
    why = "a usual name of the column to predict" if usual else "the last column that holds classes or numbers"
    typed = default.strip(_QUOTES) or default
    return ask(Question("Which column is to be predicted?", survey.names, default, why, f"--target {quote(typed)}"))


def _task_of(columns: Sequence[SurveyedColumn], path: Path, rows: int, task: Task | None, ask: Ask) -> tuple[Task, str]:
    """Return whether the targets are classes or numbers, and why.

    Raises:
        DataError: They cannot be learned.
    """
    for column in columns:
        if len(column.counts) < 2:
            hint = "name another column with --target"
            text = "expected a target that changes from row to row, received a single value"
            raise DataError(text, file=path, column=column.name, hint=hint)
    if len(columns) == 1:
        return _task_of_one(columns[0], path, rows, task, ask)
    if task == "classes" or any(column.kind in ("text", "free_text") for column in columns):
        hint = "name one column with --target, and give the model more `outputs:` then (nnrun explain outputs)"
        raise DataError("expected numbers in each of several targets, received classes", file=path, hint=hint)
    return "number", f"{len(columns)} columns of numbers"


def _task_of_one(column: SurveyedColumn, path: Path, rows: int, task: Task | None, ask: Ask) -> tuple[Task, str]:
    different = len(column.counts)
    if column.kind in ("text", "free_text"):
        if task == "number":
            text = "expected a target of numbers for --task number, received text"
            raise DataError(text, file=path, column=column.name, hint="--task classes")
        if column.kind == "free_text" or different > rows * _IDENTIFIER:
            hint = "name another column with --target"
            text = f"expected classes that come back in many rows, received {different:,} texts in {rows:,} rows"
            raise DataError(text, file=path, column=column.name, hint=hint)
        return "classes", f"{different} different texts"
    if task is not None:
        return task, "as --task says"
    if not column.is_whole or different > _MAY_BE_CLASSES or rows < 3 * different:
        return "number", f"{different:,} different numbers"
    if different == 2:
        return "classes", "two different numbers"
    default: Task = "classes" if different <= _PROBABLY_CLASSES else "number"
    answer = ask_task(column.name, different, default, ask)
    return answer, f"{different} different whole numbers; --task says otherwise"


def _choose_features(survey: TableSurvey, targets: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the columns to predict from, and the others with the reason."""
    left_out = dict.fromkeys(survey.left_out, "it has no name and numbers or names the rows")
    left_out |= dict.fromkeys(set(survey.nameless) - {*targets}, "it has no name")
    features = []
    for column in survey.columns:
        reason = _useless(column, survey)
        if column.name in targets or column.name in left_out:
            continue
        if reason:
            left_out[column.name] = reason
        else:
            features.append(column.name)
    return features, left_out


def _telling(survey: TableSurvey, features: Sequence[str], target: str) -> tuple[str, ...]:
    """Return the features of which each value, of some rows, goes with one class: they tell it by themselves."""
    classes = survey.texts.get(target, [])
    found = []
    for name in features:
        pairs = set(zip(survey.texts.get(name, []), classes, strict=True))
        values = {value for value, _ in pairs}
        if 1 < len(pairs) == len(values) <= survey.rows * _REPEATED:
            found.append(name)
    return tuple(found)


def _useless(column: SurveyedColumn, survey: TableSurvey) -> str:
    """Return why a column teaches nothing; empty where it may."""
    different, rows = len(column.counts), survey.rows
    mixed = format_names([repr(text) for text in column.mixed], 2)
    reasons = {
        "it never changes": different < 2,
        "it numbers the rows": column.numbers_rows,
        f"it is the same as {survey.same.get(column.name)}": column.name in survey.same,
        f"{100 * column.missing / rows:.0f} % of its values are missing": column.missing > _MISSING * rows,
        f"{mixed} among {column.kind}s": bool(column.mixed),
        "another text in most rows": column.kind == "text" and different > _IDENTIFIER * rows,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def _is_time(column: SurveyedColumn, rows: int) -> bool:
    """Return whether a column of dates puts the rows in order."""
    return column.kind == "date" and column.rises and len(column.counts) >= max(3, rows // 100)
