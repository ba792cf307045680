"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click import Context, Parameter
    from click.shell_completion import CompletionItem

runs_dir = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    envvar="NNRUN_RUNS_DIR",
    show_envvar=True,
    help="Where runs lie.",
)
data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where data lie. Default: NNRUN_DATA_DIR, else your cache folder.",
)
quiet = click.option("--quiet", "-q", is_flag=True, help="Say nothing but results and errors.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
sets = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a value of the config, as in training.epochs=3. May be given again.",
)
checkpoint = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="last|best|PATH",
    help="Which saved model: as training left it, of the best epoch, or a .keras file.",
)


def complete_config(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a shipped config, or of a file."""
    from click.shell_completion import CompletionItem

    from nnrun.config import shipped

    named = [CompletionItem(name) for name in shipped.names() if name.startswith(incomplete)]
    return named or [CompletionItem(incomplete, type="file")]


def complete_run(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete a run's id or short id."""
    from click.shell_completion import CompletionItem

    from nnrun.runs.find import list_runs

    folders = [row.folder for row in list_runs(context.params.get("runs_dir") or Path("runs"))]
    words = ["last", *(folder.short_id for folder in folders), *(folder.id for folder in folders)]
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def complete_name(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a part that the catalog knows."""
    from click.shell_completion import CompletionItem

    from nnrun.catalog.lookup import CATEGORIES, names

    return [CompletionItem(name) for category in CATEGORIES for name in names(category) if name.startswith(incomplete)]


config = click.argument("config", metavar="CONFIG", shell_complete=complete_config)
run = click.argument("run", metavar="RUN", shell_complete=complete_run)
