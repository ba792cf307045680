"""nnrun from Python: what the commands do, with results as objects and data frames.

    import nnrun
    run = nnrun.train("digits_mlp", sets={"training.epochs": 3})
    run.scores["test"]["error_percent"]
    run.predict("new.csv")
    nnrun.load_run("last").metrics

`nnrun` itself has these names, and imports this module when the first of them is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from math import isnan
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump
from nnrun.config.files import find_config
from nnrun.config.overrides import as_options
from nnrun.errors import RunError
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record
from nnrun.runs.find import find
from nnrun.runs.predictions import read_predictions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from nnrun.errors import Problem
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.sweep.result import SweepResult

    #: A config: its path, the name of one that comes with nnrun, or its content.
    Config = str | PathLike[str] | Mapping[str, Any]
    #: New examples: a file as of `nnrun predict`, a table with the columns of the run's data, or arrays.
    NewData = str | PathLike[str] | pd.DataFrame | Sequence[Mapping[str, Any]] | np.ndarray


def train(
    config: Config,
    *,
    sets: Mapping[str, Any] | None = None,
    code: Sequence[str | PathLike[str]] = (),
    runs_dir: str | PathLike[str] = "runs",
    data_dir: str | PathLike[str] | None = None,
    jobs: int | None = None,
    quiet: bool = False,
) -> Run:
    """Train a config, as `nnrun train` does, and return its run.

    Args:
        config: Its path, the name of one that comes with nnrun, or its content; files that the content names are looked
            for in the working directory.
        sets: Values by dotted path, as of `--set`: `{"training.epochs": 3}`.
        code: Files of your own code, which are run.
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        jobs: How many processes share the folds of a cross-validation.
        quiet: Whether no progress is shown.

    Raises:
        ConfigError: The config has errors; with the place of each.
        NnrunError: Anything later failed; the run's folder has the reason.
    """
    from nnrun.pipeline.train import TrainRequest
    from nnrun.pipeline.train import train as train_config

    with _config_file(config) as (file, folder), _progress(quiet=quiet) as progress:
        request = TrainRequest(
            str(file),
            sets=as_options(sets or {}),
            runs_dir=Path(runs_dir),
            data_dir=_path(data_dir),
            argv=("nnrun.train",),
            code=tuple(map(Path, code)),
            jobs=jobs,
            files_dir=folder,
        )
        return Run(train_config(request, progress).folder, _path(data_dir))


def check(
    config: Config, *, sets: Mapping[str, Any] | None = None, data_dir: str | PathLike[str] | None = None
) -> list[Problem]:
    """Return the errors, warnings and notes about a config, as `nnrun check` prints them; nothing is trained.

    Args:
        config: As of `train`.
        sets: As of `train`.
        data_dir: As of `train`.
    """
    from nnrun.errors import ConfigError
    from nnrun.pipeline.check import examine

    with _config_file(config) as (file, folder):
        try:
            return list(examine(file, as_options(sets or {}), _path(data_dir), files_dir=folder).problems)
        except ConfigError as error:
            return list(error.problems)


def load_run(
    run: str | PathLike[str] = "last",
    *,
    runs_dir: str | PathLike[str] = "runs",
    data_dir: str | PathLike[str] | None = None,
) -> Run:
    """Return a run.

    Args:
        run: Its folder, the start of its id, its name, or `last`.
        runs_dir: The folder of runs.
        data_dir: The folder of data, where the run's own are scored again.

    Raises:
        RunError: There is no such run, or several.
    """
    return Run(find(Path(runs_dir), str(run)), _path(data_dir))


def list_runs(runs_dir: str | PathLike[str] = "runs") -> pd.DataFrame:
    """Return the runs of a folder, the oldest first: id, name, status, start, seconds, epochs, and a score."""
    import pandas as pd

    from nnrun.runs.find import list_runs as rows_of

    rows = [
        (one.id, one.name, one.status, one.started, one.seconds, one.epochs, *(one.headline or (None, None)))
        for one in rows_of(Path(runs_dir))
    ]
    return pd.DataFrame(rows, columns=["id", "name", "status", "started", "seconds", "epochs", "metric", "value"])


def run_sweep(
    config: Config,
    *,
    sets: Mapping[str, Any] | None = None,
    runs_dir: str | PathLike[str] = "runs",
    data_dir: str | PathLike[str] | None = None,
    jobs: int | None = None,
    quiet: bool = False,
) -> Sweep:
    """Train the trials of a config with a section `sweep:`, as `nnrun sweep` does, and return the sweep.

    Args:
        config: As of `train`.
        sets: As of `train`; `{"sweep.seeds": 5}` sets the sweep, too.
        runs_dir: The folder of runs.
        data_dir: The folder of data.
        jobs: How many processes train at the same time.
        quiet: Whether no progress is shown.

    Raises:
        ConfigError: The config, or a value of it, has errors.
        RunError: The sweep cannot be begun or go on.
    """
    from nnrun.pipeline.sweep import SweepRequest, begin_sweep
    from nnrun.pipeline.sweep import run_sweep as train_trials

    with _config_file(config) as (file, folder), _progress(quiet=quiet) as progress:
        request = SweepRequest(
            str(file),
            sets=as_options(sets or {}),
            runs_dir=Path(runs_dir),
            data_dir=_path(data_dir),
            jobs=jobs,
            files_dir=folder,
        )
        return Sweep(train_trials(begin_sweep(request, progress), request, progress))


@dataclass(frozen=True)
class Run:
    """A run, from its folder: nothing is read or started before it is asked for.

    Attributes:
        folder: Its folder.
        data_dir: The folder of data, where the run's own are scored again.
    """

    folder: RunFolder
    data_dir: Path | None = None

    @property
    def path(self) -> Path:
        """The path of its folder."""
        return self.folder.path

    @property
    def record(self) -> dict[str, Any]:
        """The content of `record.json`: status, command, versions, seed, digests, seconds."""
        return record.read(self.folder)

    @property
    def status(self) -> str:
        """`done`, `running`, `failed`, ..."""
        return str(self.record.get("status"))

    @property
    def config(self) -> dict[str, Any]:
        """The config with every default written out."""
        from nnrun.config import document as documents

        found: dict[str, Any] = documents.read(self.folder.resolved).data
        return found

    @property
    def scores(self) -> dict[str, Any]:
        """The content of `scores.json`.

        Raises:
            RunError: The run has no scores, as it has not ended.
        """
        try:
            found: dict[str, Any] = json.loads(self.folder.scores.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"{self.folder.id} has no scores: its status is {self.status}") from error
        return found

    @property
    def metrics(self) -> pd.DataFrame:
        """The metrics of every epoch, and of every fold, a row each."""
        import pandas as pd

        return pd.DataFrame(metrics.read(self.folder.metrics))

    @property
    def predictions(self) -> pd.DataFrame:
        """The predictions that the scores are of, a row for each example: its row in the source, truth, prediction.

        Raises:
            RunError: The run has none.
        """
        import pandas as pd

        try:
            headings, rows = read_predictions(self.folder.predictions)
        except FileNotFoundError as error:
            raise RunError(f"{self.folder.id} has no predictions: its status is {self.status}") from error
        return _with_numbers(pd.DataFrame(rows, columns=headings))

    @property
    def model(self) -> Any:
        """The trained Keras model, of the last epoch; its inputs are prepared examples.

        Raises:
            RunError: The model cannot be read, or is of a backend other than the one that this process has started.
        """
        from nnrun.pipeline.evaluate import load_session, open_run_with_code

        with open_run_with_code(self._request()) as loaded, load_session(loaded, "last") as session:
            return session.model

    def predict(self, data: NewData, *, checkpoint: str = "last", fold: int | None = None) -> pd.DataFrame:
        """Predict new examples, raw as the run's own data are; they are prepared as those were.

        Args:
            data: A file as of `nnrun predict`; a data frame, or a list of mappings, with the columns of the run's data,
                of which the target may be missing; or an array (examples, ...) for runs on arrays or pictures.
            checkpoint: `last`, `best`, or the path of a `.keras` file.
            fold: Of a cross-validation, the fold of the model; None: the model of the final fit.

        Returns:
            A row for each example: `row`, `prediction`, and for classes the probability of each.

        Raises:
            DataError: The examples do not suit the run.
            RunError: The run's model cannot be used.
        """
        import pandas as pd

        from nnrun.pipeline.evaluate import predict

        request = self._request(checkpoint=checkpoint, fold=fold)
        with _data_file(data, request) as file:
            result = predict(request, file)
        return pd.DataFrame(result.rows, columns=list(result.columns))

    def evaluate(self, data: NewData | None = None, *, part: Any = None, checkpoint: str = "last") -> dict[str, Any]:
        """Score the run's model again, as `nnrun eval` does; by default, to the last digit of what training found.

        Args:
            data: Other examples, with their truth; None: the run's own.
            part: `test`, `validation` or `train`, of the run's own data.
            checkpoint: `last`, `best`, or the path of a `.keras` file.

        Returns:
            The scores by the name of the part, as in `scores.json`; `data` for other examples.
        """
        from nnrun.pipeline.evaluate import evaluate

        if data is None:
            return evaluate(self._request(part=part, checkpoint=checkpoint), NullProgress()).scores
        request = self._request(checkpoint=checkpoint)
        with _data_file(data, request) as file:
            return evaluate(replace(request, data=file), NullProgress()).scores

    def plot(self, metric: str = "loss") -> Figure:
        """Draw a metric of training and validation by epoch, of each fold.

        Args:
            metric: Its name, as in `metrics`.

        Raises:
            RunError: No epoch has this metric.
        """
        from matplotlib.figure import Figure

        table = self.metrics
        if metric not in table:
            known = ", ".join(
                name for name in table.columns if name not in ("epoch", "fold", "seconds", "learning_rate")
            )
            raise RunError(f"{self.folder.id} has no metric '{metric}'", f"one of: {known}" if known else None)
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        for fold, rows in table.groupby("fold", dropna=False) if "fold" in table else [(None, table)]:
            of_fold = f", fold {fold:.0f}" if isinstance(fold, int | float) and not isnan(fold) else ""
            for name, label in ((metric, "training"), (f"val_{metric}", "validation")):
                if name in rows and rows[name].notna().any():
                    axes.plot(rows["epoch"], rows[name], label=f"{label}{of_fold}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(metric)
        axes.legend()
        return figure

    def report(self, out: str | PathLike[str] | None = None) -> Path:
        """Write the run's report, as `nnrun report` does, and return its path.

        Args:
            out: The page's file; None: `report.html` in the run's folder.
        """
        from nnrun.report.page import write_report

        return write_report(self.folder, _path(out)).page

    def _request(self, **settings: Any) -> EvaluateRequest:
        from nnrun.pipeline.evaluate import EvaluateRequest

        return EvaluateRequest(str(self.folder.path), data_dir=self.data_dir, **settings)

    def __repr__(self) -> str:
        """`<Run 20261129T114202Z_boston_61691c: done, test error_percent 1.1>`."""
        return f"<Run {self.folder.id}: {self.status}>"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: its status, and the numbers among its scores."""
        import html

        import pandas as pd

        try:
            parts = {name: part for name, part in self.scores.items() if isinstance(part, dict)}
        except RunError:
            parts = {}
        numbers = {
            name: {key: one for key, one in part.items() if isinstance(one, float)} for name, part in parts.items()
        }
        table = pd.DataFrame({name: part for name, part in numbers.items() if part}).to_html(
            float_format="{:.4g}".format
        )
        return f"<p><b>{html.escape(self.folder.id)}</b>: {html.escape(self.status)}</p>{table if numbers else ''}"


@dataclass(frozen=True)
class Sweep:
    """A sweep that has ended.

    Attributes:
        result: How it stands.
    """

    result: SweepResult

    @property
    def path(self) -> Path:
        """The path of its folder."""
        return self.result.folder.path

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial: `number`, `combination`, `seed`, `status`, its parameters, and its score."""
        import pandas as pd

        goal = self.result.objective
        rows = [
            {
                "number": one.number,
                "combination": one.combination,
                "seed": one.seed,
                "status": one.status,
                **one.parameters,
                **({} if goal is None else {goal.path: goal.value(one)}),
            }
            for one in self.result.trials
        ]
        return pd.DataFrame(rows)

    @property
    def best(self) -> Run:
        """The first run of the best combination.

        Raises:
            RunError: No combination is done.
        """
        if self.result.best is None:
            raise RunError(f"no combination of sweep {self.result.folder.id} is done")
        return Run(self.result.folder.run(self.result.best.trials[0].number))

    @property
    def best_config(self) -> str:
        """The config of the best combination, as YAML.

        Raises:
            RunError: No combination is done.
        """
        from nnrun.pipeline.sweep import best_config

        return best_config(self.result)


def _path(value: str | PathLike[str] | None) -> Path | None:
    return None if value is None else Path(value)


@contextmanager
def _config_file(config: Config) -> Iterator[tuple[Path, Path | None]]:
    """Give the file of a config, and the folder in which its files are looked for; None: the file's own."""
    if isinstance(config, str):
        yield find_config(config), None
    elif isinstance(config, Mapping):
        with TemporaryDirectory(prefix="nnrun-") as folder:
            file = Path(folder, "config.yaml")
            file.write_text(dump(dict(config)), encoding="utf-8")
            yield file, Path.cwd()
    else:
        yield Path(config), None


@contextmanager
def _data_file(data: NewData, request: EvaluateRequest) -> Iterator[Path]:
    """Give a file of new examples: the caller's own, a csv file of a table, or an npz file of an array.

    A csv file is written as the run's own is, by which it is read.
    """
    if isinstance(data, str | PathLike):
        yield Path(data)
        return
    with TemporaryDirectory(prefix="nnrun-") as folder:
        import numpy as np
        import pandas as pd

        from nnrun.pipeline.evaluate import csv_dialect

        if isinstance(data, np.ndarray):
            file = Path(folder, "data.npz")
            np.savez(file, x=data)
        else:
            file = Path(folder, "data.csv")
            table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(list(data))
            dialect = csv_dialect(request)
            written: dict[str, Any] = {
                "sep": dialect.separator,
                "decimal": dialect.decimal,
                "encoding": dialect.encoding,
            }
            table.to_csv(file, index=False, header=dialect.header is not False, **written)
        yield file


def _with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Turn the columns of text that hold nothing but numbers into numbers."""
    import pandas as pd

    for name in table.columns:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (numbers.notna() | (table[name] == "")).all():
            table[name] = numbers
    return table


def _progress(*, quiet: bool) -> AbstractContextManager[Progress]:
    from nnrun.cli.terminal.progress import open_progress

    return open_progress(quiet=quiet)
