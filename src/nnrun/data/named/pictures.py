"""MNIST, from any container that holds the original pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.named.base import Named, pictures
from nnrun.data.named.registry import entry
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


_STEMS = {
    "x_train": ("train-images", 3),
    "y_train": ("train-labels", 1),
    "x_test": ("t10k-images", 3),
    "y_test": ("t10k-labels", 1),
}


class Mnist:
    """70,000 handwritten digits, pictures of 28 x 28 pixels with values 0 to 255; 10,000 of them are the test part.

    Taken from `mnist.npz` or the four IDX files (`train-images-idx3-ubyte`, `.gz` or not) in the data folder or its
    subfolder `mnist`, else downloaded. Whatever the container, the pixels are checked against the original's digests.
    """

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Find or download the files, read them and check that they are MNIST."""
        files = _find(places)
        if not files:
            from nnrun.data.named.fetch import fetch

            fetch("mnist", places, progress)
            files = _find(places)
        arrays = _read(files)
        _verify(arrays, files)
        outline = entry("mnist").outline
        return SourceData(
            Examples(arrays["x_train"], arrays["y_train"]),
            Examples(arrays["x_test"], arrays["y_test"]),
            outline.class_names or (),
            outline.target_names,
            {file.name: file for file in files.values()},
            task=outline.task,
        )

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:
        """What the registry states; a note where the files are still to be downloaded."""
        if _find(places):
            return entry("mnist").outline, []
        return entry("mnist").outline, [
            Finding(
                path,
                f"mnist is not in {places.cache_dir()} yet: training downloads it (11.5 MB)",
                "nnrun data fetch mnist",
                "download-to-come",
                "note",
            )
        ]

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read pictures of 28 x 28 pixels from an npz, IDX or csv file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        return read_compatible_file(file, entry("mnist").outline, with_target=with_target)


def _find(places: DataPaths) -> dict[str, Path]:
    """The files that hold MNIST, by array; empty where they are not all there."""
    folders = [folder for place in reversed(places.folders()) for folder in (place, place / "mnist")]
    for folder in folders:
        if (folder / "mnist.npz").is_file():
            return {"all": folder / "mnist.npz"}
        found = {
            array: file for array, (stem, dimensions) in _STEMS.items() if (file := _idx(folder, stem, dimensions))
        }
        if len(found) == len(_STEMS):
            return found
    return {}


def _idx(folder: Path, stem: str, dimensions: int) -> Path | None:
    names = [f"{stem}{joint}idx{dimensions}-ubyte{ending}" for joint in "-." for ending in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    if "all" in files:
        from nnrun.data.sources.npz import read_npz

        return read_npz(files["all"], tuple(_STEMS))
    from nnrun.data.files.idx import read_idx

    return {array: read_idx(file) for array, file in files.items()}


def _verify(arrays: Mapping[str, np.ndarray], files: Mapping[str, Path]) -> None:
    from nnrun.data.files.digests import digests
    from nnrun.data.files.idx import idx_sha256

    found = digests(arrays, idx_sha256)
    for array, expected in entry("mnist").identity:
        if found[array] != expected:
            file = files.get("all", files.get(array))
            raise DataError(
                f"{array} is not MNIST's: expected the SHA-256 {expected[:16]}..., received {found[array][:16]}...",
                file=file,
                hint=f"remove {file} and type: nnrun data fetch mnist",
            )


class FashionMnist(Named):
    """70,000 articles of clothing, pictures of 28 x 28 pixels with values 0 to 255; 10,000 of them are the test part.

    Taken from the four IDX files (`train-images-idx3-ubyte.gz`, ...) in the subfolder `fashion_mnist` of the data
    folder, else downloaded.
    """

    name = "fashion_mnist"

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The pictures and labels of the four files."""
        from nnrun.data.files.idx import read_idx

        known = entry(self.name)
        roles = ("x_train", "y_train", "x_test", "y_test")
        names = [file.name for file in known.containers[0]]
        return pictures(known, {role: read_idx(files[name]) for role, name in zip(roles, names, strict=True)}, files)


_PIXELS = 3 * 32 * 32
#: The most that a member may have: 50,000 pictures with two labels, and what a pickle adds.
_MOST = 50_000 * (_PIXELS + 80)


class _Cifar(Named):
    """Pictures by member: `train` and `test` name the members, `labels` how many bytes of labels stand before each."""

    binary: ClassVar[tuple[Sequence[str], str]]
    pickled: ClassVar[tuple[Sequence[str], str]]
    labels: ClassVar[int]
    key: ClassVar[bytes]

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The pictures of either archive."""
        import numpy as np

        from nnrun.data.files.archive import read_members

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

        from nnrun.data.files.unpickle import read_pickle

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
