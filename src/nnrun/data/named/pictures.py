"""The named sets of pictures: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nnrun.data.dataset import Examples
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import NamedSource, require_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.data.dataset import SourceData


_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class _Pictures(NamedSource):
    def from_arrays(self, arrays: Mapping[str, np.ndarray], files: Mapping[str, Path]) -> SourceData:
        """Return the examples of the training and the test part.

        Args:
            arrays: `x_train`, `y_train`, `x_test` and `y_test`.
            files: The files that they were read from.

        Raises:
            DataError: Their number, shape or classes are not those of the set.
        """
        facts = self.known_facts()
        file = next(iter(files.values()))
        classes = len(facts.class_names or ())
        for part, rows in (("train", facts.rows), ("test", facts.test_rows)):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            if x.shape != (rows, *(facts.shape or ())) or y.shape != (rows,):
                raise self.unexpected(
                    file,
                    f"expected {rows} pictures of shape {list(facts.shape or ())} in the {part} part, received "
                    f"{len(x)} of {list(x.shape[1:])} with {len(y)} labels",
                )
            if y.max() >= classes:
                raise self.unexpected(file, f"expected labels from 0 to {classes - 1}, received {y.max()}")
        train, test = (Examples(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
        return self.source_data(train, test, files)


class Mnist(_Pictures):
    """70,000 handwritten digits, pictures of 28 x 28 pixels with values 0 to 255; 10,000 of them are the test part.

    Read from `mnist.npz` in the data folder or its subfolder `mnist`, else downloaded. The pixels are verified, so that
    an `mnist.npz` written by another program is accepted. The original IDX files are read by the source `idx`.
    """

    name = "mnist"

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the arrays of the npz file and verify them."""
        from nnrun.data.files.digests import digests
        from nnrun.data.files.idx import idx_sha256
        from nnrun.data.files.npy import read_npz

        (file,) = files.values()
        arrays = read_npz(file, _ARRAYS)
        data_set = named_data_set(self.name)
        for array, received in digests(arrays, idx_sha256).items():
            require_digest(data_set, file, data_set.content_sha256[array], received, array)
        return self.from_arrays(arrays, files)

    def read_targets(self, files: Mapping[str, Path]) -> list[np.ndarray]:
        """Read the labels of both parts."""
        from nnrun.data.files.npy import read_npz

        (file,) = files.values()
        return list(read_npz(file, ("y_train", "y_test")).values())


class FashionMnist(_Pictures):
    """70,000 articles of clothing, pictures of 28 x 28 pixels with values 0 to 255; 10,000 of them are the test part.

    Read from the four IDX files (`train-images-idx3-ubyte.gz`, ...) in the subfolder `fashion_mnist` of the data
    folder, else downloaded.
    """

    name = "fashion_mnist"

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the pictures and labels of the four files."""
        from nnrun.data.files.idx import read_idx

        names = [file.name for file in named_data_set(self.name).files]
        return self.from_arrays(
            {array: read_idx(files[name]) for array, name in zip(_ARRAYS, names, strict=True)}, files
        )

    def read_targets(self, files: Mapping[str, Path]) -> list[np.ndarray]:
        """Read the labels of both parts."""
        from nnrun.data.files.idx import read_idx

        return [read_idx(file) for name, file in files.items() if "labels" in name]


class _Cifar(_Pictures):
    """Rows of labels and pixels in the members of a tar archive."""

    #: The members of the archive with the training part, and the one with the test part.
    train_members: ClassVar[Sequence[str]]
    test_member: ClassVar[str]
    #: How many bytes of labels stand before each picture; the last is the class.
    labels: ClassVar[int]

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the pictures of the archive."""
        from nnrun.data.files.archive import read_members

        (file,) = files.values()
        largest = 50_000 * (self.labels + 3 * 32 * 32)
        members = read_members(file, (*self.train_members, self.test_member), largest)
        x_train, y_train = self._rows(b"".join(members[name] for name in self.train_members), file)
        x_test, y_test = self._rows(members[self.test_member], file)
        return self.from_arrays(dict(zip(_ARRAYS, (x_train, y_train, x_test, y_test), strict=True)), files)

    def _rows(self, content: bytes, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the pictures, of shape (rows, 32, 32, 3), and classes of rows of labels, red, green and blue."""
        width = self.labels + 3 * 32 * 32
        if len(content) % width:
            raise self.unexpected(file, f"expected a multiple of {width} bytes, received {len(content)}")
        rows = np.frombuffer(content, "uint8").reshape(-1, width)
        pixels = rows[:, self.labels :].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(pixels), rows[:, self.labels - 1].astype("int64")


class Cifar10(_Cifar):
    """60,000 colour pictures of 32 x 32 pixels with values 0 to 255 in ten classes; 10,000 of them are the test part.

    Read from `cifar-10-binary.tar.gz` in the data folder or its subfolder `cifar10`, else downloaded.
    """

    name = "cifar10"
    train_members = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
    test_member = "test_batch.bin"
    labels = 1


class Cifar100(_Cifar):
    """60,000 colour pictures of 32 x 32 pixels with values 0 to 255 in a hundred classes; 10,000 are the test part.

    Read from `cifar-100-binary.tar.gz` in the data folder or its subfolder `cifar100`, else downloaded. The classes are
    the fine ones.
    """

    name = "cifar100"
    train_members = ("train.bin",)
    test_member = "test.bin"
    labels = 2
