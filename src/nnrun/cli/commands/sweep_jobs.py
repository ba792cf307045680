"""The options of `nnrun sweep` that say how many processes train at the same time, and what each of them has."""

from __future__ import annotations

from typing import Any

import click

#: The value of `--jobs` for as many processes as there are cores, memory and GPUs for.
AUTO = "auto"


class Jobs(click.ParamType):  # type: ignore[type-arg]
    """The type of `--jobs`: a number, or `auto` for that of the cores, as far as the memory goes."""

    name = "jobs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number of processes, or `auto`."""
        if str(value) == AUTO:
            return AUTO
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            self.fail(f"expected a number of processes or auto, received {value}", param, ctx)
        return number


class Gpus(click.ParamType):  # type: ignore[type-arg]
    """The type of `--gpus-per-trial`: a whole number."""

    name = "gpus"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of GPUs."""
        text = str(value)
        if not text.isdecimal():
            whole = "a GPU is never shared by two trials, since each takes most of its memory"
            self.fail(f"expected a whole number of GPUs, received {text}: {whole}", param, ctx)
        return int(text)


gpus_per_trial = click.option(
    "--gpus-per-trial",
    type=Gpus(),
    metavar="N",
    help="The GPUs of each process, which sees no others; --jobs is limited to what the visible GPUs allow. 0: no "
    "process sees a GPU.",
)
