"""`nnrun explain-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.cli.terminal.output import Output

_ERRORS = {"error_rate": "error", "mean_absolute_error": "mean absolute error"}


@click.command("explain-run")
@options.run
@click.option(
    "--part", type=click.Choice(["test", "validation", "train"]), help="Default: the test part, else validation."
)
@click.option(
    "--repeats", type=click.IntRange(min=1, max=1000), default=5, show_default=True, help="Permutations of each column."
)
@click.option(
    "--method",
    type=click.Choice(["occlusion", "grad-cam"]),
    help="How pictures are explained. Default: occlusion; grad-cam for large pictures.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=1, max=32),
    default=8,
    show_default=True,
    help="Pictures or texts that are explained.",
)
@click.option(
    "--patch", type=click.IntRange(min=1), help="Pixels of a side of the covering patch. Default: a fifth of a side."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of permutations and choices."
)
@options.model
@options.given_secrets
@options.folders
def explain_run(
    *,
    repeats: int,
    seed: int,
    method: Literal["occlusion", "grad-cam"] | None,
    examples: int,
    patch: int | None,
    quiet: bool,
    as_json: bool,
    **request: Any,
) -> None:
    """Show what a model goes by: columns of tables, parts of pictures.

    The values of each column are shuffled between rows; how much larger the error is then, with a 95 % interval, is
    what the model loses without the column. Of some pictures, a patch covers one part after the other (occlusion), or
    the last layer with height and width is weighted by the gradients of the predicted class (Grad-CAM); of some texts,
    each word is left out. All is kept with the run, and the report shows it.

    \b
    nnrun explain-run last
    nnrun explain-run last --repeats 20
    nnrun explain-run last --method grad-cam --examples 16
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.explain_pictures import PictureOptions
    from nnrun.pipeline.explain_run import explain_run as explain

    with open_progress(quiet=quiet, json=as_json) as progress:
        pictures = PictureOptions(method, examples, patch)
        result = explain(EvaluateRequest(**request), progress, repeats=repeats, seed=seed, pictures=pictures)
    if as_json:
        print_json(result.as_json())
        return
    output = Output.stdout()
    notes: list[str] = []
    if result.importance is not None:
        _print_importance(output, result.importance)
        notes += result.importance["notes"]
    if result.explanations is not None:
        _print_pictures(output, result.explanations.facts)
        notes += result.explanations.facts["notes"]
    if not quiet:
        for note in notes:
            print_paragraph(output, f"note: {note}")
        files = {"importance.json": result.importance, "explanations.json": result.explanations}
        names = " and ".join(name for name, found in files.items() if found is not None)
        output.write_line(f"kept as {names} in {result.folder.path}; nnrun report {result.folder.short_id} shows it")


def _print_importance(output: Output, importance: Mapping[str, Any]) -> None:
    from nnrun.cli.terminal.output import Table, print_table

    for one in importance["outputs"]:
        error = _ERRORS.get(one["error"], one["error"])
        name = f"{one['name']}: " if one["name"] else ""
        headings = ("column", f"{name}{error} grows by", "95 % interval")
        rows = [
            (each["column"], f"{each['importance']:.4g}", " to ".join(f"{end:.4g}" for end in each["interval_95"]))
            for each in one["columns"]
        ]
        print_table(output, Table(headings, rows, frozenset(headings[1:])))
    if importance.get("texts"):
        _print_texts(output, importance["texts"])


def _print_texts(output: Output, texts: Sequence[Mapping[str, Any]]) -> None:
    from nnrun.cli.terminal.output import Table, print_table
    from nnrun.formatting import format_number
    from nnrun.runs.importance import strongest_words

    headings = ("row", "column", "prediction", "words for it", "words against it")
    rows = [
        (str(one["row"]), one["column"], one["predicted"] or format_number(one["value"]), *strongest_words(one))
        for one in texts
    ]
    print_table(output, Table(headings, rows, frozenset({"row"})))


def _print_pictures(output: Output, facts: Mapping[str, Any]) -> None:
    from nnrun.cli.terminal.output import Table, print_table
    from nnrun.formatting import format_number

    for one in facts["outputs"]:
        name = f"{one['name']}: " if one["name"] else ""
        has_class = one["quantity"] in ("probability", "score")
        covered = "largest drop where covered" if facts["method"] == "occlusion" else "largest value of the map"
        headings = ("row", "truth", f"{name}predicted", one["quantity"] if has_class else "error", covered)
        rows = []
        for each in one["examples"]:
            shown = (each["truth"], each["predicted"]) if has_class else (each["true_value"], each["value"])
            figures = (each["value"] if has_class else each["error"], max(each["largest"]))
            words = [
                "-" if value is None else value if isinstance(value, str) else format_number(value) for value in shown
            ]
            rows.append((str(each["row"]), *words, *(f"{value:.4g}" for value in figures)))
        print_table(output, Table(headings, rows, frozenset(headings) - {"truth", headings[2]}))
