"""The calls of a process, as strace records them, done again on a model of the disk."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from forked_commands import Call
    from power_cut_model import Disk

#: What calls do to names.
_NAMES = {
    **dict.fromkeys(("mkdir", "mkdirat"), "mkdir"),
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("link", "linkat"), "link"),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), "remove"),
}
_COPYING = ("dup", "dup2", "dup3", "fcntl")
_OPEN_FILES = ("close", "lseek", "read", "write", "pwrite64", "ftruncate", "fsync", "fdatasync")
#: Calls that change files too; nnrun makes none of them on its runs, so the model has none of them.
_UNKNOWN = (
    *("open", "creat", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice", "fallocate"),
    *("symlink", "symlinkat", "mknod", "mknodat", "sync", "syncfs", "sync_file_range", "msync"),
)
_WATCHED = (*_NAMES, "openat", "truncate", *_COPYING, *_OPEN_FILES, *_UNKNOWN)
#: Options of strace that record all of them, with what is written.
OPTIONS = ("-f", "-xx", "-s", "100000000", "-e", f"trace={','.join(_WATCHED)}")
_BYTES = re.compile(r"(?:\\x[0-9a-f]{2})*")
_DESCRIPTOR = re.compile(r"(?P<number>-?\d+|AT_FDCWD)(?:<(?P<path>[^>]*)>)?")


def replay(
    calls: Iterable[Call], disk: Disk, place: Path, forgotten: Collection[str] = ()
) -> Iterator[tuple[Call, list[str]]]:
    """Do calls again, one after the other; yield each that concerns the disk, after it, with the paths it is about.

    Args:
        calls: The calls, recorded with `OPTIONS`.
        disk: The model; its paths begin at `place`.
        place: A folder.
        forgotten: The names of syncs that do nothing, to see that they are missed.
    """
    for call in calls:
        # A call that a kill has met returns `?`.
        if call.result.startswith(("-1", "?")):
            continue
        arguments = call.arguments.split(", ")
        assert call.name not in _UNKNOWN or _encode(os.fsencode(place)) not in call.arguments, call.name
        if call.name in _NAMES:
            paths = _paths(arguments, place)
            done = _change_names(_NAMES[call.name], paths, disk)
        elif call.name in ("openat", "truncate"):
            paths = _paths(arguments, place)
            done = _open(call, arguments, paths[0], disk)
        else:
            paths = [_relative(_text(_match(arguments[0])["path"] or ""), place)]
            done = _use_open_file(call, arguments, disk, forgotten)
        if done:
            yield call, [path for path in paths if path is not None]


def _change_names(action: str, paths: Sequence[str | None], disk: Disk) -> bool:
    """Make, rename, link or remove; return whether it concerns the disk."""
    inside = [path for path in paths if path is not None]
    assert len(inside) in (0, len(paths)), "into the folder, or out of it"
    if inside:
        getattr(disk, action)(*inside)
    return bool(inside)


def _open(call: Call, arguments: Sequence[str], path: str | None, disk: Disk) -> bool:
    """Open a file, or cut one by its path; return whether that changes something."""
    if call.name == "truncate":
        if path is not None:
            disk.open(-1, path)
            disk.file(-1).truncate(int(arguments[1]))
        return path is not None
    number, flags = int(_match(call.result)["number"]), arguments[2].split("|")
    disk.close(number)
    if path is None:
        return False
    is_new = "O_CREAT" in flags and disk.find(path) is None
    disk.open(number, path, create="O_CREAT" in flags, cut="O_TRUNC" in flags, appends="O_APPEND" in flags)
    return is_new or "O_TRUNC" in flags


def _use_open_file(call: Call, arguments: Sequence[str], disk: Disk, forgotten: Collection[str]) -> bool:
    """Do a call on an open file; return whether it changes or syncs something."""
    number = int(_match(arguments[0])["number"])
    if call.name in _COPYING:
        if call.name != "fcntl" or arguments[1].startswith("F_DUPFD"):
            disk.duplicate(number, int(_match(call.result)["number"]))
        return False
    if number not in disk.opened:
        return False
    if call.name == "close":
        disk.close(number)
    elif call.name == "lseek":
        disk.seek(number, int(call.result.split()[0]))
    elif call.name == "read":
        disk.seek(number, disk.opened[number].offset + int(call.result))
    elif call.name in ("write", "pwrite64"):
        offset = int(arguments[3]) if call.name == "pwrite64" else None
        disk.write(number, _decode(arguments[1])[: int(call.result)], offset)
    elif call.name == "ftruncate":
        disk.file(number).truncate(int(arguments[1]))
    elif call.name not in forgotten:
        disk.sync(number)
    return call.name not in ("close", "lseek", "read")


def _paths(arguments: Sequence[str], place: Path) -> list[str | None]:
    """Return the paths among the arguments of a call, relative to the folder; None for one outside."""
    found, above = [], ""
    for argument in arguments:
        if argument.startswith('"'):
            # Of two absolute paths the second counts.
            found.append(_relative(os.path.join(above, _text(argument)), place))  # noqa: PTH118
        elif match := _DESCRIPTOR.fullmatch(argument):
            above = _text(match["path"] or "")
    return found


def _relative(path: str, place: Path) -> str | None:
    """Return a path relative to a folder; None if it is outside."""
    path = os.path.normpath(path)
    if path != str(place) and not path.startswith(f"{place}/"):
        return None
    return path[len(str(place)) + 1 :]


def _match(text: str) -> re.Match[str]:
    match = _DESCRIPTOR.match(text)
    assert match is not None, text
    return match


def _encode(text: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text)


def _text(encoded: str) -> str:
    return os.fsdecode(_decode(encoded))


def _decode(text: str) -> bytes:
    text = text.strip('"')
    assert _BYTES.fullmatch(text), text[:100]
    return bytes.fromhex(text.replace("\\x", ""))
