"""Sources whose examples are files of one kind, in a folder for each class or listed in a csv file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.dataset import DataFacts, Examples, SourceData, row_numbers
from nnrun.data.files.digests import combined_digests, content_digest, file_start_digest
from nnrun.data.sources.class_folders import (
    FileKind,
    FileList,
    any_files,
    folder_findings,
    labelled_files,
    read_classes,
    read_parts,
)
from nnrun.data.streaming.streams import Store, Stream, check_memory_limit, should_stream
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

#: How many files of a part `check` examines.
EXAMINED = 2_000


class FileStore(Store, Protocol):
    """Files that stay on disk."""

    @property
    def digests(self) -> np.ndarray:
        """The `start_digest` of each, shape (files, 32)."""


class FileReader(Protocol):
    """Reads files of one kind as arrays of one shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""

    @property
    def dtype(self) -> str:
        """The type of its numbers."""

    @property
    def layout(self) -> dict[str, Any]:
        """What all files are brought to, as JSON."""

    def examine(self, file: Path) -> None:
        """Refuse a file that is broken or does not suit the others, as far as its header shows.

        Raises:
            DataError: With the file.
        """

    def read(self, file: Path) -> np.ndarray:
        """Return the example in a file.

        Raises:
            DataError: The file is broken or does not suit the others.
        """

    def scan(self, files: Sequence[Path], progress: Progress) -> FileStore:
        """Read the header of every file, and return them as a store.

        Raises:
            DataError: One is broken or does not suit the others.
        """


class LabelledFiles(ABC):
    """Files in a folder with a subfolder for each class, or listed in a csv file with their classes.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a file in each row.
        path_column: The column of the files' names, by name or index.
        target: The column of their classes, by name or index.
        stream: Whether the files stay on disk; None decides by size.
        memory: How much memory the examples may take, in GB.

    Raises:
        ValueError: Not exactly one of `folder` and `file` is given, or `memory` is not positive.
    """

    #: The kind of the files.
    kind: ClassVar[FileKind]
    #: The column of the csv file that `split: {by: ...}` names, or None.
    part_column: str | int | None = None
    #: The columns of the files' names; of several, the files of one are listed after those of the other.
    path_columns: list[str | int]

    def __init__(
        self,
        folder: str | None,
        file: str | None,
        path_column: str | int,
        target: str | int,
        stream: bool | None,
        memory: float,
    ) -> None:
        name = self.kind.source
        if (folder is None) == (file is None):
            raise ValueError(f"{name}: expected one of a `folder` with a subfolder for each class and a csv `file`")
        check_memory_limit(name, memory)
        self.folder, self.file, self.path_column, self.target = folder, file, path_column, target
        self.stream, self.memory = stream, memory
        self.path_columns = getattr(self, "path_columns", [path_column])

    @property
    def named_columns(self) -> list[str | int]:
        """The columns of the csv file that the config names."""
        return [self.path_column, self.target]

    @abstractmethod
    def reader(self, first: Path) -> FileReader:
        """Return the reader of the files, where they are brought to what the first one is unless the config says.

        Raises:
            DataError: The first file cannot be read.
        """

    @abstractmethod
    def new_reader(self, layout: Mapping[str, Any]) -> FileReader:
        """Return the reader of more files, which brings them to the layout of a run's own."""

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Read all files, or the start of each where they stream."""
        lists = self._lists(paths)
        reader = self._reader(lists)
        read = self._stream if self._streams(lists, reader) else self._read
        parts, digests = {}, []
        for part, listed in lists.items():
            with listed.located_errors():
                examples, found = read(listed, reader, progress)
            parts[part] = replace(examples, origin=listed.origin(self._root(paths)))
            digests += found
        return SourceData(
            parts["train"],
            parts.get("test"),
            validation=parts.get("validation"),
            class_names=_class_names(lists),
            target_names=("class",),
            files=self.files(paths),
            digests=self._combined(paths, lists, digests),
            layout=reader.layout,
            sample_rate=reader.layout.get("sample_rate"),
            task="classification",
        )

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Return the classes of all files."""
        folder = None if self.folder is None else paths.find(self.folder)
        if folder is None:
            by_part = {part: listed.classes for part, listed in self._lists(paths).items()}
        else:
            by_part = read_classes(folder, self.kind)
        parts = {}
        for part, names in by_part.items():
            classes = np.array(names, dtype=object)
            parts[part] = Examples(row_numbers(classes), classes)
        known: Any = {"target_names": ("class",), "task": "classification"}
        known["class_names"] = labels(name for names in by_part.values() for name in names)
        return SourceData(parts["train"], parts.get("test"), validation=parts.get("validation"), **known)

    def files(self, paths: DataPaths) -> dict[str, Path]:
        """Return the csv file that lists the files by its name; empty for a folder."""
        file = None if self.file is None else paths.require(self.file)
        return {} if file is None else {file.name: file}

    def digests(self, paths: DataPaths) -> dict[str, str]:
        """Return the digests that a run keeps of the files, without decoding them.

        Raises:
            DataError: A file does not exist, or cannot be read.
        """
        lists = self._lists(paths)
        digest = file_start_digest if self._streams(lists, self._reader(lists)) else content_digest
        return self._combined(paths, lists, [digest(file) for listed in lists.values() for file in listed.files])

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the classes, the number of files, and the shape of an example."""
        place = (*path, self.kind.source)
        try:
            lists = self._lists(paths)
            reader = self._reader(lists)
            _examine(lists, reader)
        except DataError as error:
            code = "unreadable-data" if paths.find(str(self.folder or self.file)) else "missing-file"
            return None, [Finding((*place, "folder" if self.file is None else "file"), error.text, error.hint, code)]
        facts = DataFacts(
            reader.shape,
            len(lists["train"].files),
            len(lists["test"].files) if "test" in lists else 0,
            len(lists["validation"].files) if "validation" in lists else 0,
            task="classification",
            class_names=_class_names(lists),
            target_names=("class",),
            streamed=self._streams(lists, reader),
            sample_rate=reader.layout.get("sample_rate"),
        )
        folder = None if self.folder is None else paths.find(self.folder)
        return facts, [] if folder is None else self._folder_findings(folder, lists, (*place, "folder"))

    def _folder_findings(self, folder: Path, lists: Mapping[str, FileList], place: ConfigPath) -> list[Finding]:
        """Return what a user should know about how a folder was read, as of `folder_findings`."""
        return list(folder_findings(folder, self.kind, lists, place))

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read one file, files listed in a csv file or lying in a folder, or an npz with x and y.

        A folder has a subfolder for each class; without targets, the files of any folder are read in the order of
        their paths.
        """
        from nnrun.data.sources.npz import read_examples
        from nnrun.progress import NullProgress

        reader = self.new_reader(layout)
        if file.suffix.lower() == ".npz":
            return read_examples(file, {}, with_target=with_target)
        if self.kind.matches(file.name) and not with_target:
            return Examples(reader.read(file)[None], None, origin=FileList([file]).origin(file.parent))
        if file.is_dir():
            listed = labelled_files(file, self.kind) if with_target else any_files(file, self.kind)
        else:
            listed = self._listed_in(file, with_target=with_target)
        with listed.located_errors():
            examples, _ = self._read(listed, reader, NullProgress())
        origin = listed.origin(file if file.is_dir() else file.parent)
        return Examples(examples.x, examples.y if with_target else None, origin=origin)

    def _lists(self, paths: DataPaths) -> dict[str, FileList]:
        """Return the files of the training part, and of the validation and test part where there are such folders.

        Raises:
            DataError: The folder, the csv file or a file that it lists does not exist.
        """
        if self.file is not None:
            listed = self._listed_in(paths.require(self.file), with_target=True, part_column=self.part_column)
            return {"train": listed} if self.part_column is None else listed.by_part(str(self.part_column))
        if self.part_column is not None:
            hint = "folders `train`, `val` and `test` are used as the parts"
            raise DataError(f"split: by: {self.part_column!r} names a column, but the source is a folder", hint=hint)
        folder = paths.find(str(self.folder))
        if folder is None:
            raise paths.missing(str(self.folder))
        if not folder.is_dir():
            text = f"expected a folder of {self.kind.noun}s, received a file"
            raise DataError(text, file=folder, hint="name it as `file`")
        return self._parts_in(folder)

    def _parts_in(self, folder: Path) -> dict[str, FileList]:
        """Return the files of each part in a folder, as of `read_parts`."""
        return read_parts(folder, self.kind)

    def _reader(self, lists: Mapping[str, FileList]) -> FileReader:
        listed = lists["train"]
        with listed.located_errors():
            return self.reader(listed.files[0])

    def _streams(self, lists: Mapping[str, FileList], reader: FileReader) -> bool:
        count = sum(len(listed.files) for listed in lists.values())
        # The numbers as they are read, four bytes each for the prepared float32 numbers, and four for their tensor.
        size = np.dtype(reader.dtype).itemsize + 8
        return should_stream(self.stream, count * int(np.prod(reader.shape)) * size, self.memory)

    def _read(self, listed: FileList, reader: FileReader, progress: Progress) -> tuple[Examples, list[bytes]]:
        """Return all files decoded, and the digest of each."""
        x: np.ndarray = np.empty((len(listed.files), *reader.shape), dtype=reader.dtype)
        digests = []
        with progress.bar(f"Reading {self.kind.noun}s", len(listed.files), "") as bar:
            for row, file in enumerate(listed.files):
                x[row] = reader.read(file)
                digests.append(content_digest(file))
                bar.advance(1)
        return Examples(x, np.array(listed.classes, dtype=object)), digests

    def _stream(self, listed: FileList, reader: FileReader, progress: Progress) -> tuple[Examples, list[bytes]]:
        """Return a stream of all files, and the digest of each."""
        store = reader.scan(listed.files, progress)
        x = Stream(store, np.arange(len(listed.files)), self.memory * 1e9)
        return Examples(x, np.array(listed.classes, dtype=object)), [digest.tobytes() for digest in store.digests]

    def _combined(self, paths: DataPaths, lists: Mapping[str, FileList], digests: Sequence[bytes]) -> dict[str, str]:
        """Combine the digests of all files, with their paths below the folder or the folder of the csv file."""
        root = self._root(paths)
        names = [name for listed in lists.values() for name in listed.names(root)]
        return combined_digests(f"{self.kind.noun}s of {Path(str(self.file or self.folder)).name}", names, digests)

    def _root(self, paths: DataPaths) -> Path:
        """Return the folder of the files, or that of the csv file that lists them."""
        if self.file is not None:
            return paths.require(self.file).parent
        return paths.find(str(self.folder)) or Path(str(self.folder))

    def _listed_in(self, file: Path, *, with_target: bool, part_column: str | int | None = None) -> FileList:
        """Return the files that a csv file lists, with the words of the column that names their parts.

        Raises:
            DataError: A column or a file does not exist, or a row has another number of fields.
        """
        from nnrun.data.columns import resolve_columns
        from nnrun.data.csv.dialect import data_rows

        opened = self._open_list(file)
        try:
            columns = resolve_columns(self.path_columns, opened.names)
            target = resolve_columns([self.target], opened.names)[0] if with_target else columns[0]
            part = columns[0] if part_column is None else resolve_columns([part_column], opened.names)[0]
        except ValueError as error:
            raise DataError(str(error), file=file, hint="set `path_column` and `target`") from None
        target_at, part_at = opened.names.index(target), opened.names.index(part)
        listed, rows = FileList(index=file), list(data_rows(opened))
        for line, fields in rows:
            if len(fields) != len(opened.names):
                expected = format_count(len(opened.names), "field")
                raise DataError(f"expected {expected}, received {len(fields)}", file=file, row=line)
        for column in columns:
            at = opened.names.index(column)
            for line, fields in rows:
                listed.columns.append(column)
                listed.files.append(file.parent / fields[at].strip())
                listed.classes.append(fields[target_at].strip())
                listed.parts.append(fields[part_at])
                listed.lines.append(line)
        if not listed.files:
            text = f"expected rows that name {self.kind.noun}s, received none"
            raise DataError(text, file=file, hint="is it the right file?")
        self._require_files(listed, columns)
        return listed

    def _open_list(self, file: Path) -> CsvFile:
        """Return a csv file that lists files; its first line is no header where it names a file already.

        Raises:
            DataError: The file is empty, or its header cannot be used.
        """
        from nnrun.data.csv.dialect import Dialect
        from nnrun.data.csv.header import read_header

        dialect = Dialect("\t" if file.suffix == ".tsv" else ",")
        opened = read_header(file, dialect, self.named_columns)
        at = self.path_column
        if isinstance(at, int) and -len(opened.names) <= at < len(opened.names):
            return (
                read_header(file, replace(dialect, header=False))
                if (file.parent / opened.names[at]).is_file()
                else opened
            )
        return opened

    def _require_files(self, listed: FileList, columns: Sequence[str]) -> None:
        """Refuse files that do not exist: the first is named, and the others are counted.

        Args:
            listed: The files; of several columns, those of one after those of the other.
            columns: The columns that name them.

        Raises:
            DataError: One does not exist.
        """
        missing = [row for row, file in enumerate(listed.files) if not file.is_file()]
        if missing:
            others = f", nor {len(missing) - 1:,} more of {len(listed.files):,}" if len(missing) > 1 else ""
            raise DataError(
                f"there is no {self.kind.noun} {str(listed.files[missing[0]])!r}{others}",
                file=listed.index,
                row=listed.lines[missing[0]],
                column=columns[missing[0] * len(columns) // len(listed.files)],
                hint="paths are relative to the csv file's folder",
            )


def _examine(lists: Mapping[str, FileList], reader: FileReader) -> None:
    """Refuse the first broken file, or one that does not suit the first.

    Only the first `EXAMINED` files of a part are examined: 2,000 pictures take 0.2 s.
    """
    for listed in lists.values():
        with listed.located_errors():
            for file in listed.files[:EXAMINED]:
                reader.examine(file)


def _class_names(lists: Mapping[str, FileList]) -> tuple[str, ...]:
    return labels(name for listed in lists.values() for name in listed.classes)
