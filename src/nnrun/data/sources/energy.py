"""The source `energy`: the made energy use of several buildings, hour by hour, as windows of hours."""

from __future__ import annotations

import numpy as np

from nnrun.data.series.windows import WindowSpec
from nnrun.data.sources.made_table import MadeTable

_NAMES = ("school", "office", "shop", "hall", "clinic", "library", "workshop", "hostel")
_DAY, _WEEK = 24, 7


class Energy(MadeTable):
    """The made energy use of up to eight buildings, hour by hour, each a series of its own.

    The columns are `building`; `hour`, the hours since a Monday's midnight; `temperature` in degrees Celsius; `open`, 1
    while the building is in use; and `energy` in kWh, the target and a feature too. Heating and cooling depend on
    how cold or warm it has been in the last hours. The same options give the same series.

    Args:
        days: The number of days of each building.
        buildings: The number of buildings, 1 to 8.
        window: How many hours an example has.
        horizon: How many hours after a window are its targets.
        stride: How many hours after one window the next one begins.
        seed: The seed that they are drawn with.
    """

    name = "energy"
    prose = frozenset()

    def __init__(
        self, days: int = 70, buildings: int = 6, window: int = 48, horizon: int = 24, stride: int = 6, seed: int = 0
    ) -> None:
        super().__init__(None, "energy", seed, group="building", time="hour")
        self.require_at_least(1, days=days)
        if not 1 <= buildings <= len(_NAMES):
            raise ValueError(f"energy: buildings expected a number from 1 to {len(_NAMES)}, received {buildings}")
        self.days, self.buildings = days, buildings
        self.state_windows(WindowSpec.of(self.name, window, horizon, stride, _DAY, drop_missing=False))

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the weather, which all buildings share, and what each uses."""
        hours = np.arange(self.days * _DAY)
        weather = generator.normal(0, 0.5, len(hours))
        for hour in range(1, len(hours)):
            # Warm and cold spells end: a random walk that is drawn back to its mean.
            weather[hour] += 0.98 * weather[hour - 1]
        temperature = 9 - 5 * np.cos(2 * np.pi * (hours % _DAY - 3) / _DAY) + weather
        felt = np.convolve(temperature, np.ones(6) / 6)[: len(hours)]
        series = [self._series(hours, felt, generator) for _ in range(self.buildings)]
        return {
            "building": np.repeat(np.array(_NAMES[: self.buildings], dtype=object), len(hours)),
            "hour": np.tile(hours.astype("float64"), self.buildings),
            "temperature": np.tile(np.round(temperature, 1), self.buildings),
            "open": np.concatenate([is_open for is_open, _ in series]).astype("float64"),
            "energy": np.round(np.concatenate([energy for _, energy in series]), 1),
        }

    def _series(self, hours: np.ndarray, felt: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return when a building is open, and its energy, each of shape (hours,)."""
        opens, closes, days = draw.integers(6, 10), draw.integers(15, 22), draw.integers(5, 8)
        is_open = (hours % _DAY >= opens) & (hours % _DAY < closes) & (hours // _DAY % _WEEK < days)
        size = draw.uniform(0.5, 1.5)
        need = np.maximum(8 - felt, 0) * draw.uniform(2, 5) + np.maximum(felt - 11, 0) * draw.uniform(2, 5)
        use = 10 + need * np.where(is_open, 1.0, 0.5) + is_open * draw.uniform(20, 40)
        return is_open, size * use * np.exp(draw.normal(0, 0.05, len(hours)))
