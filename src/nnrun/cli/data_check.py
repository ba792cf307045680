"""What `nnrun data check` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnrun.data.checkup import Checkup

#: Columns and classes beyond this number are only counted.
_MOST = 40


def put_checkup(found: Checkup) -> None:
    """Write the columns and classes as tables, and below them what to look at."""
    from nnrun.cli.layout import Table, put_paragraph, put_table
    from nnrun.cli.screen import Screen

    screen = Screen.out()
    screen.put(", ".join(f"{count:,} {part} examples" for part, count in found.rows.items()))
    if found.columns:
        headings = ("column", "type", "missing", "distinct", "least", "most", "correlation")
        rows = [[name, *(_said(about[key]) for key in headings[1:])] for name, about in found.columns.items()]
        screen.put("")
        put_table(screen, Table(headings, rows[:_MOST], frozenset(headings[2:])))
        if len(rows) > _MOST:
            screen.put(f"and {len(rows) - _MOST} more columns")
    if any(found.classes.values()):
        names = list(dict.fromkeys(name for there in found.classes.values() for name in there))
        lines = [[name, *(f"{there.get(name, 0):,}" for there in found.classes.values())] for name in names]
        screen.put("")
        put_table(screen, Table(("class", *found.classes), lines[:_MOST], frozenset(found.classes)))
    screen.put("")
    for remark in found.remarks:
        put_paragraph(screen, f"{remark.severity}: {remark.text} [{remark.name}]")
    if not found.remarks:
        screen.put("nothing to remark")


def _said(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
