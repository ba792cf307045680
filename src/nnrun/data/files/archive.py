"""Members of a tar archive read in memory, never written: only those asked for, and none larger than expected."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def read_members(file: Path, names: Collection[str], most: int) -> dict[str, bytes]:
    """The bytes of the members of these names (without their folder) of a gzipped tar archive.

    Nothing is unpacked onto the disk, so that a member's path cannot lead anywhere; links and devices are passed over.

    Args:
        file: The archive.
        names: The members' names.
        most: The most bytes that one of them may have.

    Raises:
        DataError: It is no such archive, it is damaged, a member is missing, doubled or too large.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(file, mode="r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name not in names or not member.isreg():
                    continue
                _refuse(file, member, most, double=name in found)
                stream = archive.extractfile(member)
                assert stream is not None, "a regular file has bytes"  # noqa: S101
                found[name] = stream.read(most + 1)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        text = f"cannot be read as a tar.gz archive: {error}"
        raise DataError(text, file=file, hint="fetch the file again") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"the archive has no member {missing[0]!r}", file=file, hint="is it the right file? fetch it again"
        )
    return found


def _refuse(file: Path, member: tarfile.TarInfo, most: int, *, double: bool) -> None:
    if double:
        raise DataError(f"the archive has two members {member.name!r}", file=file, hint="fetch the file again")
    if member.size > most:
        raise DataError(
            f"the member {member.name!r} has {member.size:,} bytes, more than the {most:,} expected",
            file=file,
            hint="fetch the file again",
        )
