"""Evaluate a saved run: on its own parts again, on other files, and on rows without truth."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nnrun.config import document as documents
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import make_source
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.cross_validate import is_cross_validated
from nnrun.pipeline.fold_runner import load_folds
from nnrun.pipeline.given_secrets import give_again, require_given
from nnrun.pipeline.loaded_data import load_data
from nnrun.pipeline.run_files import named_parts
from nnrun.progress import NullProgress
from nnrun.regular_files import require_inside
from nnrun.runs import record as records
from nnrun.runs.decision import describe_decision, read_decision
from nnrun.runs.documents import read_model, read_preparation
from nnrun.runs.find import find, run_as_json, unfinished
from nnrun.runs.record import read_finished_folds
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.config.document import Document
    from nnrun.data.csv.dialect import Dialect
    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


_T = TypeVar("_T")


def select_model(
    folder: RunFolder, record: dict[str, Any], experiment: Experiment, fold: int | None
) -> tuple[RunFolder, dict[str, Any]]:
    """Return the folder of the model of a run, one of its folds or the final fit, and the record with its own data.

    Raises:
        RunError: There is no such model; the message lists those that exist.
    """
    if not is_cross_validated(experiment):
        if fold is not None:
            raise RunError(f"{folder.id} is no cross-validation, so it has no fold {fold}", "leave out --fold")
        return folder, record
    if fold is None and folder.last.is_file():
        return folder, record
    finished = read_finished_folds(folder)
    if not finished:
        raise RunError(f"{folder.id}: no fold of this cross-validation is done", f"nnrun train {folder.config}")
    available = (
        f"{min(finished)} to {max(finished)}"
        if len(finished) == max(finished) - min(finished) + 1
        else ", ".join(map(str, finished))
    )
    if fold is None:
        text = f"{folder.id} is a cross-validation without a final model; its folds are {available}"
        raise RunError(text, f"--fold {min(finished)}, or train with k_fold: {{final_fit: true}}")
    if fold not in finished:
        raise RunError(f"{folder.id} has no fold {fold}; its folds are {available}", f"--fold {min(finished)}")
    return folder.fold(fold), {**record, "facts": finished[fold]["facts"], "digests": finished[fold]["digests"]}


PartName = Literal["test", "validation", "train"]


@dataclass(frozen=True)
class EvaluateRequest:
    """Which model is evaluated on which data.

    Attributes:
        run: A run's path, a prefix of its id, its name, or `last`.
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        checkpoint: `last`, `best` or the path of a `.keras` file.
        part: The part of the run's own data; None: the test part, else the validation part, else the training rows.
        data: Another file instead, of the same form as the run's.
        code: The files of `--code`, if the run used code of the user's own.
        trust_run: Whether the copies of that code in the run's folder may be run instead.
        fold: Of a cross-validation, the fold of the model, counted from 0; None: the model of the final fit.
        sets: `--set` options that give secrets again which the run folder does not keep.
        beam_width: How many unfinished texts of each example are followed where a model writes its target.
    """

    run: str
    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    checkpoint: str = "last"
    part: PartName | None = None
    data: FilePath | None = None
    code: tuple[FilePath, ...] = ()
    trust_run: bool = False
    fold: int | None = None
    sets: tuple[str, ...] = ()
    beam_width: int = 1


@dataclass(frozen=True)
class EvaluateResult:
    """The result of an evaluation.

    Attributes:
        folder: The run's folder.
        scores: As in `scores.json`, with the one evaluated part (`data` for another file).
        columns: The names of the fields of `rows`.
        rows: Each example: its row in the source, the truth, the prediction, and for classes the outputs.
    """

    folder: RunFolder
    scores: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[list[object]]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {**run_as_json(self.folder), "scores": self.scores}


@dataclass(frozen=True)
class LoadedRun:
    """The experiment of a run folder.

    Attributes:
        folder: The folder.
        record: Its record.
        document: Its resolved config, with marks.
        experiment: The validated experiment.
        facts: The facts of its data.
        places: The folders in which its data are searched.
        model: The folder of the model: the run's, or that of a fold.
        fold: The fold, or None.
    """

    folder: RunFolder
    record: dict[str, Any]
    document: Document
    experiment: Experiment
    facts: Facts
    places: DataPaths
    model: RunFolder
    fold: int | None = None


def evaluate(request: EvaluateRequest, progress: Progress) -> EvaluateResult:
    """Score a run's model; with the defaults, the scores equal those of training to the last digit.

    Raises:
        RunError: The run or its checkpoint cannot be used.
        DataError: The data cannot be used.
    """
    from nnrun.engine.scoring.predictions_table import predictions_table

    with open_run_with_code(request) as loaded:
        request = replace(request, part=request.part or default_part(loaded.facts))
        part = part_of(loaded, request, progress)
        with load_session(loaded, request.checkpoint) as session:
            detailed = request.data is not None or request.part != "train"
            evaluation = session.evaluate(part, detailed=detailed, beam_width=request.beam_width)
    name = str(request.part) if request.data is None else "data"
    scores = {"task": evaluation.task(loaded.facts), "checkpoint": request.checkpoint, name: evaluation.scores}
    _save_scores(loaded.model, f"scores_{FilePath(request.checkpoint).stem}_{_label(request)}.json", scores, progress)
    return EvaluateResult(loaded.folder, scores, *predictions_table(evaluation.predictions, part.rows, part.origin))


def predict(
    request: EvaluateRequest, file: FilePath, progress: Progress | None = None, pictures: FilePath | None = None
) -> EvaluateResult:
    """Predict the rows of `file`, which need no truth.

    Args:
        request: The run and its checkpoint.
        file: The rows, in the form of the run's own data.
        progress: Receives messages about its columns.
        pictures: A folder into which predictions that are pictures are written as PNG files.

    Raises:
        RunError: The run or its checkpoint cannot be used, or its predictions are no pictures.
        DataError: The file cannot be used.
    """
    from nnrun.engine.scoring.forecast import forecast_table
    from nnrun.engine.scoring.predictions_table import predictions_table

    with open_run_with_code(request) as loaded:
        part = load_file(loaded, file, progress or NullProgress(), with_target=False)
        with load_session(loaded, request.checkpoint) as session:
            predictions = session.predict(part, beam_width=request.beam_width)
        predictions = decided(loaded, request.checkpoint, predictions, progress or NullProgress())
    if pictures is not None:
        from nnrun.pipeline.example_pictures import write_predicted_pictures

        count = write_predicted_pictures(predictions, part.origin, pictures, _mask_values(loaded))
        if progress is not None:
            progress.say(f"{count} pictures in {pictures}")
    if loaded.facts.horizon is not None:
        return EvaluateResult(loaded.folder, {}, *forecast_table(predictions, part.origin))
    return EvaluateResult(loaded.folder, {}, *predictions_table(predictions, part.rows, part.origin))


def decided(
    loaded: LoadedRun, checkpoint: str, predictions: tuple[Predictions, ...], progress: Progress
) -> tuple[Predictions, ...]:
    """Return predictions as the run's decision makes them; the same ones where it has none for this checkpoint.

    Raises:
        RunError: The decision is damaged.
    """
    decision = read_decision(loaded.model, checkpoint)
    if decision is None or len(predictions) != 1:
        return predictions
    from nnrun.engine.scoring.decision import with_decision

    progress.say(f"Decided by {loaded.model.decision.name}: {describe_decision(decision)}")
    (loss,) = loaded.experiment.losses.values()
    return tuple(with_decision(one, loss, decision["temperature"], decision["threshold"]) for one in predictions)


def _mask_values(loaded: LoadedRun) -> list[int]:
    """Return the value of a pixel of each class in the run's own masks."""
    names = loaded.experiment.data.source.arguments.get("class_names")
    if isinstance(names, dict):
        return sorted(map(int, names))
    classes = loaded.facts.class_names
    return list(map(int, classes)) if all(one.isdigit() for one in classes) else list(range(len(classes)))


@contextmanager
def open_run_with_code(request: EvaluateRequest) -> Iterator[LoadedRun]:
    """Open a run, with the user's code that it used available inside the `with` block.

    Raises:
        RunError: As `open_run`; or that code is not given, or is not the same.
    """
    folder = find(request.runs_dir, request.run)
    record = records.read(folder)
    with (
        _noted_status(folder, record),
        user_code.register_run_code(folder, record, request.code, trust=request.trust_run) as codes,
    ):
        loaded = open_run(request)
        with user_code.run_code(codes, loaded.experiment, threads=record.get("threads") or 0, log=folder.log):
            yield loaded


@contextmanager
def _noted_status(folder: RunFolder, record: dict[str, Any]) -> Iterator[None]:
    """Add to errors about a run that it is not done, which may be why."""
    try:
        yield
    except RunError as error:
        note = unfinished(folder, record)
        if note is not None:
            error.add_note(note)
        raise


def open_run(request: EvaluateRequest) -> LoadedRun:
    """Read the experiment of a run folder.

    Raises:
        RunError: The folder does not exist, or is incomplete.
    """
    folder = find(request.runs_dir, request.run)
    record = records.read(folder)
    require_inside(folder.path, folder.resolved)
    try:
        document = give_again(documents.read(folder.resolved), request.sets)
        experiment = validate(document)
        model, record = select_model(folder, record, experiment, request.fold)
        facts = Facts.from_json(_required_facts(folder, record))
    except RunError:
        raise
    except (NnrunError, ValueError) as error:
        text = f"{folder.path}: the config or record of this run cannot be read: {error}"
        raise RunError(text, "the folder was changed, or made by another version of nnrun") from error
    return LoadedRun(
        folder,
        record,
        document,
        experiment,
        facts,
        DataPaths(folder.path.resolve(), request.data_dir),
        model,
        request.fold,
    )


def _required_facts(folder: RunFolder, record: dict[str, Any]) -> dict[str, Any]:
    if "facts" not in record:
        text = f"{folder.path}: this run has no model: it ended ({record.get('status')}) before its data were read"
        raise RunError(text, f"nnrun train {folder.config}")
    facts: dict[str, Any] = record["facts"]
    return facts


def csv_dialect(request: EvaluateRequest) -> Dialect:
    """Return how the csv file of a run is written; of other sources, how csv files usually are.

    Raises:
        RunError: As `open_run_with_code`.
    """
    from nnrun.data.csv.dialect import Dialect

    with open_run_with_code(request) as loaded:
        spec = loaded.experiment.data
        found = getattr(make_source(spec.source, spec.prepare, spec.split, spec.prepare_target), "dialect", None)
    return found if isinstance(found, Dialect) else Dialect()


@contextmanager
def load_session(loaded: LoadedRun, checkpoint: str) -> Iterator[Session]:
    """Start Keras with a run's saved model, until the `with` block ends."""
    from nnrun.engine.session import Session

    own = {"last": loaded.model.last, "best": loaded.model.best}
    saved = own.get(checkpoint, FilePath(checkpoint))
    if checkpoint in own:
        require_inside(loaded.model.path, saved)
    with Session.reopen(
        loaded.experiment,
        loaded.facts,
        loaded.document.key_mark,
        threads=loaded.record.get("threads") or 0,
        log=loaded.folder.log,
        saved=saved,
        architecture=_needed(read_model, loaded.model, loaded.folder),
    ) as session:
        yield session


def _needed(read: Callable[[RunFolder], _T], model: RunFolder, folder: RunFolder) -> _T:
    """Read a file without which a run cannot be used: the way out is to train it again."""
    try:
        return read(model)
    except RunError as error:
        raise RunError(error.text, f"nnrun train {folder.config}") from error


def part_of(loaded: LoadedRun, request: EvaluateRequest, progress: Progress) -> DataPart:
    """Load the rows that are evaluated: a part of the run's own data, or those of another file.

    Raises:
        RunError: The run has no such part.
        DataError: The data cannot be used.
    """
    if request.data is not None:
        return load_file(loaded, request.data, progress, with_target=True)
    parts = parts_of(loaded, progress)
    if request.part not in parts:
        text = f"this run has no {request.part} part"
        raise RunError(text, f"--part {' or --part '.join(parts)}")
    return parts[str(request.part)]


def parts_of(loaded: LoadedRun, progress: Progress) -> dict[str, DataPart]:
    """Load the parts of the run's own data by name; warn where the data are not those of the run.

    Raises:
        DataError: The data cannot be used.
    """
    dataset = _dataset(loaded, progress)
    changed = [
        name for name, digest in dataset.digests.items() if loaded.record.get("digests", {}).get(name, digest) != digest
    ]
    if changed:
        progress.warn(f"The data are not those of the run; changed since then: {', '.join(changed)}.")
    return named_parts(dataset)


def _dataset(loaded: LoadedRun, progress: Progress) -> Dataset:
    """Load the data that the model was trained and scored on; for the model of a fold, those of the fold."""
    require_given(loaded.document)
    if loaded.fold is None:
        return load_data(loaded.experiment, loaded.places, progress)
    return load_folds(loaded.experiment, loaded.places, NullProgress()).dataset(loaded.fold, progress)


def fitted_preparation(loaded: LoadedRun) -> list[dict[str, Any]]:
    """Return what the run's preparation has learned, as its `prepare.json` has it.

    Raises:
        RunError: It cannot be read.
    """
    return _needed(read_preparation, loaded.model, loaded.folder)


def load_file(
    loaded: LoadedRun,
    file: FilePath,
    progress: Progress,
    *,
    with_target: bool,
    fitted: list[dict[str, Any]] | None = None,
    source: Any = None,
) -> DataPart:
    """Read a file as the run reads its own data, and prepare it as the run prepared these.

    Args:
        loaded: The run.
        file: The file.
        progress: Receives messages about its columns.
        with_target: Whether the file must hold targets.
        fitted: As of `fitted_preparation`; None reads it.
        source: The run's source; None: it is made.

    Raises:
        DataError: The file cannot be used, or does not suit the run.
    """
    from nnrun.data.new_data import load_new_data

    return load_new_data(
        loaded.experiment.data,
        fitted_preparation(loaded) if fitted is None else fitted,
        file=file,
        facts=loaded.facts,
        with_target=with_target,
        progress=progress,
        source=source,
    )


def default_part(facts: Facts) -> PartName:
    """Return the part to evaluate by default: test, else validation, else train."""
    names: tuple[PartName, ...] = ("test", "validation", "train")
    return next((name for name in names if name in facts.rows), "train")


def _label(request: EvaluateRequest) -> str:
    return str(request.part) if request.data is None else f"data_{request.data.stem}"


def _save_scores(folder: RunFolder, name: str, scores: dict[str, Any], progress: Progress) -> None:
    try:
        folder.write_json(name, scores)
    except RunError as error:
        # A run in somebody else's folder, or on a read-only disk, can still be evaluated.
        progress.warn(f"The scores are not saved: {error}")
