"""What the sources of text have in common: windows over tokens, each with the token that follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.dataset import DataFacts
from nnrun.data.text.text_file import read_text
from nnrun.data.text.windows import window_counts
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples, SourceData
    from nnrun.data.text.tokenizer import Tokenizer
    from nnrun.data.text.windows import Encoding
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: Texts up to this size in bytes are read by `check`; of larger ones it does not know the characters.
_WHOLE = 16_000_000
#: What the one target of a text is called.
TARGET = "next"


class TextSource:
    """A text as windows.

    Args:
        tokens: How the text becomes tokens.
        window: How many tokens an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `codes` for an Embedding, `scaled` (divided by the vocabulary's size, one
            number a step), `one_hot`.
        predict: The target: the `next` token, or after `every` token of the window the one that follows it.

    Raises:
        ValueError: Arguments contradict each other.
    """

    #: The word of the config.
    name = "text"
    #: The encoding that the config says.
    encoding: str | None = None

    def __init__(
        self, tokens: Tokenizer, window: int, stride: int, encode: Encoding, predict: Literal["next", "every"]
    ) -> None:
        for name, value in (("window", window), ("stride", stride)):
            if value < 1:
                raise ValueError(f"{self.name}: {name} expected an integer of at least 1, received {value}")
        tokens.refuse_contradictions(self.name)
        self.tokenizer, self.window, self.stride, self.encode, self.predict = tokens, window, stride, encode, predict

    def find(self, places: DataPaths) -> Path | None:
        """The text's file where it is at hand; None where it is still to be downloaded.

        Raises:
            DataError: It is not there, and cannot be downloaded.
        """
        raise NotImplementedError

    def fetch(self, places: DataPaths, progress: Progress) -> Path:  # noqa: ARG002 - of those who download
        """The text's file, downloaded where need be.

        Raises:
            DataError: It is not there.
        """
        found = self.find(places)
        if found is None:
            raise DataError(f"{self.name} is not on this machine", hint=f"nnrun data fetch {self.name}")
        return found

    def files(self, places: DataPaths, progress: Progress) -> dict[str, Path]:
        """The files that a run on this text keeps the digests of, by name; none where the text is made, not read.

        Raises:
            DataError: The text is not there.
        """
        file = self.fetch(places, progress)
        return {file.name: file} if file.is_file() else {}

    def read(self, file: Path) -> tuple[str, str]:
        """The prepared text of a file, and its encoding.

        Raises:
            DataError: It cannot be read.
        """
        if self.tokenizer.level == "byte":
            return self.tokenizer.normalize(file.read_bytes().decode("latin-1")), "bytes"
        text, encoding = read_text(file, self.encoding)
        return self.tokenizer.normalize(text), encoding

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one example; None for the vocabulary's size, which the text tells."""
        last: tuple[int | None, ...] = {"codes": (), "scaled": (1,), "one_hot": (None,)}[self.encode]
        return (self.window, *last)

    @property
    def positions(self) -> tuple[int, ...]:
        """The shape of one example's targets."""
        return (self.window,) if self.predict == "every" else ()

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Not asked: `nnrun.data.text.load_text` reads texts, which are not dealt out by rows."""
        raise NotImplementedError

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Not asked: `nnrun.data.text.load_text` reads texts, which are not dealt out by rows."""
        raise NotImplementedError

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """All there is to know of a text that is not too large to read now."""
        below = (*path, self.name)
        try:
            file = self.find(places)
        except DataError as error:
            return None, [Finding((*below, "file"), error.text, error.hint, "missing-file")]
        if file is None or file.stat().st_size > _WHOLE:
            return self.unread(), []
        try:
            text, _ = self.read(file)
        except DataError as error:
            return None, [Finding((*below, "file"), error.text, error.hint, "unreadable-data")]
        tokens = self.tokenizer.tokenize(text)
        if len(tokens) <= self.window:
            what = f"a window of {self.window} and what follows it are more than the text's {len(tokens)} tokens"
            return None, [Finding((*below, "window"), what, "write a smaller window", "unusable-arguments")]
        return self.outline(len(tokens), tuple(sorted(set(tokens)))), []

    def outline(self, count: int, vocabulary: tuple[str, ...]) -> DataFacts:
        """What is known of a text of so many tokens."""
        return DataFacts(
            tuple(len(vocabulary) if size is None else size for size in self.shape),
            len(range(0, count - self.window, self.stride)),
            task="classification",
            class_names=vocabulary,
            target_names=(TARGET,),
            vocabulary=len(vocabulary),
            positions=self.positions,
            cut=partial(window_counts, count, window=self.window, stride=self.stride),
        )

    def unread(self) -> DataFacts:
        """What the config alone tells."""
        return DataFacts(self.shape, task="classification", target_names=(TARGET,), positions=self.positions)
