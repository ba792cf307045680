"""Folders of pictures: a folder for each class, or for each part with the classes' folders inside."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.data_paths import no_regular_file
from nnrun.data.files.pictures import PICTURE_SUFFIXES
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.errors import Path as ConfigPath

#: The parts by the names that folders of them usually have, in lower case.
_PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class PictureList:
    """Picture files and the class of each; where a csv file lists them, that file and the line of each."""

    files: list[Path] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    index: Path | None = None
    lines: list[int] = field(default_factory=list)

    def names(self, root: Path) -> list[str]:
        """Return the path of each picture relative to a folder, with `/` on every system."""
        return [os.path.relpath(file, root).replace(os.sep, "/") for file in self.files]

    def origin(self, root: Path) -> dict[str, np.ndarray]:
        """Return the line of each picture in the csv file, if there is one, and its name; see `DataPart`."""
        lines = {"line": np.array(self.lines)} if self.lines else {}
        # Bytes of a name that are no text could not be written to a file of predictions.
        names = [name.encode("utf-8", "backslashreplace").decode() for name in self.names(root)]
        return {**lines, "file": np.array(names, dtype=object)}

    @contextmanager
    def located_errors(self) -> Iterator[None]:
        """Name the row of the csv file in the error of a picture that cannot be used."""
        try:
            yield
        except DataError as error:
            if self.index is None or error.file not in self.files:
                raise
            line = self.lines[self.files.index(Path(str(error.file)))]
            raise DataError(error.text, file=self.index, row=line, hint=error.hint) from None


def part_folders(folder: Path) -> dict[str, Path]:
    """Return the folders of the parts inside a folder; empty where its subfolders are classes.

    They are parts where each has the name of one (`train`, `Training`, `val`, `valid`, `validation`, `dev`, `test`)
    and the classes' folders inside. Other subfolders without pictures do not matter.

    Raises:
        DataError: Some subfolders are parts and others are not, two are the same part, or none is for training.
    """
    with_pictures = [path for path in _subfolders(folder) if _has_pictures(path)]
    parts = [path for path in with_pictures if path.name.lower() in _PARTS and _holds_classes(path)]
    roles = [_PARTS[path.name.lower()] for path in parts]
    others = [path.name for path in with_pictures if path not in parts]
    unlabelled = [name for name in others if _PARTS.get(name.lower()) in ("test", "validation")]
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


def read_parts(folder: Path) -> dict[str, PictureList]:
    """Return the pictures of each part, or of the training part alone where the subfolders are classes.

    Raises:
        DataError: There is no picture, or the folders of parts contradict each other.
    """
    parts = part_folders(folder)
    return {part: class_folders(path) for part, path in parts.items()} if parts else {"train": class_folders(folder)}


def read_classes(folder: Path) -> dict[str, list[str]]:
    """Return the class of each picture of each part, in the order of `read_parts`, without the pictures' paths.

    Raises:
        DataError: The folders of parts contradict each other.
    """
    parts = part_folders(folder) or {"train": folder}
    return {
        part: [name for one in _subfolders(path) for name in [one.name] * sum(1 for _ in _walk(one))]
        for part, path in parts.items()
    }


def folder_findings(folder: Path, lists: Mapping[str, PictureList], path: ConfigPath) -> Iterator[Finding]:
    """Yield what a user should know about how a folder was read.

    Args:
        folder: The folder.
        lists: What `read_parts` returned.
        path: The place of the folder in the config.
    """
    parts = part_folders(folder)
    if parts:
        counts = [f"{parts[part].name} with {format_count(len(lists[part].files), 'picture')}" for part in parts]
        text = f"the folders of parts are used as parts: {', '.join(counts)}"
        hint = f"to split one of them instead, name it: folder: {folder.name}/{parts['train'].name}"
        yield Finding(path, text, hint, "parts-of-folders", "note")
        unused = [one.name for one in _subfolders(folder) if one not in parts.values() and _has_pictures(one)]
        if unused:
            text = f"the pictures in {format_names(unused)} are in no folder of a class, and are not used"
            yield Finding(path, text, "nnrun predict reads them", "pictures-without-class", "warning")
    for one in parts.values() or [folder]:
        yield from _class_findings(one, folder, path)


def _class_findings(folder: Path, root: Path, path: ConfigPath) -> Iterator[Finding]:
    """Yield what is odd about the classes' folders in a folder."""
    name = _relative(folder, root)
    loose = [one.name for one in _pictures_in(folder)]
    if loose:
        text = f"{format_count(len(loose), 'picture')} in {name}, next to the classes' folders, {_is(loose)} not used: "
        hint = "move them into the folder of their class, or elsewhere"
        yield Finding(path, text + format_names(loose, 3), hint, "pictures-without-class", "warning")
    subfolders = _subfolders(folder)
    empty = [one.name for one in subfolders if not _has_pictures(one)]
    if empty:
        text = f"{format_names(empty)} in {name} {_is(empty)} without pictures, and so no class"
        yield Finding(path, text, "put pictures into it, or remove the folder", "empty-class-folder", "warning")
    classes = [one for one in subfolders if one.name not in empty]
    inner = [{below.name for below in _subfolders(one) if _has_pictures(below)} for one in classes]
    if any(_pictures_in(one) for one in classes) or not inner:
        return
    shared = sorted(set.intersection(*inner))
    if len(shared) > 1:
        outer = format_names([one.name for one in classes])
        which = f"the classes are {outer}, each" if len(classes) > 1 else f"the one class is {outer},"
        text = f"{which} with the folders {format_names(shared)} inside: are these the classes?"
        hint = f"write folder: {_relative(classes[0], root)}, or list the pictures and their classes in a csv file"
        yield Finding(path, text, hint, "nested-class-folders", "warning")


def _relative(folder: Path, root: Path) -> str:
    return Path(root.name, folder.relative_to(root)).as_posix()


def class_folders(folder: Path) -> PictureList:
    """Return the pictures of the classes' folders, in the order of class and path.

    Raises:
        DataError: There is none.
    """
    pictures = PictureList()
    for subfolder in _subfolders(folder):
        files = pictures_below(subfolder)
        pictures.files.extend(files)
        pictures.classes.extend([subfolder.name] * len(files))
    if not pictures.files:
        raise DataError(
            "expected a subfolder with pictures for each class, received none",
            file=folder,
            hint="put the pictures of each class into a folder of its name, or list them in a csv file: "
            "`images: {file: list.csv}`",
        )
    return pictures


def labelled_pictures(folder: Path) -> PictureList:
    """Return the pictures of the classes' folders of another folder than the run's own.

    Raises:
        DataError: There is none, or the folder holds parts, of which one has to be named.
    """
    parts = part_folders(folder)
    if parts:
        names = format_names([path.name for path in parts.values()])
        last = list(parts.values())[-1]
        text = f"expected a folder with a subfolder for each class, received one with the parts {names}"
        raise DataError(text, file=folder, hint=f"name one of them: {last}")
    return class_folders(folder)


def any_pictures(folder: Path) -> PictureList:
    """Return all pictures below a folder, without classes.

    Raises:
        DataError: There is none.
    """
    files = pictures_below(folder)
    if not files:
        raise DataError("expected a folder of pictures, received none", file=folder, hint="is it the right folder?")
    return PictureList(files, [""] * len(files))


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and its subfolders, in the order of their paths; hidden ones are left out."""
    # Tuples of names sort as paths do, in a fraction of the time.
    return [Path(folder, *names) for names in sorted(_walk(folder))]


def _walk(folder: Path, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead from a folder to each picture below it; links to folders are not followed.

    Raises:
        DataError: A pipe or a device has the name of a picture.
    """
    try:
        entries = list(os.scandir(Path(folder, *above)))
    except OSError:  # as `os.walk` does, a folder that cannot be read is left out
        return
    for entry in entries:
        if not _is_visible(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, (*above, entry.name))
        elif _is_picture(entry.name) and not entry.is_dir():
            # A link that leads nowhere is reported when it is read.
            if not entry.is_file() and os.path.exists(entry.path):  # noqa: PTH110 - a third of the time of a Path
                raise no_regular_file(Path(entry.path))
            yield (*above, entry.name)


def _has_pictures(folder: Path) -> bool:
    return next(_walk(folder), None) is not None


def _pictures_in(folder: Path) -> list[Path]:
    """Return the pictures directly in a folder."""
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if _is_visible(one.name) and _is_picture(one.name) and one.is_file()]
    return [Path(folder, name) for name in sorted(names)]


def _holds_classes(folder: Path) -> bool:
    return not _pictures_in(folder) and any(_has_pictures(one) for one in _subfolders(folder))


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if _is_visible(one.name) and one.is_dir()]
    return [Path(folder, name) for name in sorted(names)]


def _is_visible(name: str) -> bool:
    """Return whether a file or folder is the user's: not hidden, nor what macOS adds to archives."""
    return not name.startswith(".") and name != "__MACOSX"


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122 - a third of the time of a Path
