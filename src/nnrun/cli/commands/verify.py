"""`nnrun verify`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.cli.commands.check import Checked, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.screen import Screen
    from nnrun.pipeline.verify import Claim, VerifyResult
    from nnrun.spec.experiment import Expectation


_COLOURS = {"holds": "green", "fails": "red", "refused": "red", "failed": "red", "skipped": "yellow"}
#: What makes the whole command fail.
_BAD = ("fails", "refused", "failed")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="CONFIG...", shell_complete=completion.config)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Run N seeds, from the config's own upwards, and judge the mean.",
)
@click.option("--fresh", is_flag=True, help="Train even where a finished run of the same experiment is there.")
@options.runs_dir
@options.data_dir
@options.quiet
@options.as_json
def verify(
    *,
    files: tuple[str, ...],
    seeds: int,
    fresh: bool,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say whether configs keep what their `expect:` claims.

    Each CONFIG (a file, a folder of them, or the name of a config that comes with nnrun) is trained, unless there is
    a finished run of the same experiment on the same data. A config whose data are not here is skipped. Exits with 1
    where a claim fails.

    \b
    nnrun verify configs/smoke
    nnrun verify digits_mlp --seeds 5
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.verify import VerifyRequest
    from nnrun.pipeline.verify import verify as ask

    asked = VerifyRequest(runs_dir, data_dir, seeds, fresh, tuple(sys.argv))
    found = []
    for file in (file for word in files for file in walk(word)):
        with open_progress(quiet=quiet or not sys.stderr.isatty(), json=as_json) as progress:
            one = _wrong(file) if isinstance(file, Checked) else ask(file, asked, progress)
        found.append(one)
        if not as_json:
            _tell(one, quiet=quiet)
    failed = any(one.status in _BAD for one in found)
    if as_json:
        _put_json(found, failed=failed)
    elif len(found) > 1:
        _put_counts(found)
    return int(failed)


def _wrong(word: Checked) -> VerifyResult:
    from nnrun.pipeline.verify import VerifyResult

    return VerifyResult(Path(word.name), "refused", "it has errors", problems=word.problems)


def _tell(one: VerifyResult, *, quiet: bool) -> None:
    from nnrun.cli.terminal.problems import put_problems
    from nnrun.cli.terminal.screen import Screen, visible

    if quiet and one.status not in _BAD:
        return
    screen = Screen.out()
    word = screen.style(one.status, fg=_COLOURS.get(one.status), bold=True)
    screen.put(f"{visible(str(one.file))}: {word}{_why(one)}")
    put_problems(screen, one.problems, counted=False)
    _put_claims(screen, one.claims)


def _why(one: VerifyResult) -> str:
    from nnrun.cli.terminal.screen import visible

    if one.reason is not None:
        return f" ({visible(one.reason)})"
    taken = len(one.runs) - one.trained
    runs = ", ".join(folder.short_id for folder in one.runs)
    how = "trained" if not taken else "finished before" if not one.trained else f"{one.trained} trained"
    if one.changed is not None:
        how = f"{how}: {visible(one.changed)}"
    return f" (run{'s' if len(one.runs) > 1 else ''} {runs}, {how})"


def _put_claims(screen: Screen, claims: Sequence[Claim]) -> None:
    from nnrun.cli.terminal.layout import Table, put_table
    from nnrun.formatting import format_number

    several = any(len(claim.figures) > 1 for claim in claims)
    headings = ("  claim", "expected", *(("mean", "sd", "least", "most") if several else ("received",)), "")
    rows = []
    for claim in claims:
        known = [value for value in claim.figures if value is not None]
        shown = [claim.mean, claim.spread, *((min(known), max(known)) if known else (None, None))]
        cells = [format_number(_whole(value)) for value in (shown if several else shown[:1])]
        rows.append([f"  {claim.path}", said(claim.expected), *cells, "" if claim.holds else "fails"])
    if rows:
        put_table(screen, Table(headings, rows, frozenset(headings[2:-1]), ("least", "most", "sd")))


def _whole(value: float | None) -> float | None:
    """Show a count as a count."""
    return int(value) if value is not None and value.is_integer() else value


def said(expected: Expectation) -> str:
    """Give a claim in words: `1.1 within 0.35`, `at most 3`."""
    if expected.value is not None:
        return f"{expected.value:g} within {expected.within:g}"
    if expected.at_most is not None:
        return f"at most {expected.at_most:g}"
    return f"at least {expected.at_least:g}"


def _put_counts(found: Sequence[VerifyResult]) -> None:
    from nnrun.cli.terminal.screen import Screen

    statuses = dict.fromkeys(one.status for one in found)
    counts = ", ".join(f"{sum(one.status == status for one in found)} {status}" for status in statuses)
    Screen.out().put(f"{len(found)} configs: {counts}")


def _put_json(found: Sequence[VerifyResult], *, failed: bool) -> None:
    from nnrun.cli.terminal.screen import put_json

    put_json({"ok": not failed, "configs": [as_json(one) for one in found]})


def as_json(one: VerifyResult) -> dict[str, Any]:
    """Give one config's answer as plain data."""
    from nnrun.cli.terminal.problems import as_json as problem_json

    return {
        "file": str(one.file),
        "status": one.status,
        "reason": one.reason,
        "runs": [folder.id for folder in one.runs],
        "trained": one.trained,
        "changed": one.changed,
        "claims": [_claim_json(claim) for claim in one.claims],
        "problems": [problem_json(problem) for problem in one.problems],
    }


def _claim_json(claim: Claim) -> dict[str, Any]:
    expected = {name: value for name, value in asdict(claim.expected).items() if value is not None}
    return {
        "path": claim.path,
        "expected": expected,
        "figures": list(claim.figures),
        "mean": claim.mean,
        "sd": claim.spread,
        "holds": claim.holds,
    }
