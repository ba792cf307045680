"""Folders of files: a folder for each class, or for each part with the classes' folders inside."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.data_paths import no_regular_file
from nnrun.data.splits.by_column import PART_WORDS, rows_by_part
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.errors import Path as ConfigPath


@dataclass(frozen=True)
class FileKind:
    """A kind of files that are examples.

    Attributes:
        noun: What one is called in messages: `picture`.
        source: The source that reads them.
        suffixes: The suffixes of their names, in small letters, with the point.
    """

    noun: str
    source: str
    suffixes: frozenset[str]

    def matches(self, name: str) -> bool:
        """Return whether a file of this name is of this kind."""
        return os.path.splitext(name)[1].lower() in self.suffixes  # noqa: PTH122 - a third of the time of a Path


@dataclass(frozen=True)
class FileList:
    """Files and the class of each; where a csv file lists them, that file, and the line, part and column of each."""

    files: list[Path] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    index: Path | None = None
    lines: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def by_part(self, column: str) -> dict[str, FileList]:
        """Return the files of each part.

        Args:
            column: The column that names the parts, for messages.

        Raises:
            DataError: A word names no part, or no file is for training.
        """
        try:
            rows = rows_by_part(np.array(self.parts, dtype=object), column)
        except ValueError as error:
            raise DataError(f"split: by: {error}", file=self.index) from None

        def taken(values: list[Any], index: np.ndarray) -> list[Any]:
            return [values[at] for at in index]

        return {
            part: FileList(
                taken(self.files, at),
                taken(self.classes, at),
                self.index,
                taken(self.lines, at),
                columns=taken(self.columns, at),
            )
            for part, at in rows.items()
        }

    def names(self, root: Path) -> list[str]:
        """Return the path of each file relative to a folder, with `/` on every system."""
        return [os.path.relpath(file, root).replace(os.sep, "/") for file in self.files]

    def origin(self, root: Path) -> dict[str, np.ndarray]:
        """Return the line of each file in the csv file, if there is one, and its name; see `DataPart`."""
        lines = {"line": np.array(self.lines)} if self.lines else {}
        # Bytes of a name that are no text could not be written to a file of predictions.
        names = [name.encode("utf-8", "backslashreplace").decode() for name in self.names(root)]
        return {**lines, "file": np.array(names, dtype=object)}

    @contextmanager
    def located_errors(self) -> Iterator[None]:
        """Name the row and column of the csv file in the error of a file that cannot be used."""
        try:
            yield
        except DataError as error:
            if self.index is None or error.file not in self.files:
                raise
            at = self.files.index(Path(str(error.file)))
            place: dict[str, Any] = {"row": self.lines[at], "column": self.columns[at]}
            raise DataError(error.text, file=self.index, hint=error.hint, **place) from None


def part_folders(folder: Path, kind: FileKind) -> dict[str, Path]:
    """Return the folders of the parts inside a folder; empty where its subfolders are classes.

    They are parts where each has the name of one (`train`, `Training`, `val`, `valid`, `validation`, `dev`, `test`)
    and the classes' folders inside. Other subfolders without files do not matter.

    Raises:
        DataError: Some subfolders are parts and others are not, two are the same part, or none is for training.
    """
    with_files = [path for path in _subfolders(folder) if _has_files(path, kind)]
    parts = [path for path in with_files if path.name.lower() in PART_WORDS and _holds_classes(path, kind)]
    roles = [PART_WORDS[path.name.lower()] for path in parts]
    others = [path.name for path in with_files if path not in parts]
    unlabelled = [name for name in others if PART_WORDS.get(name.lower()) in ("test", "validation")]
    if not parts or ("train" not in roles and others):
        return {}
    train = next((path for path, role in zip(parts, roles, strict=True) if role == "train"), None)
    names = format_names([path.name for path in parts])
    if train is None:
        hint = f"name one of them, such as `folder: {folder.name}/{parts[0].name}`, or add a folder `train`"
        raise DataError(f"the folder has the parts {names}, but none to train on", file=folder, hint=hint)
    if set(others) - set(unlabelled):
        extra = [name for name in others if name not in unlabelled]
        text = f"{names} are folders of parts, but {format_names(extra)} next to them {_is(extra)} not"
        hint = f"move {format_names(extra)} elsewhere, or use one part: `folder: {folder.name}/{train.name}`"
        raise DataError(text, file=folder, hint=hint)
    twice = next((role for role in roles if roles.count(role) > 1), None)
    if twice is not None:
        same = [path.name for path, role in zip(parts, roles, strict=True) if role == twice]
        hint = f"use one part: `folder: {folder.name}/{train.name}`, or join the two folders"
        raise DataError(f"{format_names(same)} are both the {twice} part", file=folder, hint=hint)
    return dict(sorted(zip(roles, parts, strict=True), key=lambda item: ("train", "validation", "test").index(item[0])))


def _is(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def read_parts(folder: Path, kind: FileKind) -> dict[str, FileList]:
    """Return the files of each part, or of the training part alone where the subfolders are classes.

    Raises:
        DataError: There is no file, or the folders of parts contradict each other.
    """
    parts = part_folders(folder, kind)
    return (
        {part: class_folders(path, kind) for part, path in parts.items()}
        if parts
        else {"train": class_folders(folder, kind)}
    )


def read_classes(folder: Path, kind: FileKind) -> dict[str, list[str]]:
    """Return the class of each file of each part, in the order of `read_parts`, without the files' paths.

    Raises:
        DataError: The folders of parts contradict each other.
    """
    parts = part_folders(folder, kind) or {"train": folder}
    return {
        part: [name for one in _subfolders(path) for name in [one.name] * sum(1 for _ in _walk(one, kind))]
        for part, path in parts.items()
    }


def folder_findings(folder: Path, kind: FileKind, lists: Mapping[str, FileList], path: ConfigPath) -> Iterator[Finding]:
    """Yield what a user should know about how a folder was read.

    Args:
        folder: The folder.
        kind: The kind of its files.
        lists: What `read_parts` returned.
        path: The place of the folder in the config.
    """
    parts = part_folders(folder, kind)
    if parts:
        counts = [f"{parts[part].name} with {format_count(len(lists[part].files), kind.noun)}" for part in parts]
        text = f"the folders of parts are used as parts: {', '.join(counts)}"
        hint = f"to split one of them instead, name it: folder: {folder.name}/{parts['train'].name}"
        yield Finding(path, text, hint, "parts-of-folders", "note")
        unused = [one.name for one in _subfolders(folder) if one not in parts.values() and _has_files(one, kind)]
        if unused:
            text = f"the {kind.noun}s in {format_names(unused)} are in no folder of a class, and are not used"
            yield Finding(path, text, "nnrun predict reads them", "pictures-without-class", "warning")
    for one in parts.values() or [folder]:
        yield from _class_findings(one, kind, folder, path)


def _class_findings(folder: Path, kind: FileKind, root: Path, path: ConfigPath) -> Iterator[Finding]:
    """Yield what is odd about the classes' folders in a folder."""
    name = _relative(folder, root)
    loose = [one.name for one in _files_in(folder, kind)]
    if loose:
        text = f"{format_count(len(loose), kind.noun)} in {name}, next to the classes' folders, {_is(loose)} not used: "
        hint = "move them into the folder of their class, or elsewhere"
        yield Finding(path, text + format_names(loose, 3), hint, "pictures-without-class", "warning")
    subfolders = _subfolders(folder)
    empty = [one.name for one in subfolders if not _has_files(one, kind)]
    if empty:
        text = f"{format_names(empty)} in {name} {_is(empty)} without {kind.noun}s, and so no class"
        yield Finding(path, text, f"put {kind.noun}s into it, or remove the folder", "empty-class-folder", "warning")
    classes = [one for one in subfolders if one.name not in empty]
    inner = [{below.name for below in _subfolders(one) if _has_files(below, kind)} for one in classes]
    if any(_files_in(one, kind) for one in classes) or not inner:
        return
    shared = sorted(set.intersection(*inner))
    if len(shared) > 1:
        outer = format_names([one.name for one in classes])
        which = f"the classes are {outer}, each" if len(classes) > 1 else f"the one class is {outer},"
        text = f"{which} with the folders {format_names(shared)} inside: are these the classes?"
        hint = f"write folder: {_relative(classes[0], root)}, or list the {kind.noun}s and their classes in a csv file"
        yield Finding(path, text, hint, "nested-class-folders", "warning")


def _relative(folder: Path, root: Path) -> str:
    return Path(root.name, folder.relative_to(root)).as_posix()


def class_folders(folder: Path, kind: FileKind) -> FileList:
    """Return the files of the classes' folders, in the order of class and path.

    Raises:
        DataError: There is none.
    """
    found = FileList()
    for subfolder in _subfolders(folder):
        files = files_below(subfolder, kind)
        found.files.extend(files)
        found.classes.extend([subfolder.name] * len(files))
    if not found.files:
        raise DataError(
            f"expected a subfolder with {kind.noun}s for each class, received none",
            file=folder,
            hint=f"put the {kind.noun}s of each class into a folder of its name, or list them in a csv file: "
            f"`{kind.source}: {{file: list.csv}}`",
        )
    return found


def paired_files(folder: Path, kind: FileKind) -> dict[str, FileList]:
    """Return the files of each part of a folder whose files have targets in another folder, and so no classes.

    Its subfolders are parts where all that hold files have the name of one, and one of them is `train`.

    Raises:
        DataError: There is no file, or two folders are the same part.
    """
    folders = [one for one in _subfolders(folder) if _has_files(one, kind)]
    roles = [PART_WORDS.get(one.name.lower(), "") for one in folders]
    if "train" not in roles or "" in roles or _files_in(folder, kind):
        return {"train": any_files(folder, kind)}
    twice = next((role for role in roles if roles.count(role) > 1), None)
    if twice is not None:
        same = [one.name for one, role in zip(folders, roles, strict=True) if role == twice]
        raise DataError(f"{format_names(same)} are both the {twice} part", file=folder, hint="join the two folders")
    found = {role: any_files(one, kind) for role, one in zip(roles, folders, strict=True)}
    return {part: found[part] for part in ("train", "validation", "test") if part in found}


def labelled_files(folder: Path, kind: FileKind) -> FileList:
    """Return the files of the classes' folders of another folder than the run's own.

    Raises:
        DataError: There is none, or the folder holds parts, of which one has to be named.
    """
    parts = part_folders(folder, kind)
    if parts:
        names = format_names([path.name for path in parts.values()])
        last = list(parts.values())[-1]
        text = f"expected a folder with a subfolder for each class, received one with the parts {names}"
        raise DataError(text, file=folder, hint=f"name one of them: {last}")
    return class_folders(folder, kind)


def any_files(folder: Path, kind: FileKind) -> FileList:
    """Return all files below a folder, without classes.

    Raises:
        DataError: There is none.
    """
    files = files_below(folder, kind)
    if not files:
        raise DataError(
            f"expected a folder of {kind.noun}s, received none", file=folder, hint="is it the right folder?"
        )
    return FileList(files, [""] * len(files))


def files_below(folder: Path, kind: FileKind) -> list[Path]:
    """Return the files in a folder and its subfolders, in the order of their paths; hidden ones are left out."""
    # Tuples of names sort as paths do, in a fraction of the time.
    return [Path(folder, *names) for names in sorted(_walk(folder, kind))]


def _walk(folder: Path, kind: FileKind, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead from a folder to each file below it; links to folders are not followed.

    Raises:
        DataError: A pipe or a device has the name of a file of this kind.
    """
    try:
        entries = list(os.scandir(Path(folder, *above)))
    except OSError:  # as `os.walk` does, a folder that cannot be read is left out
        return
    for entry in entries:
        if not _is_visible(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, kind, (*above, entry.name))
        elif kind.matches(entry.name) and not entry.is_dir():
            # A link that leads nowhere is reported when it is read.
            if not entry.is_file() and os.path.exists(entry.path):  # noqa: PTH110 - a third of the time of a Path
                raise no_regular_file(Path(entry.path))
            yield (*above, entry.name)


def _has_files(folder: Path, kind: FileKind) -> bool:
    return next(_walk(folder, kind), None) is not None


def _files_in(folder: Path, kind: FileKind) -> list[Path]:
    """Return the files directly in a folder."""
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if _is_visible(one.name) and kind.matches(one.name) and one.is_file()]
    return [Path(folder, name) for name in sorted(names)]


def _holds_classes(folder: Path, kind: FileKind) -> bool:
    return not _files_in(folder, kind) and any(_has_files(one, kind) for one in _subfolders(folder))


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if _is_visible(one.name) and one.is_dir()]
    return [Path(folder, name) for name in sorted(names)]


def _is_visible(name: str) -> bool:
    """Return whether a file or folder is the user's: not hidden, nor what macOS adds to archives."""
    return not name.startswith(".") and name != "__MACOSX"
