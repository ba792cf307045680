"""Options and arguments that several commands share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable


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
    shell_complete=completion.setting,
    help="Change a value of the config, as in training.epochs=3. May be given again.",
)
checkpoint = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="last|best|PATH",
    shell_complete=completion.checkpoint,
    help="Which saved model: as training left it, of the best epoch, or a .keras file.",
)
code = click.option(
    "--code",
    "code",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Python with layers, losses, ... of your own. May be given again.",
)
trust_run = click.option(
    "--trust-run", is_flag=True, help="Run the code that the run's folder keeps, instead of --code."
)


def knows_code(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--code`, and let it know for its length what the files offer; nothing in them is run."""

    @code
    @wraps(command)
    def knowing(*words: Any, code: tuple[Path, ...], **options: Any) -> Any:
        if not code:
            return command(*words, **options)
        from nnrun.pipeline.user_code import register_code

        with register_code(code):
            return command(*words, **options)

    return knowing


fold = click.option(
    "--fold",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of a cross-validation, the fold whose model is asked, counted from 0.",
)


config = click.argument("config", metavar="CONFIG", shell_complete=completion.config)
run = click.argument("run", metavar="RUN", shell_complete=completion.run)


def require_place(out: Path, name: str) -> None:
    """Refuse a place that cannot be written, before anything is computed.

    Args:
        out: What the user typed.
        name: What a file there could be called.

    Raises:
        RunError: It is a folder, or lies in one that is not there.
    """
    if out.is_dir():
        raise RunError(f"--out {out}: expected a file to write, received a folder", f"--out {out / name}")
    if not out.absolute().parent.is_dir():
        raise RunError(f"--out {out}: there is no folder {out.parent}", f"mkdir -p {out.parent}")


def write(out: Path, text: str) -> None:
    """Write a text as a whole.

    Raises:
        RunError: The disk refuses.
    """
    from nnrun.runs.disk import write_file

    try:
        write_file(out, text.encode("utf-8"))
    except RunError as error:
        raise RunError(error.text, "choose another file with --out FILE") from error
