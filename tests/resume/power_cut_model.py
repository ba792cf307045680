"""A model of a disk, and what a power cut may leave of it.

The content of a file is safe once the file was synced, a name once its folder was synced. What was not synced is lost
or not, each part by itself: this is less than real file systems promise, so what survives here survives there. A rename
within a folder happens as a whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

#: What a power cut leaves: the content of each file and None for each folder, by path.
Tree = dict[str, bytes | None]


@dataclass(eq=False)
class File:
    """A file.

    Attributes:
        content: What processes read.
        synced: What is on disk for certain.
        written: From where to where it was written since it was synced.
    """

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    written: list[tuple[int, int]] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        """Write at an offset; a gap before it is filled with zeros."""
        self.content.extend(bytes(max(0, offset - len(self.content))))
        self.content[offset : offset + len(data)] = data
        self.written.append((offset, offset + len(data)))

    def truncate(self, length: int) -> None:
        """Cut, or extend with zeros."""
        del self.content[length:]
        self.content.extend(bytes(length - len(self.content)))

    def sync(self) -> None:
        """Bring the content to disk."""
        self.synced, self.written = bytes(self.content), []

    def with_unsynced(self, byte: int) -> bytes:
        """Return the content where a byte stands in place of each that was written and not synced."""
        content = bytearray(self.content)
        for start, stop in self.written:
            stop = min(stop, len(content))  # noqa: PLW2901
            content[start:stop] = bytes([byte]) * max(0, stop - start)
        return bytes(content)


@dataclass(eq=False)
class Folder:
    """A folder: what has which name, for processes and on disk for certain."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    synced: dict[str, File | Folder] = field(default_factory=dict)

    def changes(self) -> list[frozenset[str]]:
        """Return the names that were changed since the folder was synced; those of one file belong together."""
        groups: dict[int, set[str]] = {}
        for name in {**self.synced, **self.names}:
            now, then = self.names.get(name), self.synced.get(name)
            if now is not then:
                groups.setdefault(id(now or then), set()).add(name)
        return [frozenset(names) for names in groups.values()]

    def with_changes(self, changed: Collection[str]) -> dict[str, File | Folder]:
        """Return what has which name if only these changes were brought to disk."""
        names = {name: node for name, node in self.synced.items() if name not in changed}
        return names | {name: node for name, node in self.names.items() if name in changed}


@dataclass
class _Open:
    file: File | Folder
    offset: int = 0
    appends: bool = False


class Disk:
    """A folder with all in it, changed by the calls of a process. Paths are relative, with slashes."""

    def __init__(self) -> None:
        self.top = Folder()
        self.opened: dict[int, _Open] = {}

    @classmethod
    def copy_of(cls, place: Path, name: str) -> Disk:
        """Return a disk where one folder of `place` is on disk for certain."""
        disk = cls()
        for path in (place / name, *sorted((place / name).rglob("*"))):
            inner = str(path.relative_to(place))
            if path.is_dir():
                disk.mkdir(inner)
            else:
                folder, last = disk._parent(inner)
                folder.names[last] = File(bytearray(path.read_bytes()))
        disk.sync_all()
        return disk

    def sync_all(self) -> None:
        """Bring everything to disk."""
        for node in _nodes(self.top):
            self.sync_node(node)

    def find(self, path: str) -> File | Folder | None:
        """Return what is at a path."""
        node: File | Folder | None = self.top
        for name in path.split("/") if path else ():
            node = node.names.get(name) if isinstance(node, Folder) else None
        return node

    def open(self, number: int, path: str, *, create: bool = False, cut: bool = False, appends: bool = False) -> None:
        """Let a number stand for the file or folder at a path, if there is one."""
        self.opened.pop(number, None)
        node = self.find(path)
        if node is None and create:
            folder, name = self._parent(path)
            node = folder.names[name] = File()
        if isinstance(node, File) and cut:
            node.truncate(0)
        if node is not None:
            self.opened[number] = _Open(node, 0, appends)

    def duplicate(self, number: int, copy: int) -> None:
        """Let another number stand for the same open file."""
        self.opened.pop(copy, None)
        if number in self.opened:
            self.opened[copy] = self.opened[number]

    def close(self, number: int) -> None:
        """Let a number stand for nothing."""
        self.opened.pop(number, None)

    def seek(self, number: int, offset: int) -> None:
        """Go to an offset of an open file."""
        self.opened[number].offset = offset

    def write(self, number: int, data: bytes, offset: int | None = None) -> None:
        """Write to an open file: where it stands, at its end if it is open for that, or at an offset."""
        opened, file = self.opened[number], self.file(number)
        if offset is not None:
            file.write(offset, data)
            return
        start = len(file.content) if opened.appends else opened.offset
        file.write(start, data)
        opened.offset = start + len(data)

    def file(self, number: int) -> File:
        """Return the file that a number stands for."""
        file = self.opened[number].file
        assert isinstance(file, File)
        return file

    def sync(self, number: int) -> None:
        """Bring an open file or folder to disk."""
        self.sync_node(self.opened[number].file)

    def sync_node(self, node: File | Folder) -> None:
        """Bring a file's content or a folder's names to disk."""
        if isinstance(node, File):
            node.sync()
        else:
            node.synced = dict(node.names)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        folder, name = self._parent(path)
        folder.names[name] = Folder()

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name; two names of one file stay."""
        node = self.find(old)
        assert node is not None
        if node is not self.find(new):
            self.remove(old)
            folder, name = self._parent(new)
            folder.names[name] = node

    def link(self, path: str, copy: str) -> None:
        """Give a file a second name."""
        node = self.find(path)
        assert node is not None
        folder, name = self._parent(copy)
        folder.names[name] = node

    def remove(self, path: str) -> None:
        """Remove a name."""
        folder, name = self._parent(path)
        del folder.names[name]

    def _parent(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self.find(above)
        assert isinstance(folder, Folder), path
        return folder, name

    def tree(self) -> Tree:
        """Return what processes see: what a kill leaves."""
        return _tree(self.top, lambda folder: folder.names, lambda file: bytes(file.content))

    def certain(self) -> Tree:
        """Return what is on disk for certain."""
        return _tree(self.top, lambda folder: folder.synced, lambda file: file.synced)

    def after_power_cut(self) -> Iterator[tuple[str, Tree]]:
        """Yield what a power cut may leave, each with a few words about it; some are the same."""

        def cut(file: File) -> bytes:
            return file.synced[: len(file.content)]

        contents: Mapping[str, Callable[[File], bytes]] = {
            "synced contents": lambda file: file.synced,
            "cut contents": cut,
            "zeros": lambda file: file.with_unsynced(0),
            "garbled contents": lambda file: file.with_unsynced(0xA5),
            "all contents": lambda file: bytes(file.content),
        }
        for words, content in contents.items():
            yield f"synced names, {words}", _tree(self.top, lambda folder: folder.synced, content)
            yield f"all names, {words}", _tree(self.top, lambda folder: folder.names, content)
        for place, names in _changes(self.top):
            shown = ", ".join(sorted(names))
            yield f"early {shown}", _tree(self.top, _with(place, names), cut)
            yield f"all names but {shown}", _tree(self.top, _without(place, names), cut)


class Promises:
    """What must be on disk by the rule of `nnrun.atomic_files`: a file, once its folder was synced after the rename.

    A later content that got there by a rename is as good.
    """

    def __init__(self) -> None:
        self._contents: dict[str, list[bytes | None]] = {}
        self._kept: set[str] = set()

    def after(self, name: str, paths: list[str], disk: Disk) -> None:
        """Take note of a call, after it.

        Args:
            name: Its name.
            paths: The paths that it was given, or that of its open file.
            disk: The disk.
        """
        path = paths[-1]
        if name.startswith("rename"):
            file = disk.find(path)
            if isinstance(file, File):
                self._contents.setdefault(path, []).append(bytes(file.content))
        elif name.startswith("unlink") and path in self._contents:
            self._contents[path].append(None)
        elif name in ("fsync", "fdatasync"):
            for inside in self._contents:
                if inside.rpartition("/")[0] == path:
                    self._contents[inside] = self._contents[inside][-1:]
                    self._kept.add(inside)
        else:
            # A file that is changed in place is under no such rule.
            self._contents.pop(path, None)
            self._kept.discard(path)

    def broken(self, tree: Tree) -> list[str]:
        """Return the paths of the files that a power cut has taken, or brought back to what they were."""
        return [path for path in sorted(self._kept) if tree.get(path) not in self._contents[path]]


def _with(place: Folder, names: Collection[str]) -> Callable[[Folder], Mapping[str, File | Folder]]:
    return lambda folder: folder.with_changes(names) if folder is place else folder.synced


def _without(place: Folder, names: Collection[str]) -> Callable[[Folder], Mapping[str, File | Folder]]:
    def of(folder: Folder) -> Mapping[str, File | Folder]:
        changed = {name for group in folder.changes() for name in group}
        return folder.with_changes(changed - set(names)) if folder is place else folder.names

    return of


def _changes(top: Folder) -> Iterator[tuple[Folder, frozenset[str]]]:
    for node in _nodes(top):
        if isinstance(node, Folder):
            for names in node.changes():
                yield node, names


def _nodes(top: Folder) -> Iterator[File | Folder]:
    yield top
    for node in top.names.values():
        if isinstance(node, Folder):
            yield from _nodes(node)
        else:
            yield node


def _tree(
    top: Folder,
    names: Callable[[Folder], Mapping[str, File | Folder]],
    content: Callable[[File], bytes],
    above: str = "",
) -> Tree:
    found: Tree = {}
    for name, node in names(top).items():
        if isinstance(node, File):
            found[above + name] = content(node)
        else:
            found[above + name] = None
            found |= _tree(node, names, content, f"{above}{name}/")
    return found
