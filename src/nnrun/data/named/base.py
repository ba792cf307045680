"""What all named sets with files of their own share: found or downloaded, checked, then read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.named.registry import entry
from nnrun.errors import DataError
from nnrun.formatting import format_bytes
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.named.entry import Entry
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class Named:
    """A named set whose files lie in the data folder; a subclass says how they are read."""

    name: ClassVar[str]

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Find or download the files, check them and read them."""
        files = find(entry(self.name), places)
        if not files:
            from nnrun.data.named.fetch import fetch

            fetch(self.name, places, progress)
            files = find(entry(self.name), places)
        check_digests(entry(self.name), files)
        return self.read(files)

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The examples of these files, by name."""
        raise NotImplementedError

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:
        """What is known of the set; a note where its files are still to be downloaded."""
        return self.outline(), download_note(entry(self.name), places, path)

    def outline(self) -> DataFacts:
        """What the registry states."""
        return entry(self.name).outline

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read examples of the same kind from a csv, npz or IDX file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        return read_compatible_file(file, self.outline(), with_target=with_target)


def download_note(known: Entry, places: DataPaths, path: ConfigPath) -> list[Finding]:
    """A note where the files of a set are still to be downloaded."""
    if not known.containers or find(known, places):
        return []
    sizes = [file.size or 0 for file in known.containers[0]]
    size = f" ({format_bytes(sum(sizes))})" if all(sizes) else ""
    return [
        Finding(
            path,
            f"{known.name} is not in {places.cache_dir()} yet: training downloads it{size}",
            f"nnrun data fetch {known.name}",
            "download-to-come",
            "note",
        )
    ]


def find(known: Entry, places: DataPaths) -> dict[str, Path]:
    """The files of the first container that is all there, by name; empty where none is."""
    for container in known.containers:
        for place in reversed(places.folders()):
            for folder in (place / known.folder,) if known.folder else (place, place / known.name):
                if all((folder / file.name).is_file() for file in container):
                    return {file.name: folder / file.name for file in container}
    return {}


def check_digests(known: Entry, files: Mapping[str, Path]) -> None:
    """Refuse files with another content; sets that know their content itself check that instead.

    Raises:
        DataError: A file is not the one that is known.
    """
    if known.identity:
        return
    from nnrun.data.files.digests import file_sha256

    expected = {file.name: file.sha256 for container in known.containers for file in container}
    for name, file in files.items():
        digest = expected[name]
        if digest is not None and (found := file_sha256(file)) != digest:
            raise _another(known, file, digest, found)


def check_identity(known: Entry, file: Path, found: str) -> None:
    """Refuse content with another digest.

    Raises:
        DataError: The content is not the set's.
    """
    expected = dict(known.identity)["table"]
    if found != expected:
        raise _another(known, file, expected, found)


def pictures(known: Entry, arrays: Mapping[str, np.ndarray], files: Mapping[str, Path]) -> SourceData:
    """Pictures and class numbers as the set's examples.

    Args:
        known: The set.
        arrays: `x_train`, `y_train`, `x_test`, `y_test`.
        files: Where they come from.

    Raises:
        DataError: Their number, shape or classes are not the set's.
    """
    outline = known.outline
    for part, rows in (("train", outline.rows), ("test", outline.test_rows)):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.shape != (rows, *(outline.shape or ())) or y.shape != (rows,):
            raise DataError(
                f"expected {rows} pictures of shape {list(outline.shape or ())} in the {part} part, received "
                f"{len(x)} of {list(x.shape[1:])} with {len(y)} labels",
                file=next(iter(files.values())),
                hint="fetch the files again",
            )
        if y.max() >= len(outline.class_names or ()):
            raise DataError(
                f"expected labels from 0 to {len(outline.class_names or ()) - 1}, received {y.max()}",
                file=next(iter(files.values())),
                hint="fetch the files again",
            )
    return SourceData(
        Examples(arrays["x_train"], arrays["y_train"]),
        Examples(arrays["x_test"], arrays["y_test"]),
        outline.class_names or (),
        outline.target_names,
        {file.name: file for file in files.values()},
        task=outline.task,
    )


def _another(known: Entry, file: Path, expected: str, found: str) -> DataError:
    return DataError(
        f"this is not {known.name}'s file: expected the SHA-256 {expected[:16]}..., received {found[:16]}...",
        file=file,
        hint=f"move it away and type: nnrun data fetch {known.name} (a file of your own is read by csv, npz or images)",
    )
