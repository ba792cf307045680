"""What a model goes by: the permutation importance of its columns (Breiman, 2001), and parts of its pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from nnrun.data.load import apply_steps, make_source, read_source, split_parts
from nnrun.data.prepare.registry import restore
from nnrun.data.streaming.table_arrays import in_memory
from nnrun.errors import RunError
from nnrun.pipeline.evaluate import default_part, fitted_preparation, load_session, open_run_with_code, part_of
from nnrun.pipeline.explain_pictures import PictureOptions, explain_pictures, picture_places
from nnrun.pipeline.explain_words import explain_words
from nnrun.progress import NullProgress
from nnrun.runs.explanations import write_explanations
from nnrun.runs.find import run_as_json
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
    from nnrun.runs.explanations import Explanations
    from nnrun.runs.folder import RunFolder

#: Columns that are correlated by more share what they say: without one the model still has the other.
_CORRELATED = 0.8
#: The rows that are predicted, at most: the interval of 10,000 is narrow enough. Those with pictures take longer.
MOST_ROWS, MOST_PICTURES = 10_000, 1000


@dataclass(frozen=True)
class ExplainResult:
    """What a model goes by.

    Attributes:
        folder: The run's folder.
        importance: What `importance.json` holds; None where the examples have no columns.
        explanations: What `explanations.json` and `explanations.npz` hold; None where they have no pictures.
    """

    folder: RunFolder
    importance: dict[str, Any] | None
    explanations: Explanations | None

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        found: dict[str, Any] = run_as_json(self.folder)
        if self.importance is not None:
            found["importance"] = self.importance
        if self.explanations is not None:
            found["explanations"] = dict(self.explanations.facts)
        return found


def explain_run(
    request: EvaluateRequest,
    progress: Progress,
    *,
    repeats: int = 5,
    seed: int = 0,
    pictures: PictureOptions = PictureOptions(),  # noqa: B008 - it is frozen
) -> ExplainResult:
    """Find what the predictions of a run go by, and keep it with the run.

    Each column of the raw rows is shuffled, the rows are prepared and predicted again: the importance of a column is
    the mean over the rows of how much their error grows, for classes whether the row is wrong, for numbers the absolute
    error in the target's own unit. Its 95 % interval is Student's over the rows, each with the mean of its
    permutations. A picture next to columns is shuffled like one of them. Some pictures are explained part by part, some
    texts word by word; see `nnrun.pipeline.explain_pictures` and `nnrun.pipeline.explain_words`.

    Args:
        request: The run and its checkpoint; its part is the test part, else the validation part.
        progress: Shows how far it is.
        repeats: How often each column is shuffled.
        seed: The seed of the permutations, and of the choice of pictures.
        pictures: How pictures are explained, and how many of them and of texts.

    Raises:
        RunError: The examples of the run have neither columns nor pictures, or its outputs are no predictions.
        DataError: Its data cannot be used.
    """
    with open_run_with_code(request) as loaded:
        request = replace(request, part=request.part or default_part(loaded.facts))
        if loaded.fold is not None or loaded.facts.horizon is not None:
            raise _not_explained(loaded, "folds and windows are not explained")
        has_pictures = bool(picture_places(loaded.facts, loaded.experiment.data.source.name))
        if (pictures.method or pictures.patch) and not has_pictures:
            raise _not_explained(loaded, "--method and --patch are for pictures, and they have none")
        raw = _raw_columns(loaded, str(request.part)) if loaded.facts.columns or not has_pictures else None
        part = part_of(loaded, request, progress)
        importance = explanations = None
        with load_session(loaded, request.checkpoint) as session:
            if has_pictures:
                explanations = explain_pictures(loaded, session, part, pictures, seed, progress)
            if raw is not None:
                importance = _importance(loaded, session, raw, part, repeats, seed, pictures.examples, progress)
    about = {"checkpoint": request.checkpoint, "part": request.part}
    if importance is not None:
        importance = {**about, **importance}
        loaded.model.write_json(loaded.model.importance.name, importance)
    if explanations is not None:
        explanations = replace(explanations, facts={**about, **explanations.facts})
        write_explanations(loaded.model, explanations)
    return ExplainResult(loaded.folder, importance, explanations)


def _importance(
    loaded: LoadedRun,
    session: Session,
    raw: Columns,
    part: DataPart,
    repeats: int,
    seed: int,
    examples: int,
    progress: Progress,
) -> dict[str, Any]:
    """Return how much worse the predictions of a part are where a column is shuffled."""
    import numpy as np

    part = part.first(MOST_PICTURES if raw.arrays else MOST_ROWS)
    raw = in_memory(raw[np.arange(len(part))])
    steps = restore(fitted_preparation(loaded))

    def prepare(columns: Columns) -> NDArray[Any]:
        return apply_steps(columns, steps, keep_integers=loaded.facts.vocabulary is not None)

    generator = np.random.default_rng(seed)
    base = _row_errors(session, part)
    if not np.array_equal(np.asarray(in_memory(part.x)), prepare(raw)):
        raise _not_explained(loaded, "they are changed after their preparation")
    names = (*raw.names, *raw.arrays)
    grown: dict[str, list[NDArray[Any]]] = {}
    with progress.bar("permutations", repeats * len(names), "permutations") as bar:
        for name, shuffled in _shuffled(raw, repeats, generator):
            errors = _row_errors(session, replace(part, x=prepare(shuffled)))
            for output, (_, values) in errors.items():
                grown.setdefault(f"{output}\0{name}", []).append(values - base[output][1])
            bar.advance(1)
    outputs = []
    for output, (error, values) in base.items():
        columns = [{"column": name, **_estimate(np.mean(grown[f"{output}\0{name}"], axis=0))} for name in names]
        columns.sort(key=lambda one: -one["importance"])
        outputs.append({"name": output, "error": error, "value": float(values.mean()), "columns": columns})
    texts = explain_words(loaded, session, raw, part, prepare, examples, seed)
    found = {"rows": len(part), "repeats": repeats, "seed": seed, "outputs": outputs, "notes": list(_notes(raw))}
    return {**found, **texts}


def _raw_columns(loaded: LoadedRun, name: str) -> Columns:
    """Return the columns of a part before any preparation, with the arrays next to them.

    Raises:
        RunError: There are none.
    """
    from nnrun.data.columns import Columns
    from nnrun.data.text.text_source import TextSource

    spec = loaded.experiment.data
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    if isinstance(source, TextSource):
        raise _not_explained(loaded, "they are a text")
    data = read_source(source, spec.split, loaded.places, NullProgress())
    examples = split_parts(data, spec.split, loaded.experiment.seed).get(name)
    if examples is None or not isinstance(examples.x, Columns) or not examples.x.values:
        raise _not_explained(loaded, "they have neither columns nor pictures")
    return examples.x


def _not_explained(loaded: LoadedRun, why: str) -> RunError:
    text = f"the examples of {loaded.folder.id} are not explained: {why}"
    return RunError(
        text, "columns of tables (csv, Parquet, named tables) and pictures are, for the model of the whole run"
    )


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
    for name in (*raw.names, *raw.arrays):
        for _ in range(repeats):
            order = generator.permutation(len(raw))
            if name in raw.arrays:
                yield name, replace(raw, arrays={**raw.arrays, name: raw.arrays[name][order]})
            else:
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
