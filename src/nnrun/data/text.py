"""The source `text`: a text file of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nnrun.data.tokens import Tokens
from nnrun.data.windowed import Windowed

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.places import Places


class Text(Windowed):
    """A text file, as windows of characters, words or bytes, each with what follows it.

    Codes are the places of the distinct characters (words, bytes) in sorted order. The parts of `split:` are cut by
    position: the last characters are the test part, those before them the validation part, and no window reaches
    across a cut.

    Args:
        file: The file, beside the config or in the data folder.
        window: How many characters an example has.
        stride: How far the next example begins after the one before; `stride: 100` with `window: 100` sees each once.
        encode: How an example is given: `scaled` (codes divided by the vocabulary's size, one number a step), `codes`
            for an Embedding, `one_hot`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` (or a mark, or a line end), a `byte`.
        lowercase: Whether letters are folded.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that stands for all others; default: they are dropped.
        encoding: The file's encoding; default: by its mark, else UTF-8, else cp1252.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the config's words
        self,
        file: str,
        window: int = 100,
        stride: int = 1,
        encode: Literal["scaled", "codes", "one_hot"] = "scaled",
        predict: Literal["next", "every"] = "next",
        level: Literal["character", "word", "byte"] = "character",
        lowercase: bool = False,
        keep_punctuation: bool = True,
        alphabet: str | None = None,
        replacement: str | None = None,
        encoding: str | None = None,
    ) -> None:
        tokens = Tokens(level, lowercase, keep_punctuation, alphabet, replacement)
        super().__init__(tokens, window, stride, encode, predict)
        if level == "byte" and encoding is not None:
            raise ValueError("text: `level: byte` takes the file's bytes as they are; leave out `encoding`")
        self.file, self.encoding = file, encoding

    def find(self, places: Places) -> Path:
        """The file.

        Raises:
            DataError: It is not there.
        """
        return places.need(self.file)
