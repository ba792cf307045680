"""`nnrun verify`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.cli.commands.check import find_configs
from nnrun.cli.terminal.problems import CheckedFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.verify import Claim, VerifyResult
    from nnrun.spec.experiment import Expectation


_COLORS = {"holds": "green", "fails": "red", "refused": "red", "failed": "red", "skipped": "yellow"}
#: The statuses with which the whole command fails.
_FAILURES = ("fails", "refused", "failed")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="CONFIG...", shell_complete=completion.config)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Run N consecutive seeds, starting with the config's own, and compare the mean.",
)
@click.option("--fresh", is_flag=True, help="Train even if there is a finished run of the same experiment.")
@options.folders
def verify(*, files: tuple[str, ...], quiet: bool, as_json: bool, **request: Any) -> int:
    """Verify that configs reach the scores that they expect.

    Each CONFIG (a file, a folder of configs, or the name of a config that comes with nnrun) is trained, unless there is
    a finished run of the same experiment on the same data. Its scores are compared with its `expect:`. A config is
    skipped if its data are missing. Exits with 1 if any score is not as expected.

    \b
    nnrun verify configs/smoke
    nnrun verify digits_mlp --seeds 5
    """  # noqa: D301
    from pathlib import Path

    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.verify import VerifyRequest, VerifyResult
    from nnrun.pipeline.verify import verify as verify_config

    results, output = [], Output.stdout()
    for file in (file for word in files for file in find_configs(word)):
        with open_progress(quiet=quiet or not sys.stderr.isatty(), json=as_json) as progress:
            if isinstance(file, CheckedFile):
                result = VerifyResult(Path(file.name), "refused", "it has errors", problems=file.problems)
            else:
                result = verify_config(file, VerifyRequest(argv=tuple(sys.argv), **request), progress)
        results.append(result)
        if not as_json and (not quiet or result.status in _FAILURES):
            _print_result(output, result)
    failed = any(result.status in _FAILURES for result in results)
    if as_json:
        print_json({"ok": not failed, "configs": [result_as_json(result) for result in results]})
    elif len(results) > 1:
        statuses = dict.fromkeys(result.status for result in results)
        counts = [f"{sum(result.status == status for result in results)} {status}" for status in statuses]
        output.write_line(f"{len(results)} configs: {', '.join(counts)}")
    return int(failed)


def _print_result(output: Output, result: VerifyResult) -> None:
    from nnrun.cli.terminal.problems import print_problems

    status = output.style(result.status, fg=_COLORS.get(result.status), bold=True)
    output.write_line(output.shown(f"{result.file}: ") + status + output.shown(_explanation(result)))
    print_problems(output, result.problems, counted=False)
    if result.claims:
        _print_claims(output, result.claims)


def _explanation(result: VerifyResult) -> str:
    if result.reason is not None:
        return f" ({result.reason})"
    finished = len(result.runs) - result.trained
    runs = ", ".join(folder.short_id for folder in result.runs)
    how = "trained" if not finished else f"{result.trained} trained" if result.trained else "finished before"
    if result.changed is not None:
        how = f"{how}: {result.changed}"
    return f" (run{'s' if len(result.runs) > 1 else ''} {runs}, {how})"


def _print_claims(output: Output, claims: Sequence[Claim]) -> None:
    from nnrun.cli.terminal.output import Table, print_table
    from nnrun.formatting import format_number

    several = any(len(claim.figures) > 1 for claim in claims)
    headings = ("  claim", "expected", *(("mean", "sd", "min", "max") if several else ("received",)), "")
    rows = []
    for claim in claims:
        known = [value for value in claim.figures if value is not None]
        values = [claim.mean, claim.spread, *((min(known), max(known)) if known else (None, None))]
        cells = [format_number(_as_count(value)) for value in (values if several else values[:1])]
        rows.append([f"  {claim.path}", format_expectation(claim.expected), *cells, "" if claim.holds else "fails"])
    print_table(output, Table(headings, rows, frozenset(headings[2:-1]), ("min", "max", "sd")))


def _as_count(value: float | None) -> float | None:
    """Return a whole number as an integer, which is shown without decimals."""
    return int(value) if value is not None and value.is_integer() else value


def format_expectation(expected: Expectation) -> str:
    """Format an expectation: `1.1 within 0.35`, `at most 3`."""
    if expected.value is not None:
        return f"{expected.value:g} within {expected.within:g}"
    if expected.at_most is not None:
        return f"at most {expected.at_most:g}"
    return f"at least {expected.at_least:g}"


def result_as_json(result: VerifyResult) -> dict[str, Any]:
    """Return the result of one config as plain data for `--json`."""
    from nnrun.cli.terminal.problems import problem_as_json

    return {
        "file": str(result.file),
        "status": result.status,
        "reason": result.reason,
        "runs": [folder.id for folder in result.runs],
        "trained": result.trained,
        "changed": result.changed,
        "claims": [_claim_as_json(claim) for claim in result.claims],
        "problems": [problem_as_json(problem) for problem in result.problems],
    }


def _claim_as_json(claim: Claim) -> dict[str, Any]:
    expected = {name: value for name, value in asdict(claim.expected).items() if value is not None}
    return {
        "path": claim.path,
        "expected": expected,
        "figures": list(claim.figures),
        "mean": claim.mean,
        "sd": claim.spread,
        "holds": claim.holds,
    }
