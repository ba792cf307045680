"""Options and arguments that several commands share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


config = click.argument("config", metavar="CONFIG", shell_complete=completion.config)
run = click.argument("run", metavar="RUN", shell_complete=completion.run)


class FolderPath(click.Path):
    """The type of options that name a folder; an empty text, as of an unset variable, is not the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if value == "":
            self.fail("expected a folder, received an empty text; . is the current folder", param, ctx)
        return Path(str(super().convert(value, param, ctx)))


runs_dir = click.option(
    "--runs-dir",
    type=FolderPath(),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    envvar="NNRUN_RUNS_DIR",
    show_envvar=True,
    help="The folder of runs.",
)


def repeated_runs_dir(runs_dir: Path) -> str:
    """Return `--runs-dir` for a command to type next, with a space before it; nothing where it is the default one."""
    from nnrun.runs.folder import default_runs_dir

    is_default = runs_dir.resolve() == default_runs_dir().resolve()
    return "" if is_default else f" --runs-dir {quote(str(runs_dir))}"


data_dir = click.option(
    "--data-dir",
    type=FolderPath(),
    metavar="DIR",
    help="The folder of data files. Default: NNRUN_DATA_DIR, else your cache folder.",
)
quiet = click.option("--quiet", "-q", is_flag=True, help="Print only results and errors.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
sets = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    shell_complete=completion.setting,
    help="Change a value of the config, for example training.epochs=3. May be repeated.",
)
given_secrets = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    help="Give a secret again that --set gave to the run and its folder does not keep. May be repeated.",
)
code = click.option(
    "--code",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Python file with layers, losses, ... of your own. May be repeated.",
)
trust_run = click.option(
    "--trust-run", is_flag=True, help="Run the copy of the code in the run folder, instead of --code."
)
fold = click.option(
    "--fold",
    type=click.IntRange(min=0),
    metavar="N",
    help="Use the model of fold N of a cross-validation, counted from 0.",
)


def checkpoint(default: str) -> Decorator:
    """Return the option `--checkpoint`."""
    return click.option(
        "--checkpoint",
        default=default,
        show_default=True,
        metavar="last|best|PATH",
        shell_complete=completion.checkpoint,
        help="The saved model: of the end of training, of the best epoch, or a .keras file.",
    )


def combine(*decorators: Decorator) -> Decorator:
    """Return one decorator that applies several, in the order in which `--help` lists them."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def registered_code(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--code` to a command; the catalog holds what the files define while it runs, and nothing in them is run.

    Those that its `config` names under `code:` are among them.
    """

    @code
    @wraps(command)
    def with_code(*words: Any, code: tuple[Path, ...], **options: Any) -> Any:
        named = options.get("config")
        if not code and named is None:
            return command(*words, **options)
        from nnrun.config.files import find_config
        from nnrun.pipeline.user_code import register_code

        with register_code(code, None if named is None else find_config(named), options.get("sets", ())):
            return command(*words, **options)

    return with_code


#: The model of a run, and its code.
beam_width = click.option(
    "--beam-width",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Where the model writes a text, or its loss is CTC: follow the N likeliest unfinished texts; 1 is greedy.",
)
model = combine(checkpoint("last"), fold, code, trust_run)
#: A config that is looked at and not run.
examined_config = combine(config, sets, registered_code, data_dir, as_json)
#: Folders and the kind of output.
folders = combine(runs_dir, data_dir, quiet, as_json)


class OutputFile(click.Path):
    """The type of `--out`: a file that can be written, which is checked before anything is computed.

    Args:
        example: A file name for the hint where the user names a folder.
    """

    def __init__(self, example: str) -> None:
        super().__init__(path_type=Path)
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path.

        Raises:
            RunError: It is a folder, or its folder does not exist.
        """
        out = Path(str(super().convert(value, param, ctx)))
        if out.is_dir():
            raise RunError(f"--out {out}: expected a file, received a folder", f"--out {out / self._example}")
        if not out.absolute().parent.is_dir():
            raise RunError(f"--out {out}: there is no folder {out.parent}", f"mkdir -p {out.parent}")
        return out


def output_file(example: str, help_text: str) -> Decorator:
    """Return the option `--out`."""
    return click.option("--out", type=OutputFile(example), metavar="FILE", help=help_text)


def write_output_file(out: Path, text: str) -> None:
    """Write the file that `--out` names.

    Raises:
        RunError: The file cannot be written.
    """
    from nnrun.runs.output_file import write_output

    try:
        write_output(out, text.encode("utf-8", "backslashreplace"))
    except RunError as error:
        raise RunError(error.text, "choose another file with --out FILE") from error
