"""The source `flats`: made-up flats with a photo, numbers, a category and a text, and their prices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.sources.images import Images
from nnrun.data.sources.made_table import MadeTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding

#: The side of a photo, and how many windows a facade has in a row and in a column.
_SIDE, _WINDOWS = 16, 3
_PHOTO = "photo"
#: What a flat in each town costs in addition, in thousands.
_TOWNS = {"Bern": 90, "Chur": 0, "Geneva": 160}
#: What a word of the description adds.
_WORDS = {"garden": 70, "view": 40, "noisy": -60, "quiet": 0, "old": 0, "near": 0, "station": 0}


class Flats(MadeTable):
    """Generated flats with their prices in thousands; the same options give the same flats.

    The columns are `photo`, a picture of 16 x 16 pixels of a facade at night, of which each lit window adds to the
    price, `area` in square metres, `town`, `note`, a description of four words, and `price`, the target. `predict` and
    `eval` read a csv file with these columns, in which `photo` names a picture of any size.

    Args:
        rows: The number of flats.
        noise: The standard deviation of what is by chance in a price.
        seed: The seed that they are drawn with.
    """

    name = "flats"
    prose = frozenset({"note"})

    def __init__(self, rows: int = 1000, noise: float = 10.0, seed: int = 0) -> None:
        super().__init__(None, "price", seed)
        self.require_at_least(1, rows=rows)
        if noise < 0:
            raise ValueError(f"flats: noise expected a number of at least 0, received {noise:g}")
        self.rows, self.noise = rows, noise
        self._photos: np.ndarray = np.empty(0)

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the columns, and the photos."""
        lit = generator.random((self.rows, _WINDOWS, _WINDOWS)) < generator.uniform(0, 1, (self.rows, 1, 1))
        self._photos = generator.integers(0, 50, (self.rows, _SIDE, _SIDE, 3), dtype="uint8")
        for row, column in np.ndindex(_WINDOWS, _WINDOWS):
            window = self._photos[:, 5 * row + 1 : 5 * row + 4, 5 * column + 1 : 5 * column + 4]
            window += np.where(lit[:, row, column], 180, 20).astype("uint8")[:, None, None, None]
        area = generator.integers(30, 160, self.rows)
        towns = generator.choice(list(_TOWNS), self.rows)
        words = [generator.choice(list(_WORDS), 4, replace=False).tolist() for _ in range(self.rows)]
        price = 4 * area + 20 * lit.sum(axis=(1, 2)) + np.array([_TOWNS[town] for town in towns])
        price = price + np.array([sum(_WORDS[word] for word in note) for note in words])
        noise = generator.normal(0, self.noise, self.rows)
        return {
            "area": area.astype("float64"),
            "town": towns.astype(object),
            "note": np.array([" ".join(note) for note in words], dtype=object),
            "price": np.round(price + noise),
        }

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Draw the flats."""
        data = super().load(paths, progress)
        assert isinstance(data.train.x, Columns), "a table in memory has columns"  # noqa: S101
        x = Columns(data.train.x.values, {_PHOTO: self._photos})
        own = {"names": [_PHOTO, *data.layout["names"]], "features": [*data.layout["features"], _PHOTO]}
        layout = {"size": [_SIDE, _SIDE], "pictures": [_PHOTO], "list": {**data.layout, **own}, "group": None}
        return replace(data, train=replace(data.train, x=x), layout=layout)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, Sequence[Finding]]:
        """Return all facts."""
        facts, findings = super().facts(paths, path)
        return None if facts is None else replace(facts, arrays={_PHOTO: (_SIDE, _SIDE, 3)}), findings

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read flats from a csv file that names their photos."""
        return self.listed(layout).load_new(file, layout, with_target=with_target)

    def listed(self, layout: Mapping[str, Any]) -> Images:
        """Return the source of flats that a csv file lists.

        Args:
            layout: The layout of a run's own data.
        """
        images = Images(file="flats.csv", path_column=_PHOTO, features=list(layout["list"]["features"]))
        images.missing_allowed = self.missing_allowed
        return images
