"""Findings in the forms that machines read: commands of GitHub's workflows, and SARIF 2.1.0."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nnrun import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.cli.commands.check import Checked
    from nnrun.errors import Mark, Problem, Severity


_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: The rule of what breaks the language itself, which has no finding's name.
LANGUAGE = "config-language"
_GITHUB: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def github(checked: Sequence[Checked]) -> Iterator[str]:
    """Give a workflow command for each problem, which GitHub shows beside the line of the change."""
    for each in checked:
        for problem in each.problems:
            place = ",".join(f"{key}={_property(str(value))}" for key, value in _place(each, problem).items())
            yield f"::{_GITHUB[problem.severity]} {place}::{_data(_message(problem))}"


def _place(each: Checked, problem: Problem) -> dict[str, str | int]:
    place: dict[str, str | int] = {"file": _relative(_file(each, problem.mark))}
    mark = problem.mark
    if mark is not None and _is_in_file(mark):
        place |= {"line": mark.line, "endLine": mark.line}
        place |= {"col": mark.column, "endColumn": mark.column + mark.length} if mark.column else {}
    return {**place, "title": problem.name or "nnrun check"}


def _message(problem: Problem) -> str:
    mark = problem.mark
    where = f"{mark.file} {mark.text}: " if mark is not None and not _is_in_file(mark) else ""
    return f"{where}{problem.text}" + (f"\nhint: {problem.hint}" if problem.hint else "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _is_in_file(mark: Mark) -> bool:
    """Tell a place in a file from one in an option of the command line (`--set`)."""
    return not mark.file.startswith("--")


def _file(each: Checked, mark: Mark | None) -> str:
    return mark.file if mark is not None and _is_in_file(mark) else each.name


def _relative(file: str) -> str:
    """Give a path as seen from the working folder, with slashes, where it lies below it."""
    path = Path(file).absolute()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def sarif(checked: Sequence[Checked]) -> dict[str, Any]:
    """Give one SARIF log with all problems; paths are relative to the working folder."""
    problems = [(each, problem) for each in checked for problem in each.problems]
    rules = sorted({_rule(problem) for _, problem in problems})
    driver = {"name": "nnrun", "semanticVersion": __version__, "rules": [_described(rule) for rule in rules]}
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, problem, rules) for each, problem in problems],
            }
        ],
    }


def _rule(problem: Problem) -> str:
    return problem.name or LANGUAGE


def _described(rule: str) -> dict[str, Any]:
    from nnrun.spec.findings.explanations import EXPLANATIONS

    found = EXPLANATIONS.get(rule)
    if found is None:
        return {"id": rule, "shortDescription": {"text": "What the language of configs does not allow."}}
    return {
        "id": rule,
        "shortDescription": {"text": found.what},
        "help": {"text": f"{found.why}\n\nnnrun explain {rule}"},
        "defaultConfiguration": {"level": found.severity},
    }


def _result(each: Checked, problem: Problem, rules: Sequence[str]) -> dict[str, Any]:
    rule = _rule(problem)
    file = _relative(_file(each, problem.mark))
    uri = quote(file) if not file.startswith("/") else f"file://{quote(file)}"
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if problem.mark is not None and _is_in_file(problem.mark):
        place["region"] = _region(problem.mark)
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "locations": [{"physicalLocation": place}],
    }


def _region(mark: Mark) -> dict[str, Any]:
    if not mark.column:
        return {"startLine": mark.line}
    return {
        "startLine": mark.line,
        "startColumn": mark.column,
        "endColumn": mark.column + mark.length,
        "snippet": {"text": mark.text},
    }
