"""What a data file is, by its first bytes and its name."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: The first bytes of files, by what they are.
_FIRST_BYTES = {
    "parquet": (b"PAR1",),
    "picture": (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
    "idx": tuple(bytes((0, 0, kind)) for kind in (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)),
    "hdf5": (b"\x89HDF\r\n\x1a\n",),
    "xls": (b"\xd0\xcf\x11\xe0",),
    "pickle": (b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    "npy": (b"\x93NUMPY",),
    "pdf": (b"%PDF",),
}
_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def file_kind(file: Path) -> str | None:
    """Return what a file is: `csv`, `parquet`, `npz`, `idx`, `picture`, `json`, ...; None if it may be any text.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(b"PK\x03\x04") and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        if any(name.startswith("xl/") for name in names):
            return "xlsx"
        return "npz" if any(name.endswith(".npy") for name in names) else "zip"
    found = next((kind for kind, starts in _FIRST_BYTES.items() if start.startswith(starts)), None)
    # A text may begin with BM, but not a table or a picture of that name.
    if found == "picture" and start.startswith(b"BM") and b"\0" not in start:
        found = None
    name = file.name.lower()
    if found is None and (name.endswith((".json", ".jsonl")) or start.lstrip().startswith((b"[{", b'{"'))):
        return "json"
    return "csv" if found is None and name.endswith(_TABLES) else found
