"""The files of a table's own test and validation part: `test_file`, `validation_file`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.data.csv.defects import examine
from nnrun.data.dataset import Examples, row_numbers
from nnrun.data.missing_targets import missing_targets, rows_with_targets
from nnrun.data.sources.column_roles import SPLIT_BY, stack_targets
from nnrun.data.splits.by_column import rows_by_part
from nnrun.errors import DataError, DefectsError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.data.sources.table import TableSource
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

#: `check` reads a file of up to this many bytes whole, else its first rows.
_MAX_BYTES, _MAX_ROWS = 1_000_000, 1000


def given_files(test_file: str | None, validation_file: str | None) -> dict[str, str]:
    """Return the files of parts that a config names, by part."""
    return {part: file for part, file in (("test", test_file), ("validation", validation_file)) if file is not None}


def with_part_files(source: TableSource, data: SourceData, paths: DataPaths, progress: Progress) -> SourceData:
    """Return the data of a table with the parts that have files of their own; their columns are found by name.

    Raises:
        DataError: A file cannot be read, lacks a column, or the column of `split: {by: ...}` names that part too.
    """
    for part, name in source.part_files.items():
        file = paths.require(name)
        if getattr(data, part) is not None:
            text = f"`{part}_file` is given, and the column of `split: {{by: ...}}` has {part} rows"
            raise DataError(text, hint="leave out one of the two")
        examples = source.load_new(file, {**data.layout, "of": source.label}, with_target=True)
        for finding in examples.findings:
            (progress.warn if finding.severity == "warning" else progress.say)(finding.text)
        own: dict[str, Any] = {part: replace(examples, findings=())}
        own["dropped"] = {**data.dropped, **({name: examples.dropped} if examples.dropped else {})}
        data = replace(data, files={**data.files, name: file}, **own)
    return data


def with_part_targets(
    source: TableSource, data: SourceData, names: Sequence[str], roles: ColumnRoles, paths: DataPaths
) -> SourceData | None:
    """Return the targets of a table with those of the parts that have files of their own; None if these are defective.

    Args:
        source: The table.
        data: The targets of its own file.
        names: The names of all its columns.
        roles: Their roles.
        paths: Where files are found.

    Raises:
        DataError: A file cannot be read, or lacks a column.
    """
    layout: dict[str, Any] = {"names": list(names), "features": list(roles.features), "targets": list(roles.targets)}
    layout |= {"text": [], "header": True, "of": source.label}
    for part, name in source.part_files.items():
        columns = source.new_targets(paths.require(name), layout)
        if columns is None or getattr(data, part) is not None:
            return None
        y = stack_targets(columns)
        rows = row_numbers(next(iter(columns.values())))
        examples = source.new_examples(Examples(rows, y), paths.require(name))
        data = replace(data, **{part: examples})  # type: ignore[arg-type]
    return data


def part_file_facts(
    source: TableSource, facts: DataFacts, layout: Mapping[str, Any], paths: DataPaths, path: ConfigPath
) -> tuple[DataFacts, list[Finding]]:
    """Return the facts of a table with the rows of parts that have files of their own, and what is wrong with these.

    Args:
        source: The table.
        facts: The facts of its own file.
        layout: The layout of its own file, as of `ColumnRoles.layout`.
        paths: Where files are found.
        path: The place of the source's arguments in the config.
    """
    findings: list[Finding] = []
    for part, name in source.part_files.items():
        place = (*path, f"{part}_file")
        try:
            rows, found = _examined(source, {**layout, "of": source.label}, paths, name)
        except DefectsError as error:
            findings += [Finding(place, one.text, one.hint, "defective-data", mark=one.mark) for one in error.problems]
            continue
        except DataError as error:
            code = "missing-file" if paths.find(name) is None else "defective-data"
            findings.append(Finding(place, error.text, error.hint, code))
            continue
        findings += [replace(one, path=place) for one in found]
        # Where the rows of one part are not known, those of none are stated.
        known: dict[str, Any] = {f"{part}_rows": rows or 1} | ({} if rows else {"rows": None})
        facts = replace(facts, **known)
    return facts, findings


def _examined(
    source: TableSource, layout: Mapping[str, Any], paths: DataPaths, name: str
) -> tuple[int | None, list[Finding]]:
    """Return the number of rows of a file, None where it is large, and what to report about its columns.

    Raises:
        DefectsError: Rows are invalid; with every defect in the rows that were read.
        DataError: The file is missing, cannot be read or lacks a column.
    """
    file = paths.require(name)
    count = source.count_new(file, layout)
    if count is not None:
        targets = source.new_targets(file, layout) if source.drop_missing_target else None
        y = stack_targets(targets or {})
        return count if y is None else int((~missing_targets(y)).sum()), []
    opened, request, findings = source.open_new(file, layout, with_target=True)
    is_whole = file.stat().st_size <= _MAX_BYTES and file.suffix != ".gz"
    stats, defects = examine(opened, request, None if is_whole else _MAX_ROWS)
    if defects:
        raise defects.error()
    missing = [stats.columns[name].counts["missing"] for name in layout["targets"]]
    count = rows_with_targets(stats.rows, missing) if is_whole else None
    return count, [replace(one, severity="note") for one in findings]


def part_column_facts(facts: DataFacts, words: np.ndarray | None, column: str) -> tuple[DataFacts, list[Finding]]:
    """Return the facts of a table with the rows of the parts that a column names, and what is wrong with it.

    Args:
        facts: The facts of all rows.
        words: The column; None where it is not read.
        column: Its name.
    """
    if words is None:
        return replace(facts, rows=None), []
    try:
        rows = rows_by_part(words, column)
    except ValueError as error:
        return facts, [Finding(SPLIT_BY, str(error), None, "impossible-split")]
    own = {f"{part}_rows": len(index) for part, index in rows.items() if part != "train"}
    return replace(facts, rows=len(rows["train"]), **own), []  # type: ignore[arg-type]
