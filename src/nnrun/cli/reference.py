"""Writes the reference: `python -m nnrun.cli.reference docs/reference`.

Every page is made from the live objects (the sections' tables, the catalog, the findings, click's commands), so that a
page that says something else is stale, and a test fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nnrun.cli.reference_commands import commands
from nnrun.cli.reference_findings import findings
from nnrun.cli.reference_language import language
from nnrun.cli.reference_parts import parts

MADE_BY = "<!-- Made by: python -m nnrun.cli.reference docs/reference. Do not edit. -->"


def pages() -> dict[str, str]:
    """Make every page; the key is its path below the folder of the reference."""
    made = {"language.md": language(), "findings.md": findings(), "commands.md": commands(), **parts()}
    return {name: f"{MADE_BY}\n\n{text.rstrip()}\n" for name, text in made.items()}


def write(folder: Path) -> None:
    """Write every page, and take pages away that are no longer made."""
    made = pages()
    for stale in set(folder.rglob("*.md")) - {folder / name for name in made}:
        stale.unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
