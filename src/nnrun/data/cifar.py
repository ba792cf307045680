"""CIFAR-10 and CIFAR-100, from the archives of their authors: the binary ones, or those made for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nnrun.data.named import Named, pictures
from nnrun.data.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.raw import Raw

_PIXELS = 3 * 32 * 32
#: The most that a member may have: 50,000 pictures with two labels, and what a pickle adds.
_MOST = 50_000 * (_PIXELS + 80)


class _Cifar(Named):
    """Pictures by member: `train` and `test` name the members, `labels` how many bytes of labels stand before each."""

    binary: ClassVar[tuple[Sequence[str], str]]
    pickled: ClassVar[tuple[Sequence[str], str]]
    labels: ClassVar[int]
    key: ClassVar[bytes]

    def read(self, files: Mapping[str, Path]) -> Raw:
        """The pictures of either archive."""
        import numpy as np

        from nnrun.data.archive import read_members

        (file,) = files.values()
        plain = "binary" in file.name
        train, test = self.binary if plain else self.pickled
        members = read_members(file, (*train, test), _MOST)
        parts = {
            name: self._binary(data, file) if plain else self._pickled(data, file) for name, data in members.items()
        }
        arrays = {
            "x_train": np.concatenate([parts[name][0] for name in train]),
            "y_train": np.concatenate([parts[name][1] for name in train]),
            "x_test": parts[test][0],
            "y_test": parts[test][1],
        }
        return pictures(entry(self.name), arrays, files)

    def _binary(self, data: bytes, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """Rows of labels (the fine one last) and of the red, green and blue pixels."""
        import numpy as np

        width = self.labels + _PIXELS
        if len(data) % width:
            raise DataError(
                f"expected a multiple of {width} bytes, received {len(data)}", file=file, hint="fetch the file again"
            )
        rows = np.frombuffer(data, "uint8").reshape(-1, width)
        return _colour_last(rows[:, self.labels :]), rows[:, self.labels - 1].astype("int64")

    def _pickled(self, data: bytes, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """A dictionary of pixels and labels."""
        import numpy as np

        from nnrun.data.unpickle import read_pickle

        found = read_pickle(data, file)
        x = found.get(b"data") if isinstance(found, dict) else None
        y = found.get(self.key) if isinstance(found, dict) else None
        if not isinstance(x, np.ndarray) or x.dtype != "uint8" or x.shape[1:] != (_PIXELS,) or not isinstance(y, list):
            raise DataError(
                f"expected pixels and {self.key.decode()}, received something else",
                file=file,
                hint="fetch the file again",
            )
        return _colour_last(x), np.array(y, dtype="int64")


class Cifar10(_Cifar):
    """60,000 colour pictures of 32 x 32 pixels with values 0 to 255 in ten classes; 10,000 of them are the test part.

    Read from `cifar-10-binary.tar.gz`, else `cifar-10-python.tar.gz`, in the data folder or its subfolder `cifar10`,
    else downloaded.
    """

    name = "cifar10"
    binary = (tuple(f"data_batch_{index}.bin" for index in range(1, 6)), "test_batch.bin")
    pickled = (tuple(f"data_batch_{index}" for index in range(1, 6)), "test_batch")
    labels = 1
    key = b"labels"


class Cifar100(_Cifar):
    """60,000 colour pictures of 32 x 32 pixels with values 0 to 255 in a hundred classes; 10,000 are the test part.

    Read from `cifar-100-binary.tar.gz`, else `cifar-100-python.tar.gz`, in the data folder or its subfolder
    `cifar100`, else downloaded. The classes are the fine ones.
    """

    name = "cifar100"
    binary = (("train.bin",), "test.bin")
    pickled = (("train",), "test")
    labels = 2
    key = b"fine_labels"


def _colour_last(rows: np.ndarray) -> np.ndarray:
    """Pictures of shape (rows, 32, 32, 3) from rows of the red, then the green, then the blue pixels."""
    import numpy as np

    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
