"""The source `images`: picture files, in a folder for each class or listed in a csv file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os.path import relpath, sep
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import labels
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.files.pictures import (
    ENDINGS,
    picture_shape,
    read_picture,
    refuse_size,
    start_mark_of,
    together,
    whole_mark,
)
from nnrun.data.streaming.memory import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.files.pictures import Colour
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


@dataclass(frozen=True)
class _Listed:
    """Picture files and the class of each; where a csv lists them, that file and the line of each."""

    files: list[Path]
    classes: list[str]
    index: Path | None = None
    lines: list[int] = field(default_factory=list)

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Say of a picture that cannot be used also in which row of the csv it stands."""
        try:
            yield
        except DataError as error:
            if self.index is None or error.file not in self.files:
                raise
            line = self.lines[self.files.index(Path(str(error.file)))]
            raise DataError(error.text, file=self.index, row=line, hint=error.hint) from None


class Images:
    """Pictures in a folder with a subfolder for each class, or listed in a csv file with their classes.

    Any format that Pillow reads; values are 0 to 255, an example has the shape (height, width, 1) or
    (height, width, 3). A folder whose subfolders are `train` and `test`, each with the classes' folders, has a test
    part of its own.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a picture in each row, relative to the csv file's folder.
        path_column: The column of the pictures' names, by name or index.
        target: The column of their classes, by name or index; default: the last.
        size: Height and width that every picture is brought to; where not given, all must have one size.
        colour: `grey` or `rgb`.
        stream: Whether pictures stay on disk and are decoded for each batch anew, while the one before is trained on;
            where not given, they do if their arrays would need more than `memory`.
        memory: How much memory the pictures may take, in GB: it decides whether they stream, and how much of a stream
            is in memory at a time.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the config's own words
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

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Decode all pictures, or look at them where they stream."""
        listed = self._listed(places)
        size = self._size(listed["train"])
        same = self.size is None
        read = self._streamed if self._streams(listed, size) else self._examples
        parts, marks = {}, []
        for part, one in listed.items():
            with one.placed():
                parts[part], found = read(one, size, progress, same=same)
            marks += found
        return SourceData(
            parts["train"],
            parts.get("test"),
            class_names=labels(name for one in listed.values() for name in one.classes),
            target_names=("class",),
            files=self.files(places),
            digests=self._together(places, listed, marks),
            layout={"size": list(size)},
            task="classification",
        )

    def files(self, places: DataPaths) -> dict[str, Path]:
        """The csv file that lists the pictures, where one does, by its name."""
        file = None if self.file is None else places.require(self.file)
        return {} if file is None else {file.name: file}

    def digests(self, places: DataPaths) -> dict[str, str]:
        """What a run keeps of the picture files, without decoding them.

        Raises:
            DataError: They are not there, or cannot be read.
        """
        listed = self._listed(places)
        mark = start_mark_of if self._streams(listed, self._size(listed["train"])) else whole_mark
        return self._together(places, listed, [mark(file) for one in listed.values() for file in one.files])

    def _together(self, places: DataPaths, listed: Mapping[str, _Listed], marks: Sequence[bytes]) -> dict[str, str]:
        """The digests of all pictures by their names below the folder, or the csv file's folder."""
        home = places.require(self.file).parent if self.file is not None else places.find(str(self.folder))
        names = [relpath(file, home).replace(sep, "/") for one in listed.values() for file in one.files]
        return together(f"pictures of {Path(str(self.file or self.folder)).name}", names, marks)

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """The classes, how many pictures there are, and the size of the first."""
        key = "folder" if self.file is None else "file"
        try:
            listed = self._listed(places)
            size = self._size(listed["train"])
        except DataError as error:
            name = "unreadable-data" if places.find(str(self.folder or self.file)) else "missing-file"
            return None, [Finding((*path, "images", key), error.text, error.hint, name)]
        outline = DataFacts(
            (*size, 1 if self.colour == "grey" else 3),
            len(listed["train"].files),
            len(listed["test"].files) if "test" in listed else 0,
            task="classification",
            class_names=labels(name for one in listed.values() for name in one.classes),
            target_names=("class",),
            streamed=self._streams(listed, size),
        )
        return outline, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read one picture, pictures listed in a csv file or lying in a folder, or an npz with x and y.

        A folder has a subfolder for each class; where no truth is asked for, the pictures of any folder are read in
        the order of their paths.
        """
        import numpy as np

        from nnrun.data.sources.npz import read_examples
        from nnrun.progress import Silent

        size = (int(layout["size"][0]), int(layout["size"][1]))
        if file.suffix.lower() == ".npz":
            return read_examples(file, {}, with_target=with_target)
        if file.suffix.lower() in ENDINGS and not with_target:
            return Examples(np.stack([read_picture(file, size, self.colour)]), None)
        if file.is_dir():
            listed = _from_folder(file) if with_target else _without_classes(file)
        else:
            listed = self._from_csv(file, with_target=with_target)
        with listed.placed():
            found, _ = self._examples(listed, size, Silent(), same=False)
        return found if with_target else Examples(found.x, None)

    def _examples(
        self, listed: _Listed, size: tuple[int, int], progress: Progress, *, same: bool
    ) -> tuple[Examples, list[bytes]]:
        """All pictures decoded, and the mark of each file."""
        import numpy as np

        x: np.ndarray = np.empty((len(listed.files), *size, 1 if self.colour == "grey" else 3), dtype="uint8")
        marks = []
        with progress.bar("Reading pictures", len(listed.files), "") as bar:
            for row, file in enumerate(listed.files):
                if same:
                    refuse_size(file, picture_shape(file), size)
                x[row] = read_picture(file, size, self.colour)
                marks.append(whole_mark(file))
                bar.advance(1)
        return Examples(x, np.array(listed.classes, dtype=object)), marks

    def _size(self, listed: _Listed) -> tuple[int, int]:
        """The size that is stated, or that of the first picture."""
        with listed.placed():
            return self.size or picture_shape(listed.files[0])

    def _streams(self, listed: Mapping[str, _Listed], size: tuple[int, int]) -> bool:
        pictures = sum(len(one.files) for one in listed.values())
        # The bytes that are read, the prepared float32 array, and the tensor made of it.
        needed = pictures * size[0] * size[1] * (1 if self.colour == "grey" else 3) * 9
        return should_stream(self.stream, needed, self.memory)

    def _streamed(
        self, listed: _Listed, size: tuple[int, int], progress: Progress, *, same: bool
    ) -> tuple[Examples, list[bytes]]:
        """Where all pictures lie, and the mark of each file."""
        import numpy as np

        from nnrun.data.streaming.picture_files import scan_pictures
        from nnrun.data.streaming.streams import Stream

        store = scan_pictures(listed.files, size, self.colour, progress, same=same)
        x = Stream(store, np.arange(len(listed.files)), self.memory * 1e9)
        return Examples(x, np.array(listed.classes, dtype=object)), [mark.tobytes() for mark in store.marks]

    def _listed(self, places: DataPaths) -> dict[str, _Listed]:
        """The pictures of each part."""
        if self.file is not None:
            return {"train": self._from_csv(places.require(self.file), with_target=True)}
        folder = places.find(str(self.folder))
        if folder is None:
            raise places.missing(str(self.folder))
        if not folder.is_dir():
            raise DataError("expected a folder of pictures, received a file", file=folder, hint="name it as `file`")
        below = {path.name: path for path in folder.iterdir() if path.is_dir()}
        if set(below) == {"train", "test"}:
            return {part: _from_folder(below[part]) for part in ("train", "test")}
        return {"train": _from_folder(folder)}

    def _from_csv(self, file: Path, *, with_target: bool) -> _Listed:
        from nnrun.data.columns import resolve
        from nnrun.data.csv.dialect import Dialect, rows
        from nnrun.data.csv.header import read_head

        dialect = Dialect("\t" if file.suffix == ".tsv" else ",")
        head = read_head(file, dialect)
        try:
            first = head.names
            (path,) = resolve([self.path_column], first)
            target = resolve([self.target], head.names)[0] if with_target else path
        except ValueError as error:
            raise DataError(str(error), file=file, hint="say `path_column` and `target`") from None
        if isinstance(self.path_column, int) and (file.parent / path).is_file():
            # The first line names a picture already.
            head = read_head(file, replace(dialect, header=False))
            path, target = (head.names[first.index(name)] for name in (path, target))
        found = _Listed([], [], file)
        for line, fields in rows(file, dialect):
            if line <= head.line:
                continue
            if len(fields) != len(head.names):
                raise DataError(f"expected {len(head.names)} fields, received {len(fields)}", file=file, row=line)
            found.files.append(file.parent / fields[head.names.index(path)].strip())
            found.classes.append(fields[head.names.index(target)].strip())
            found.lines.append(line)
        _refuse_lacking(found, path)
        if not found.files:
            raise DataError("expected rows that name pictures, received none", file=file, hint="is it the right file?")
        return found


def _refuse_lacking(listed: _Listed, column: str) -> None:
    """Refuse names of pictures that are not there: the first, and how many more."""
    lacking = [row for row, picture in enumerate(listed.files) if not picture.is_file()]
    if lacking:
        others = f", nor {len(lacking) - 1:,} more of {len(listed.files):,}" if len(lacking) > 1 else ""
        raise DataError(
            f"there is no picture {str(listed.files[lacking[0]])!r}{others}",
            file=listed.index,
            row=listed.lines[lacking[0]],
            column=column,
            hint="names are relative to the csv file's folder",
        )


def _without_classes(folder: Path) -> _Listed:
    """All pictures of a folder and those below it, in the order of their paths."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS and path.name[0] != "."]
    if not files:
        raise DataError("expected a folder of pictures, received none", file=folder, hint="is it the right folder?")
    return _Listed(files, [""] * len(files))


def _from_folder(folder: Path) -> _Listed:
    """The pictures of the classes' folders, in order of class and name."""
    found = _Listed([], [])
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for file in sorted(below.rglob("*")):
            if file.suffix.lower() in ENDINGS and not file.name.startswith("."):
                found.files.append(file)
                found.classes.append(below.name)
    if not found.files:
        raise DataError(
            "expected a subfolder with pictures for each class, received none",
            file=folder,
            hint="put the pictures of each class into a folder of its name",
        )
    return found
