"""A config's model and training on arrays that somebody else holds: what stands behind the scikit-learn estimators."""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.config import extends, overrides
from nnrun.config.files import find_config
from nnrun.data.dataset import DataPart, SourceData
from nnrun.data.load import apply_steps, prepare_dataset, split_parts
from nnrun.data.prepare.registry import restore
from nnrun.engine.session import Session
from nnrun.errors import ConfigError, Problem
from nnrun.pipeline.check import check_context
from nnrun.progress import NullProgress
from nnrun.spec.data import Split
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.findings.checks import check
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.config.document import Document
    from nnrun.data.dataset import Dataset, Examples
    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.engine.scoring.evaluate import Predictions
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.spec.facts import Facts, Task


@dataclass
class TrainedModel:
    """A model that was trained on arrays; it can be pickled, and wakes Keras again when it is asked.

    Attributes:
        document: The config with its marks.
        experiment: What it says.
        facts: What the arrays taught.
        fitted: The fitted preparation as JSON.
        history: The figures of every epoch.
        architecture: The model's config as Keras writes it.
    """

    document: Document
    experiment: Experiment
    facts: Facts
    fitted: tuple[Mapping[str, Any], ...]
    history: list[EpochLogs]
    architecture: dict[str, Any]
    _session: Session | None = field(default=None, repr=False)
    _saved: bytes = field(default=b"", repr=False)

    def answer(self, x: ArrayOrTable) -> Predictions:
        """Give the model's answers for examples as they were given to `fit_arrays`.

        Raises:
            DataError: They do not suit the preparation.
        """
        import numpy as np

        array = apply_steps(x, restore(self.fitted))
        part = DataPart(array, np.empty((len(array), 0), dtype="float32"), np.arange(len(array)))
        session = self._awake()
        try:
            return session.predict(part)[0]
        finally:
            session.release_data()

    def _awake(self) -> Session:
        if self._session is None:
            with _folder() as folder:
                saved = folder / "model.keras"
                saved.write_bytes(self._saved)
                with Session.reopen(
                    self.experiment,
                    self.facts,
                    self.document.key_mark,
                    threads=0,
                    log=folder / "log.txt",
                    saved=saved,
                    architecture=self.architecture,
                ) as session:
                    self._session = session
            _free_logger()
        return self._session

    def __getstate__(self) -> dict[str, Any]:
        """Give what a file can hold: the model as Keras saves it instead of the live one."""
        kept = {**self.__dict__, "_session": None}
        if self._session is not None:
            with _folder() as folder:
                self._session.save(folder / "model.keras")
                kept["_saved"] = (folder / "model.keras").read_bytes()
        return kept


def read_experiment(config: str | FilePath, sets: Sequence[str]) -> tuple[Document, Experiment]:
    """Read a config, `--set` applied.

    Raises:
        ConfigError: Where the language is broken.
    """
    document = overrides.apply(extends.read(find_config(str(config))), sets)
    return document, validate(document)


def fit_arrays(
    config: str | FilePath, sets: Sequence[str], data: Examples, *, task: Task, class_names: tuple[str, ...] = ()
) -> TrainedModel:
    """Train what a config describes on other data than its own.

    Of `data:` only `prepare:` counts, and `split: {validation: <share>}`, which is taken off the examples given.

    Args:
        config: The config's path, or a shipped config's name.
        sets: `--set` options.
        data: The examples, with the names of classes or numbers as targets.
        task: What the caller takes the model for.
        class_names: The names of all classes, in order, where targets are classes.

    Raises:
        ConfigError: Where the config, its model or its loss does not suit the data or the task.
        NnrunError: Where training fails.
    """
    document, experiment = read_experiment(config, sets)
    _require(document, experiment, task)
    dataset = _dataset(experiment, data, task, class_names)
    _refuse_errors(document, experiment, dataset.facts)
    history: list[EpochLogs] = []
    with (
        _folder() as folder,
        Session.open(
            experiment, dataset.facts, document.key_mark, threads=0, log=folder / "log.txt", phase=_untimed
        ) as session,
    ):
        architecture = session.architecture()
        session.fit(dataset, folder, folder / "best.keras", NullProgress(), history.append)
        session.release_data()
    _free_logger()
    return TrainedModel(document, experiment, dataset.facts, dataset.fitted, history, architecture, session)


def _dataset(experiment: Experiment, data: Examples, task: Task, class_names: tuple[str, ...]) -> Dataset:
    form = target_forms(experiment)
    names = ("target",) if isinstance(form, str) else tuple(form)
    raw = SourceData(data, class_names=class_names, target_names=_names(names, data), task=task)
    split = _within(experiment.data.split)
    parts = split_parts(raw, split, experiment.seed)
    return prepare_dataset(raw, parts, replace(experiment.data, split=split), form=form, progress=NullProgress())


def _names(names: tuple[str, ...], data: Examples) -> tuple[str, ...]:
    shape: tuple[int, ...] = getattr(data.y, "shape", (1,))
    width = shape[1] if len(shape) > 1 else 1
    return names if width == 1 else tuple(f"target_{number}" for number in range(width))


def _within(split: Split | None) -> Split | None:
    """Keep of a split what concerns rows that are given for training: the validation share."""
    if split is None or not isinstance(split.validation, float):
        return None
    return Split(validation=split.validation, stratify=split.stratify, shuffle=split.shuffle)


def _require(document: Document, experiment: Experiment, task: Task) -> None:
    """Refuse a config that is none of one output, or for the other task.

    Raises:
        ConfigError: At the loss, the outputs or `init_from`.
    """
    if experiment.init_from is not None:
        raise _refused(document, ("init_from",), "an estimator starts from no other run", "leave out init_from")
    forms = target_forms(experiment)
    if not isinstance(forms, str) and len(forms) > 1:
        raise _refused(document, ("model",), f"an estimator has one output, this model has {len(forms)}", None)
    form = forms if isinstance(forms, str) else next(iter(forms.values()))
    loss = next(iter(experiment.losses.values()))
    if task == "classification" and form == "number":
        text = f"{loss.name} compares numbers, and a classifier has classes"
        raise _refused(document, loss.path, text, "take ConfigRegressor, or loss: sparse_categorical_crossentropy")
    if task == "regression" and form != "number":
        text = f"{loss.name} compares classes, and a regressor has numbers"
        raise _refused(document, loss.path, text, "take ConfigClassifier, or loss: mean_squared_error")


def _refuse_errors(document: Document, experiment: Experiment, facts: Facts) -> None:
    found = [one for one in check(check_context(experiment, facts)) if one.severity == "error"]
    # What a config expects of its own test part is not asked of an estimator.
    wrong = [one for one in found if one.name != "expect-path-unknown"]
    if wrong:
        raise ConfigError([one.problem(document) for one in wrong])


def _refused(document: Document, path: tuple[str | int, ...], text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(document.mark(path), text, hint)])


def _free_logger() -> None:
    """Give TensorFlow's logger a stream that is open: it holds on to the one that it found when it was imported.

    Its warnings (of traced programs, which a search makes many of) are for who writes TensorFlow code.
    """
    logger = logging.getLogger("tensorflow")
    logger.setLevel(logging.ERROR)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            # Not by `setStream`, which would first flush the stream that is closed.
            handler.stream = sys.stderr


@contextmanager
def _folder() -> Iterator[FilePath]:
    with tempfile.TemporaryDirectory(prefix="nnrun-") as name:
        yield FilePath(name)


@contextmanager
def _untimed(_: str) -> Iterator[None]:
    yield
