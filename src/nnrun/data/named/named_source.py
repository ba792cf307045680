"""The base class of the named data sets' sources: files found in the data folder or downloaded, and verified."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.dataset import DataFacts, Examples, SourceData, row_numbers
from nnrun.data.named.datasets import NamedDataSet, named_data_set
from nnrun.errors import DataError
from nnrun.formatting import format_bytes
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class NamedSource:
    """The source of a named data set; a subclass has its `name` and reads its files."""

    name: ClassVar[str]

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Find or download the files of the set, verify and read them."""
        return self.read(require_files(named_data_set(self.name), paths, progress))

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the examples from the files of the set, given by name; there are none where scikit-learn has them."""
        raise NotImplementedError

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Return the targets of all examples where the files are there and this is quick; else None."""
        data_set = named_data_set(self.name)
        files = find_files(data_set, paths)
        targets = self.read_targets(files) if files or not data_set.files else None
        if targets is None:
            return None
        train, *test = (Examples(row_numbers(y), y) for y in targets)
        return self.source_data(train, test[0] if test else None, {})

    def read_targets(self, files: Mapping[str, Path]) -> Sequence[np.ndarray] | None:  # noqa: ARG002
        """Return the targets of the training part, and of the test part where there is one; None if that takes long."""
        return None

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:
        """Return the facts of the set, with a note if its files are still to be downloaded."""
        return self.known_facts(), download_note(named_data_set(self.name), paths, path)

    def known_facts(self) -> DataFacts:
        """Return the facts of the set."""
        return named_data_set(self.name).facts

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read examples of the same kind from a csv, npz or IDX file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        return read_compatible_file(file, self.known_facts(), with_target=with_target)

    def source_data(self, train: Examples, test: Examples | None, files: Mapping[str, Path]) -> SourceData:
        """Return the examples with what is known of the set."""
        facts = self.known_facts()
        return SourceData(
            train,
            test,
            facts.class_names or (),
            facts.target_names,
            dict(files),
            task=facts.task,
            vocabulary=facts.vocabulary,
        )

    def unexpected(self, file: Path, text: str) -> DataError:
        """Return the error of a file whose content is not that of the set."""
        return DataError(text, file=file, hint=f"move it away and type: nnrun data fetch {self.name}")


def find_files(data_set: NamedDataSet, paths: DataPaths) -> dict[str, Path]:
    """Return the files of a set by name; empty if they are not all in one folder, or if the set has none."""
    for place in reversed(paths.folders()):
        for folder in (place / data_set.folder,) if data_set.folder else (place, place / data_set.name):
            if all((folder / file.name).is_file() for file in data_set.files):
                return {file.name: folder / file.name for file in data_set.files}
    return {}


def require_files(data_set: NamedDataSet, paths: DataPaths, progress: Progress) -> dict[str, Path]:
    """Return the files of a set by name, downloaded if need be; those with a digest are verified.

    Raises:
        DataError: A file cannot be downloaded, or has other content.
    """
    files = find_files(data_set, paths)
    if data_set.files and not files:
        from nnrun.data.files.download import download

        folder = paths.cache_dir() / data_set.folder
        files = {file.name: download(file, folder, progress) for file in data_set.files}
    if not data_set.content_sha256:
        verify_files(data_set, files)
    return files


def verify_files(data_set: NamedDataSet, files: Mapping[str, Path]) -> None:
    """Refuse files of a set that have another digest than is stated for them.

    Raises:
        DataError: A file has other content.
    """
    from nnrun.data.files.digests import file_sha256

    for file in data_set.files:
        if file.sha256 is not None:
            require_digest(data_set, files[file.name], file.sha256, file_sha256(files[file.name]))


def verified_bytes(data_set: NamedDataSet, file: Path) -> bytes:
    """Return the content of the one file of a set, after its digest has been verified.

    Raises:
        DataError: The file has another digest.
    """
    content = file.read_bytes()
    require_digest(data_set, file, str(data_set.files[0].sha256), hashlib.sha256(content).hexdigest())
    return content


def require_digest(data_set: NamedDataSet, file: Path, expected: str, received: str, array: str = "") -> None:
    """Refuse a file with another digest than that of the set.

    Args:
        data_set: The set.
        file: The file.
        expected: The SHA-256 of the file, or of its content.
        received: The SHA-256 of this file, or of its content.
        array: The array that the digest belongs to; empty for the whole file.

    Raises:
        DataError: The digests differ.
    """
    if received != expected:
        raise DataError(
            f"this is not {data_set.name}'s file: expected the SHA-256 {expected[:16]}...{array and f' of {array}'}, "
            f"received {received[:16]}...",
            file=file,
            hint=f"move it away and type: nnrun data fetch {data_set.name} "
            "(files of your own are read by the sources csv, npz, idx and images)",
        )


def download_note(data_set: NamedDataSet, paths: DataPaths, path: ConfigPath) -> list[Finding]:
    """Return a note if the files of a set are still to be downloaded."""
    if not data_set.files or find_files(data_set, paths):
        return []
    sizes = [file.size or 0 for file in data_set.files]
    size = f" ({format_bytes(sum(sizes))})" if all(sizes) else ""
    text = f"{data_set.name} is not in {paths.cache_dir()} yet: training downloads it{size}"
    return [Finding(path, text, f"nnrun data fetch {data_set.name}", "download-to-come", "note")]
