"""The targets of pictures that are pictures themselves: a folder of masks, or of pictures as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.dataset import TargetArray
from nnrun.data.files.digests import combined_digests, content_digest
from nnrun.data.files.pictures import PICTURE_SUFFIXES, examine_picture, picture_size, read_mask, read_picture
from nnrun.data.sources.class_folders import FileKind, files_below
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.files.pictures import Colour
    from nnrun.data.sources.class_folders import FileList
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.facts import Task

#: The kind of the files of targets.
_KIND = FileKind("picture", "images", PICTURE_SUFFIXES)
#: `check` reads masks of so many pixels to learn their classes (0.3 s).
_MOST_PIXELS = 30_000_000
#: Masks with more different values than this are taken for pictures.
_MOST_CLASSES = 64
#: Suffixes of files whose pixels are not those that were saved.
_LOSSY = frozenset({".jpg", ".jpeg"})
#: The value of the second class in masks of black and white.
_WHITE = 255


@dataclass(frozen=True)
class PictureTargets:
    """A folder with a target picture for each picture, of the same path but for the suffix.

    Attributes:
        folder: The folder, as the config names it.
        are_masks: Whether a pixel of a target is the number of a class, and not a number from 0 to 255.
        class_names: The classes of masks: in the order of their numbers, or by the value of a pixel; None: each value
            is a class.
        size: The height and width to which targets are resized; None: all must have one size.
        colour: `grey` or `rgb`; masks have one channel whatever it is.
    """

    folder: str
    are_masks: bool
    class_names: list[str] | dict[str, str] | None
    size: tuple[int, int] | None
    colour: Colour

    def __post_init__(self) -> None:
        names = self.class_names
        if names is None:
            return
        if not self.are_masks:
            raise ValueError("images: class_names belong to `masks`, and there are none")
        words = list(names.values()) if isinstance(names, dict) else names
        if len(words) < 2 or len({*words}) < len(words):
            raise ValueError("images: class_names expected at least two different names")
        number = next((one for one in words if one.lstrip("-").isdigit()), None)
        if number is not None:
            raise ValueError(f"images: class_names expected words, received {number!r}; numbers need no names")
        wrong = [one for one in names if not one.isdigit() or int(one) > _WHITE] if isinstance(names, dict) else []
        if wrong:
            raise ValueError(f"images: class_names expected values of pixels from 0 to 255, received {wrong[0]!r}")

    @property
    def noun(self) -> str:
        """What a target is called in messages."""
        return "mask" if self.are_masks else "target picture"

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of their numbers; None where they are learned from the values."""
        names = self.class_names
        if names is None:
            return None
        return tuple(names[key] for key in sorted(names, key=int)) if isinstance(names, dict) else tuple(names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The name of the target."""
        return ("mask",) if self.are_masks else ("target",)

    @property
    def task(self) -> Task:
        """The task of a model that learns the targets."""
        return "classification" if self.are_masks else "regression"

    @property
    def channels(self) -> int:
        """The number of channels of a target."""
        return 1 if self.are_masks or self.colour == "grey" else 3

    def pair(self, pictures: Sequence[Path], root: Path, folder: Path) -> list[Path]:
        """Return the target of each picture.

        Args:
            pictures: The pictures.
            root: Their folder.
            folder: The folder of the targets.

        Raises:
            DataError: A picture has no target, or a stem stands for two files.
        """
        targets = _by_stem(files_below(folder, _KIND), folder)
        stems = _by_stem(pictures, root)
        missing = [stem for stem in stems if stem not in targets]
        if missing:
            others = f"; {len(missing) - 1:,} more of {len(stems):,} have none" if len(missing) > 1 else ""
            raise DataError(
                f"the picture has no {self.noun}: expected {folder / missing[0]}.png, or another suffix{others}",
                file=stems[missing[0]],
                hint=f"a {self.noun} has the path of its picture below the folder, but for the suffix",
            )
        return [targets[stem] for stem in stems]

    def pair_parts(self, lists: Mapping[str, FileList], root: Path, paths: DataPaths) -> dict[str, list[Path]]:
        """Return the target of each picture of each part.

        Args:
            lists: The pictures of each part.
            root: The folder of the pictures.
            paths: Where the folder of the targets is found.

        Raises:
            DataError: There is no such folder, or it lies in that of the pictures; or as `pair`.
        """
        folder = self._found(paths)
        if not folder.is_dir() or folder.resolve().is_relative_to(root.resolve()):
            what = "a file" if not folder.is_dir() else "one inside of the folder of pictures"
            hint = "keep pictures and targets in two folders next to each other"
            raise DataError(f"expected a folder of {self.noun}s, received {what}", file=folder, hint=hint)
        return {part: self.pair(pictures.files, root, folder) for part, pictures in lists.items()}

    def facts(
        self, lists: Mapping[str, FileList], root: Path, paths: DataPaths, place: ConfigPath, *, most: int
    ) -> tuple[dict[str, Any] | None, list[Finding]]:
        """Return the fields of `DataFacts` that tell about targets, and findings: what cannot be used or is not used.

        Args:
            lists: The pictures of each part.
            root: The folder of the pictures.
            paths: Where the folder of the targets is found.
            place: The place of that folder in the config.
            most: How many targets of a part are examined.
        """
        try:
            targets = self.pair_parts(lists, root, paths)
            for part, pictures in lists.items():
                self._examine(pictures.files[:most], targets[part][:most])
            classes = self._learn_classes([one for part in targets.values() for one in part])
        except DataError as error:
            code = "unreadable-data" if paths.find(self.folder) else "missing-file"
            return None, [Finding(place, error.text, error.hint, code)]
        shape = (*self._target_size(targets["train"]), self.channels)
        known: dict[str, Any] = {"task": self.task, "class_names": classes, "target_names": self.target_names}
        known["target"] = TargetArray(shape, "u" if self.are_masks else "f")
        files = [file for pictures in lists.values() for file in pictures.files]
        return known, list(self._findings(files, root, self._found(paths), place))

    def _found(self, paths: DataPaths) -> Path:
        folder = paths.find(self.folder)
        if folder is None:
            raise paths.missing(self.folder)
        return folder

    def _findings(self, pictures: Sequence[Path], root: Path, folder: Path, place: ConfigPath) -> Iterator[Finding]:
        stems = _by_stem(pictures, root)
        alone = [one.name for stem, one in _by_stem(files_below(folder, _KIND), folder).items() if stem not in stems]
        if alone:
            text = f"{format_count(len(alone), self.noun)} in {folder.name} without a picture: {format_names(alone, 3)}"
            yield Finding(place, text, "is the picture's name the same?", "target-without-picture", "warning")

    def _target_size(self, targets: Sequence[Path]) -> tuple[int, int]:
        """Return the size to which targets are brought: the config's, or that of the first."""
        return self.size or picture_size(targets[0])

    def _examine(self, pictures: Sequence[Path], targets: Sequence[Path]) -> None:
        """Refuse the first target that cannot be read, or of another size than its picture (masks) or than the first.

        Raises:
            DataError: There is one.
        """
        first = None
        for picture, target in zip(pictures, targets, strict=True):
            found = examine_picture(target)
            first = first or found
            self._require_size(picture, target, found, first)

    def _learn_classes(self, targets: Sequence[Path]) -> tuple[str, ...] | None:
        """Return the names of the classes of masks; None where these have too many pixels to be read by `check`."""
        if not self.are_masks:
            return ()
        size = picture_size(targets[0])
        if size[0] * size[1] * len(targets) > _MOST_PIXELS:
            return self.names
        return self._classes([self._values(target, read_mask(target, size)) for target in targets])

    def read_parts(
        self, lists: Mapping[str, FileList], targets: Mapping[str, Sequence[Path]], progress: Progress
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Read the targets of each part; return them, and the fields of `SourceData` that tell about them.

        Raises:
            DataError: As `read`.
        """
        size, y, names = self._target_size(targets["train"]), {}, set()
        for part, pictures in lists.items():
            y[part], found = self.read(pictures.files, targets[part], size, progress)
            names |= {*found}
        classes = self.names or labels(names)
        return y, {"class_names": classes, "target_names": self.target_names, "task": self.task}

    def read(
        self, pictures: Sequence[Path], targets: Sequence[Path], size: tuple[int, int], progress: Progress
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Read all targets.

        Args:
            pictures: The pictures.
            targets: The target of each.
            size: The height and width to which targets are brought; masks by their nearest pixel.
            progress: Receives progress.

        Returns:
            Masks as uint8 of shape (rows, height, width, 1), the number of a class where `class_names` are given and
            else the value of the pixel, with the names of the classes; pictures as float32 of 0 to 255, shape
            (rows, height, width, channels), and no names.

        Raises:
            DataError: One cannot be read, has another size, or has a value that is no class.
        """
        y: np.ndarray = np.empty((len(targets), *size, self.channels), dtype="uint8" if self.are_masks else "float32")
        values = []
        first = picture_size(targets[0])
        with progress.bar(f"Reading {self.noun}s", len(targets), "") as bar:
            for row, (picture, target) in enumerate(zip(pictures, targets, strict=True)):
                self._require_size(picture, target, picture_size(target), first)
                if self.are_masks:
                    mask = read_mask(target, size)
                    values.append(self._values(target, mask))
                    y[row, ..., 0] = mask if self.class_names is None else self._numbers()[mask]
                else:
                    y[row] = read_picture(target, size, self.colour)
                bar.advance(1)
        return y, self._classes(values) if self.are_masks else ()

    def digests(self, targets: Mapping[str, Sequence[Path]], paths: DataPaths) -> dict[str, str]:
        """Return the digests that a run keeps of the targets, by name."""
        files, folder = [file for part in targets.values() for file in part], self._found(paths)
        names = [file.relative_to(folder).as_posix() for file in files]
        return combined_digests(f"{self.noun}s of {folder.name}", names, [content_digest(file) for file in files])

    def _require_size(self, picture: Path, target: Path, found: tuple[int, int], first: tuple[int, int]) -> None:
        own = picture_size(picture) if self.are_masks else first
        if (self.are_masks or self.size is None) and found != own:
            whose = f"as its picture {picture.name} has" if self.are_masks else "as the first has"
            hint = "save it in the size of its picture" if self.are_masks else "give a size: `target_size: [H, W]`"
            raise DataError(
                f"expected a {self.noun} of {own[0]} x {own[1]} pixels (height and width), {whose}, "
                f"received {found[0]} x {found[1]}",
                file=target,
                hint=hint,
            )

    def _numbers(self) -> np.ndarray:
        """Return the number of the class of each value of a pixel: 255 where a value is none."""
        numbers = np.full(_WHITE + 1, _WHITE, dtype="uint8")
        names = self.class_names
        if isinstance(names, dict):
            for number, value in enumerate(sorted(map(int, names))):
                numbers[value] = number
        else:
            count = len(names or ())
            numbers[:count] = np.arange(count)
            if count == 2:
                numbers[_WHITE] = 1
        return numbers

    def _values(self, target: Path, mask: np.ndarray) -> np.ndarray:
        """Return how often each value occurs in a mask, shape (256,).

        Raises:
            DataError: A value is no class.
        """
        counts = np.bincount(mask.reshape(-1), minlength=_WHITE + 1)
        known = self.names
        if known is None:
            found = int(np.count_nonzero(counts))
            if found > _MOST_CLASSES:
                raise DataError(
                    f"expected a mask with a class number for each pixel, received {found} different values",
                    file=target,
                    hint="save masks as PNG, since JPEG changes values; pictures as numbers are `targets`, not `masks`",
                )
            return counts
        value = next((int(one) for one in np.flatnonzero(counts) if self._numbers()[one] >= len(known)), None)
        if value is not None:
            row, column = (int(one[0]) for one in np.nonzero(mask == value))
            expected = sorted(self.class_names, key=int) if isinstance(self.class_names, dict) else None
            text = ", ".join(expected) if expected else f"0 to {len(known) - 1}"
            lossy = target.suffix.lower() in _LOSSY
            raise DataError(
                f"expected values of the {len(known)} classes ({text}), received {value} "
                f"in {counts[value]:,} pixels, the first in row {row}, column {column} (counted from 0)",
                file=target,
                hint="save masks as PNG, since JPEG changes values"
                if lossy
                else f'correct the mask, or name the class: `class_names: {{"{value}": NAME, ...}}`',
            )
        if isinstance(self.class_names, list) and len(known) == 2 and counts[1] and counts[_WHITE]:
            raise DataError(
                f"expected 1 or 255 for the class {known[1]!r}, received 1 in {counts[1]:,} pixels and 255 in "
                f"{counts[_WHITE]:,}",
                file=target,
                hint='name the class of each value: `class_names: {"0": NAME, "1": NAME, "255": NAME}`',
            )
        return counts

    def _classes(self, counts: Sequence[np.ndarray]) -> tuple[str, ...]:
        return self.names or tuple(str(value) for value in np.flatnonzero(np.sum(counts, axis=0)))


def _by_stem(files: Sequence[Path], root: Path) -> dict[str, Path]:
    """Return files by their path below a folder without the suffix.

    Raises:
        DataError: Two files differ in nothing but the suffix.
    """
    found: dict[str, Path] = {}
    for file in files:
        stem = PurePosixPath(file.relative_to(root).as_posix()).with_suffix("").as_posix()
        if stem in found:
            raise DataError(
                f"{found[stem].name} and {file.name} have the same stem, by which pictures and targets are paired",
                file=file,
                hint="rename or remove one of them",
            )
        found[stem] = file
    return found
