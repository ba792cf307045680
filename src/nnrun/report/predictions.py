"""The predictions of each output of the model, parsed from `predictions.csv`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from nnrun.report.elements import ReportSection, ReportTable, format_value
from nnrun.report.run_contents import as_mapping
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.report.run_contents import RunContents

#: One class per row or position, several labels per row, or regression.
Kind = Literal["classes", "labels", "numbers"]
#: The tolerance between the log loss of `scores.json` and that of the parsed probabilities.
_LOG_LOSS_TOLERANCE = 1e-3
#: Numbers that are larger, or no numbers, are not drawn: their sums are not finite.
_LARGEST_DRAWN = 1e100
#: Columns of `predictions.csv` that say where a row comes from.
_ORIGIN = ("line", "file", "time", "group")


@dataclass(frozen=True)
class OutputPredictions:
    """The predictions of one output for the part of the data that counts, or for all folds of a cross-validation.

    Attributes:
        name: The output's name; empty if the model has one output.
        kind: What is predicted.
        scores: The output's scores.
        names: The classes, the labels, or the numbers of a row.
        rows: The row in the source of each example, shape (examples,).
        truth: Class indices, shape (examples,); labels as 0 and 1, or numbers, shape (examples, names).
        predicted: The predictions, in the form of `truth`.
        raw: The values of the model's output units, shape (examples, units); None for numbers.
        positions: The number of predictions of a row, which are separate examples here.
        prefix: The beginning of the file names of the output's plots.
        origin: Where each row comes from, by the column of `predictions.csv`: its `line` in a text file, its `file`,
            the `time` and `group` of a series.
    """

    name: str
    kind: Kind
    scores: Mapping[str, Any]
    names: tuple[str, ...]
    rows: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]
    raw: NDArray[Any] | None = None
    positions: int = 1
    prefix: str = ""
    origin: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def table(self, caption: str, headings: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> ReportTable:
        """Return a table of rows, each of which begins with its row in the source, and its origin if known."""
        if self.origin:
            headings = (*self.origin, *headings)
            rows = [(row, *(known.get(row) for known in self.origin.values()), *cells) for row, *cells in rows]
        formatted = tuple(tuple(map(format_value, cells)) for cells in rows)
        return ReportTable(caption, ("row in the source", *headings), formatted)


#: How many written texts of each kind are shown.
_MAX_WRITTEN = 20


@dataclass(frozen=True)
class OneVsRest:
    """One class or label against all others.

    Attributes:
        name: The class.
        holds: Whether it is the true class, shape (examples,).
        scores: The model's score for it, of any scale, shape (examples,).
    """

    name: str
    holds: NDArray[Any]
    scores: NDArray[Any]


def read_predictions(run: RunContents) -> tuple[OutputPredictions, ...]:
    """Parse the predictions of each output; none for a text, of which the file has only a sample.

    An output that does not match `scores.json`, because a file was edited, is left out.
    """
    if not run.predictions:
        return ()
    header, *lines = (line for line in run.predictions if line)
    found: list[OutputPredictions] = []
    origin = _origin_of_rows(header, lines)
    for columns in _columns_of_outputs(header):
        several = len(columns) > 1 and header[columns[1]].startswith("truth_")
        name = "" if several else header[columns[0]].removeprefix("truth").removeprefix("_")
        try:
            output = _parse(name, header, lines, columns, _class_names(run, name))
        except (ValueError, IndexError, KeyError, OverflowError):
            continue
        if output is not None:
            prefix = f"{len(found)}_" if name else ""
            found.append(replace(output, scores=_scores_of_output(run, name), prefix=prefix, origin=origin))
    return tuple(found)


def written_section(run: RunContents) -> ReportSection:
    """Return the first texts that the model wrote, next to the true ones: mistakes before the others."""
    header = run.predictions[0] if run.predictions else ()
    if "exact_match" not in scored_part(run)[1] or not {"row", "truth", "prediction"} <= {*header}:
        return ReportSection("written", "Written texts")
    places = [header.index(name) for name in ("row", "truth", "prediction")]
    rows = [tuple(line[at] for at in places) for line in run.predictions[1:] if len(line) == len(header)]
    wrong, right = ([row for row in rows if (row[1] == row[2]) is same] for same in (False, True))
    headings = ("row in the source", "truth", "written")
    tables = tuple(
        ReportTable(caption, headings, tuple(found[:_MAX_WRITTEN]))
        for caption, found in (("Texts with a mistake", wrong), ("Texts without a mistake", right))
        if found
    )
    note = f"{len(right):,} of {len(rows):,} texts are the true ones; up to {_MAX_WRITTEN} of each kind are shown."
    return ReportSection("written", "Written texts", (note,), tables=tables)


def _origin_of_rows(header: Sequence[str], lines: Sequence[Sequence[str]]) -> dict[str, dict[int, str]]:
    try:
        row = header.index("row")
        places = {name: header.index(name) for name in _ORIGIN if name in header}
        return {name: {int(cells[row]): cells[at] for cells in lines} for name, at in places.items()}
    except (ValueError, IndexError, OverflowError):
        return {}


def scored_part(run: RunContents) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the scores of the part that counts: the test part, else the validation part."""
    for name in ("test", "validation"):
        if as_mapping(run.scores.get(name)):
            return name, as_mapping(run.scores[name])
    return "", {}


def is_cross_validated(run: RunContents) -> bool:
    """Return whether the run is a cross-validation."""
    return bool(run.folds) or bool(as_mapping(run.scores.get("cross_validation")))


def _columns_of_outputs(header: Sequence[str]) -> list[range]:
    """Return the columns of each output; they begin with the truth, or with the truth of each target."""
    truths = [at for at, name in enumerate(header) if name == "truth" or name.startswith("truth_")]
    begins = [at for at in truths if at - 1 not in truths]
    others = [at for at, name in enumerate(header) if name.startswith("mean_squared_error")]
    ends = sorted([*begins, *others, len(header)])
    return [range(begin, next(end for end in ends if end > begin)) for begin in begins]


def _of_output(part: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return as_mapping(as_mapping(part.get("outputs")).get(name)) if name else part


def _scores_of_output(run: RunContents, name: str) -> dict[str, Any]:
    """Return an output's scores; over folds only the one that holds for the pooled rows, the mean log loss."""
    if not is_cross_validated(run):
        return dict(_of_output(scored_part(run)[1], name))
    parts = [as_mapping(fold.get("test")) for fold in run.folds.values()]
    rows = [as_number(part.get("rows")) or 0.0 for part in parts]
    losses = [as_number(_of_output(part, name).get("log_loss")) for part in parts]
    if not sum(rows) or None in losses:
        return {}
    return {"log_loss": sum(count * (loss or 0.0) for count, loss in zip(rows, losses, strict=True)) / sum(rows)}


def _class_names(run: RunContents, name: str) -> tuple[str, ...]:
    """Return the classes or labels in the order of their indices, which is that of the scores."""
    first_fold: Mapping[str, Any] = next(iter(run.folds.values()), {})
    part = as_mapping(first_fold.get("test")) if is_cross_validated(run) else scored_part(run)[1]
    return tuple(as_mapping(_of_output(part, name).get("per_class")))


def _parse(
    name: str, header: Sequence[str], lines: Sequence[Sequence[str]], columns: range, names: tuple[str, ...]
) -> OutputPredictions | None:
    import numpy as np

    truth_at = [at for at in columns if header[at].startswith("truth")]
    predicted_at = [at for at in columns if header[at].startswith("prediction")]
    raw_at = [at for at in columns if header[at].startswith("output")]
    rows = np.array([int(line[header.index("row")]) for line in lines], dtype=np.int64)
    # Labels and numbers that an older run has in one field are separated by spaces.
    truth, predicted = ([" ".join(line[at] for at in places) for line in lines] for places in (truth_at, predicted_at))
    if not lines or (raw_at and not names):
        return None
    if not raw_at:
        numbers = np.array([cell.split(" ") for cell in truth], dtype=np.float64)
        targets = tuple(header[at].removeprefix("prediction").removeprefix("_") for at in predicted_at)
        predicted_numbers = _floats(lines, predicted_at).reshape(numbers.shape)
        if not max(np.abs(numbers).max(), np.abs(predicted_numbers).max()) < _LARGEST_DRAWN:
            return None
        return OutputPredictions(name, "numbers", {}, targets, rows, numbers, predicted_numbers)
    raw, indices = _floats(lines, raw_at), {one: index for index, one in enumerate(names)}

    def to_indices(cells: Iterable[str]) -> NDArray[Any]:
        return np.array([indices[cell] for cell in cells])

    if all(cell in indices for cell in truth):
        return OutputPredictions(name, "classes", {}, names, rows, to_indices(truth), to_indices(predicted), raw)
    true_cells, predicted_cells = (np.array([cell.split(" ") for cell in cells]) for cells in (truth, predicted))
    positions = true_cells.shape[1]
    if positions == len(names) == raw.shape[1] and set(np.unique(true_cells)) <= {"0", "1"}:
        labels = [cells.astype(np.int64) for cells in (true_cells, predicted_cells)]
        return OutputPredictions(name, "labels", {}, names, rows, labels[0], labels[1], raw)
    # Each of several positions of a row is an example.
    true, guesses = to_indices(true_cells.ravel()), to_indices(predicted_cells.ravel())
    rows, raw = np.repeat(rows, positions), raw.reshape(true.size, -1)
    return OutputPredictions(name, "classes", {}, names, rows, true, guesses, raw, positions)


def _floats(lines: Sequence[Sequence[str]], columns: Sequence[int]) -> NDArray[Any]:
    import numpy as np

    return np.array([[float(line[at]) for at in columns] for line in lines], dtype=np.float64)


def class_probabilities(output: OutputPredictions) -> NDArray[Any] | None:
    """Return the probability of each class, shape (examples, classes); None if the outputs are not probabilities.

    The run folder keeps the values of the output units, which may be logits: of both readings, the one is right whose
    log loss is that of `scores.json`.
    """
    import numpy as np

    from nnrun.engine.scoring.metrics import log_loss
    from nnrun.engine.scoring.outputs import of_both_classes, probabilities_from_logits

    expected = as_number(output.scores.get("log_loss"))
    if expected is None or output.raw is None or output.kind != "classes" or not np.isfinite(output.raw).all():
        return None
    for values in (output.raw, probabilities_from_logits(output.raw)):
        probabilities = of_both_classes(values)
        if probabilities.min() >= 0 and probabilities.shape[1] >= len(output.names):
            loss = log_loss(output.truth, probabilities.astype("float32"))
            if abs(loss - expected) <= _LOG_LOSS_TOLERANCE * (1 + abs(expected)):
                return probabilities
    return None


def one_vs_rest(output: OutputPredictions) -> list[OneVsRest]:
    """Return each class or label against the others; of two classes only the second, as is usual.

    A class that no example has, or every example, is left out.
    """
    import numpy as np

    raw = output.raw
    if raw is None or not np.isfinite(raw).all():
        return []
    if output.kind == "labels":
        found = [OneVsRest(name, output.truth[:, at] == 1, raw[:, at]) for at, name in enumerate(output.names)]
    elif len(output.names) == 2:
        second = raw[:, 1] - raw[:, 0] if raw.shape[1] == 2 else raw[:, 0]
        found = [OneVsRest(output.names[1], output.truth == 1, second)]
    else:
        found = [OneVsRest(name, output.truth == at, raw[:, at]) for at, name in enumerate(output.names)]
    return [one for one in found if one.holds.any() and not one.holds.all()]
