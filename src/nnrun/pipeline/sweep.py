"""Begin a sweep, or go on with one: its config is frozen, its trials are in the ledger, and processes train them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from shlex import quote
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump
from nnrun.config.files import find_config
from nnrun.errors import ConfigError, NnrunError, Problem, RunError
from nnrun.formatting import format_count
from nnrun.gpus import gpu_groups
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine, resolve_config
from nnrun.pipeline.child_processes import run_in_processes
from nnrun.pipeline.given_secrets import require_no_secrets
from nnrun.pipeline.same_runs import current_data_digests
from nnrun.pipeline.sweep_claim import LOST, release_killed
from nnrun.pipeline.sweep_data import frozen_data_dir, require_frozen_data
from nnrun.pipeline.sweep_memory import MemoryLimit
from nnrun.pipeline.sweep_plan import combinations_to_examine, plan_trials
from nnrun.pipeline.sweep_trials import MOST_KILLS, SweepTask, release_dead
from nnrun.pipeline.train import raise_if_errors
from nnrun.pipeline.trust import require_allowed
from nnrun.progress import LoggedProgress
from nnrun.runs.disk import RunLog, make_folder, write_file
from nnrun.runs.record import now
from nnrun.scratch import scratch_folder
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.result import read_sweep
from nnrun.sweep.rounds import require_suggestions, trials_left
from nnrun.sweep.space import as_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress, WorkersView
    from nnrun.spec.sweep import SweepSpec
    from nnrun.sweep.ledger import Ledger
    from nnrun.sweep.result import SweepResult
    from nnrun.sweep.space import Values

    #: Trains the trials of a sweep, somewhere: see `train_here`.
    TrainTrials = Callable[[SweepFolder, "SweepRequest", Mapping[str, Any], int, "SweepMonitor", Progress], None]

#: The combinations that are examined as a whole before anything is trained; of all others, each value alone.
_MOST_EXAMINED = 64


@dataclass(frozen=True)
class SweepRequest:
    """The arguments of `nnrun sweep`.

    Attributes:
        config: The config's path, or a shipped config's name; empty where a sweep is resumed.
        sets: The `--set` options, in order.
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        code: The files of `--code`, in order.
        jobs: How many processes train at the same time; None: one.
        fits_memory: Whether no more processes start than the memory allows, by what the first one takes.
        threads: The threads of each process; None: 1, so that no figure depends on `jobs`. A sweep that goes on keeps
            those that it began with.
        gpus_per_trial: The GPUs of each process, which sees no others; 0: it sees none; None: it sees what this process
            sees, or as when the sweep began.
        ledger: Where the ledger is: `sqlite` for the processes of one machine, `files` for several that share a folder,
            or the address of a PostgreSQL database.
        password: The password of that address, which is apart from it.
        files_dir: The folder in which the files that the config names are looked for; None: that of the config.
    """

    config: str
    sets: tuple[str, ...] = ()
    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    code: tuple[FilePath, ...] = ()
    jobs: int | None = None
    fits_memory: bool = False
    threads: int | None = None
    gpus_per_trial: int | None = None
    ledger: str = "sqlite"
    password: str | None = field(default=None, repr=False)
    files_dir: FilePath | None = None

    def fitting_gpus(self) -> SweepRequest:
        """Return the same request, with no more processes than the GPUs of this machine allow.

        Raises:
            RunError: It has not as many GPUs as one process needs.
        """
        if not self.gpus_per_trial:
            return self
        return replace(self, jobs=min(self.jobs or 1, len(gpu_groups(self.gpus_per_trial))))


def begin_sweep(request: SweepRequest, progress: Progress) -> SweepFolder:
    """Examine a config and all its values, and create the folder and the ledger of a sweep; nothing is trained.

    Raises:
        ConfigError: The config, or one of the values, has errors; with their places.
        MissingExtraError: The method needs Optuna, which is not installed.
        RunError: The trials cannot be listed, or there is nothing by which one could be chosen.
    """
    config = find_config(request.config)
    with user_code.register_code(request.code, config, request.sets) as codes:
        examined = examine(config, request.sets, request.data_dir, request.runs_dir, request.files_dir)
        raise_if_errors(examined)
        require_allowed(codes)
        require_no_secrets(examined.document, "a sweep")
        sweep = examined.experiment.sweep
        if sweep is None:
            hint = "add --grid training.batch_size=16,32 or --seeds 5, or a section `sweep:`"
            raise RunError("the config says nothing of what is to vary", hint)
        _require_choice(examined, sweep)
        planned, trials = plan_trials(examined, sweep, request.jobs or 1)
        base = {key: value for key, value in resolve_config(examined).items() if key != "sweep"}
        names = [FilePath(one.file).name for one in codes]
        base |= {"code": [f"code/{name}" for name in names]} if codes else {}
        folder = replace(SweepFolder.create(request.runs_dir, examined.experiment.name), password=request.password)
        _freeze(folder, examined, base, codes)
        _check_combinations(folder, combinations_to_examine(sweep, examined.experiment.seed, trials), request)
        digests = current_data_digests(examined, progress)
    for problem in examined.problems:
        progress.show_problem(problem)
    fields = {
        "name": examined.experiment.name,
        "start": now(),
        **planned,
        "threads": request.threads or 1,
        **({} if request.gpus_per_trial is None else {"gpus_per_trial": request.gpus_per_trial}),
        "data_dir": None if request.data_dir is None else str(request.data_dir.resolve()),
        "data": digests,
        "code": names,
    }
    try:
        folder.create_ledger(request.ledger, fields, trials)
    except NnrunError:
        # A server that refuses leaves nothing that looks like a sweep.
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    make_folder(folder.trials)
    return folder


def require_same_threads(folder: SweepFolder, threads: int | None) -> None:
    """Check that a sweep that goes on has as many threads as it began with, on which its figures depend.

    Args:
        folder: The sweep.
        threads: The threads that are asked for; None: as many as it began with.

    Raises:
        RunError: They are others.
    """
    begun = folder.open_ledger().fields().get("threads")
    if threads is not None and threads != begun:
        text = f"sweep {folder.id} began with --threads {begun}, on which its figures depend, and cannot have {threads}"
        raise RunError(text, "leave out --threads, or begin another sweep")


def run_sweep(
    folder: SweepFolder, request: SweepRequest, progress: Progress, train: TrainTrials | None = None
) -> SweepResult:
    """Train the trials of a sweep that wait, each in a run folder of its own.

    Trials whose process is gone go on from their last state.

    Args:
        folder: The sweep.
        request: How many processes there are, and what each has.
        progress: Receives what happens.
        train: Where they train; None: on this machine.

    Raises:
        StopRequestedError: A request to stop came in; the trials under way have saved their states.
        RunError: The ledger cannot be read or written, or the data changed since the sweep began.
    """
    ledger = folder.open_ledger(patient=True)
    progress = LoggedProgress(progress, RunLog(folder.log).write)
    for trial in release_dead(folder, ledger):
        progress.say(f"Trial {trial.number} goes on: its process is gone")
    fields = ledger.fields()
    left = trials_left(fields, ledger.counts())
    progress.say(f"Sweep {folder.id}: {format_count(left, 'trial')} to train")
    if left:
        warning = require_suggestions(fields)
        if warning is not None:
            progress.warn(warning)
        require_frozen_data(folder, fields, progress)
        with progress.workers("trials", left, "trials") as bar:
            (train or train_here)(folder, request, fields, left, SweepMonitor(ledger, progress, bar), progress)
    return read_sweep(folder)


def train_here(
    folder: SweepFolder,
    request: SweepRequest,
    fields: Mapping[str, Any],
    left: int,
    monitor: SweepMonitor,
    progress: Progress,
) -> None:
    """Train the trials of a sweep in processes of this machine.

    Args:
        folder: The sweep.
        request: How many processes there are, and what each has.
        fields: What the ledger knows of the sweep as a whole.
        left: How many trials have not ended.
        monitor: Receives the events.
        progress: Receives messages.

    Raises:
        StopRequestedError: A request to stop came in; the trials under way have saved their states.
        RunError: There are not as many GPUs as one process needs.
    """
    tasks = _tasks(folder, request, fields, progress)[:left]
    limit = MemoryLimit(len(tasks), request.fits_memory, progress)
    with scratch_folder("sweep") as shared:
        tasks = [replace(task, shared=shared) for task in tasks]
        run_in_processes(tasks, limit.processes, limit.watching(monitor.on_event), monitor.on_killed)


def _tasks(
    folder: SweepFolder, request: SweepRequest, fields: Mapping[str, Any], progress: Progress
) -> list[SweepTask]:
    """Return the task of each process, with the GPUs that it sees.

    Raises:
        RunError: There are not as many GPUs as one process needs.
    """
    jobs, per_trial = request.jobs or 1, request.gpus_per_trial
    if per_trial is None:
        per_trial = fields.get("gpus_per_trial")
    if not per_trial:
        return [SweepTask(folder, None if per_trial is None else ())] * jobs
    tasks = [SweepTask(folder, tuple(names)) for names in gpu_groups(per_trial)]
    if jobs > len(tasks):
        text = format_count(len(tasks), "process", "processes")
        progress.say(f"{text} at the same time instead of {jobs}: each has {format_count(per_trial, 'GPU')} of its own")
    return tasks[:jobs]


def best_config(result: SweepResult) -> str:
    """Return the config of the best combination, as YAML.

    Raises:
        RunError: No combination is done.
    """
    if result.best is None or result.objective is None:
        path = quote(str(result.folder.path))
        hint = f"nnrun sweep --resume {path}" if result.left else f"nnrun sweep show {path} says how its trials ended"
        raise RunError(f"no combination of sweep {result.folder.id} is done", hint)
    sets = result.best.trials[0].options
    examined = examine(result.folder.resolved, sets, frozen_data_dir(result.fields))
    head = (
        f"# The best combination of sweep {result.folder.id}, by {result.objective.path}: {result.best.value:g}\n"
        + "".join(f"#   {option}\n" for option in sets)
    )
    return head + dump(resolve_config(examined))


@dataclass
class SweepMonitor:
    """What the parent does with the events of its processes."""

    ledger: Ledger
    progress: Progress
    bar: WorkersView
    _shown: set[str] = field(default_factory=set)
    _best: float | None = None
    _kills: int = 0

    def on_event(self, kind: str, number: int | None, payload: Any) -> None:
        """Handle an event: of a trial those of `TrialClaim`, `at` or `score`; `say` and `warning` (a text)."""
        if kind == "at":
            self.bar.show(*payload)
            return
        if kind == "score":
            self._show_best(number, *payload)
            return
        if kind in ("failed", "again", LOST):
            self.progress.warn(f"Trial {number}: {payload}")
        elif kind in ("done", "pruned"):
            self.progress.say(f"Trial {number}: {payload}")
        elif kind == "say":
            self.progress.say(payload)
        elif payload not in self._shown:
            # All trials have the same data, and so the same warnings.
            self._shown.add(payload)
            self.progress.warn(payload)
        if kind in ("done", "pruned", "failed"):
            self.bar.advance(1)
            self._kills = 0

    def _show_best(self, number: int | None, path: str, value: float, key: float) -> None:
        """Show the best trial so far; `key` is smaller the better its score is."""
        if self._best is None or key < self._best:
            self._best = key
            self.bar.note(f"best: {path} {value:.4g}, trial {number}")

    def on_killed(self, task: SweepTask, pid: int, exit_code: int | None) -> list[SweepTask]:
        """Let the trial of a process that was killed wait again, and start another process in its place."""
        text = f"was killed, with exit code {exit_code}"
        self.bar.show(pid, "")
        self._kills += 1
        release_killed(self.ledger, pid, f"its process {text}", self.on_event)
        if self._kills >= MOST_KILLS:
            raise RunError(f"a process of the sweep {text}, as others before it", "see that there is enough memory")
        return [task] if trials_left(self.ledger.fields(), self.ledger.counts()) else []


def _require_choice(examined: Examined, sweep: SweepSpec) -> None:
    """Check that there is a part by whose scores a combination can be chosen, which must not be the test part."""
    split = examined.experiment.data.split
    if sweep.choose_by is not None or examined.context.has_validation or (split is not None and split.cross_validation):
        return
    mark = examined.document.key_mark(("sweep",))
    text = "there is no validation part by which a combination could be chosen; the test part is for the result alone"
    hint = "add `validation: 0.1` to data.split, or --choose-by test.error_percent, which the report states"
    raise ConfigError([Problem(mark, text, hint)])


def _check_combinations(folder: SweepFolder, combinations: Sequence[Values], request: SweepRequest) -> None:
    """Examine combinations as `nnrun check` does, on the frozen config, and remove the folder if one has errors.

    Raises:
        ConfigError: With the errors of the first combination that has some.
    """
    step = max(1, len(combinations) // _MOST_EXAMINED)
    for values in combinations[::step]:
        sets = as_options(values)
        try:
            raise_if_errors(examine(folder.resolved, sets, request.data_dir, request.runs_dir))
        except ConfigError as error:
            shutil.rmtree(folder.path, ignore_errors=True)
            found = [
                Problem(None, f"with {', '.join(sets)}: {one.text}", one.hint, one.name)
                for one in error.problems
                if one.severity == "error"
            ]
            raise ConfigError(found) from error


def _freeze(folder: SweepFolder, examined: Examined, base: dict[str, Any], codes: Sequence[UserCode]) -> None:
    """Write the config as it is now, and the user's code: what is edited later changes no trial."""
    write_file(folder.config, examined.file.read_bytes())
    write_file(folder.resolved, f"# Made by nnrun: what every trial of this sweep begins with.\n{dump(base)}".encode())
    if codes:
        make_folder(folder.code)
    for code in codes:
        write_file(folder.code / FilePath(code.file).name, code.content)
