"""The command `nnrun`: its subcommands, and how the process starts and ends."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nnrun import __version__, interruption
from nnrun.cli import exit_codes
from nnrun.cli.command_group import CommandGroup
from nnrun.cli.commands.agent_docs import agent_docs
from nnrun.cli.commands.baseline import baseline
from nnrun.cli.commands.card import card
from nnrun.cli.commands.check import check, wants_json
from nnrun.cli.commands.compare import compare
from nnrun.cli.commands.completion import completion
from nnrun.cli.commands.configs import configs
from nnrun.cli.commands.data import data
from nnrun.cli.commands.decide import calibrate_probabilities, tune_threshold
from nnrun.cli.commands.doctor import doctor
from nnrun.cli.commands.evaluate import evaluate
from nnrun.cli.commands.explain import explain
from nnrun.cli.commands.explain_run import explain_run
from nnrun.cli.commands.export import export
from nnrun.cli.commands.fork import fork
from nnrun.cli.commands.generate_text import generate
from nnrun.cli.commands.init import init
from nnrun.cli.commands.lab import lab
from nnrun.cli.commands.launch import launch
from nnrun.cli.commands.mcp import mcp
from nnrun.cli.commands.predict import predict
from nnrun.cli.commands.queue import queue
from nnrun.cli.commands.report import report
from nnrun.cli.commands.reproduce import reproduce
from nnrun.cli.commands.resolve import resolve
from nnrun.cli.commands.resume import resume
from nnrun.cli.commands.runs import runs
from nnrun.cli.commands.schema import schema
from nnrun.cli.commands.serve import serve
from nnrun.cli.commands.summary import summary
from nnrun.cli.commands.sweep import sweep
from nnrun.cli.commands.train import train
from nnrun.cli.commands.trust import trust
from nnrun.cli.commands.verify import verify
from nnrun.cli.commands.verify_resume import verify_resume
from nnrun.cli.terminal.language import check_language

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Arguments of click's own `main` for its handling of errors, which is not used.
_CLICK_ARGUMENTS = ("standalone_mode", "complete_var", "windows_expand_args")


class RootGroup(CommandGroup):
    """The outermost group, which turns every error into a message and an exit code."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit with its code.

        Args:
            args: The words after the program's name; those of this process by default.
            prog_name: Only for completion; help always shows `nnrun`.
            extra: Other arguments of click's `main`.
        """
        if os.environ.get("_NNRUN_COMPLETE"):
            from nnrun.cli.completion import register_bash

            register_bash()
            super().main(args, prog_name or "nnrun")
        words = list(sys.argv[1:] if args is None else args)
        options = {name: value for name, value in extra.items() if name not in _CLICK_ARGUMENTS}
        sys.exit(exit_codes.run_command(lambda: self._run(words, options), json=wants_json(words)))

    def _run(self, words: list[str], options: dict[str, Any]) -> object:
        check_language()
        with interruption.handled(), self.make_context("nnrun", words, **options) as context:
            return self.invoke(context)


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="nnrun")
def nnrun() -> None:
    """Run neural-network experiments from YAML files in Keras' own words.

    \b
    nnrun init data.csv           write a first config for your own data
    nnrun train digits_mlp        train a config that comes with nnrun
    nnrun eval last               score the last run again
    nnrun check my.yaml           find what is wrong with a config
    nnrun explain Conv2D          explain any word of a config or a score
    """  # noqa: D301 - \b is click's mark for lines that are not wrapped


for _command in (
    init,
    train,
    resume,
    fork,
    evaluate,
    predict,
    serve,
    tune_threshold,
    calibrate_probabilities,
    export,
    explain_run,
    sweep,
    queue,
    launch,
    compare,
    trust,
    verify,
    reproduce,
    baseline,
    verify_resume,
    check,
    summary,
    data,
    runs,
    explain,
    resolve,
    configs,
):
    nnrun.add_command(_command)
for _command in (report, card, lab, generate, schema, completion, doctor, agent_docs, mcp):
    nnrun.add_command(_command)


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
    _prepare_process()
    try:
        nnrun.main()
    except SystemExit as end:
        _end_process(end.code if isinstance(end.code, int) else 0)


def _prepare_process() -> None:
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where a terminal lacks UTF-8, characters that it cannot show are written as escapes.
            stream.reconfigure(errors="backslashreplace")
    # Imports take half of the time of `check`, and collecting garbage between them costs 20 ms; `open_progress`
    # switches the collector on again for long work.
    gc.disable()


def _open_closed_streams() -> None:
    """Open what the caller closed (`>&-`) on nowhere: a file of a run must not become descriptor 1 or 2 by chance."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _end_process(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # the interpreter's own last flush must not fail again
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if "tensorflow" in sys.modules or "jax" in sys.modules:
        # Their shutdown takes up to 1.3 s, and everything is on disk already.
        os._exit(code)
    sys.exit(code)
