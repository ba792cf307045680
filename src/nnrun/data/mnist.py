"""MNIST, from any container that holds the original pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.raw import Examples, Outline, Raw
from nnrun.data.registry import entry
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.places import Places
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

    def load(self, places: Places, progress: Progress) -> Raw:
        """Find or download the files, read them and check that they are MNIST."""
        files = _find(places)
        if not files:
            from nnrun.data.fetch import fetch

            fetch("mnist", places, progress)
            files = _find(places)
        arrays = _read(files)
        _verify(arrays, files)
        outline = entry("mnist").outline
        return Raw(
            Examples(arrays["x_train"], arrays["y_train"]),
            Examples(arrays["x_test"], arrays["y_test"]),
            outline.class_names or (),
            outline.target_names,
            {file.name: file for file in files.values()},
            task=outline.task,
        )

    def foresee(self, places: Places, path: ConfigPath) -> tuple[Outline, list[Finding]]:
        """What the registry states; a note where the files are still to be downloaded."""
        if _find(places):
            return entry("mnist").outline, []
        return entry("mnist").outline, [
            Finding(
                path,
                f"mnist is not in {places.store()} yet: training downloads it (11.5 MB)",
                "nnrun data fetch mnist",
                "download-to-come",
                "note",
            )
        ]

    def again(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read pictures of 28 x 28 pixels from an npz, IDX or csv file."""
        from nnrun.data.loose import read_loose

        return read_loose(file, entry("mnist").outline, with_target=with_target)


def _find(places: Places) -> dict[str, Path]:
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
        from nnrun.data.arrays import read_npz

        return read_npz(files["all"], tuple(_STEMS))
    from nnrun.data.idx import read_idx

    return {array: read_idx(file) for array, file in files.items()}


def _verify(arrays: Mapping[str, np.ndarray], files: Mapping[str, Path]) -> None:
    from nnrun.data.digest import digests
    from nnrun.data.idx import idx_sha256

    found = digests(arrays, idx_sha256)
    for array, expected in entry("mnist").identity:
        if found[array] != expected:
            file = files.get("all", files.get(array))
            raise DataError(
                f"{array} is not MNIST's: expected the SHA-256 {expected[:16]}..., received {found[array][:16]}...",
                file=file,
                hint=f"remove {file} and type: nnrun data fetch mnist",
            )
