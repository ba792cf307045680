"""Fashion-MNIST, from its four IDX files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.named import Named, pictures
from nnrun.data.registry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.raw import Raw


class FashionMnist(Named):
    """70,000 articles of clothing, pictures of 28 x 28 pixels with values 0 to 255; 10,000 of them are the test part.

    Taken from the four IDX files (`train-images-idx3-ubyte.gz`, ...) in the subfolder `fashion_mnist` of the data
    folder, else downloaded.
    """

    name = "fashion_mnist"

    def read(self, files: Mapping[str, Path]) -> Raw:
        """The pictures and labels of the four files."""
        from nnrun.data.idx import read_idx

        known = entry(self.name)
        roles = ("x_train", "y_train", "x_test", "y_test")
        names = [file.name for file in known.containers[0]]
        return pictures(known, {role: read_idx(files[name]) for role, name in zip(roles, names, strict=True)}, files)
