"""The source `repeats`: generated sequences to tag, where every tag depends on the steps before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


_CLASSES = ("0", "1")


class Repeats:
    """Generated sequences of codes, each code to be tagged 1 where it occurred before in its sequence, else 0.

    Codes are integers from 1; shorter sequences are padded with 0 at their end, which is tagged 0: an `Embedding`
    with `input_dim: $vocabulary` and `mask_zero: true` takes them. The same options give the same sequences.

    Args:
        rows: The number of sequences.
        steps: The length of the longest; the shortest are half as long.
        codes: The number of different codes.
        seed: The seed that they are drawn with.
    """

    def __init__(self, rows: int = 2000, steps: int = 20, codes: int = 15, seed: int = 0) -> None:
        for name, value, minimum in (("rows", rows, 1), ("steps", steps, 1), ("codes", codes, 1), ("seed", seed, 0)):
            if value < minimum:
                raise ValueError(f"repeats: {name} expected an integer of at least {minimum}, received {value}")
        self.rows, self.steps, self.codes, self.seed = rows, steps, codes, seed

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Draw the sequences and tag them."""
        generator = np.random.default_rng(self.seed)
        lengths = generator.integers((self.steps + 1) // 2, self.steps, self.rows, endpoint=True)
        x = generator.integers(1, self.codes, (self.rows, self.steps), dtype="int32", endpoint=True)
        x[np.arange(self.steps) >= lengths[:, None]] = 0
        return SourceData(
            Examples(x, tags(x)),
            class_names=_CLASSES,
            target_names=("repeated",),
            task="classification",
            vocabulary=self.codes + 1,
            positions=(self.steps,),
        )

    def load_targets(self, paths: DataPaths) -> None:  # noqa: ARG002
        """Return None: every sequence has both tags."""
        return

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:  # noqa: ARG002
        """Return the facts, all of which the arguments give."""
        facts = DataFacts(
            (self.steps,),
            self.rows,
            task="classification",
            class_names=_CLASSES,
            target_names=("repeated",),
            vocabulary=self.codes + 1,
            positions=(self.steps,),
        )
        return facts, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read sequences of codes from an npz file, or from a csv if no targets are asked for.

        Raises:
            DataError: The file has another form.
        """
        from nnrun.data.sources.compatible_file import read_compatible_file

        if with_target and not file.name.endswith(".npz"):
            raise DataError("expected an npz file with x and y", file=file, hint="save it with numpy.savez_compressed")
        facts = DataFacts((self.steps,), target_names=("repeated",))
        examples = read_compatible_file(file, facts, with_target=with_target)
        return Examples(self._codes(file, examples.x), examples.y)

    def _codes(self, file: Path, x: Any) -> np.ndarray:
        """Return the examples as codes; any other code would be outside of the embedding."""
        codes: np.ndarray = x.astype("int32")
        if (codes != x).any() or codes.min() < 0 or codes.max() > self.codes:
            raise DataError(
                f"expected integer codes from 0 to {self.codes}, received others",
                file=file,
                hint="give the same codes as in the run's own data",
            )
        return codes


def tags(x: np.ndarray) -> np.ndarray:
    """Return whether each code occurred before in its sequence: int32 of 0 and 1, shape (rows, steps); padding is 0."""
    y = np.zeros(x.shape, dtype="int32")
    for step in range(1, x.shape[1]):
        y[:, step] = (x[:, :step] == x[:, step : step + 1]).any(axis=1) & (x[:, step] != 0)
    return y
