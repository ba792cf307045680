"""The source `beats`: made curves of heartbeats, of which a few are unusual."""

from __future__ import annotations

import numpy as np

from nnrun.data.sources.made_table import MadeTable

#: The waves of a beat: their place in it (0 to 1), height and width (McSharry et al., IEEE Trans. Biomed. Eng. 50,
#: 2003, have a beat as such a sum).
_WAVES = {
    "P": (0.20, 0.15, 0.030),
    "Q": (0.36, -0.12, 0.012),
    "R": (0.40, 1.00, 0.016),
    "S": (0.44, -0.22, 0.014),
    "T": (0.68, 0.30, 0.050),
}


class Beats(MadeTable):
    """Made curves of heartbeats, each `samples` numbers (`t0`, `t1`, ...), and their `kind`: `usual` or `unusual`.

    The waves of every beat have places, heights and widths of their own, and noise. An unusual beat lacks its first
    wave, has its last one upside down, or a main wave that is twice as wide. The same options give the same curves.

    Args:
        rows: The number of beats.
        samples: The numbers of each.
        unusual: The share of unusual beats.
        noise: The standard deviation of the noise; the main wave is 1 high.
        seed: The seed that they are drawn with.
    """

    name = "beats"
    prose = frozenset()

    def __init__(
        self, rows: int = 2000, samples: int = 64, unusual: float = 0.05, noise: float = 0.02, seed: int = 0
    ) -> None:
        super().__init__(None, "kind", seed)
        self.require_at_least(1, rows=rows)
        self.require_at_least(16, samples=samples)
        if not 0 <= unusual <= 1 or noise < 0:
            raise ValueError("beats: expected a share of unusual beats from 0 to 1, and a noise of at least 0")
        self.rows, self.samples, self.unusual, self.noise = rows, samples, unusual, noise

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the beats."""
        is_unusual = generator.permutation(np.arange(self.rows) < round(self.unusual * self.rows))
        way = generator.integers(0, 3, self.rows)
        time, curves = np.linspace(0, 1, self.samples), np.zeros((self.rows, self.samples))
        shift = generator.normal(0, 0.01, (self.rows, 1))
        for wave, (place, height, width) in _WAVES.items():
            places = place + shift + generator.normal(0, 0.005, (self.rows, 1))
            heights, widths = (size * np.exp(generator.normal(0, 0.1, (self.rows, 1))) for size in (height, width))
            heights[is_unusual & (way == 0) & (wave == "P")] = 0
            heights[is_unusual & (way == 1) & (wave == "T")] *= -1
            widths[is_unusual & (way == 2) & (wave == "R")] *= 2
            curves += heights * np.exp(-0.5 * ((time - places) / widths) ** 2)
        curves += generator.normal(0, self.noise, curves.shape)
        columns = {f"t{index}": np.ascontiguousarray(column) for index, column in enumerate(curves.T)}
        return {**columns, "kind": np.where(is_unusual, "unusual", "usual").astype(object)}
