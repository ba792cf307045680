"""What a model goes by: the permutation importance of the columns of its table (Breiman, Random Forests, 2001)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from nnrun.data.load import apply_steps, make_source, read_source, split_parts
from nnrun.data.prepare.registry import restore
from nnrun.errors import RunError
from nnrun.pipeline.evaluate import default_part, fitted_preparation, load_session, open_run_with_code, part_of
from nnrun.progress import NullProgress
from nnrun.runs.statistics import t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nnrun.data.columns import Columns
    from nnrun.data.dataset import DataPart
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.engine.session import Session
    from nnrun.pipeline.evaluate import EvaluateRequest, LoadedRun
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder

#: Columns that are correlated by more share what they say: without one the model still has the other.
_CORRELATED = 0.8
#: The rows that are predicted, at most: the interval of 10,000 is narrow enough.
MOST_ROWS = 10_000


@dataclass(frozen=True)
class ExplainResult:
    """What a model goes by.

    Attributes:
        folder: The run's folder.
        importance: What `importance.json` holds.
    """

    folder: RunFolder
    importance: dict[str, Any]


def explain_run(request: EvaluateRequest, progress: Progress, *, repeats: int = 5, seed: int = 0) -> ExplainResult:
    """Shuffle each column of the raw rows, prepare and predict them again, and keep how much worse the predictions are.

    The importance of a column is the mean over the rows of how much their error grows: for classes whether the row is
    wrong, for numbers the absolute error in the target's own unit. Its 95 % interval is Student's over the rows, each
    with the mean of its permutations.

    Args:
        request: The run and its checkpoint; its part is the test part, else the validation part.
        progress: Shows how far it is.
        repeats: How often each column is shuffled.
        seed: The seed of the permutations.

    Raises:
        RunError: The rows of the run are not those of a table in memory, or its outputs are no predictions.
        DataError: Its data cannot be used.
    """
    import numpy as np

    with open_run_with_code(request) as loaded:
        request = replace(request, part=request.part or default_part(loaded.facts))
        raw = _raw_columns(loaded, str(request.part))
        part = part_of(loaded, request, progress).first(MOST_ROWS)
        raw = raw[np.arange(len(part))]
        steps = restore(fitted_preparation(loaded))
        generator = np.random.default_rng(seed)
        with load_session(loaded, request.checkpoint) as session:
            base = _row_errors(session, part)
            if not np.array_equal(np.asarray(part.x), apply_steps(raw, steps, keep_integers=_keeps_integers(loaded))):
                raise _no_table(loaded, "they are changed after their preparation")
            grown: dict[str, list[NDArray[Any]]] = {}
            with progress.bar("permutations", repeats * len(raw.names), "permutations") as bar:
                for name, shuffled in _shuffled(raw, repeats, generator):
                    x = apply_steps(shuffled, steps, keep_integers=_keeps_integers(loaded))
                    errors = _row_errors(session, replace(part, x=x))
                    for output, (_, values) in errors.items():
                        grown.setdefault(f"{output}\0{name}", []).append(values - base[output][1])
                    bar.advance(1)
    outputs = []
    for output, (error, values) in base.items():
        columns = [{"column": name, **_estimate(np.mean(grown[f"{output}\0{name}"], axis=0))} for name in raw.names]
        columns.sort(key=lambda one: -one["importance"])
        outputs.append({"name": output, "error": error, "value": float(values.mean()), "columns": columns})
    importance = {
        "checkpoint": request.checkpoint,
        "part": request.part,
        "rows": len(part),
        "repeats": repeats,
        "seed": seed,
        "outputs": outputs,
        "notes": list(_notes(raw)),
    }
    loaded.model.write_json(loaded.model.importance.name, importance)
    return ExplainResult(loaded.folder, importance)


def _raw_columns(loaded: LoadedRun, name: str) -> Columns:
    """Return the columns of a part before any preparation.

    Raises:
        RunError: There are none.
    """
    from nnrun.data.columns import Columns
    from nnrun.data.text.text_source import TextSource

    if loaded.fold is not None or loaded.facts.horizon is not None:
        raise _no_table(loaded, "folds and windows are not explained")
    spec = loaded.experiment.data
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    if isinstance(source, TextSource):
        raise _no_table(loaded, "they are a text")
    data = read_source(source, spec.split, loaded.places, NullProgress())
    examples = split_parts(data, spec.split, loaded.experiment.seed).get(name)
    if examples is None or not isinstance(examples.x, Columns) or examples.x.arrays:
        raise _no_table(loaded, "they have no columns, or pictures next to them")
    return examples.x


def _no_table(loaded: LoadedRun, why: str) -> RunError:
    text = f"the rows of {loaded.folder.id} are not explained: {why}"
    return RunError(text, "columns of tables (csv, Parquet, named tables) are, for the model of the whole run")


def _keeps_integers(loaded: LoadedRun) -> bool:
    return loaded.facts.vocabulary is not None


def _row_errors(session: Session, part: DataPart) -> dict[str, tuple[str, NDArray[Any]]]:
    """Return for each output what its error is, and the error of each row.

    Raises:
        RunError: The outputs are no predictions.
    """
    try:
        predictions = session.evaluate(part, detailed=False).predictions
    finally:
        session.release_data()
    return {one.name: _errors(one) for one in predictions}


def _errors(one: Predictions) -> tuple[str, NDArray[Any]]:
    import numpy as np

    if one.predicted is None or one.truth is None or one.kind != "predictions":
        raise RunError("the outputs of this run are no predictions of its target", "nnrun eval RUN")
    truth, predicted = (np.asarray(each).reshape(len(each), -1) for each in (one.truth, one.predicted))
    if one.facts.task == "classification":
        return "error_rate", (truth != predicted).mean(axis=1)
    return "mean_absolute_error", np.abs(truth.astype(np.float64) - predicted).mean(axis=1)


def _shuffled(raw: Columns, repeats: int, generator: Any) -> Iterator[tuple[str, Columns]]:
    for name in raw.names:
        for _ in range(repeats):
            order = generator.permutation(len(raw))
            yield name, replace(raw, values={**raw.values, name: raw.values[name][order]})


def _estimate(rows: NDArray[Any]) -> dict[str, Any]:
    """Return the mean over rows, and its interval."""
    mean = float(rows.mean())
    reach = (
        t_quantile(0.95, len(rows) - 1) * float(rows.std(ddof=1)) / sqrt(len(rows)) if len(rows) > 1 else float("nan")
    )
    return {"importance": mean, "interval_95": [mean - reach, mean + reach]}


def _notes(raw: Columns) -> Iterator[str]:
    """Yield what to know about columns that say the same."""
    import numpy as np

    numbers = [name for name in raw.names if name not in raw.text()]
    for at, first in enumerate(numbers):
        for second in numbers[at + 1 :]:
            pair = np.vstack([raw.values[first], raw.values[second]]).astype(np.float64)
            pair = pair[:, np.isfinite(pair).all(axis=0)]
            if pair.shape[1] < 3 or not pair.std(axis=1).all():
                continue
            value = float(np.asarray(np.corrcoef(pair))[0, 1])
            if abs(value) >= _CORRELATED:
                yield f"{first} and {second} are correlated ({value:.2f}): each looks less important than both together"
