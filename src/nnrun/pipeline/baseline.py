"""Baselines of a config's data or of a run's: simple models on the same rows, folds and preparation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.data.data_paths import DataPaths
from nnrun.errors import ConfigError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.cross_validate import is_cross_validated
from nnrun.pipeline.fold_runner import load_folds
from nnrun.pipeline.given_secrets import give_again, require_given
from nnrun.pipeline.loaded_data import load_data
from nnrun.progress import NullProgress
from nnrun.runs import record as records
from nnrun.runs.documents import read_scores_if_any
from nnrun.runs.find import find
from nnrun.spec.experiment import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.engine.scoring.baselines import BaselineResult
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment


def baselines_of_config(
    file: Path, sets: Sequence[str], data_dir: Path | None, progress: Progress, codes: Sequence[UserCode] = ()
) -> BaselineResult:
    """Fit and score the baselines of a config's data.

    Args:
        file: The config.
        sets: The `--set` options.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        progress: Receives notes and progress.
        codes: The registered files of `--code`.

    Raises:
        ConfigError: The config is no valid experiment, or has errors.
        DataError: The data cannot be used, or are of a kind that these models do not take.
    """
    examined = examine(file, sets, data_dir)
    errors = [problem for problem in examined.problems if problem.severity == "error"]
    if errors:
        raise ConfigError(errors)
    return _fit(examined.experiment, examined.places, progress, codes, Path(os.devnull))


def baselines_of_run(request: EvaluateRequest, progress: Progress) -> tuple[BaselineResult, RunFolder, dict[str, Any]]:
    """Fit and score the baselines of a run's data, and write them into its folder as `baselines.json`.

    Returns:
        The baselines, the run's folder, and its own `scores.json`.

    Raises:
        RunError: The run cannot be used.
        DataError: The data cannot be used, or are of a kind that these models do not take.
    """
    folder = find(request.runs_dir, request.run)
    with user_code.register_run_code(folder, records.read(folder), request.code, trust=request.trust_run) as codes:
        document = give_again(documents.read(folder.resolved), request.sets)
        require_given(document)
        places = DataPaths(folder.path.resolve(), request.data_dir)
        result = _fit(validate(document), places, progress, codes, folder.log)
    folder.write_json(folder.baselines.name, result.as_json())
    return result, folder, read_scores_if_any(folder)


def _fit(
    experiment: Experiment, places: DataPaths, progress: Progress, codes: Sequence[UserCode], log: Path
) -> BaselineResult:
    from nnrun.engine.scoring.baselines import fit_baselines

    with user_code.run_code(codes, experiment, threads=0, log=log):
        if not is_cross_validated(experiment):
            dataset = load_data(experiment, places, progress)
            return fit_baselines([dataset], seed=experiment.seed, folds=0, progress=progress)
        data = load_folds(experiment, places, progress)
        datasets = (data.dataset(number, NullProgress()) for number in range(len(data.folds)))
        return fit_baselines(datasets, seed=experiment.seed, folds=len(data.folds), progress=progress)
