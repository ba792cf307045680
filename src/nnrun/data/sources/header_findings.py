"""What `check` reports of the first lines of a text table: a header that is doubtful, columns that number the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.csv.first_line import MOST_ROWS
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath


#: A hint lists at most so many columns.
_MOST_LISTED = 40


def header_findings(file: CsvFile, roles: ColumnRoles, path: ConfigPath) -> Iterator[Finding]:
    """Yield what is doubtful about the header of a file, and its columns that number or name the rows.

    Args:
        file: The file.
        roles: The roles of its columns.
        path: The place of the source's arguments in the config.
    """
    if file.doubt:
        text = f"the first line of {file.path.name} {file.doubt}"
        hint = "write `header: true` if it names the columns, `header: false` if it is a row"
        yield Finding((*path, "file"), text, hint, "header-unclear", "warning")
    first = f"the first {MOST_ROWS:,} rows" if file.is_sampled else "the rows"
    for name, kind in file.left_out.items():
        if name not in roles.by_column():
            text = f"the first column of {file.path.name} has no name and {kind} {first}: it is no feature"
            hint = f"to use it all the same, list it: {_features([name, *roles.features])}"
            yield Finding((*path, "file"), text, hint, "row-numbers", "note")
    for name in file.row_numbers:
        others = [other for other in roles.features if other != name]
        if name in roles.features and others:
            text = f"the column {name!r} counts {first}: a model learns from it where in the file a row stands"
            yield Finding((*path, "file"), text, f"leave it out: {_features(others)}", "row-numbers", "warning")
    for name in file.nameless:
        if name in roles.features and name not in file.left_out and name == file.names[0]:
            text = f"the first column of {file.path.name} has no name in the header: it is the feature {name!r} here"
            others = [other for other in roles.features if other != name]
            hint = f"name it in the file, or leave it out: {_features(others)}"
            yield Finding((*path, "file"), text, hint, "nameless-column", "warning")


def _features(names: Sequence[str]) -> str:
    """Return the line of a config that lists these columns; of many the first ones."""
    shown = [f"'{name}'" if _needs_quotes(name) else name for name in names[:_MOST_LISTED]]
    return f"`features: [{', '.join(shown)}{', ...' if len(names) > _MOST_LISTED else ''}]`"


def _needs_quotes(name: str) -> bool:
    return not name.replace("_", "").isalpha()
