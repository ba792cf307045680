"""`nnrun calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.engine.executors.xla_rule import Profile


#: How many times as fast bfloat16 must be to be proposed.
PROPOSED_FROM = 1.3


@click.command()
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the profile here. Default: NNRUN_PROFILE, else a file of your configuration, which runs then use.",
)
@click.option("--show", is_flag=True, help="Show the profile that is there; measure nothing.")
@click.option("--reset", is_flag=True, help="Remove the profile, so that built-in estimates count again.")
@options.quiet
@options.as_json
def calibrate(*, profile: Path | None, show: bool, reset: bool, quiet: bool, as_json: bool) -> None:
    """Measure this machine, so that the choice of XLA suits it.

    A handful of small models is trained with and without XLA, which takes about half a minute on an idle machine. What
    XLA gains and costs is kept in a profile. Runs choose by it, and their records name it; two runs with one profile
    choose alike. It may propose mixed_bfloat16, which no run takes by itself.

    \b
    nnrun calibrate
    nnrun calibrate --show
    nnrun calibrate --reset
    """  # noqa: D301
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.pipeline import calibrate as work

    if show and reset:
        raise click.UsageError("Give --show or --reset, not both.")
    file = work.place_of(profile)
    if reset:
        removed = work.forget(file)
        if as_json:
            put_json({"file": str(file), "removed": removed})
        elif not quiet:
            Screen.out().put(f"{file}: {'removed' if removed else 'there was none'}")
        return
    heard = Screen.err()
    found = work.known(file) if show else work.calibrate(file, (lambda _: None) if quiet or as_json else heard.put)
    if as_json:
        put_json(_told(file, found))
    elif not quiet:
        _put(file, found)


def _told(file: Path, profile: Profile) -> dict[str, Any]:
    return {"file": str(file), "digest": profile.digest, **profile.as_json()}


def _put(file: Path, profile: Profile) -> None:
    from nnrun.cli.terminal.layout import put_paragraph, put_terms
    from nnrun.cli.terminal.screen import Screen

    screen, costs = Screen.out(), profile.costs
    put_terms(
        screen,
        [
            ("profile", f"{profile.digest}, in {file}, of {profile.measured}"),
            ("machine", ", ".join(f"{name} {value}" for name, value in profile.machine.items())),
            ("XLA saves", f"{costs.layer:g} us a step for each layer, {costs.weight:g} for each weight"),
            ("", f"{costs.time:g} us for each time step of a recurrent layer"),
            ("XLA costs", f"{costs.compiling:g} s more to compile, {costs.recurrent:g} s for each recurrent layer"),
            ("mixed_bfloat16", ", ".join(f"{name} {gain:g} times as fast" for name, gain in profile.bfloat16.items())),
        ],
    )
    paying = [name for name, gain in profile.bfloat16.items() if gain >= PROPOSED_FROM]
    if paying:
        advice = "try --set precision=mixed_bfloat16, and compare the error"
        put_paragraph(screen, f"bfloat16 pays on this machine for models like {' and '.join(paying)}: {advice}.")
