"""First configs for a data file or folder, by what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.csv.dialect import has_zero_bytes
from nnrun.data.data_paths import DataPaths, no_regular_file
from nnrun.data.files.file_kinds import file_kind
from nnrun.data.table_format import infer_encoding, infer_separator
from nnrun.data.table_survey import require_table, survey_csv, survey_parquet
from nnrun.data.wrong_source import CONVERSIONS
from nnrun.errors import DataError
from nnrun.pipeline.init.arrays import arrays_config
from nnrun.pipeline.init.labelled_files import folder_configs
from nnrun.pipeline.init.table import LEAST_ROWS, configs_for
from nnrun.pipeline.init.table_plan import plan_table
from nnrun.pipeline.init.texts import text_config

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.pipeline.init.config_text import FirstConfig
    from nnrun.pipeline.init.request import Ask, InitRequest

_TABLE_SUFFIXES = (".csv", ".tsv", ".data", ".dat")


def configs_of(found: Path, name: str, title: str, request: InitRequest, ask: Ask) -> list[FirstConfig]:
    """Return first configs for a data file or folder, the one to prefer first.

    Args:
        found: The file or folder.
        name: Its name in the config.
        title: The name of the experiment.
        request: What is asked for.
        ask: Answers questions.

    Raises:
        RunError: A target is no column of it.
        DataError: It cannot be used.
    """
    if found.is_dir():
        _refuse_targets(found, request)
        return folder_configs(found, name, title)
    if not found.is_file():
        raise no_regular_file(found)
    return _file_configs(found, name, title, request, ask)


def _file_configs(found: Path, name: str, title: str, request: InitRequest, ask: Ask) -> list[FirstConfig]:
    """Return first configs for a data file."""
    if found.stat().st_size == 0:
        raise DataError("expected data, received an empty file", file=found, hint="check that it is the right file")
    kind = file_kind(found)
    if kind == "npz":
        _refuse_targets(found, request)
        return arrays_config(found, name, title, request, ask)
    if kind not in (None, "csv", "parquet"):
        text = f"expected a table, arrays, a text or a folder of pictures, received a {kind} file"
        raise DataError(text, file=found, hint=CONVERSIONS.get(str(kind)))
    if kind is None and not _is_table(found):
        _refuse_targets(found, request)
        return [text_config(found, name, title)]
    survey = survey_parquet(DataPaths(found.parent), found.name) if kind == "parquet" else survey_csv(found, name)
    survey.arguments["file"] = name
    require_table(survey, found, least_rows=LEAST_ROWS)
    return configs_for(plan_table(survey, found, request.targets, request.task, ask), title, name)


def _refuse_targets(found: Path, request: InitRequest) -> None:
    if request.targets:
        raise DataError("has no columns that --target could name", file=found, hint="leave out --target")


def _is_table(found: Path) -> bool:
    """Return whether a text file is a table: by its name, or as a character divides its rows evenly."""
    if any(found.name.lower().removesuffix(".gz").endswith(suffix) for suffix in _TABLE_SUFFIXES):
        return True
    encoding = infer_encoding(found)
    if has_zero_bytes(found, encoding):
        hint = "name a csv, parquet, npz or text file, or a folder of pictures"
        raise DataError("expected text, received binary data", file=found, hint=hint)
    # Prose may have a comma in nearly every line.
    return infer_separator(found, encoding, "\t", least=1.0) is not None
