"""`nnrun init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nnrun.cli import completion, options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.output import Output
    from nnrun.errors import Problem
    from nnrun.pipeline.init.begin import Begun
    from nnrun.pipeline.init.from_keras import FromKeras
    from nnrun.pipeline.init.request import Question, Task

_WAYS = (
    ("nnrun init data.csv", "a table: also .tsv, .csv.gz and .parquet; --target names the column to predict"),
    ("nnrun init pictures/", "pictures, recordings or texts, in a folder for each class"),
    ("nnrun init book.txt", "a text, which the network learns to write"),
    ("nnrun init arrays.npz", "arrays x and y"),
    ("nnrun init mnist_cnn", "a config that comes with nnrun (nnrun configs lists them)"),
    ("nnrun init --from-keras model.keras", "a model that Keras has saved, also as .h5"),
    ("nnrun init --from-script train.py", "your own script, which is run once with your rights"),
)
#: What to do next, by the source of the config.
_NEXT = {
    **dict.fromkeys(("csv", "parquet"), ("train FILE", "baseline FILE", "data check FILE")),
    **dict.fromkeys(("images", "audio", "npz"), ("train FILE", "data check FILE")),
    "text": ("train FILE", "generate-text last --temperature 0.7"),
}
#: More choices than this are not listed in a question.
_MOST_SHOWN = 20


@click.command()
@click.argument("data", metavar="[DATA]", required=False, shell_complete=completion.config)
@click.option("--target", "targets", multiple=True, metavar="COLUMN", help="The column to predict. May be repeated.")
@click.option(
    "--task",
    type=click.Choice(["classes", "number"]),
    help="Whether the target is classes or a number, if both may be.",
)
@click.option(
    "--from-keras",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a config that compiles to the model of a .keras or .h5 file. Code in it is never run.",
)
@click.option(
    "--from-script",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run your own Python script once, with your rights, and write what its Keras model was trained with.",
)
@click.option("--keep-data", is_flag=True, help="Keep the arrays that the script trains on, next to the config.")
@options.output_file("first.yaml", "The config to write. Default: NAME.yaml in the current folder.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing, and take the answers that are likely.")
@options.data_dir
@options.as_json
def init(
    *,
    data: str | None,
    targets: tuple[str, ...],
    task: str | None,
    from_keras: Path | None,
    from_script: Path | None,
    keep_data: bool,
    out: Path | None,
    yes: bool,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Write a first config for your own data, and check it.

    DATA is a table (csv, tsv, parquet), an npz file, a text, a folder of pictures, or the name of a config that comes
    with nnrun, which is copied. Everything that was found out stands in the config with its reason. On a terminal,
    init asks where the data leave something open. No file is ever overwritten.

    \b
    nnrun init data.csv --target price
    nnrun init mnist_cnn --out my_cnn.yaml
    nnrun init --from-keras model.keras
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.pipeline.init.begin import begin
    from nnrun.pipeline.init.request import InitRequest

    if keep_data and from_script is None:
        raise click.UsageError("--keep-data goes with --from-script.")
    if from_keras is not None or from_script is not None:
        if data or targets or task or (from_keras and from_script):
            option = "--from-script runs a script" if from_script else "--from-keras takes the model of a file"
            raise click.UsageError(f"{option}, without DATA, --target and --task, and one of the two at a time.")
        return _init_from_model(from_keras, from_script, out, data_dir, keep_data=keep_data, as_json=as_json)
    if data is None:
        if targets or task or out:
            raise click.UsageError("Expected DATA: a data file, a folder of pictures, or the name of a config.")
        print_terms(Output.stdout(), list(_WAYS))
        return 0
    is_asking = not yes and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    request = InitRequest(data, out, targets, cast("Task | None", task), data_dir)
    begun = begin(request, _ask if is_asking else None)
    failed = any(problem.severity == "error" for problem in begun.problems)
    if as_json:
        print_json(_as_json(begun, ok=not failed))
    else:
        _print(Output.stdout(), begun, failed=failed)
    return EXIT_REFUSED if failed else 0


def _init_from_model(
    file: Path | None,
    script: Path | None,
    out: Path | None,
    data_dir: Path | None,
    *,
    keep_data: bool,
    as_json: bool,
) -> int:
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.problems import problem_as_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.init.from_keras import begin_from_keras
    from nnrun.pipeline.init.from_script import FromScript, begin_from_script

    found: FromKeras
    if script is not None:
        with open_progress(quiet=as_json) as progress:
            found = begin_from_script(script, out, data_dir, progress, keep_data=keep_data)
    else:
        found = begin_from_keras(Path(str(file)), out, data_dir)
    failed = any(problem.severity == "error" for problem in found.problems)
    if as_json:
        model = found.model
        problems = [problem_as_json(problem) for problem in found.problems]
        print_json(
            {
                "ok": not failed,
                "file": str(found.file),
                "keras_version": found.version,
                "parameters": model.parameters,
                "compiled_parameters": model.compiled,
                "adapted_parameters": model.adapted,
                "greatest_difference": model.difference,
                "greatest_output": model.scale,
                "data": str(found.data),
                "notes": list(found.notes),
                "problems": problems,
                **(
                    {"script_loss": found.script_loss, "first_loss": found.loss, "data_kept": found.kept}
                    if isinstance(found, FromScript)
                    else {}
                ),
            }
        )
    else:
        _print_from_keras(Output.stdout(), found, failed=failed)
    return EXIT_REFUSED if failed else 0


def _print_from_keras(output: Output, found: FromKeras, *, failed: bool) -> None:
    from shlex import quote

    from nnrun.cli.terminal.output import print_paragraph
    from nnrun.formatting import format_count
    from nnrun.pipeline.init.from_keras import proof_text
    from nnrun.pipeline.init.from_script import FromScript

    file = output.shown(quote(str(found.file)))
    output.write_line(_written(output, found.file))
    text = f"the model: {format_count(found.model.parameters, 'parameter')}; {proof_text(found.model)}"
    print_paragraph(output, text)
    for note in found.notes:
        print_paragraph(output, f"note: {note}")
    if isinstance(found, FromScript) and found.script_loss is not None and found.loss is not None:
        text = f"first epoch: loss {found.loss:.4g} by nnrun, {found.script_loss:.4g} by the script"
        print_paragraph(output, f"{text} (from the same weights, on the same rows)")
    _print_check(output, found.problems, failed=failed)
    if not found.data.exists():
        print_paragraph(output, f"next: put your data into {found.data}, as the comment at the top says")
    output.write_line(f"next: nnrun {'check' if failed else 'train'} {file}")


def _written(output: Output, file: Path) -> str:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    return f"{output.shown(str(file))}: written, {lines} lines"


def _print_check(output: Output, problems: Sequence[Problem], *, failed: bool) -> None:
    """Print what `check` says."""
    from nnrun.cli.terminal.problems import print_problems
    from nnrun.config.render import count_problems

    print_problems(output, problems, counted=False)
    others = f" ({count_problems(problems)})" if problems else ""
    result = output.style("error", fg="red", bold=True) if failed else output.style("ok", fg="green", bold=True)
    output.write_line(f"nnrun check: {result}{others}")


def _ask(question: Question) -> str:
    """Ask on the terminal until the answer is one of the choices."""
    from nnrun.cli.terminal.language import translated
    from nnrun.config.hints import did_you_mean_or_list
    from nnrun.formatting import visible

    choices = [visible(choice) for choice in question.choices]
    if len(choices) <= _MOST_SHOWN:
        click.echo(f"{visible(translated(question.text))} ({', '.join(choices)})")
    else:
        click.echo(visible(translated(question.text)))
    while True:
        answer = str(click.prompt(f"  {translated(question.why)}", default=visible(question.default)))
        if answer in choices:
            return question.choices[choices.index(answer)]
        click.echo(f"  {answer}: {translated(did_you_mean_or_list(answer, choices))}")


def _as_json(begun: Begun, *, ok: bool) -> dict[str, Any]:
    from nnrun.cli.terminal.problems import problem_as_json

    assumed = [
        {"question": question.text, "answer": answer, "why": question.why, "option": question.option}
        for question, answer in begun.assumed
    ]
    problems = [problem_as_json(problem) for problem in begun.problems]
    return {"ok": ok, "file": str(begun.file), "assumed": assumed, "notes": list(begun.notes), "problems": problems}


def _print(output: Output, begun: Begun, *, failed: bool) -> None:
    from shlex import quote

    from nnrun.cli.terminal.output import print_paragraph

    for question, answer in begun.assumed:
        print_paragraph(output, f"assumed: {question.text} {answer} ({question.why}). {question.option} says so.")
    output.write_line(_written(output, begun.file))
    for note in begun.notes:
        print_paragraph(output, f"note: {note}")
    _print_check(output, begun.problems, failed=failed)
    commands = _NEXT.get(begun.source, ("train FILE",))
    for command in ("check FILE",) if failed else commands:
        output.write_line(f"next: nnrun {command.replace('FILE', output.shown(quote(str(begun.file))))}")
