"""The columns of a new file for a finished run: by their names, or, where there are none, by their position."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.data.csv.dialect import OTHER_SEPARATORS
from nnrun.data.csv.header import read_header
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.data.csv.dialect import CsvFile, Dialect


#: Usual names of a target, by which it is found in a file with a header where the run's own data have none.
_USUAL_TARGETS = ("label", "labels", "class", "target", "y")


def open_new_csv(
    file: Path, dialect: Dialect, layout: Mapping[str, Any], columns: Sequence[str], targets: Sequence[str]
) -> tuple[CsvFile, list[Finding]]:
    """Return a new csv file with the run's names of columns, and what to report about them.

    Columns are found by their names. Where the file or the run's data have no header they are found by their position,
    which is reported, and the number of columns has to be the same.

    Args:
        file: The file.
        dialect: How it is written.
        layout: The layout of the run's data, as of `ColumnRoles.layout`.
        columns: The columns to read.
        targets: The targets among them.

    Raises:
        DataError: Columns are missing, or cannot be assigned.
    """
    opened = read_header(file, dialect, columns)
    if dialect.header is False and not opened.header_line:
        # A header over the numbers of the run's own file without one would be read as a row of text.
        inferred = read_header(file, replace(dialect, header=None), columns)
        opened = inferred if inferred.header_line and len(layout["text"]) < len(columns) else opened
    mark = max(OTHER_SEPARATORS, key=opened.names[0].count)
    if len(opened.names) == 1 < len(columns) and mark in opened.names[0]:
        text = f"expected fields separated by {dialect.separator!r} as in the run's data, received {opened.names[0]!r}"
        raise DataError(text, file=file, hint=f"write {dialect.separator!r} between fields")
    if opened.header_line and (layout["header"] or set(columns) <= set(opened.names)):
        check_columns(file, opened.names, columns, layout)
        return opened, unused_columns(file, opened.names, layout, opened.nameless)
    return _by_position(opened, layout, targets)


def check_columns(file: Path, names: Sequence[str], columns: Sequence[str], layout: Mapping[str, Any]) -> None:
    """Check that a new file has all columns that a run, or the file that `layout` is `of`, needs.

    Raises:
        DataError: With every missing one.
    """
    missing = [name for name in columns if name not in names]
    if not missing:
        return
    near = [f"{name!r}: {question}" for name in missing if (question := did_you_mean(name, names))]
    shown = ", ".join(map(repr, missing[:12])) + (", ..." if len(missing) > 12 else "")
    listed = f"there are: {format_names(list(names), 12)}"
    if len(missing) == 1:
        text = f"there is no column {shown}; {near[0].partition(': ')[2] if near else listed}"
    else:
        text = f"there are no columns {shown}; {' '.join(near[:3]) if near else listed}"
    hint = f"{layout['of']} has" if layout.get("of") else "the run was trained on"
    raise DataError(text, file=file, hint=f"{hint} the columns {', '.join(columns)}")


def unused_columns(
    file: Path, names: Sequence[str], layout: Mapping[str, Any], nameless: Sequence[str] = ()
) -> list[Finding]:
    """Return a note about the columns of a new file that the run's own data do not have."""
    unknown = [name for name in names if name not in layout["names"] and name not in nameless]
    if not unknown:
        return []
    columns = f"{format_count(len(unknown), 'column')} that the run's data do not have"
    return [Finding((), f"{file.name} has {columns}: {format_names(unknown, 12)}; not used.", None, None, "note")]


def _by_position(file: CsvFile, layout: Mapping[str, Any], targets: Sequence[str]) -> tuple[CsvFile, list[Finding]]:
    """Return a file with the run's names of columns, if it has as many columns with or without the targets."""
    names, found = list(layout["names"]), list(file.names)
    if file.header_line and file.left_out:
        found = [name for name in found if name not in file.left_out]
    features = list(layout["features"])
    without_targets = [name for name in names if name not in layout["targets"]]
    candidates = [names] if targets else [names, without_targets, features]
    known = next((one for one in candidates if len(one) == len(found)), None)
    if known is None:
        counts = " or ".join(dict.fromkeys(str(len(one)) for one in candidates))
        why = f"{'the file has' if layout['header'] else 'the run was trained on a file with'} no header"
        text = f"{why}, so columns are taken by position: expected {counts} columns, received {len(found)}"
        raise DataError(text, file=file.path, hint=_position_hint(layout, known=candidates[0]))
    assigned = dict(zip(found, _with_target_by_name(found, known, layout) if file.header_line else known, strict=True))
    renamed = replace(file, names=tuple(assigned.get(name, f"{name} (not used)") for name in file.names))
    return renamed, _position_findings(file, layout, assigned)


def _with_target_by_name(found: Sequence[str], known: list[str], layout: Mapping[str, Any]) -> list[str]:
    """Return the run's names of columns in the order of the file, whose one target may stand elsewhere by its name."""
    targets = list(layout["targets"])
    named = [at for at, name in enumerate(found) if name.lower() in _USUAL_TARGETS or name in targets]
    if len(targets) != 1 or len(named) != 1 or targets[0] not in known:
        return known
    others = [name for name in known if name != targets[0]]
    return [*others[: named[0]], targets[0], *others[named[0] :]]


def _position_findings(file: CsvFile, layout: Mapping[str, Any], assigned: Mapping[str, str]) -> list[Finding]:
    """Return the report where columns are taken by position; nothing where neither file has a header."""
    if not file.header_line and not layout["header"]:
        if len(assigned) == len(layout["names"]):
            return []
        columns = format_names(list(assigned.values()), 12)
        text = f"{file.path.name} has {format_count(len(assigned), 'column')}, taken as {columns} of the run's data."
        return [Finding((), text, None, None, "note")]
    pairs = [f"{name!r} as {run_name}" for name, run_name in assigned.items()]
    shown = ", ".join(pairs[:6]) + (", ..." if len(pairs) > 6 else "")
    if file.header_line:
        text = f"The run's data have no header, so columns of {file.path.name} are taken by position: {shown}."
    else:
        columns = format_names(list(assigned.values()), 12)
        text = f"{file.path.name} has no header; its columns are taken in the order of the run's data: {columns}."
    return [Finding((), text, None, None, "warning")]


def _position_hint(layout: Mapping[str, Any], known: Sequence[str]) -> str:
    if not layout["header"]:
        return "give the columns of the run's data in their order"
    return f"name its columns in the first line: {','.join(known[:20])}{',...' if len(known) > 20 else ''}"
