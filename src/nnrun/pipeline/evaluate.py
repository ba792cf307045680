"""Which model of a run is asked: the only one, that of one fold, or the one of the final fit."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal

from nnrun.config import document as documents
from nnrun.data.data_paths import DataPaths
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.cross_validate import is_cross_validated
from nnrun.pipeline.run_files import named_parts
from nnrun.progress import NullProgress
from nnrun.runs import record as records
from nnrun.runs.find import find
from nnrun.runs.record import read_finished_folds
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.facts import Facts
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.config.document import Document
    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


def select_model(
    folder: RunFolder, record: dict[str, Any], experiment: Experiment, fold: int | None
) -> tuple[RunFolder, dict[str, Any]]:
    """The folder in which the model lies, and the run's record with what is said of that model's own data.

    Raises:
        RunError: There is no such model; the message says which there are.
    """
    if not is_cross_validated(experiment):
        if fold is not None:
            raise RunError(f"{folder.id} is no cross-validation, so that it has no fold {fold}", "leave out --fold")
        return folder, record
    if fold is None and folder.last.is_file():
        return folder, record
    done = read_finished_folds(folder)
    if not done:
        raise RunError(f"{folder.id}: no fold of this cross-validation is done", f"nnrun train {folder.config}")
    there = f"{min(done)} to {max(done)}" if len(done) == max(done) - min(done) + 1 else ", ".join(map(str, done))
    if fold is None:
        text = f"{folder.id} is a cross-validation without a final model; its folds are {there}"
        raise RunError(text, f"--fold {min(done)}, or train with k_fold: {{final_fit: true}}")
    if fold not in done:
        raise RunError(f"{folder.id} has no fold {fold}; its folds are {there}", f"--fold {min(done)}")
    return folder.fold(fold), {**record, "facts": done[fold]["facts"], "digests": done[fold]["digests"]}


PartName = Literal["test", "validation", "train"]


@dataclass(frozen=True)
class EvaluateRequest:
    """Which model is asked about which data.

    Attributes:
        run: A run's path, a prefix of its id, its name, or `last`.
        runs_dir: Where runs lie.
        data_dir: Where data lie; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        checkpoint: `last`, `best` or the path of a `.keras` file.
        part: The part of the run's own data; None: the test part, else the validation part, else the training rows.
        data: Another file instead, of the same form as the run's.
        code: The files of `--code`, where the run used code of the user's own.
        trust_run: Whether the copies of that code in the run's folder may be run instead.
        fold: Of a cross-validation, the fold whose model is asked, counted from 0; None: the model of the final fit.
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


@dataclass(frozen=True)
class EvaluateResult:
    """What the model says.

    Attributes:
        folder: The run's folder.
        scores: As in `scores.json`, with the one part asked for (`data` for another file).
        columns: The names of the fields of `rows`.
        rows: Each example: its row in the source, the truth, what is predicted, and for classes the outputs.
    """

    folder: RunFolder
    scores: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[list[object]]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {"run": self.folder.id, "folder": str(self.folder.path), "status": "done", "scores": self.scores}


@dataclass(frozen=True)
class LoadedRun:
    """What a run folder says of its experiment.

    Attributes:
        folder: The folder.
        record: Its record.
        document: Its resolved config, with marks.
        experiment: What that says.
        facts: What its data taught.
        places: Where its data are looked for.
        model: Where the model lies: the folder, or that of a fold.
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


def evaluate(question: EvaluateRequest, progress: Progress) -> EvaluateResult:
    """Score a run's model; by default with the figures that training ended with, to the last digit.

    Raises:
        RunError: Where the run or its checkpoint cannot be used.
        DataError: Where the data cannot be used.
    """
    from nnrun.engine.scoring.score import table

    with asked(question) as kept:
        question = replace(question, part=question.part or _headline(kept.facts))
        part = _part(kept, question, progress)
        with load_session(kept, question.checkpoint) as session:
            outcome = session.score(part, detail=question.data is not None or question.part != "train")
    name = str(question.part) if question.data is None else "data"
    scores = {"task": kept.facts.task, "checkpoint": question.checkpoint, name: outcome.scores}
    _keep(kept.model, f"scores_{FilePath(question.checkpoint).stem}_{_label(question)}.json", scores, progress)
    return EvaluateResult(kept.folder, scores, *table(outcome.answers, part.rows))


def predict(question: EvaluateRequest, file: FilePath) -> EvaluateResult:
    """Say what a run's model makes of the rows of `file`, which need no truth.

    Raises:
        RunError: Where the run or its checkpoint cannot be used.
        DataError: Where the file cannot be used.
    """
    from nnrun.engine.scoring.score import table

    with asked(question) as kept:
        part = _other(kept, file, with_target=False)
        with load_session(kept, question.checkpoint) as session:
            answers = session.answer(part)
    return EvaluateResult(kept.folder, {}, *table(answers, part.rows))


@contextmanager
def asked(question: EvaluateRequest) -> Iterator[LoadedRun]:
    """Take a run up, with the code of the user's own that it used, until the block ends.

    Raises:
        RunError: As `open_run`, and where that code is not given, or is not the same.
    """
    folder = find(question.runs_dir, question.run)
    record = records.read(folder)
    with user_code.register_run_code(folder, record, question.code, trust=question.trust_run) as codes:
        kept = open_run(question)
        with user_code.run_code(codes, kept.experiment, threads=record.get("threads") or 0, log=folder.log):
            yield kept


def open_run(question: EvaluateRequest) -> LoadedRun:
    """Read what a run folder says of its experiment.

    Raises:
        RunError: Where the folder is not there, or not whole enough.
    """
    folder = find(question.runs_dir, question.run)
    record = records.read(folder)
    try:
        document = documents.read(folder.resolved)
        experiment = validate(document)
        model, record = select_model(folder, record, experiment, question.fold)
        facts = Facts.from_json(_required_facts(folder, record))
    except RunError:
        raise
    except (NnrunError, ValueError) as error:
        text = f"{folder.path}: what this run says of itself can no longer be read: {error}"
        raise RunError(text, "the folder was changed, or made by another version of nnrun") from error
    return LoadedRun(
        folder,
        record,
        document,
        experiment,
        facts,
        DataPaths(folder.path.resolve(), question.data_dir),
        model,
        question.fold,
    )


def _required_facts(folder: RunFolder, record: dict[str, Any]) -> dict[str, Any]:
    if "facts" not in record:
        text = f"{folder.path}: this run ended ({record.get('status')}) before it read its data: there is no model"
        raise RunError(text, f"nnrun train {folder.config}")
    facts: dict[str, Any] = record["facts"]
    return facts


@contextmanager
def load_session(kept: LoadedRun, checkpoint: str) -> Iterator[Session]:
    """Wake Keras and take up a run's saved model, until the block ends."""
    from nnrun.engine.session import Session

    saved = {"last": kept.model.last, "best": kept.model.best}.get(checkpoint, FilePath(checkpoint))
    with Session.reopen(
        kept.experiment,
        kept.facts,
        kept.document.key_mark,
        threads=kept.record.get("threads") or 0,
        log=kept.folder.log,
        saved=saved,
        architecture=_architecture(kept.model),
    ) as session:
        yield session


def _architecture(folder: RunFolder) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(folder.model_json.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"{folder.model_json}: cannot read this run's model: {error}"
        raise RunError(text, f"nnrun train {folder.config}") from error
    return config


def _part(kept: LoadedRun, question: EvaluateRequest, progress: Progress) -> DataPart:
    if question.data is not None:
        return _other(kept, question.data, with_target=True)
    dataset = _dataset(kept, progress)
    changed = [name for name, digest in dataset.digests.items() if kept.record["digests"].get(name, digest) != digest]
    if changed:
        progress.warn(f"The data are not those of the run: {', '.join(changed)} changed since.")
    parts = named_parts(dataset)
    if question.part not in parts:
        text = f"this run has no {question.part} part"
        raise RunError(text, f"--part {' or --part '.join(parts)}")
    return parts[str(question.part)]


def _dataset(kept: LoadedRun, progress: Progress) -> Dataset:
    """The data that the model was trained and scored on, its own fold's where it is a fold's."""
    from nnrun.data.cross_validation import load_folded
    from nnrun.data.load import load

    experiment = kept.experiment
    form, seed, paths = target_forms(experiment), experiment.seed, kept.places
    if kept.fold is None:
        return load(experiment.data, form=form, seed=seed, paths=paths, progress=progress)
    folded = load_folded(experiment.data, form=form, seed=seed, paths=paths, progress=NullProgress())
    return folded.dataset(kept.fold, progress)


def _other(kept: LoadedRun, file: FilePath, *, with_target: bool) -> DataPart:
    from nnrun.data.new_data import load_new_data

    try:
        fitted = json.loads(kept.model.prepare.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"{kept.model.prepare}: cannot read this run's preparation: {error}"
        raise RunError(text, f"nnrun train {kept.folder.config}") from error
    return load_new_data(kept.experiment.data, fitted, file=file, facts=kept.facts, with_target=with_target)


def _headline(facts: Facts) -> PartName:
    """Name the part that counts: the test part, where there is one."""
    names: tuple[PartName, ...] = ("test", "validation", "train")
    return next((name for name in names if name in facts.rows), "train")


def _label(question: EvaluateRequest) -> str:
    return str(question.part) if question.data is None else f"data_{question.data.stem}"


def _keep(folder: RunFolder, name: str, scores: dict[str, Any], progress: Progress) -> None:
    try:
        folder.write_json(name, scores)
    except RunError as error:
        # A run of somebody else's, or on a read-only disk, can still be asked.
        progress.warn(f"The scores are not kept: {error}")
