"""The command `nnrun`: its subcommands, and how the process ends."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nnrun import __version__
from nnrun.cli import exit_codes
from nnrun.cli.command_group import Commands
from nnrun.cli.commands.check import check, wants_json
from nnrun.cli.commands.compare import compare
from nnrun.cli.commands.completion import completion
from nnrun.cli.commands.configs import configs
from nnrun.cli.commands.data import data
from nnrun.cli.commands.evaluate import evaluate
from nnrun.cli.commands.explain import explain
from nnrun.cli.commands.generate_text import generate
from nnrun.cli.commands.predict import predict
from nnrun.cli.commands.report import report
from nnrun.cli.commands.resolve import resolve
from nnrun.cli.commands.runs import runs
from nnrun.cli.commands.schema import schema
from nnrun.cli.commands.summary import summary
from nnrun.cli.commands.train import train
from nnrun.cli.commands.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


#: Arguments of click's own `main` that say how it handles errors.
_CLICKS_OWN = ("standalone_mode", "complete_var", "windows_expand_args")


class Root(Commands):
    """The outermost group: everything that leaves it goes through the door."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit with its code.

        Args:
            args: The words after the program's name; those of this process by default.
            prog_name: Only for completion; help always says `nnrun`.
            extra: What click passes on; its own handling of errors is not used.
        """
        if os.environ.get("_NNRUN_COMPLETE"):
            from nnrun.cli.completion import use_own_bash

            use_own_bash()
            super().main(args, prog_name or "nnrun")
        words = list(sys.argv[1:] if args is None else args)
        options = {name: value for name, value in extra.items() if name not in _CLICKS_OWN}
        sys.exit(exit_codes.enter(lambda: self._run(words, options), json=wants_json(words)))

    def _run(self, words: list[str], options: dict[str, Any]) -> object:
        with self.make_context("nnrun", words, **options) as context:
            return self.invoke(context)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="nnrun")
def nnrun() -> None:
    """Run neural-network experiments from YAML files in Keras' own words.

    \b
    nnrun train digits_mlp        train a config that comes with nnrun
    nnrun eval last               score the last run again
    nnrun check my.yaml           say what is wrong with a config
    nnrun explain Conv2D          say what a part of a config takes
    """  # noqa: D301 - \b is click's mark for lines that stay as they are


for _command in (train, evaluate, predict, compare, verify, check, summary, data, runs, explain, resolve, configs):
    nnrun.add_command(_command)
for _command in (report, generate, schema, completion):
    nnrun.add_command(_command)


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
    _prepare()
    try:
        nnrun.main()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)


def _prepare() -> None:
    """Set up what belongs to the process, not to a command."""
    # A stream that the caller closed is None; a command need not know.
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name or a terminal may lack UTF-8; what cannot be written is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    # Imports take half of the time of `check`, and collecting garbage between them costs 20 ms; `open_progress`
    # switches the collector on again for long work.
    gc.disable()
    signal.signal(signal.SIGTERM, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        exit_codes.let_go_of_stdout()
    if "tensorflow" in sys.modules or "jax" in sys.modules:
        # Their part of the interpreter's end takes up to 1.3 s and keeps nothing that is not on disk already.
        os._exit(code)
    sys.exit(code)
