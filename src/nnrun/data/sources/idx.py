"""The source `idx`: arrays in the format of the original MNIST files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.dataset import DataFacts, Examples, SourceData, row_numbers
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class Idx:
    """Pictures (or other arrays) and their labels in IDX files, gzipped or not, and a test part where there is one.

    Args:
        images: The file of the examples, relative to the config or to the data folder.
        labels: The file of their labels.
        test_images: The file of the test part's examples.
        test_labels: The file of the test part's labels.
    """

    def __init__(
        self, images: str, labels: str, test_images: str | None = None, test_labels: str | None = None
    ) -> None:
        if (test_images is None) != (test_labels is None):
            raise ValueError("idx: a test part needs both test_images and test_labels")
        #: The files by argument.
        self.files = {"images": images, "labels": labels}
        if test_images is not None and test_labels is not None:
            self.files |= {"test_images": test_images, "test_labels": test_labels}

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the files."""
        files = {name: paths.require(name) for name in self.files.values()}
        read = {key: files[name] for key, name in self.files.items()}
        train = read_pair(read["images"], read["labels"])
        test = read_pair(read["test_images"], read["test_labels"]) if "test_images" in read else None
        return SourceData(train, test, target_names=("label",), files=files)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return shapes and rows from the headers of the files."""
        from nnrun.data.files.idx import read_shape

        shapes = {}
        for key, name in self.files.items():
            try:
                shapes[key] = read_shape(paths.require(name))
            except DataError as error:
                code = "missing-file" if paths.find(name) is None else "unreadable-data"
                return None, [Finding((*path, "idx", key), error.text, error.hint, code)]
        rows, *shape = shapes["images"]
        return DataFacts(tuple(shape), rows, shapes.get("test_images", (0,))[0], target_names=("label",)), []

    def load_targets(self, paths: DataPaths) -> SourceData:
        """Read the files of labels."""
        from nnrun.data.files.idx import read_idx

        labels = [read_idx(paths.require(self.files[key])) for key in ("labels", "test_labels") if key in self.files]
        train, *test = (Examples(row_numbers(y), y) for y in labels)
        return SourceData(train, test[0] if test else None, target_names=("label",))

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read an npz, or an IDX file; its labels are in the same folder if targets are asked for."""
        from nnrun.data.files.idx import labels_file, read_idx
        from nnrun.data.sources.npz import read_examples

        if file.name.endswith(".npz"):
            return read_examples(file, {}, with_target=with_target)
        return read_pair(file, labels_file(file)) if with_target else Examples(read_idx(file), None)


def read_pair(images: Path, labels: Path) -> Examples:
    """Read a file of examples and the file of their labels.

    Raises:
        DataError: One cannot be read, or there is not one label an example.
    """
    from nnrun.data.files.idx import read_idx

    x, y = read_idx(images), read_idx(labels)
    if len(x) != len(y):
        raise DataError(
            f"expected as many labels as examples ({len(x)} in {images.name}), received {len(y)}",
            file=labels,
            hint="do these two files belong together?",
        )
    if not len(x):
        raise DataError("expected examples, received none", file=images, hint="is it the right file?")
    return Examples(x, y)
