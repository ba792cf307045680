"""The source `images`: picture files, in a folder for each class or listed in a csv file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.dataset import DataFacts, Examples, SourceData, row_numbers
from nnrun.data.files.pictures import (
    PICTURE_SUFFIXES,
    combined_digests,
    content_digest,
    examine_picture,
    file_start_digest,
    picture_size,
    read_picture,
    require_size,
)
from nnrun.data.sources.picture_folders import (
    PictureList,
    any_pictures,
    folder_findings,
    labelled_pictures,
    read_classes,
    read_parts,
)
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.files.pictures import Colour
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

#: How many pictures of a part `check` examines.
_EXAMINED = 2_000


class Images:
    """Pictures in a folder with a subfolder for each class, or listed in a csv file with their classes.

    Any format that Pillow reads; values are 0 to 255, an example has the shape (height, width, 1) or
    (height, width, 3). Subfolders `train`, `val` and `test` (also `training`, `valid`, `validation`, `dev`, `testing`,
    in any case), each with the classes' folders, are used as the parts. Hidden files and `__MACOSX` are left out.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a picture in each row, relative to the csv file's folder.
        path_column: The column of the pictures' names, by name or index.
        target: The column of their classes, by name or index; default: the last.
        size: The height and width that every picture is resized to; where not given, all must have one size.
        colour: `grey` or `rgb`.
        stream: Whether pictures stay on disk and are decoded batch by batch during training; where
            not given, they do if their arrays would need more than `memory`.
        memory: How much memory the pictures may take, in GB: it decides whether they stream, and how much of a stream
            is in memory at a time.
    """

    def __init__(
        self,
        folder: str | None = None,
        file: str | None = None,
        path_column: str | int = 0,
        target: str | int = -1,
        size: list[int] | None = None,
        colour: Literal["grey", "rgb"] = "rgb",
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
    ) -> None:
        if (folder is None) == (file is None):
            raise ValueError("images: expected one of a `folder` with a subfolder for each class and a csv `file`")
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ValueError(f"images: size expected two positive integers (height and width), received {size}")
        check_memory_limit("images", memory)
        self.stream, self.memory = stream, memory
        self.folder, self.file, self.path_column, self.target = folder, file, path_column, target
        self.size = None if size is None else (size[0], size[1])
        self.colour: Colour = colour

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Decode all pictures, or read the start of each where they stream."""
        lists = self._lists(paths)
        size = self._size(lists)
        read = self._stream if self._streams(lists, size) else self._decode
        parts, digests = {}, []
        for part, pictures in lists.items():
            with pictures.located_errors():
                examples, found = read(pictures, size, progress, same_size=self.size is None)
            parts[part] = replace(examples, origin=pictures.origin(self._root(paths)))
            digests += found
        return SourceData(
            parts["train"],
            parts.get("test"),
            validation=parts.get("validation"),
            class_names=_class_names(lists),
            target_names=("class",),
            files=self.files(paths),
            digests=self._combined(paths, lists, digests),
            layout={"size": list(size)},
            task="classification",
        )

    def load_targets(self, paths: DataPaths) -> SourceData:
        """Return the classes of all pictures."""
        folder = None if self.folder is None else paths.find(self.folder)
        if folder is None:
            by_part = {part: pictures.classes for part, pictures in self._lists(paths).items()}
        else:
            by_part = read_classes(folder)
        parts = {}
        for part, names in by_part.items():
            classes = np.array(names, dtype=object)
            parts[part] = Examples(row_numbers(classes), classes)
        known: Any = {"target_names": ("class",), "task": "classification"}
        known["class_names"] = labels(name for names in by_part.values() for name in names)
        return SourceData(parts["train"], parts.get("test"), validation=parts.get("validation"), **known)

    def files(self, paths: DataPaths) -> dict[str, Path]:
        """Return the csv file that lists the pictures by its name; empty for a folder."""
        file = None if self.file is None else paths.require(self.file)
        return {} if file is None else {file.name: file}

    def digests(self, paths: DataPaths) -> dict[str, str]:
        """Return the digests that a run keeps of the pictures, without decoding them.

        Raises:
            DataError: A picture does not exist, or cannot be read.
        """
        lists = self._lists(paths)
        digest = file_start_digest if self._streams(lists, self._size(lists)) else content_digest
        return self._combined(paths, lists, [digest(file) for pictures in lists.values() for file in pictures.files])

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the classes, the number of pictures, and the size of the first."""
        try:
            lists = self._lists(paths)
            size = self._size(lists)
            self._examine(lists, size)
        except DataError as error:
            code = "unreadable-data" if paths.find(str(self.folder or self.file)) else "missing-file"
            key = "folder" if self.file is None else "file"
            return None, [Finding((*path, "images", key), error.text, error.hint, code)]
        facts = DataFacts(
            (*size, self._channels),
            len(lists["train"].files),
            len(lists["test"].files) if "test" in lists else 0,
            len(lists["validation"].files) if "validation" in lists else 0,
            task="classification",
            class_names=_class_names(lists),
            target_names=("class",),
            streamed=self._streams(lists, size),
        )
        folder = None if self.folder is None else paths.find(self.folder)
        return facts, [] if folder is None else list(folder_findings(folder, lists, (*path, "images", "folder")))

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read one picture, pictures listed in a csv file or lying in a folder, or an npz with x and y.

        A folder has a subfolder for each class; without targets, the pictures of any folder are read in the order of
        their paths.
        """
        from nnrun.data.sources.npz import read_examples
        from nnrun.progress import NullProgress

        size = (int(layout["size"][0]), int(layout["size"][1]))
        if file.suffix.lower() == ".npz":
            return read_examples(file, {}, with_target=with_target)
        if file.suffix.lower() in PICTURE_SUFFIXES and not with_target:
            origin = PictureList([file]).origin(file.parent)
            return Examples(np.stack([read_picture(file, size, self.colour)]), None, origin=origin)
        if file.is_dir():
            pictures = labelled_pictures(file) if with_target else any_pictures(file)
        else:
            pictures = self._listed_in(file, with_target=with_target)
        with pictures.located_errors():
            examples, _ = self._decode(pictures, size, NullProgress(), same_size=False)
        origin = pictures.origin(file if file.is_dir() else file.parent)
        return Examples(examples.x, examples.y if with_target else None, origin=origin)

    def _examine(self, lists: Mapping[str, PictureList], size: tuple[int, int]) -> None:
        """Refuse the first broken picture, or one of another size than the first where no size is given.

        Only the first `_EXAMINED` pictures of a part are examined: 2,000 take 0.2 s.
        """
        for pictures in lists.values():
            with pictures.located_errors():
                for file in pictures.files[:_EXAMINED]:
                    found = examine_picture(file)
                    if self.size is None:
                        require_size(file, found, size)

    @property
    def _channels(self) -> int:
        return 1 if self.colour == "grey" else 3

    def _lists(self, paths: DataPaths) -> dict[str, PictureList]:
        """Return the pictures of the training part, and of the validation and test part where there are such folders.

        Raises:
            DataError: The folder, the csv file or a picture does not exist.
        """
        if self.file is not None:
            return {"train": self._listed_in(paths.require(self.file), with_target=True)}
        folder = paths.find(str(self.folder))
        if folder is None:
            raise paths.missing(str(self.folder))
        if not folder.is_dir():
            raise DataError("expected a folder of pictures, received a file", file=folder, hint="name it as `file`")
        return read_parts(folder)

    def _size(self, lists: Mapping[str, PictureList]) -> tuple[int, int]:
        """Return the size in the config, or that of the first picture."""
        pictures = lists["train"]
        with pictures.located_errors():
            return self.size or picture_size(pictures.files[0])

    def _streams(self, lists: Mapping[str, PictureList], size: tuple[int, int]) -> bool:
        count = sum(len(pictures.files) for pictures in lists.values())
        # One byte for the value read, four for the prepared float32 number, and four for the tensor with it.
        needed = count * size[0] * size[1] * self._channels * 9
        return should_stream(self.stream, needed, self.memory)

    def _decode(
        self, pictures: PictureList, size: tuple[int, int], progress: Progress, *, same_size: bool
    ) -> tuple[Examples, list[bytes]]:
        """Return all pictures decoded, and the digest of each file."""
        x: np.ndarray = np.empty((len(pictures.files), *size, self._channels), dtype="uint8")
        digests = []
        with progress.bar("Reading pictures", len(pictures.files), "") as bar:
            for row, file in enumerate(pictures.files):
                if same_size:
                    require_size(file, picture_size(file), size)
                x[row] = read_picture(file, size, self.colour)
                digests.append(content_digest(file))
                bar.advance(1)
        return Examples(x, np.array(pictures.classes, dtype=object)), digests

    def _stream(
        self, pictures: PictureList, size: tuple[int, int], progress: Progress, *, same_size: bool
    ) -> tuple[Examples, list[bytes]]:
        """Return a stream of all pictures, and the digest of each file."""
        from nnrun.data.streaming.picture_files import scan_pictures
        from nnrun.data.streaming.streams import Stream

        store = scan_pictures(pictures.files, size, self.colour, progress, same=same_size)
        x = Stream(store, np.arange(len(pictures.files)), self.memory * 1e9)
        return Examples(x, np.array(pictures.classes, dtype=object)), [digest.tobytes() for digest in store.digests]

    def _combined(self, paths: DataPaths, lists: Mapping[str, PictureList], digests: Sequence[bytes]) -> dict[str, str]:
        """Combine the digests of all pictures, with their paths below the folder or the folder of the csv file."""
        root = self._root(paths)
        names = [name for pictures in lists.values() for name in pictures.names(root)]
        return combined_digests(f"pictures of {Path(str(self.file or self.folder)).name}", names, digests)

    def _root(self, paths: DataPaths) -> Path:
        """Return the folder of the pictures, or that of the csv file that lists them."""
        if self.file is not None:
            return paths.require(self.file).parent
        return paths.find(str(self.folder)) or Path(str(self.folder))

    def _listed_in(self, file: Path, *, with_target: bool) -> PictureList:
        """Return the pictures that a csv file lists.

        Raises:
            DataError: A column or a picture does not exist, or a row has another number of fields.
        """
        from nnrun.data.columns import resolve_columns
        from nnrun.data.csv.dialect import Dialect, data_rows
        from nnrun.data.csv.header import read_header

        dialect = Dialect("\t" if file.suffix == ".tsv" else ",")
        opened = read_header(file, dialect, [self.path_column, self.target])
        try:
            (path,) = resolve_columns([self.path_column], opened.names)
            target = resolve_columns([self.target], opened.names)[0] if with_target else path
        except ValueError as error:
            raise DataError(str(error), file=file, hint="set `path_column` and `target`") from None
        places = opened.names.index(path), opened.names.index(target)
        if isinstance(self.path_column, int) and (file.parent / path).is_file():
            # The first line names a picture already: it is not a header.
            opened = read_header(file, replace(dialect, header=False))
        pictures = PictureList(index=file)
        for line, fields in data_rows(opened):
            if len(fields) != len(opened.names):
                expected = format_count(len(opened.names), "field")
                raise DataError(f"expected {expected}, received {len(fields)}", file=file, row=line)
            pictures.files.append(file.parent / fields[places[0]].strip())
            pictures.classes.append(fields[places[1]].strip())
            pictures.lines.append(line)
        if not pictures.files:
            raise DataError("expected rows that name pictures, received none", file=file, hint="is it the right file?")
        _require_files(pictures, opened.names[places[0]])
        return pictures


def _class_names(lists: Mapping[str, PictureList]) -> tuple[str, ...]:
    return labels(name for pictures in lists.values() for name in pictures.classes)


def _require_files(pictures: PictureList, column: str) -> None:
    """Refuse pictures that do not exist: the first is named, and the others are counted."""
    missing = [row for row, file in enumerate(pictures.files) if not file.is_file()]
    if missing:
        others = f", nor {len(missing) - 1:,} more of {len(pictures.files):,}" if len(missing) > 1 else ""
        raise DataError(
            f"there is no picture {str(pictures.files[missing[0]])!r}{others}",
            file=pictures.index,
            row=pictures.lines[missing[0]],
            column=column,
            hint="paths are relative to the csv file's folder",
        )
