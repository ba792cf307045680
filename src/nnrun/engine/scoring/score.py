"""A trained model against a part of the data: loss, metrics, errors with their interval, predictions."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.decisions import decide, true_classes
from nnrun.engine.scoring.details import details
from nnrun.engine.scoring.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.data.dataset import DataPart
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


#: An output with more numbers a row than this (a picture) is told by its error alone in `predictions.csv`.
WIDEST = 100


@dataclass(frozen=True)
class Answers:
    """What a model says of one of its targets, example by example.

    Attributes:
        name: The output's name; empty where it is the only one.
        facts: What the data teach of this target.
        outputs: The model's outputs, shape (rows, ...).
        predicted: Class numbers, shape (rows, ...), or the outputs themselves.
        truth: The same for what is true; None where that is not known.
    """

    name: str
    facts: Facts
    outputs: NDArray[Any]
    predicted: NDArray[Any]
    truth: NDArray[Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a model says of one part of the data, and how right that is.

    Attributes:
        scores: Loss, metrics, rows; for classification errors, error rate and its interval.
        answers: The answers of every output.
    """

    scores: dict[str, Any]
    answers: tuple[Answers, ...]


def score(
    executor: ResidentExecutor,
    tensors: Tensors,
    part: DataPart,
    facts: Facts,
    experiment: Experiment,
    *,
    detail: bool = True,
) -> Outcome:
    """Score the executor's model on one part of the data; `detail` also tells areas, mistakes and each class."""
    figures, outputs = executor.score(tensors)
    return judge(figures, outputs, tensors.targets, part, facts, experiment, detail=detail)


def judge(
    figures: dict[str, float],
    outputs: Any,
    targets: Any,
    part: DataPart,
    facts: Facts,
    experiment: Experiment,
    *,
    detail: bool = True,
) -> Outcome:
    """Judge a model's outputs on one part of the data; `figures` are its loss and metrics."""
    scores: dict[str, Any] = {"rows": len(part.rows), **figures}
    answers = _answers(outputs, facts, experiment, targets)
    for one, loss in zip(answers, experiment.losses.values(), strict=True):
        numbers = one.facts.task == "regression"
        more = _errors(one) | (details(one, loss, part.rows) if detail or numbers else {})
        if one.name and more:
            scores.setdefault("outputs", {})[one.name] = more
        else:
            # A metric of the config's that is called the same stays as Keras gives it.
            scores |= {name: value for name, value in more.items() if name not in scores}
    return Outcome(scores, answers)


def answer(executor: ResidentExecutor, tensors: Tensors, facts: Facts, experiment: Experiment) -> tuple[Answers, ...]:
    """Ask the executor's model about every row, without the truth."""
    return _answers(executor.predict(tensors), facts, experiment, None)


def _answers(outputs: Any, facts: Facts, experiment: Experiment, y: Any) -> tuple[Answers, ...]:
    """Turn outputs into answers, and the targets `y`, where they are known, back into classes beside them."""
    exits, made = experiment.graph.outputs, []
    for one in exits:
        known = _about(facts, one.target)
        raw = _plain_floats(outputs[one.name] if isinstance(outputs, dict) else outputs)
        predicted = decide(raw, known, experiment.losses[one.name])
        truth = None if y is None else _truth(y, one.name, known)
        made.append(Answers(one.name if len(exits) > 1 else "", known, raw, predicted, truth))
    return tuple(made)


def _about(facts: Facts, target: str | None) -> Facts:
    """Narrow the facts to one target of several."""
    about = facts.by_target.get(target or "")
    if about is None:
        return facts
    return replace(
        facts,
        task=about.task,
        form=about.form,
        classes=about.classes,
        targets=about.targets,
        class_names=about.class_names,
        target_names=(str(target),),
    )


def _plain_floats(outputs: NDArray[Any]) -> NDArray[Any]:
    """Give NumPy floats that it can reckon with: of mixed precision come bfloat16, which it knows by name alone."""
    return outputs if outputs.dtype.kind == "f" and outputs.dtype.itemsize > 2 else outputs.astype(np.float32)


def _truth(y: Any, name: str, facts: Facts) -> NDArray[Any]:
    told = np.asarray(y[name] if isinstance(y, dict) else y)
    return true_classes(told, facts) if facts.task == "classification" else told


def _errors(one: Answers) -> dict[str, Any]:
    if one.facts.task == "regression" or one.truth is None:
        return {}
    wrong = one.truth != one.predicted.reshape(one.truth.shape)
    return error_figures(int(np.sum(wrong)), int(one.truth.size))


def error_figures(errors: int, rows: int) -> dict[str, Any]:
    """Give the error rate with its 95 % Wilson score interval, in per cent."""
    low, high = wilson(errors, rows)
    return {
        "errors": errors,
        "error_rate": errors / rows,
        "error_percent": 100 * errors / rows,
        "error_percent_interval_95": [round(100 * low, 4), round(100 * high, 4)],
        "interval": "Wilson",
    }


def table(answers: tuple[Answers, ...], rows: NDArray[Any] | range) -> tuple[tuple[str, ...], list[list[object]]]:
    """Lay answers out as columns and lines: row, truth where it is known, prediction, and each class's output.

    Rows are counted from 0 in the source, so that a mistake can be looked up there. Of a text, answers are of its first
    rows only.
    """
    columns, lines = ["row"], [[row] for row in np.asarray(rows[: len(answers[0].outputs)]).tolist()]
    for one in answers:
        names, told = _columns_of(one)
        columns += [f"{name}_{one.name}" if one.name else name for name in names]
        lines = [[*line, *more] for line, more in zip(lines, told, strict=True)]
    return tuple(columns), lines


def _columns_of(one: Answers) -> tuple[list[str], list[list[object]]]:
    if one.truth is None:
        return prediction_columns(one.outputs, one.facts), prediction_lines(one.outputs, one.predicted, one.facts)
    flat = one.truth.reshape(len(one.truth), -1)
    if flat.shape[1] > WIDEST:
        squared = (one.outputs.reshape(flat.shape).astype(np.float64) - flat) ** 2
        return ["mean_squared_error"], [[float(value)] for value in squared.mean(axis=1)]
    lines = prediction_lines(one.outputs, one.predicted, one.facts)
    return ["truth", *prediction_columns(one.outputs, one.facts)], [
        [_named(true, one.facts), *line] for true, line in zip(flat.tolist(), lines, strict=True)
    ]


def csv_text(columns: tuple[str, ...], lines: list[list[object]]) -> str:
    """Give the text of `predictions.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def prediction_columns(outputs: NDArray[Any], facts: Facts) -> list[str]:
    """Name the columns that `prediction_lines` gives."""
    width = int(np.prod(outputs.shape[1:]))
    if facts.task == "regression":
        names = (
            facts.target_names
            if len(facts.target_names) == width and width > 1
            else [str(index) for index in range(width)]
        )
        return ["prediction"] if width == 1 else [f"prediction_{name}" for name in names]
    names = facts.class_names if len(facts.class_names) == width else [str(index) for index in range(width)]
    return ["prediction", *(["output"] if width == 1 else [f"output_{name}" for name in names])]


def prediction_lines(outputs: NDArray[Any], predicted: NDArray[Any], facts: Facts) -> list[list[object]]:
    """Give one line per row: what is predicted, and for classes the model's outputs."""
    lines: list[list[object]] = outputs.reshape(len(outputs), -1).tolist()
    if facts.task == "regression":
        return lines
    said = predicted.reshape(len(predicted), -1).tolist()
    return [[_named(one, facts), *line] for one, line in zip(said, lines, strict=True)]


def _named(values: list[Any], facts: Facts) -> object:
    """Name classes by their names where there are names; several values stand in one field, with spaces between."""
    names = facts.class_names if facts.task == "classification" else ()
    shown = [names[int(value)] if int(value) < len(names) else value for value in values] if names else values
    return shown[0] if len(shown) == 1 else " ".join(map(str, shown))
