"""What `predictions.csv` says of each output, turned back into arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.report.contents import mapping, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.report.contents import Contents

#: `classes`: one class a row or a position; `labels`: several that may hold; `numbers`: regression.
Kind = Literal["classes", "labels", "numbers"]
#: How far the log loss of `scores.json` may lie from that of the shares as they are read here.
_CLOSE = 1e-3


@dataclass(frozen=True)
class Output:
    """The answers of one output on the part of the data that counts; of a cross-validation those of all folds.

    Attributes:
        name: The output's name; empty where it is the only one.
        kind: What it tells.
        figures: Its scores.
        names: The classes, the labels, or the numbers of a row.
        rows: Each example's row in the source, shape (rows,).
        truth: Class numbers, shape (rows,), positions one after the other; 0 and 1 for labels, plain numbers for
            numbers, shape (rows, names).
        predicted: The same of the model.
        outputs: What the model put out, shape (as truth, units); None for numbers.
        folds: The fold each example was tested in, shape (rows,); None where there are no folds.
        positions: How many answers an example has.
    """

    name: str
    kind: Kind
    figures: Mapping[str, Any]
    names: tuple[str, ...]
    rows: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]
    outputs: NDArray[Any] | None = None
    folds: NDArray[Any] | None = None
    positions: int = 1


def outputs_of(contents: Contents) -> tuple[Output, ...]:
    """Read every output that `predictions.csv` tells of; of a text, whose lines are a sample of all, none.

    What does not fit the scores, because a file was changed, is left out.
    """
    if not contents.predictions:
        return ()
    heading, lines = contents.predictions[0], [line for line in contents.predictions[1:] if line]
    found = []
    for columns in _blocks(heading):
        name = heading[columns[0]].removeprefix("truth").removeprefix("_")
        try:
            output = _output(name, _figures(contents, name), [heading, *lines], columns, _names(contents, name))
        except (ValueError, IndexError, KeyError):
            continue
        if output is not None:
            found.append(output)
    return tuple(found)


def part_of(contents: Contents) -> tuple[str, Mapping[str, Any]]:
    """The part that counts, which the predictions are of: test, else validation; with its scores."""
    for name in ("test", "validation"):
        if mapping(contents.scores.get(name)):
            return name, mapping(contents.scores[name])
    return "", {}


def is_cross_validated(contents: Contents) -> bool:
    """Whether the run is a cross-validation."""
    return bool(contents.folds) or bool(mapping(contents.scores.get("cross_validation")))


def _blocks(heading: Sequence[str]) -> list[range]:
    """The columns of each output, which begin with the truth."""
    begins = [at for at, name in enumerate(heading) if name == "truth" or name.startswith("truth_")]
    others = [at for at, name in enumerate(heading) if name.startswith("mean_squared_error")]
    ends = sorted([*begins, *others, len(heading)])
    return [range(begin, next(end for end in ends if end > begin)) for begin in begins]


def _of_output(part: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return mapping(mapping(part.get("outputs")).get(name)) if name else part


def _figures(contents: Contents, name: str) -> dict[str, Any]:
    """An output's scores; over folds only what can be told of all of them together: the mean log loss."""
    if not is_cross_validated(contents):
        return dict(_of_output(part_of(contents)[1], name))
    parts = [mapping(fold.get("test")) for fold in contents.folds.values()]
    told = [(number(part.get("rows")) or 0.0, number(_of_output(part, name).get("log_loss"))) for part in parts]
    rows = sum(count for count, _ in told)
    if not rows or any(loss is None for _, loss in told):
        return {}
    return {"log_loss": sum(count * (loss or 0.0) for count, loss in told) / rows}


def _names(contents: Contents, name: str) -> tuple[str, ...]:
    """The classes or labels in the order of their numbers, as the scores list them."""
    first: Mapping[str, Any] = next(iter(contents.folds.values()), {})
    part = mapping(first.get("test")) if is_cross_validated(contents) else part_of(contents)[1]
    return tuple(mapping(_of_output(part, name).get("per_class")))


def _output(
    name: str, figures: Mapping[str, Any], table: Sequence[Sequence[str]], columns: range, names: tuple[str, ...]
) -> Output | None:
    import numpy as np

    heading, lines = table[0], table[1:]
    kinds = {kind: [at for at in columns if heading[at].startswith(kind)] for kind in ("prediction", "output")}
    rows = np.array([int(line[heading.index("row")]) for line in lines], dtype=np.int64)
    folds = np.array([int(line[0]) for line in lines]) if heading[0] == "fold" else None
    truth = [line[columns[0]] for line in lines]
    if not lines:
        return None
    if not kinds["output"]:
        true = np.array([cell.split(" ") for cell in truth], dtype=np.float64)
        said = _floats(lines, kinds["prediction"])
        named = tuple(heading[at].removeprefix("prediction").removeprefix("_") for at in kinds["prediction"])
        return Output(name, "numbers", figures, named, rows, true, said.reshape(true.shape), folds=folds)
    if not names:
        return None
    places = {one: at for at, one in enumerate(names)}
    answers = [line[kinds["prediction"][0]] for line in lines]
    raw = _floats(lines, kinds["output"])
    if all(cell in places for cell in truth):
        true, told = (np.array([places[cell] for cell in cells]) for cells in (truth, answers))
        return Output(name, "classes", figures, names, rows, true, told, raw, folds)
    true, told = (np.array([cell.split(" ") for cell in cells]) for cells in (truth, answers))
    if true.shape[1] == len(names) == raw.shape[1] and set(np.unique(true)) <= {"0", "1"}:
        return Output(name, "labels", figures, names, rows, true.astype(np.int64), told.astype(np.int64), raw, folds)
    return _positions(Output(name, "classes", figures, names, rows, true, told, raw, folds), places)


def _positions(told: Output, places: Mapping[str, int]) -> Output:
    """Lay the answers of several positions a row one after the other."""
    import numpy as np

    count = told.truth.shape[1]
    true, said = (np.array([places[cell] for cell in cells.ravel()]) for cells in (told.truth, told.predicted))
    raw = None if told.outputs is None else told.outputs.reshape(len(true), -1)
    rows, folds = np.repeat(told.rows, count), None if told.folds is None else np.repeat(told.folds, count)
    return Output(told.name, "classes", told.figures, told.names, rows, true, said, raw, folds, count)


def _floats(lines: Sequence[Sequence[str]], columns: Sequence[int]) -> NDArray[Any]:
    import numpy as np

    return np.array([[float(line[at]) for at in columns] for line in lines], dtype=np.float64)


def shares_of(output: Output) -> NDArray[Any] | None:
    """Each class's probability, shape (rows, classes), by the reading under which the kept log loss comes out.

    The folder keeps outputs as the model gives them, which may be logits. None where they are neither.
    """
    from nnrun.engine.scoring.classes import log_loss

    told = number(output.figures.get("log_loss"))
    if told is None or output.outputs is None or output.kind != "classes":
        return None
    for reading in (_as_they_are, _from_logits):
        shares = reading(output.outputs)
        if shares.min() >= 0 and shares.shape[1] >= len(output.names):
            found = log_loss(output.truth, shares.astype("float32"))
            if abs(found - told) <= _CLOSE * (1 + abs(told)):
                return shares
    return None


def _as_they_are(outputs: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def _from_logits(logits: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    if logits.shape[1] == 1:
        return _as_they_are(np.exp(-np.logaddexp(0, -logits)))
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def against_rest(output: Output) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    """For each class or label its name, whether it holds, and how much speaks for it, both of shape (rows,).

    Of two classes only the second is told, as is usual; a class without or with nothing but examples is left out.
    """
    import numpy as np

    if output.outputs is None:
        return []
    raw = output.outputs
    if output.kind == "labels":
        told = [(name, output.truth[:, at] == 1, raw[:, at]) for at, name in enumerate(output.names)]
    elif len(output.names) == 2:
        second = raw[:, 1] - raw[:, 0] if raw.shape[1] == 2 else raw[:, 0]
        told = [(output.names[1], output.truth == 1, second)]
    else:
        told = [(name, output.truth == at, raw[:, at]) for at, name in enumerate(output.names)]
    return [one for one in told if 0 < np.sum(one[1]) < len(one[1])]
