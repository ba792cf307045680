"""The source `shapes`: drawn pictures of discs, squares and triangles, with masks, clean or enlarged pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.dataset import DataFacts, Examples, SourceData, TargetArray

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding

#: The classes of a mask, in the order of their numbers.
_CLASSES = ("background", "disc", "square", "triangle")


class Shapes:
    """Drawn pictures of one to three shapes on a shaded background, grey with values from 0 to 255.

    An example has the shape (size, size, 1). The target `mask` has a class at each pixel: background, disc, square or
    triangle. With `clean` it is the same picture without noise, with `large` the picture (without noise) of which the
    example is the mean over squares of 2 x 2 pixels: it is twice as high and wide. The same options give the same
    pictures.

    Args:
        rows: The number of pictures.
        size: The height and width of an example, in pixels.
        target: What is to be predicted.
        noise: The standard deviation of the noise in an example; with `large` there is none.
        seed: The seed that they are drawn with.
    """

    def __init__(
        self,
        rows: int = 1000,
        size: int = 32,
        target: Literal["mask", "clean", "large"] = "mask",
        noise: float = 20.0,
        seed: int = 0,
    ) -> None:
        for name, value, minimum in (("rows", rows, 1), ("size", size, 8), ("noise", noise, 0), ("seed", seed, 0)):
            if value < minimum:
                raise ValueError(f"shapes: {name} expected a number of at least {minimum}, received {value}")
        self.rows, self.size, self.target, self.noise, self.seed = rows, size, target, noise, seed

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Draw the pictures."""
        draw = np.random.default_rng(self.seed)
        drawn = [draw_shapes(self._target_size, draw) for _ in range(self.rows)]
        clean, masks = (np.stack(one)[..., None] for one in zip(*drawn, strict=True))
        if self.target == "large":
            x = clean.reshape(self.rows, self.size, 2, self.size, 2, 1).mean(axis=(2, 4))
        else:
            x = (clean + draw.normal(0, self.noise, clean.shape)).clip(0, 255).round()
        y = masks if self.target == "mask" else clean
        return SourceData(Examples(x.astype("float32"), y), **self._known())

    def load_targets(self, paths: DataPaths) -> None:  # noqa: ARG002
        """Return None: every class is in most pictures."""
        return

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:  # noqa: ARG002
        """Return the facts, all of which the arguments give."""
        target = TargetArray((self._target_size, self._target_size, 1), "u" if self.target == "mask" else "f")
        return DataFacts((self.size, self.size, 1), self.rows, target=target, **self._known()), []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read pictures of the same size from an npz file, with `y` if targets are asked for."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        facts, _ = self.facts(None, ())  # type: ignore[arg-type]
        return read_compatible_file(file, facts, with_target=with_target)

    @property
    def _target_size(self) -> int:
        return 2 * self.size if self.target == "large" else self.size

    def _known(self) -> dict[str, Any]:
        if self.target == "mask":
            return {"task": "classification", "class_names": _CLASSES, "target_names": ("mask",)}
        return {"task": "regression", "class_names": (), "target_names": ("target",)}


def draw_shapes(size: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one to three shapes, each over those before it.

    Args:
        size: The height and width of the picture, in pixels.
        draw: Draws their kinds, places, sizes and shades.

    Returns:
        The picture, float32 of whole numbers from 0 to 255, and its mask, uint8; both of shape (size, size).
    """
    rows, columns = np.mgrid[:size, :size] + 0.5
    angle, base = draw.uniform(0, 2 * np.pi), draw.uniform(20, 90)
    shade = (np.cos(angle) * rows + np.sin(angle) * columns) / size
    picture = base + draw.uniform(10, 40) * shade
    mask = np.zeros((size, size), dtype="uint8")
    for _ in range(draw.integers(1, 4)):
        kind, radius = draw.integers(1, len(_CLASSES)), size * draw.uniform(0.15, 0.28)
        row, column = draw.uniform(radius, size - radius, 2)
        down, right = (rows - row) / radius, (columns - column) / radius
        inside = (
            down**2 + right**2 < 1,
            np.maximum(abs(down), abs(right)) < 0.85,
            (abs(down) < 0.9) & (abs(right) < (down + 0.9) * 0.55),
        )[kind - 1]
        picture[inside], mask[inside] = draw.uniform(150, 250), kind
    return picture.clip(0, 255).round().astype("float32"), mask
