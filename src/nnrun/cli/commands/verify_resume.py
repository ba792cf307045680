"""`nnrun verify-resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nnrun.cli import options
from nnrun.cli.commands import train as train_command

#: Seeds that are drawn where none is given have five digits, which are easily typed.
_SEEDS = 100_000


@click.command("verify-resume")
@options.config
@click.option(
    "--kills", type=click.IntRange(1, 10_000), default=10, show_default=True, metavar="N", help="Kill N processes."
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="The seed of the moments. Default: drawn, and printed."
)
@options.sets
@options.code
@train_command.jobs
@click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep the runs in a folder in DIR. Default: a temporary folder, which is removed if all are identical.",
)
@options.data_dir
@options.quiet
@options.as_json
def verify_resume(*, config: str, seed: int | None, quiet: bool, as_json: bool, **settings: Any) -> int:
    """Prove that killed runs of a config continue to the same bits.

    The config is trained once without a kill. Then processes that train it are killed (SIGKILL) at random moments and
    resumed until they are done. History, samples, scores, predictions and all variables are compared bit for bit. Exits
    with 1 at the first difference.

    \b
    nnrun verify-resume my.yaml
    nnrun verify-resume my.yaml --set training.epochs=5 --kills 20
    """  # noqa: D301
    import random

    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.formatting import format_count
    from nnrun.pipeline.verify_resume import VerifyResumeRequest, proof_as_json
    from nnrun.pipeline.verify_resume import verify_resume as prove

    seed = random.SystemRandom().randrange(_SEEDS) if seed is None else seed
    request = VerifyResumeRequest(locate_config(config), seed=seed, **settings)
    with open_progress(quiet=quiet, json=as_json) as progress:
        proof = prove(request, progress)
    if as_json:
        print_json(proof_as_json(request, proof))
        return int(proof.problem is not None)
    output = Output.stdout()
    kills = format_count(len(proof.kills), "kill")
    output.write_line(f"{kills}: identical {proof.identical} of {format_count(proof.runs, 'run')}")
    terms = [] if proof.problem is None else [("difference", proof.problem)]
    terms += [] if proof.folder is None else [("runs", str(proof.folder))]
    print_terms(output, [*terms, ("seed", str(seed))])
    return int(proof.problem is not None)
