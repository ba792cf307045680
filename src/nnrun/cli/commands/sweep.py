"""`nnrun sweep`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path as FilePath
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from nnrun import interruption
from nnrun.cli import completion, options
from nnrun.cli.command_group import CommandGroup
from nnrun.cli.commands.sweep_cluster import (
    launch,
    launch_options,
    launch_request,
    ledger_of,
    repeated,
    trainer_on,
    work,
)
from nnrun.cli.commands.sweep_jobs import AUTO, Jobs, gpus_per_trial
from nnrun.cli.commands.train import time_limit
from nnrun.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.pipeline.sweep import SweepRequest
    from nnrun.sweep.conclusions import Conclusions
    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.result import SweepResult
    from nnrun.sweep.study import Group

#: The words of `sweep.method` and `sweep.pruning`; to import them takes longer than all else that `--help` needs.
METHODS = ("grid", "random", "qmc", "tpe", "cmaes")
PRUNING = ("median", "hyperband")
#: More combinations than these are counted alone.
_MOST_ROWS = 20
#: The command that a first word which names no other one is an argument of.
_DEFAULT = "run"


class SweepGroup(CommandGroup):
    """The commands on sweeps; without the name of one, a sweep is run: `nnrun sweep CONFIG`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before arguments that name none."""
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=SweepGroup)
def sweep() -> None:
    """Train a config with several values, and find the best.

    \b
    nnrun sweep my.yaml --grid training.batch_size=16,32 --seeds 3 --jobs 2
    nnrun sweep --resume last
    nnrun sweep show last
    nnrun sweep best last > best.yaml
    """  # noqa: D301


@sweep.command(_DEFAULT)
@click.argument("config", metavar="[CONFIG]", required=False, shell_complete=completion.config)
@options.sets
@click.option(
    "--grid",
    multiple=True,
    metavar="PATH=VALUES",
    help="Values of a key, with commas between them, a YAML list, or a range: training.batch_size=16,32. May be "
    "repeated.",
)
@click.option("--random", type=click.IntRange(min=1), metavar="N", help="Draw N combinations by chance.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="How combinations are made: all with all (grid), by chance (random), spread evenly (qmc), or suggested from "
    "the trials so far (tpe, cmaes).",
)
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="How many combinations --method makes.")
@click.option(
    "--pruning",
    type=click.Choice(PRUNING),
    help="Stop trials early that are worse than others after as many epochs.",
)
@click.option(
    "--mapped",
    type=click.IntRange(min=2),
    metavar="N",
    help="Train up to N trials at once by one program on JAX, if they differ in seed, initializers, learning rate, "
    "weight decay, momentum and dropout rates alone.",
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Train each combination with N seeds.")
@click.option(
    "--choose-by",
    metavar="SCORE",
    help="The score by which a combination is best, for example validation.accuracy.",
)
@click.option(
    "--resume", "resumed", metavar="SWEEP", help="Go on with a sweep: its path, the start of its id, or last."
)
@click.option(
    "--jobs",
    type=Jobs(),
    default=1,
    metavar="N|auto",
    help="How many processes train at the same time; auto: one for each core, as far as memory and GPUs go.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="The threads of each process; 1 by default, so that no figure depends on --jobs.",
)
@gpus_per_trial
@click.option(
    "--ledger",
    metavar="sqlite|files|ADDRESS",
    help="Where it is kept what is tried and by whom: sqlite for the processes of one machine, files for several "
    "machines that share the folder of runs, or a database: postgresql://user@host/database. Default: sqlite; with "
    "--on: files.",
)
@launch_options
@time_limit
@options.code
@options.folders
def run(
    *, config: str | None, resumed: str | None, time_limit: float | None, quiet: bool, as_json: bool, **settings: Any
) -> int:
    """Train a config with several values of some of its keys.

    What varies stands in the section `sweep:` of the config, or in --grid, --random and --seeds. Each trial is a run in
    the sweep's folder. A sweep that was stopped or killed goes on with --resume: no trial is lost or trained twice. The
    exit code is 1 where no combination is done.

    \b
    nnrun sweep my.yaml --grid training.batch_size=16,32 --seeds 3
    nnrun sweep my.yaml --jobs auto
    nnrun sweep my.yaml --on slurm --jobs 4 --slurm-option time=8:00:00
    nnrun sweep my.yaml --on ray --jobs 8 --ray-address ray://head:10001
    nnrun sweep --resume last
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.errors import EXIT_FAILED, NnrunError
    from nnrun.pipeline.sweep import begin_sweep, require_same_threads, run_sweep
    from nnrun.sweep.folder import find_sweep

    launched = launch_request(settings)
    request = sweep_request(config, resumed, settings)
    if launched is not None and request.fits_memory:
        raise click.UsageError(
            "--jobs auto counts the cores of this machine: expected the number of workers, --jobs 16"
        )
    if time_limit is not None:
        interruption.limit_time(time_limit)
    with open_progress(quiet=quiet, json=as_json) as progress:
        if resumed is None:
            folder = begin_sweep(request if launched else request.fitting_gpus(), progress)
        else:
            folder = find_sweep(request.runs_dir, resumed)
            require_same_threads(folder, request.threads)
        if launched is not None and not launched.stays:
            launch(folder, launched, request, quiet=quiet, as_json=as_json)
            return 0
        try:
            result = run_sweep(folder, request, progress, None if launched is None else trainer_on(launched, folder))
        except (KeyboardInterrupt, NnrunError, OSError) as stop:
            stop.add_note(f"Continue it: nnrun sweep --resume {folder.path}{repeated(launched)}")
            raise
    if quiet and not as_json:
        from nnrun.cli.terminal.output import Output

        Output.stdout().write_line(str(folder.path))
    else:
        _print(result, as_json=as_json)
    # Without a combination that is done there is no result, as of a training that failed.
    return 0 if result.best is not None else EXIT_FAILED


def sweep_request(config: str | None, resumed: str | None, settings: dict[str, Any]) -> SweepRequest:
    """Return the arguments of a sweep; options that change its config are taken out of the settings.

    Args:
        config: The config's name.
        resumed: The sweep that goes on, in place of a config.
        settings: All other options, but those of the output.
    """
    from nnrun.cli.commands.configs import locate_config
    from nnrun.pipeline.sweep import SweepRequest

    if (config is None) == (resumed is None):
        received = "neither" if config is None else f"{config} and --resume {resumed}"
        raise click.UsageError(f"expected a config, or --resume SWEEP, received {received}")
    sets = (*settings.pop("sets"), *_sweep_options(settings))
    if resumed is not None and sets:
        raise click.UsageError("a sweep that is resumed keeps its config and trials: leave out what changes them")
    settings["ledger"], settings["password"] = ledger_of(settings["ledger"] or "sqlite")
    is_auto = settings["jobs"] == AUTO
    jobs = usable_cores() if is_auto else settings["jobs"]
    name = "" if config is None else str(locate_config(config))
    return SweepRequest(name, sets, **{**settings, "jobs": jobs, "fits_memory": is_auto})


def _sweep_options(settings: dict[str, Any]) -> list[str]:
    """Return the `--set` options that stand for the other options, which are taken out."""
    found = []
    for one in settings.pop("grid"):
        path, separator, values = one.partition("=")
        if not separator or not values.strip():
            raise click.UsageError(
                f"expected --grid PATH=VALUES, received {one}; for example training.batch_size=16,32"
            )
        mark = "'" if '"' in path else '"'
        found.append(f"sweep.parameters.{mark}{path}{mark}={_as_yaml(values.strip())}")
    drawn = settings.pop("random")
    if drawn is not None:
        if settings["method"] is not None or settings["trials"] is not None:
            raise click.UsageError(f"--random {drawn} is --method random --trials {drawn}: give one of the two")
        settings |= {"method": "random", "trials": drawn}
    values = {name: settings.pop(name) for name in ("method", "trials", "seeds", "choose_by", "pruning", "mapped")}
    return [*found, *(f"sweep.{name}={value}" for name, value in values.items() if value is not None)]


def _as_yaml(values: str) -> str:
    """Return the values of `--grid` as YAML: a list, or a range, as it is, and else a list of them."""
    is_list = values.startswith("[") or re.match(r"\{\s*(low|high|step|log)\b", values)
    return values if is_list and _is_one(values) else f"[{values}]"


def _is_one(values: str) -> bool:
    """Return whether the first bracket is closed by the last character, or by none, an error that is shown there."""
    depth, quote = 0, ""
    for index, character in enumerate(values):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "[{") - (character in "]}")
            if depth == 0:
                return index == len(values) - 1
    return True


@sweep.command("list")
@options.runs_dir
@options.as_json
def list_(runs_dir: Path, as_json: bool) -> None:
    """List all sweeps, the oldest first.

    \b
    nnrun sweep list
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, Table, print_json, print_paragraph, print_table
    from nnrun.errors import RunError
    from nnrun.sweep.folder import list_sweeps

    rows: list[dict[str, Any]] = []
    for folder in list_sweeps(runs_dir):
        try:
            ledger = folder.open_ledger()
            fields, counts = ledger.fields(), ledger.counts()
        except RunError as error:
            rows.append({"sweep": folder.id, "folder": str(folder.path), "problem": error.text})
        else:
            rows.append({"sweep": folder.id, "folder": str(folder.path), "start": fields["start"], "trials": counts})
    if as_json:
        print_json(rows)
    elif not rows:
        text = f"There is no sweep in {runs_dir} yet. nnrun sweep CONFIG --grid training.batch_size=16,32 makes one."
        print_paragraph(Output.stderr(), text)
    else:
        cells = [[one["sweep"], _counted(one["trials"]) if "trials" in one else one["problem"]] for one in rows]
        print_table(Output.stdout(), Table(("sweep", "trials"), cells))


@sweep.command()
@click.argument("word", metavar="SWEEP")
@options.runs_dir
@options.as_json
def show(word: str, runs_dir: Path, as_json: bool) -> None:
    """Show how a sweep stands: its combinations, the best first.

    SWEEP is a sweep's folder, the start of its id, its name, or last.

    \b
    nnrun sweep show last
    """  # noqa: D301
    from nnrun.sweep.folder import find_sweep
    from nnrun.sweep.result import read_sweep

    _print(read_sweep(find_sweep(runs_dir, word)), as_json=as_json)


@sweep.command()
@click.argument("word", metavar="SWEEP")
@options.runs_dir
@options.output_file("best.yaml", "Write it to a file instead.")
def best(word: str, runs_dir: Path, out: Path | None) -> None:
    """Print the config of a sweep's best combination.

    \b
    nnrun sweep best last > best.yaml
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.sweep import best_config
    from nnrun.sweep.folder import find_sweep
    from nnrun.sweep.result import read_sweep

    text = best_config(read_sweep(find_sweep(runs_dir, word)))
    if out is None:
        Output.stdout().write(text)
    else:
        options.write_output_file(out, text)


@sweep.command("report")
@click.argument("word", metavar="SWEEP")
@click.option(
    "--out",
    type=click.Path(path_type=FilePath, dir_okay=False),
    metavar="FILE",
    help="Write the report to this file only. Default: report.html and plots/ in the sweep's folder.",
)
@options.runs_dir
@options.as_json
def report(*, word: str, out: Path | None, runs_dir: Path, as_json: bool) -> None:
    """Write the report of a sweep.

    The report shows the combinations with their intervals, learning curves of the best, parallel coordinates, the
    importance of the parameters, failed trials, and by what the best one was chosen, in one HTML file that needs no
    network and no other files. It is made from the sweep's folder alone.

    SWEEP is a sweep's folder, the start of its id, its name, or last.

    \b
    nnrun sweep report last
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.sweep.folder import find_sweep
    from nnrun.sweep.report import write_sweep_report

    folder = find_sweep(runs_dir, word)
    written = write_sweep_report(folder, out)
    if as_json:
        print_json({"sweep": folder.id, "report": written.page, "plots": list(written.plots)})
    else:
        output = Output.stdout()
        output.write_line(output.shown(str(written.page)))


sweep.add_command(work)


def _print(result: SweepResult, *, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.sweep.conclusions import conclude_sweep

    conclusions = conclude_sweep(result)
    if as_json:
        print_json({**_as_json(result), **conclusions.as_json()})
        return
    output = Output.stdout()
    output.write_line()
    _print_groups(output, result)
    output.write_line()
    print_terms(output, _terms(result, conclusions))


def _print_groups(output: Any, result: SweepResult) -> None:
    from nnrun.cli.terminal.output import Table, print_table

    goal, seeds = result.objective, max(len(group.trials) for group in result.groups)
    # Of some parameters only the combinations have a value whose other parameters lead to them.
    paths = list(dict.fromkeys(path for group in result.groups for path in group.parameters))
    headings = [
        "combination",
        "trial",
        *paths,
        *([goal.path] if goal else []),
        *(["sd", "95 % interval"] if seeds > 1 else []),
        "status",
    ]
    rows = [_cells(group, paths, scored=goal is not None, several=seeds > 1) for group in result.groups[:_MOST_ROWS]]
    print_table(output, Table(tuple(headings), rows))
    if len(result.groups) > _MOST_ROWS:
        output.write_line(f"and {len(result.groups) - _MOST_ROWS} more; all of them: nnrun sweep show --json")


def _cells(group: Group, paths: Sequence[str], *, scored: bool, several: bool) -> list[str]:
    from nnrun.sweep.space import shown_value

    cells = [str(group.combination), group.trial_numbers]
    cells += [shown_value(group.parameters[path]) if path in group.parameters else "" for path in paths]
    if scored:
        cells.append("" if group.value is None else f"{group.value:.4g}")
    if several:
        known = group.estimate
        cells += ["" if group.sd is None else f"{group.sd:.2g}"]
        cells += ["" if known is None else f"{known.low:.4g} to {known.high:.4g}"]
    return [*cells, _counted(Counter(trial.status for trial in group.trials))]


def _counted(counts: Mapping[str, int]) -> str:
    if len(counts) == 1 and sum(counts.values()) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _terms(result: SweepResult, conclusions: Conclusions) -> list[tuple[str, str]]:
    from nnrun.sweep.conclusions import conclusion_terms

    terms = [("sweep", str(result.folder.path)), *conclusion_terms(result, conclusions)]
    failed = [trial for trial in result.trials if trial.status == "failed"]
    terms += [("failed", f"trial {one.number}: {one.error}") for one in failed[:3]]
    if result.left:
        terms.append(("next", f"nnrun sweep --resume {_named(result.folder)}"))
    elif result.best is not None:
        terms.append(("next", f"nnrun sweep best {_named(result.folder)} > best.yaml"))
    return terms


def _named(folder: SweepFolder) -> str:
    """Return the words of a command that lead to a sweep: its short id, and the folder of runs that it is in."""
    from nnrun.sweep.folder import SWEEPS

    if folder.path.parent.name != SWEEPS:
        return quote(str(folder.path))
    return f"{folder.short_id}{options.repeated_runs_dir(folder.path.parent.parent)}"


def _as_json(result: SweepResult) -> dict[str, Any]:
    goal = result.objective
    return {
        "sweep": result.folder.id,
        "folder": str(result.folder.path),
        **{key: value for key, value in result.fields.items() if key not in ("format", "data_dir")},
        "choose_by": None if goal is None else goal.path,
        "trials": [{**vars(one), "run": str(result.folder.run(one.number).path)} for one in result.trials],
        "combinations": [
            {
                "combination": group.combination,
                "parameters": group.parameters,
                "trials": [one.number for one in group.trials],
                "value": group.value,
                "sd": group.sd,
                "interval_95": None if group.estimate is None else [group.estimate.low, group.estimate.high],
            }
            for group in result.groups
        ],
        "best": None if result.best is None else result.best.combination,
    }
