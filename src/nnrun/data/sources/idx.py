"""The source `idx`: arrays in the format of the original MNIST files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

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
        self.parts = {"train": (images, labels)}
        if test_images is not None and test_labels is not None:
            self.parts["test"] = (test_images, test_labels)

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the files."""
        files = {name: places.require(name) for pair in self.parts.values() for name in pair}
        parts = {part: self._pair(files[images], files[labels]) for part, (images, labels) in self.parts.items()}
        return SourceData(parts["train"], parts.get("test"), target_names=("label",), files=files)

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Read the files' headers: shapes and rows."""
        from nnrun.data.files.idx import read_shape

        shapes = {}
        for part, pair in self.parts.items():
            for key, name in zip(("images", "labels"), pair, strict=True):
                try:
                    shapes[part, key] = read_shape(places.require(name))
                except DataError as error:
                    word = "missing-file" if places.find(name) is None else "unreadable-data"
                    where = (*path, "idx", key if part == "train" else f"test_{key}")
                    return None, [Finding(where, error.text, error.hint, word)]
        test = shapes.get(("test", "images"), (0,))
        images = shapes["train", "images"]
        return DataFacts(images[1:], images[0], test[0], target_names=("label",)), []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read an npz, or an IDX file, whose labels lie beside it where truth is asked for."""
        from nnrun.data.files.idx import labels_beside, read_idx
        from nnrun.data.sources.npz import read_examples

        if file.name.endswith(".npz"):
            return read_examples(file, {}, with_target=with_target)
        return self._pair(file, labels_beside(file)) if with_target else Examples(read_idx(file), None)

    def _pair(self, images: Path, labels: Path) -> Examples:
        from nnrun.data.files.idx import read_idx

        x, y = read_idx(images), read_idx(labels)
        self._refuse(images, labels, x, y)
        return Examples(x, y)

    def _refuse(self, images: Path, labels: Path, x: np.ndarray, y: np.ndarray) -> None:
        if len(x) != len(y):
            raise DataError(
                f"expected as many labels as examples ({len(x)} in {images.name}), received {len(y)}",
                file=labels,
                hint="are these two of one set?",
            )
        if not len(x):
            raise DataError("expected examples, received none", file=images, hint="is it the right file?")
