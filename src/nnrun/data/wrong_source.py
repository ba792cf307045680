"""A file that is named for a source which cannot read it: which source can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.config.dump import dump_inline
from nnrun.data.files.file_kinds import file_kind
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.data.data_paths import DataPaths
    from nnrun.spec.part import Part

#: The sources that read one file, and the key of it.
_READERS = {"csv": "file", "parquet": "file", "npz": "file", "text": "file", "idx": "images"}
#: What a source can read besides files of its own kind.
_ALSO_READS: dict[str, set[str | None]] = {
    "csv": {None},
    "text": {None, "json"},
    "idx": {None},
    "npz": {None},
    "parquet": {None},
}
#: What to do with files that no source reads.
CONVERSIONS = {
    "xlsx": "save the sheet as csv",
    "xls": "save the sheet as csv",
    "json": "write it as csv: pandas.read_json(file).to_csv('table.csv', index=False)",
    "hdf5": "write its arrays as npz: numpy.savez_compressed('data.npz', x=..., y=...)",
    "npy": "write x and y into one file: numpy.savez_compressed('data.npz', x=..., y=...)",
    "pickle": "write its data as csv or npz: a pickle may run code when it is read",
    "zip": "unpack it, and name the file inside",
    "picture": "give a folder with one folder for each class: `{images: {folder: ...}}`",
    "pdf": "write its text or table as a file of its own",
}
_NAMES = {"npz": "an npz file", "idx": "an IDX file", "xlsx": "an Excel sheet", "xls": "an Excel sheet"}
_NAMES |= {"csv": "a csv file", "npy": "an npy file", "hdf5": "an HDF5 file"}


def wrong_source_findings(source: Part, paths: DataPaths) -> Iterator[Finding]:
    """Yield a finding if the file of a source is one for another source, or for none.

    Args:
        source: The source in the config.
        paths: Where files are found.
    """
    key = _READERS.get(source.name, "")
    name = source.arguments.get(key)
    file = paths.find(name) if isinstance(name, str) else None
    try:
        kind = None if file is None or not file.is_file() else file_kind(file)
    except (OSError, ValueError):
        # The source itself says why it cannot be read.
        return
    if kind == source.name or kind in _ALSO_READS.get(source.name, {kind}):
        return
    what = _NAMES.get(kind or "", f"a {kind} file")
    reader = _READERS.get(kind or "")
    hint = CONVERSIONS.get(kind or "")
    if reader is not None:
        arguments = {reader: name, **({"labels": "LABELS"} if kind == "idx" else {})}
        hint = f"write `source: {dump_inline({str(kind): arguments})}`"
    place = (*source.path, source.name, key)
    if source.name == "text" and kind == "csv":
        text = f"{name} seems to be a table, but `text` reads its letters one after the other"
        yield Finding(place, text, hint, "table-as-text", "warning")
    else:
        yield Finding(place, f"{name} is {what}, which `{source.name}` does not read", hint, "wrong-source")
