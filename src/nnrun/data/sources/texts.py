"""The source `texts`: text files, in a folder for each class or listed in a csv file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples
from nnrun.data.files.digests import content_digest
from nnrun.data.sources.class_folders import FileKind, FileList, any_files, labelled_files
from nnrun.data.sources.labelled_files import LabelledFiles
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB
from nnrun.data.text.text_file import read_text
from nnrun.errors import DataError
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts
    from nnrun.data.sources.labelled_files import FileReader, FileStore
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding

#: The column of the texts, and that of their classes in a csv file of new ones.
_TEXT, _CLASS = "text", "class"


@dataclass(frozen=True)
class TextReader:
    """Reads text files.

    Attributes:
        encoding: Their encoding; None detects that of each.
    """

    encoding: str | None
    shape: tuple[int, ...] = (1,)
    dtype: str = "uint8"

    @property
    def layout(self) -> dict[str, Any]:
        """Nothing: texts keep their length."""
        return {}

    def text(self, file: Path) -> tuple[str, str]:
        """Return the text in a file, and its encoding.

        Raises:
            DataError: It is empty, or not of its encoding.
        """
        try:
            found, encoding = read_text(file, self.encoding)
        except OSError as error:
            raise DataError(f"the file cannot be read: {error.strerror}", file=file) from None
        if not found.strip():
            raise DataError("expected a text, received an empty file", file=file, hint="remove the file")
        return found, encoding

    def examine(self, file: Path) -> None:
        """Refuse a file that is empty or not of its encoding."""
        self.text(file)

    def read(self, file: Path) -> np.ndarray:
        """Return the text in a file, shape (1,)."""
        return np.array([self.text(file)[0]], dtype=object)

    def scan(self, files: Sequence[Path], progress: Progress) -> FileStore:
        """Refuse to leave texts on disk."""
        raise NotImplementedError


class Texts(LabelledFiles):
    """Text files in a folder with a subfolder for each class, or listed in a csv file with their classes.

    The files end with `.txt`. Each is one text: the table has the one column `text`, which steps such as
    `TextVectorization: {columns: [text]}` take. Subfolders `train`, `val` and `test` (also `training`, `valid`,
    `validation`, `dev`, `testing`, in any case), each with the classes' folders, are used as the parts. Hidden files
    and `__MACOSX` are left out. `nnrun predict` takes a text file, a folder of them, or a csv file with a column
    `text`.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a text file in each row, relative to the csv file's folder.
        path_column: The column of the files' names, by name or index.
        target: The column of their classes, by name or index; default: the last.
        encoding: The encoding of the files; default: detected for each by its byte order mark, else UTF-8, else cp1252.
    """

    kind = FileKind("text file", "texts", frozenset({".txt"}))

    def __init__(
        self,
        folder: str | None = None,
        file: str | None = None,
        path_column: str | int = 0,
        target: str | int = -1,
        encoding: str | None = None,
    ) -> None:
        super().__init__(folder, file, path_column, target, stream=False, memory=DEFAULT_MEMORY_GB)
        self.encoding = encoding

    def reader(self, first: Path) -> FileReader:  # noqa: ARG002 - as every source of files
        """Return the reader of the texts."""
        return TextReader(self.encoding)

    def new_reader(self, layout: Mapping[str, Any]) -> FileReader:  # noqa: ARG002 - as every source of files
        """Return the reader of more texts."""
        return TextReader(self.encoding)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the classes, the number of files, and that they are a column of text."""
        facts, findings = super().facts(paths, path)
        if facts is None:
            return None, findings
        of_text = frozenset([_TEXT])
        return replace(facts, columns=(_TEXT,), text=of_text, prose=of_text), findings

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read one text file, those in a folder, or a csv file that has texts, or lists their files.

        A folder has a subfolder for each class; without targets, the files of any folder are read in the order of
        their paths. A csv file has a column `text`, and with targets a column `class`; else it lists files.
        """
        reader, root = self.new_reader(layout), file.parent
        if self.kind.matches(file.name) and not with_target:
            listed = FileList([file])
        elif file.is_dir():
            listed, root = labelled_files(file, self.kind) if with_target else any_files(file, self.kind), file
        else:
            found = _texts_in_rows(file, with_target=with_target)
            if found is not None:
                return found
            listed = self._listed_in(file, with_target=with_target)
        with listed.located_errors():
            examples, _ = self._read(listed, reader, NullProgress())
        return Examples(examples.x, examples.y if with_target else None, origin=listed.origin(root))

    def _read(self, listed: FileList, reader: FileReader, progress: Progress) -> tuple[Examples, list[bytes]]:
        """Return all texts as a table of one column, and the digest of each file."""
        assert isinstance(reader, TextReader), "made by `reader`"  # noqa: S101
        texts, digests, guessed = np.empty(len(listed.files), dtype=object), [], []
        with progress.bar("Reading text files", len(listed.files), "") as bar:
            for row, file in enumerate(listed.files):
                texts[row], encoding = reader.text(file)
                if encoding not in ("utf-8", "utf-8-sig", self.encoding):
                    guessed.append((file, encoding))
                digests.append(content_digest(file))
                bar.advance(1)
        if guessed:
            (first, encoding), count = guessed[0], len(guessed)
            text = f"{first.name} is read as {encoding}; if that is wrong, write its `encoding`"
            if count > 1:
                text = f"{count:,} files, the first of them {first}, are read as {encoding}; if that is wrong, write it"
            progress.warn(text)
        return Examples(Columns({_TEXT: texts}), np.array(listed.classes, dtype=object)), digests


def _texts_in_rows(file: Path, *, with_target: bool) -> Examples | None:
    """Return the texts in the rows of a csv file; None where it has no column `text`.

    Raises:
        DataError: A text is missing, or the file cannot be read.
    """
    from nnrun.data.csv.dialect import Dialect, row_lines
    from nnrun.data.csv.few_columns import read_few_columns
    from nnrun.data.csv.header import read_header

    opened = read_header(file, Dialect("\t" if file.suffix == ".tsv" else ",", header=True), [])
    wanted = [_TEXT, *([_CLASS] if with_target else ())]
    if not set(wanted) <= set(opened.names):
        return None
    columns = read_few_columns(opened, {_TEXT: "free_text", _CLASS: "text"}, wanted)
    if columns is None:
        text = f"expected the same number of fields in every row, and none of {', '.join(wanted)} empty"
        raise DataError(text, file=file, hint="correct the rows")
    lines = row_lines(opened, len(columns[_TEXT]))
    origin = {} if lines is None else {"line": lines}
    return Examples(Columns({_TEXT: columns[_TEXT]}), columns.get(_CLASS), origin=origin)
