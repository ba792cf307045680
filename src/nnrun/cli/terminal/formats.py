"""Problems in the formats of other programs: workflow commands of GitHub, and SARIF 2.1.0."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nnrun import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.cli.terminal.problems import CheckedFile
    from nnrun.errors import Mark, Problem, Severity


_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: The rule for errors of the config language itself, which have no finding's name.
LANGUAGE = "config-language"
_GITHUB: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def github_commands(checked: Sequence[CheckedFile]) -> Iterator[str]:
    """Yield a workflow command for each problem, which GitHub shows next to the changed line."""
    for each in checked:
        for problem in each.problems:
            place: dict[str, str | int] = {"file": _relative(_file(each, problem.mark))}
            if (mark := _mark_in_file(problem)) is not None:
                place |= {"line": mark.line, "endLine": mark.line}
                place |= {"col": mark.column, "endColumn": mark.column + mark.length} if mark.column else {}
            place["title"] = problem.name or "nnrun check"
            properties = ",".join(f"{key}={_escape_property(str(value))}" for key, value in place.items())
            yield f"::{_GITHUB[problem.severity]} {properties}::{_escape(_message(problem))}"


def _message(problem: Problem) -> str:
    mark = problem.mark
    option = f"{mark.file} {mark.text}: " if mark is not None and _mark_in_file(problem) is None else ""
    return f"{option}{problem.text}" + (f"\nhint: {problem.hint}" if problem.hint else "")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _mark_in_file(problem: Problem) -> Mark | None:
    """Return the problem's mark; None where it has none, or one in an option of the command line (`--set`)."""
    return None if problem.mark is None or problem.mark.file.startswith("--") else problem.mark


def _file(each: CheckedFile, mark: Mark | None) -> str:
    return each.name if mark is None or mark.file.startswith("--") else mark.file


def _relative(file: str) -> str:
    """Return a path with slashes, relative to the working folder where it lies below it."""
    path, here = Path(file).absolute(), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def sarif_log(checked: Sequence[CheckedFile]) -> dict[str, Any]:
    """Return one SARIF log with all problems; paths are relative to the working folder."""
    problems = [(each, problem) for each in checked for problem in each.problems]
    rules = sorted({problem.name or LANGUAGE for _, problem in problems})
    driver = {"name": "nnrun", "semanticVersion": __version__, "rules": [_rule(name) for name in rules]}
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


def _rule(name: str) -> dict[str, Any]:
    from nnrun.spec.findings.explanations import EXPLANATIONS

    found = EXPLANATIONS.get(name)
    if found is None:
        return {"id": name, "shortDescription": {"text": "An error of the config language."}}
    return {
        "id": name,
        "shortDescription": {"text": found.what},
        "help": {"text": f"{found.why}\n\nnnrun explain {name}"},
        "defaultConfiguration": {"level": found.severity},
    }


def _result(each: CheckedFile, problem: Problem, rules: Sequence[str]) -> dict[str, Any]:
    rule = problem.name or LANGUAGE
    file = _relative(_file(each, problem.mark))
    uri = quote(file) if not file.startswith("/") else f"file://{quote(file)}"
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if (mark := _mark_in_file(problem)) is not None:
        region: dict[str, Any] = {"startLine": mark.line}
        if mark.column:
            region |= {"startColumn": mark.column, "endColumn": mark.column + mark.length}
            region["snippet"] = {"text": mark.text}
        place["region"] = region
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "locations": [{"physicalLocation": place}],
    }
