"""`nnrun queue add`: the commands that can be queued, with their own arguments and options."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.command_group import CommandGroup
from nnrun.cli.commands.resume import resume
from nnrun.cli.commands.sweep import run as sweep
from nnrun.cli.commands.sweep import sweep_request
from nnrun.cli.commands.sweep_cluster import launch_request
from nnrun.cli.commands.train import Duration, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.progress import Progress
    from nnrun.runs.queue import Job, Queue

#: The commands that can be queued.
QUEUED: dict[str, click.Command] = {"train": train, "resume": resume, "sweep": sweep}
#: Where click keeps the words of a command line for its callback.
_WORDS = "nnrun.queued_words"
#: Options of the output on a terminal, which a job does not have.
_OF_OUTPUT = ("quiet", "as_json")


class _QueuedCommand(click.Command):
    """A command that is queued instead of run.

    Args:
        name: Its name.
        freeze: Checks the arguments and adds a job.
        help_text: The help.
    """

    def __init__(self, name: str, freeze: Callable[[Queue, dict[str, Any], Progress], _Frozen], help_text: str) -> None:
        super().__init__(name, params=QUEUED[name].params, callback=self._add, help=help_text)
        self._freeze = freeze

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they were typed."""
        ctx.meta[_WORDS] = (str(self.name), *args)
        return super().parse_args(ctx, args)

    def _add(self, **values: Any) -> None:
        from nnrun.cli.terminal.progress import open_progress
        from nnrun.pipeline.queue_add import frozen_data_dir, require_no_secret_words
        from nnrun.runs.queue import Queue

        typed = click.get_current_context().meta[_WORDS]
        require_no_secret_words(typed)
        quiet, as_json = values["quiet"], values["as_json"]
        # The process of the job runs elsewhere, and has another environment.
        values |= {"runs_dir": values["runs_dir"].resolve(), "data_dir": frozen_data_dir(values["data_dir"])}
        queue = Queue(values["runs_dir"])
        with open_progress(quiet=quiet, json=as_json) as progress:
            values, kept = self._freeze(queue, values, progress)
        words = [str(self.name), *command_words(QUEUED[str(self.name)], values)]
        job = queue.add(typed, words, working_dir=os.getcwd(), **kept)  # noqa: PTH109 - as text
        _print_added(queue, job, quiet=quiet, as_json=as_json)


#: The values with which a command is run later, and further attributes of the job.
_Frozen = tuple[dict[str, Any], dict[str, Any]]


def command_words(command: click.Command, values: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line whose parameters have these values."""
    words: list[str] = []
    arguments: list[str] = []
    for parameter in command.params:
        value = values.get(str(parameter.name))
        if parameter.name in _OF_OUTPUT or value is None:
            continue
        if isinstance(parameter, click.Argument):
            arguments.append(str(value))
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            words += [parameter.opts[0]] if value else []
        else:
            unit = "s" if isinstance(parameter.type, Duration) else ""
            each = value if parameter.multiple else (value,)
            words += [f"{parameter.opts[0]}={one}{unit}" for one in each]
    return [*words, *(["--"] if any(one.startswith("-") for one in arguments) else []), *arguments]


def _freeze_train(queue: Queue, values: dict[str, Any], progress: Progress) -> _Frozen:
    from nnrun.cli.commands.configs import locate_config
    from nnrun.pipeline.queue_add import freeze_train
    from nnrun.pipeline.train import TrainRequest

    if values["is_smoke"]:
        raise click.UsageError("--smoke takes seconds, and keeps nothing that a job could have: nnrun train --smoke")
    config = str(locate_config(values["config"]))
    request = TrainRequest(config, values["sets"], values["runs_dir"], values["data_dir"], code=values["code"])
    frozen = freeze_train(queue, request, progress)
    changed = {"config": str(frozen.folder.resolved), "sets": (), "code": frozen.code}
    return {**values, **changed}, {"folder": frozen.folder.path, "data": frozen.data}


def _freeze_resume(queue: Queue, values: dict[str, Any], progress: Progress) -> _Frozen:
    from nnrun.pipeline.queue_add import freeze_resume
    from nnrun.pipeline.resume import ResumeRequest
    from nnrun.pipeline.train import TrainRequest

    options = TrainRequest("", values["sets"], values["runs_dir"], values["data_dir"], code=values["code"])
    frozen = freeze_resume(queue, ResumeRequest(values["run"], options, trust_run=values["trust_run"]), progress)
    run = frozen.run.path.resolve() if frozen.run is not None else None
    return {**values, "run": run, "code": frozen.code}, {"folder": frozen.folder.path, "run": run}


def _freeze_sweep(queue: Queue, values: dict[str, Any], progress: Progress) -> _Frozen:
    """Begin a sweep, which freezes all that it needs: the job goes on with it."""
    from nnrun.pipeline.sweep import begin_sweep
    from nnrun.sweep.folder import find_sweep

    settings = {name: value for name, value in values.items() if name not in (*_OF_OUTPUT, "time_limit")}
    config, resumed = settings.pop("config"), settings.pop("resumed")
    if launch_request(settings) is not None:
        raise click.UsageError("the queue is of this machine: hand a sweep to a cluster with nnrun sweep --on")
    # What changes the trials is taken out of the settings; what is left says how they are trained.
    request = sweep_request(config, resumed, settings).fitting_gpus()
    folder = begin_sweep(request, progress) if resumed is None else find_sweep(request.runs_dir, resumed)
    path = folder.path.resolve()
    changed = {**settings, "resumed": path, "code": (), "data_dir": None, "time_limit": values["time_limit"]}
    return changed, {"folder": queue.new_folder(folder.id).path, "run": path}


def _print_added(queue: Queue, job: Job, *, quiet: bool, as_json: bool) -> None:
    from shlex import join

    from nnrun.cli.commands.queue_jobs import as_document
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph, print_terms

    output, worker = Output.stdout(), queue.worker()
    if as_json:
        print_json(as_document(job))
    elif quiet:
        output.write_line(str(job.number))
    else:
        print_paragraph(output, f"Job {job.number} waits: nnrun {join(job.typed)}")
        if worker is None:
            print_terms(output, [("next", f"nnrun queue start{options.repeated_runs_dir(queue.path.parent)}")])
        else:
            text = f"process {worker.get('pid')} on {worker.get('host')} works through the queue"
            print_terms(output, [("queue", text)])


@click.group(cls=CommandGroup)
def add() -> None:
    """Add a command to the queue, after a check.

    Its config and code are copied, and the digests of its data noted: what is edited later changes nothing of it.

    \b
    nnrun queue add train my.yaml --set seed=3
    nnrun queue add sweep my.yaml --seeds 5 --jobs 2
    nnrun queue add resume last
    """  # noqa: D301


add.add_command(
    _QueuedCommand(
        "train",
        _freeze_train,
        "Queue the training of a config.\n\nThe config is checked now, and copied with everything that --set changes."
        "\n\n\b\nnnrun queue add train my.yaml --set seed=3",
    )
)
add.add_command(
    _QueuedCommand(
        "sweep",
        _freeze_sweep,
        "Queue a sweep.\n\nIts folder and all of its trials are made now; nnrun sweep list shows it."
        "\n\n\b\nnnrun queue add sweep my.yaml --grid training.batch_size=16,32 --seeds 3",
    )
)
add.add_command(
    _QueuedCommand(
        "resume",
        _freeze_resume,
        "Queue the resuming of a run.\n\nRUN is a run's folder, the start of its id, its name, or last: the last one "
        "now.\n\n\b\nnnrun queue add resume last",
    )
)
