"""The page of findings: what each is, why it matters, and a config that has it beside one that has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.cli.markdown import block, code, page, plain, table
from nnrun.spec.findings.explanations import EXPLANATIONS

if TYPE_CHECKING:
    from nnrun.spec.findings.explanations import Explanation


def findings() -> str:
    """Make the page."""
    rows = [(f"[{code(name)}](#{name})", said.severity, plain(said.what)) for name, said in EXPLANATIONS.items()]
    return page(
        "# Findings",
        "What `nnrun check` says across sections, by name. `nnrun explain NAME` says the same on the screen. An error "
        "refuses the config; a warning or a note does not, and a warning does with `--strict`. Sections that an "
        "example leaves out are those of any config.",
        table(("name", "severity", "what is found"), rows),
        *(_finding(name, said) for name, said in EXPLANATIONS.items()),
    )


def _finding(name: str, said: Explanation) -> str:
    files = [page(f"With `{file}`:", block("csv", text)) for file, text in said.files.items()]
    return page(
        f"## {name}",
        f"{said.severity.capitalize()}. {plain(said.what)} {plain(said.why)}",
        *files,
        "Found:",
        block("yaml", said.wrong),
        "Not found:",
        block("yaml", said.right),
    )
