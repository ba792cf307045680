"""Train the model of a config on arrays of the caller; the scikit-learn estimators are built on this."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nnrun.config import extends, overrides
from nnrun.config.files import find_config
from nnrun.data.data_paths import DataPaths
from nnrun.data.dataset import DataPart, SourceData
from nnrun.data.load import apply_steps, prepare_dataset, split_parts
from nnrun.data.prepare.registry import restore
from nnrun.data.target_preparation import restore_target_preparation
from nnrun.engine.session import Session
from nnrun.errors import ConfigError, Problem
from nnrun.pipeline import layer_files
from nnrun.pipeline.check import check_context
from nnrun.progress import NullProgress
from nnrun.spec.data import Split
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.findings.phases import check_experiment
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.config.document import Document
    from nnrun.data.dataset import Dataset, Examples
    from nnrun.data.prepare.step import ArrayOrTable
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.spec.facts import Facts, Task


@dataclass
class TrainedModel:
    """A model that was trained on arrays. It can be pickled; unpickled, it starts Keras at the first prediction.

    Attributes:
        document: The config with its marks.
        experiment: The validated experiment.
        facts: The facts of the arrays.
        fitted: The fitted preparation as JSON.
        history: The metrics of every epoch.
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

    def predict(self, x: ArrayOrTable) -> Predictions:
        """Return the model's predictions for examples in the form that `fit_arrays` was given.

        Raises:
            DataError: The preparation cannot be applied to them.
        """
        import numpy as np

        array = apply_steps(x, restore(self.fitted))
        no_targets = np.empty((len(array), 0), dtype="float32")
        target = restore_target_preparation(self.fitted)
        part = DataPart(array, no_targets, np.arange(len(array)), target_preparation=target)
        session = self._open_session()
        try:
            return session.predict(part)[0]
        finally:
            session.release_data()

    def _open_session(self) -> Session:
        if self._session is None:
            with TemporaryDirectory(prefix="nnrun-") as name:
                folder, saved = FilePath(name), FilePath(name, "model.keras")
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
        """Replace the live model by the file that Keras saves."""
        state = {**self.__dict__, "_session": None}
        if self._session is not None:
            with TemporaryDirectory(prefix="nnrun-") as name:
                saved = FilePath(name, "model.keras")
                self._session.save(saved)
                state["_saved"] = saved.read_bytes()
        return state


def read_experiment(config: str | FilePath, sets: Sequence[str]) -> tuple[Document, Experiment]:
    """Read a config and apply `--set` options.

    Raises:
        ConfigError: The config is no valid experiment.
    """
    file = find_config(str(config))
    document = overrides.apply(extends.read(file), sets)
    experiment, found = layer_files.locate(validate(document), DataPaths(file.resolve().parent))
    if found:
        raise ConfigError([one.problem(document) for one in found])
    return document, experiment


def fit_arrays(
    config: str | FilePath, sets: Sequence[str], data: Examples, *, task: Task, class_names: tuple[str, ...] = ()
) -> TrainedModel:
    """Train the model of a config on other data than its own.

    Of `data:` only `prepare:` is used, and `split: {validation: <share>}`, which holds out a share of the examples.

    Args:
        config: The config's path, or a shipped config's name.
        sets: `--set` options.
        data: The examples, with the names of classes or numbers as targets.
        task: The task of the estimator.
        class_names: The names of all classes, in order, if targets are classes.

    Raises:
        ConfigError: The config, its model or its loss cannot be used for the data or the task.
        NnrunError: Training failed.
    """
    document, experiment = read_experiment(config, sets)
    _require_task(document, experiment, task)
    dataset = _prepare_dataset(experiment, data, task, class_names)
    _raise_if_errors(document, experiment, dataset.facts)
    history: list[EpochLogs] = []
    with (
        TemporaryDirectory(prefix="nnrun-") as name,
        Session.open(
            experiment,
            dataset.facts,
            document.key_mark,
            threads=0,
            log=FilePath(name, "log.txt"),
            phase=lambda _: nullcontext(),
            weights_dir=layer_files.weights_dir(DataPaths(FilePath())),
        ) as session,
    ):
        architecture = session.architecture()
        session.fit(dataset, FilePath(name), FilePath(name, "best.keras"), NullProgress(), history.append)
        session.release_data()
    _free_logger()
    return TrainedModel(document, experiment, dataset.facts, dataset.fitted, history, architecture, session)


def _prepare_dataset(experiment: Experiment, data: Examples, task: Task, class_names: tuple[str, ...]) -> Dataset:
    form = target_forms(experiment)
    shape: tuple[int, ...] = getattr(data.y, "shape", (1,))
    names = ("target",) if isinstance(form, str) else tuple(form)
    if len(shape) > 1 and shape[1] > 1:
        names = tuple(f"target_{column}" for column in range(shape[1]))
    source = SourceData(data, class_names=class_names, target_names=names, task=task)
    split = experiment.data.split
    if split is not None:
        # Only a share of the given rows can be held out.
        has_share = isinstance(split.validation, float)
        split = (
            Split(validation=split.validation, stratify=split.stratify, shuffle=split.shuffle) if has_share else None
        )
    parts = split_parts(source, split, experiment.seed)
    spec = replace(experiment.data, split=split)
    return prepare_dataset(source, parts, spec, form=form, seed=experiment.seed, progress=NullProgress())


def _require_task(document: Document, experiment: Experiment, task: Task) -> None:
    """Check that a config has one output, and that its loss is for the task of the estimator.

    Raises:
        ConfigError: At the loss, the outputs or `init_from`.
    """
    if experiment.init_from is not None:
        raise _error(document, ("init_from",), "an estimator cannot start from another run", "leave out init_from")
    forms = target_forms(experiment)
    if not isinstance(forms, str) and len(forms) > 1:
        raise _error(document, ("model",), f"an estimator has one output, this model has {len(forms)}", None)
    form = forms if isinstance(forms, str) else next(iter(forms.values()))
    loss = next(iter(experiment.losses.values()))
    if task == "classification" and form == "number":
        text = f"{loss.name} compares numbers, and a classifier has classes"
        raise _error(document, loss.path, text, "use ConfigRegressor, or loss: sparse_categorical_crossentropy")
    if task == "regression" and form != "number":
        text = f"{loss.name} compares classes, and a regressor has numbers"
        raise _error(document, loss.path, text, "use ConfigClassifier, or loss: mean_squared_error")


def _raise_if_errors(document: Document, experiment: Experiment, facts: Facts) -> None:
    # An estimator has no test part, so what `expect:` claims of one is no error here.
    errors = [
        finding.problem(document)
        for finding in check_experiment(check_context(experiment, facts))
        if finding.severity == "error" and finding.name != "expect-path-unknown"
    ]
    if errors:
        raise ConfigError(errors)


def _error(document: Document, path: tuple[str | int, ...], text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(document.mark(path), text, hint)])


def _free_logger() -> None:
    """Give TensorFlow's logger an open stream, and hide its warnings.

    It keeps the stream that it found when it was imported, which is closed by now. Its warnings, of retraced functions
    in a search for example, are meant for authors of TensorFlow code.
    """
    logger = logging.getLogger("tensorflow")
    logger.setLevel(logging.ERROR)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            # `setStream` would first flush the closed stream.
            handler.stream = sys.stderr
