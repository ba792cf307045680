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
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine, resolve_config
from nnrun.pipeline.child_processes import run_in_processes
from nnrun.pipeline.given_secrets import require_no_secrets
from nnrun.pipeline.same_runs import current_data_digests
from nnrun.pipeline.sweep_memory import MemoryLimit
from nnrun.pipeline.sweep_plan import combinations_to_examine, plan_trials
from nnrun.pipeline.sweep_trials import SweepTask, frozen_data_dir, release_dead
from nnrun.pipeline.train import raise_if_errors
from nnrun.progress import LoggedProgress
from nnrun.runs import environment
from nnrun.runs.disk import RunLog, make_folder, write_file
from nnrun.runs.record import now
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.result import read_sweep
from nnrun.sweep.rounds import require_suggestions, trials_left
from nnrun.sweep.space import as_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress, WorkersView
    from nnrun.spec.sweep import SweepSpec
    from nnrun.sweep.ledger import Ledger
    from nnrun.sweep.result import SweepResult
    from nnrun.sweep.space import Values

#: The combinations that are examined as a whole before anything is trained; of all others, each value alone.
_MOST_EXAMINED = 64
#: After so many processes that were killed without a trial that ended, no other one is started.
_MOST_KILLS = 10


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
        threads: The threads of each process; None: 1, so that no figure depends on `jobs`, or as when the sweep began.
        ledger: Where the ledger is: `sqlite` for the processes of one machine, `files` for several that share a folder,
            or the address of a PostgreSQL database.
        password: The password of that address, which is apart from it.
    """

    config: str
    sets: tuple[str, ...] = ()
    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    code: tuple[FilePath, ...] = ()
    jobs: int | None = None
    fits_memory: bool = False
    threads: int | None = None
    ledger: str = "sqlite"
    password: str | None = field(default=None, repr=False)


def begin_sweep(request: SweepRequest, progress: Progress) -> SweepFolder:
    """Examine a config and all its values, and create the folder and the ledger of a sweep; nothing is trained.

    Raises:
        ConfigError: The config, or one of the values, has errors; with their places.
        MissingExtraError: The method needs Optuna, which is not installed.
        RunError: The trials cannot be listed, or there is nothing by which one could be chosen.
    """
    with user_code.register_code(request.code) as codes:
        examined = examine(find_config(request.config), request.sets, request.data_dir, request.runs_dir)
        raise_if_errors(examined)
        require_no_secrets(examined.document, "a sweep")
        sweep = examined.experiment.sweep
        if sweep is None:
            hint = "add --grid training.batch_size=16,32 or --seeds 5, or a section `sweep:`"
            raise RunError("the config says nothing of what is to vary", hint)
        _require_choice(examined, sweep)
        planned, trials = plan_trials(examined, sweep, request.jobs or 1)
        base = {key: value for key, value in resolve_config(examined).items() if key != "sweep"}
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
        "data_dir": None if request.data_dir is None else str(request.data_dir.resolve()),
        "data": digests,
        "code": [file.name for file in request.code],
    }
    try:
        folder.create_ledger(request.ledger, fields, trials)
    except NnrunError:
        # A server that refuses leaves nothing that looks like a sweep.
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    make_folder(folder.trials)
    return folder


def run_sweep(folder: SweepFolder, request: SweepRequest, progress: Progress) -> SweepResult:
    """Train the trials of a sweep that wait, each in a run folder of its own.

    Trials whose process is gone go on from their last state.

    Raises:
        StopRequestedError: A request to stop came in; the trials under way have saved their states.
        RunError: The ledger cannot be read or written.
    """
    ledger = folder.open_ledger(patient=True)
    progress = LoggedProgress(progress, RunLog(folder.log).write)
    for trial in release_dead(folder, ledger):
        progress.say(f"Trial {trial.number} goes on: its process is gone")
    fields = ledger.fields()
    left, jobs = trials_left(fields, ledger.counts()), request.jobs or 1
    progress.say(f"Sweep {folder.id}: {format_count(left, 'trial')} to train")
    if left:
        warning = require_suggestions(fields)
        if warning is not None:
            progress.warn(warning)
        with progress.workers("trials", left, "trials") as bar:
            monitor = _Monitor(ledger, progress, bar)
            tasks = [SweepTask(folder) for _ in range(min(jobs, left))]
            limit = MemoryLimit(len(tasks), request.fits_memory, progress)
            run_in_processes(tasks, limit.processes, limit.watching(monitor.on_event), monitor.on_killed)
    return read_sweep(folder)


def best_config(result: SweepResult) -> str:
    """Return the config of the best combination, as YAML.

    Raises:
        RunError: No combination is done.
    """
    if result.best is None or result.objective is None:
        raise RunError(
            f"no combination of sweep {result.folder.id} is done",
            f"nnrun sweep --resume {quote(str(result.folder.path))}",
        )
    sets = result.best.trials[0].options
    examined = examine(result.folder.resolved, sets, frozen_data_dir(result.fields))
    head = (
        f"# The best combination of sweep {result.folder.id}, by {result.objective.path}: {result.best.value:g}\n"
        + "".join(f"#   {option}\n" for option in sets)
    )
    return head + dump(resolve_config(examined))


@dataclass
class _Monitor:
    """What the parent does with the events of its processes."""

    ledger: Ledger
    progress: Progress
    bar: WorkersView
    _shown: set[str] = field(default_factory=set)
    _best: float | None = None
    _kills: int = 0

    def on_event(self, kind: str, number: int | None, payload: Any) -> None:
        """Handle an event of a trial: `done`, `pruned`, `failed` (a text), `message`, `warning`; `at` and `score`."""
        if kind == "at":
            self.bar.show(*payload)
            return
        if kind == "score":
            self._show_best(number, *payload)
            return
        if kind in ("failed", "again"):
            self.progress.warn(f"Trial {number}: {payload}")
        elif kind in ("done", "pruned"):
            self.progress.say(f"Trial {number}: {payload}")
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
        host = environment.process()["host"]
        self._kills += 1
        for trial in self.ledger.trials("running"):
            process = trial.process or {}
            if process.get("pid") == pid and process.get("host") == host:
                again = self.ledger.release(trial, f"its process {text}")
                ending = "it goes on from its last state" if again else "it is not tried again"
                self.on_event("again" if again else "failed", trial.number, f"its process {text}; {ending}")
        if self._kills >= _MOST_KILLS:
            raise RunError(f"a process of the sweep {text}, as others before it", "see that there is enough memory")
        return [task] if trials_left(self.ledger.fields(), self.ledger.counts()) else []


def _require_choice(examined: Examined, sweep: SweepSpec) -> None:
    """Check that there is a part by whose scores a combination can be chosen, which must not be the test part."""
    split = examined.experiment.data.split
    if sweep.choose_by is not None or examined.context.has_validation or (split is not None and split.k_fold):
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
