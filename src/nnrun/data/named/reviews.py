"""IMDB: film reviews as word codes, from the file that Keras' own loader takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.named.base import Named
from nnrun.data.named.entries_texts import IMDB_CODES
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np


#: What the codes below the words' ranks mean, as in Keras: 0 fills up, 1 begins a review, 2 is a word left out.
_START, _LEFT_OUT, _SHIFT = 1, 2, 3


class Imdb(Named):
    """50,000 film reviews as sequences of word codes, half of them positive; 25,000 are the test part.

    Codes are as Keras' own loader gives them: 0 fills up, 1 begins a review, 2 stands for a word that is left out,
    and the word of rank 1 has the code 4. Reviews differ in length: `PadSequences: 200` brings them to one.

    Args:
        num_words: Codes from this number on become 2: `num_words: 5000` keeps the 4,996 most frequent words. All are
            kept where it is not given.
    """

    name = "imdb"

    def __init__(self, num_words: int | None = None) -> None:
        if num_words is not None and num_words <= _SHIFT:
            raise ValueError(f"imdb: num_words expected an integer above {_SHIFT}, received {num_words}")
        self.codes = IMDB_CODES if num_words is None else min(num_words, IMDB_CODES)

    def outline(self) -> DataFacts:
        """What the registry states, with the codes that are kept."""
        return replace(super().outline(), vocabulary=self.codes)

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The reviews of the file."""
        from nnrun.data.files.unpickle import read_object_npz

        (file,) = files.values()
        arrays = read_object_npz(file, ("x_train", "y_train", "x_test", "y_test"))
        outline = entry(self.name).outline
        parts = {}
        for part, rows in (("train", outline.rows), ("test", outline.test_rows)):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            if x.shape != (rows,) or y.shape != (rows,):
                raise DataError(
                    f"expected {rows} reviews in the {part} part, received {len(x)} with {len(y)} labels",
                    file=file,
                    hint=f"move it away and type: nnrun data fetch {self.name}",
                )
            parts[part] = Examples(self._coded(x, file), y)
        return SourceData(
            parts["train"],
            parts["test"],
            outline.class_names or (),
            outline.target_names,
            {file.name: file},
            task=outline.task,
            vocabulary=self.codes,
        )

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read reviews from an npz whose `x` has a row of codes for each, filled up with 0."""
        import numpy as np

        from nnrun.data.sources.npz import read_examples

        found = read_examples(file, {}, with_target=with_target)
        x = np.asarray(found.x)
        if x.ndim != 2 or x.dtype.kind not in "iu" or x.min() < 0 or x.max() >= self.codes:
            raise DataError(
                f"expected rows of integer codes from 0 to {self.codes - 1}, received others",
                file=file,
                hint="give codes as the run's own data have them",
            )
        return Examples(x.astype("int32"), found.y)

    def _coded(self, reviews: np.ndarray, file: Path) -> np.ndarray:
        """The reviews as Keras' loader codes them: an array of objects, each an array of int32."""
        import numpy as np

        lengths = np.array([len(review) for review in reviews])
        try:
            words = np.concatenate([np.asarray(review, dtype="int64") for review in reviews])
        except (TypeError, ValueError) as error:
            raise DataError(f"its reviews are no word codes: {error}", file=file, hint="fetch it again") from None
        if words.min() < 1 or words.max() + _SHIFT >= IMDB_CODES:
            raise DataError(
                f"expected ranks from 1 to {IMDB_CODES - _SHIFT - 1}, received {words.min()} to {words.max()}",
                file=file,
                hint="fetch it again",
            )
        words += _SHIFT
        words[words >= self.codes] = _LEFT_OUT
        coded = np.empty(len(reviews), dtype=object)
        ends = np.cumsum(lengths)
        for index, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
            coded[index] = np.concatenate([[_START], words[end - length : end]]).astype("int32")
        return coded
