"""Members of a tar archive read into memory: only those asked for, and none larger than expected."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def read_members(file: Path, names: Collection[str], largest: int) -> dict[str, bytes]:
    """Return the bytes of members of a gzipped tar archive by their names without folders.

    Nothing is unpacked onto the disk, so that a member's path cannot lead anywhere; links and devices are ignored.

    Args:
        file: The archive.
        names: The names of the members.
        largest: The most bytes that a member may have.

    Raises:
        DataError: It is not such an archive, it is damaged, or a member is missing, doubled or too large.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(file, mode="r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name not in names or not member.isreg():
                    continue
                if name in found:
                    raise _unexpected(file, f"the archive has two members {member.name!r}")
                if member.size > largest:
                    text = f"the member {member.name!r} has {member.size:,} bytes, more than the {largest:,} expected"
                    raise _unexpected(file, text)
                stream = archive.extractfile(member)
                assert stream is not None, "a regular file has bytes"  # noqa: S101
                found[name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _unexpected(file, f"cannot be read as a tar.gz archive: {error}") from None
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise _unexpected(file, f"the archive has no member {missing!r}")
    return found


def _unexpected(file: Path, text: str) -> DataError:
    return DataError(text, file=file, hint="is it the right file? move it away and download it again")
