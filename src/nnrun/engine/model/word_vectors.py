"""The initializer `WordVectors`: an Embedding begins with vectors from a file, in the order of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.files.word_vectors import read_word_vectors
from nnrun.errors import DataError
from nnrun.formatting import format_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class AlignedVectors:
    """Gives each token of a vocabulary its vector, and the others what another initializer gives.

    It is no class of Keras, and a built layer does not keep it: a saved model needs neither nnrun nor the file.

    Args:
        fallback: The initializer of tokens that the file lacks.
        file: The file of vectors.
        vocabulary: The tokens by number, the padding first; None gives all tokens what `fallback` does.

    Raises:
        DataError: The file has no vectors, or none of these tokens.
    """

    def __init__(self, fallback: Any, file: Path, vocabulary: Sequence[str] | None) -> None:
        self.fallback, self._file = fallback, file
        self._found = None if vocabulary is None else read_word_vectors(file, vocabulary)
        if self._found is not None and not self._found[1].any():
            some = format_names([repr(word) for word in (vocabulary or ())[2:]], 3)
            raise DataError(
                f"none of the {len(self._found[1]) - 2:,} words of the vocabulary ({some}) is in the file",
                file=file,
                hint="name vectors of the language of the texts; TextVectorization makes lower case of words unless "
                "`standardize` says otherwise",
            )
        #: How many tokens the file has, in words, once the layer is built.
        self.note = ""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Return the vectors, of shape (tokens, numbers); the padding's is 0.

        Raises:
            ValueError: The layer has another size than vocabulary and vectors.
        """
        made = self.fallback(tuple(shape), dtype=dtype)
        if self._found is None:
            return made
        vectors, known = self._found
        if tuple(shape) != vectors.shape:
            expected = f"input_dim {len(vectors)} (the vocabulary) and output_dim {vectors.shape[1]} (the file)"
            raise ValueError(f"WordVectors of {self._file.name} expects {expected}. Received: {tuple(shape)}")
        values = np.array(made, dtype="float32")
        values[known] = vectors[known]
        values[0] = 0
        # The padding and the unknown token are no words.
        self.note = (
            f"WordVectors: {int(known.sum()):,} of {len(known) - 2:,} words of the vocabulary are in {self._file.name}."
        )
        return values


def keep_fallbacks(made: Sequence[tuple[Any, Any]]) -> list[str]:
    """Let built layers keep the initializers of other tokens alone; return what was found in the files.

    Args:
        made: Keras objects, each with its part of the config.
    """
    notes = []
    for layer, _ in made:
        initializer = getattr(layer, "embeddings_initializer", None)
        if isinstance(initializer, AlignedVectors):
            notes.append(initializer.note)
            layer.embeddings_initializer = initializer.fallback
    return [note for note in notes if note]
