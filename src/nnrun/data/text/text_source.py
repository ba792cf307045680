"""The base class of text sources: windows over the tokens of a text, each with the token that follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from nnrun.data.dataset import DataFacts
from nnrun.data.text.text_file import read_text
from nnrun.data.text.tokenizer import Tokenizer
from nnrun.data.text.windows import TOKEN_SHAPES, window_counts
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: `check` reads texts up to this size in bytes; it does not know the characters of larger ones.
_LARGEST_CHECKED = 16_000_000
#: The name of the one target of a text.
TARGET = "next"


class TextSource:
    """A text as windows of tokens; `nnrun.data.text.load_text` loads it, as its examples are no independent rows.

    Args:
        window: How many tokens an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `codes` for an Embedding, `scaled` (divided by the vocabulary's size, one
            number a step), `one_hot`.
        predict: The target: the `next` token, or after `every` token of the window the one that follows it.
        level: What a token is: a `character`, a `word` (or a mark, or a line end), a `byte`.
        lowercase: Whether letters become lower case.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that replaces all others; default: they are dropped.

    Raises:
        ValueError: Arguments contradict each other.
    """

    #: The name of the source in a config.
    name = "text"
    #: The encoding of the file; None detects it.
    encoding: str | None = None

    def __init__(
        self,
        window: int = 100,
        stride: int = 1,
        encode: Literal["scaled", "codes", "one_hot"] = "scaled",
        predict: Literal["next", "every"] = "next",
        level: Literal["character", "word", "byte"] = "character",
        lowercase: bool = False,
        keep_punctuation: bool = True,
        alphabet: str | None = None,
        replacement: str | None = None,
    ) -> None:
        for name, value in (("window", window), ("stride", stride)):
            if value < 1:
                raise ValueError(f"{self.name}: {name} expected an integer of at least 1, received {value}")
        self.tokenizer = Tokenizer(level, lowercase, keep_punctuation, alphabet, replacement)
        self.tokenizer.check_arguments(self.name)
        self.window, self.stride, self.encode, self.predict = window, stride, encode, predict

    def find(self, paths: DataPaths) -> Path | None:
        """Return the file of the text; None where it is still to be downloaded.

        Raises:
            DataError: It is missing, and cannot be downloaded.
        """
        raise NotImplementedError

    def fetch(self, paths: DataPaths, progress: Progress) -> Path:  # noqa: ARG002 - for sources that download
        """Return the file of the text, downloaded if need be.

        Raises:
            DataError: It is missing.
        """
        file = self.find(paths)
        if file is None:
            raise DataError(f"{self.name} is not on this machine", hint=f"nnrun data fetch {self.name}")
        return file

    def files(self, paths: DataPaths, progress: Progress) -> dict[str, Path]:
        """Return the files whose digests a run keeps, by name; none where the text is no file.

        Raises:
            DataError: The text is missing.
        """
        file = self.fetch(paths, progress)
        return {file.name: file} if file.is_file() else {}

    def read(self, file: Path) -> tuple[str, str]:
        """Return the normalized text of a file, and its encoding.

        Raises:
            DataError: It cannot be read.
        """
        if self.tokenizer.level == "byte":
            return self.tokenizer.normalize(file.read_bytes().decode("latin-1")), "bytes"
        text, encoding = read_text(file, self.encoding)
        return self.tokenizer.normalize(text), encoding

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one example; None for the size of the vocabulary, which depends on the text."""
        return (self.window, *TOKEN_SHAPES[self.encode])

    @property
    def positions(self) -> tuple[int, ...]:
        """The shape of the targets of one example."""
        return (self.window,) if self.predict == "every" else ()

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the facts of the text, read where it is not too large, and findings below `path`."""
        below = (*path, self.name)
        file = None
        try:
            file = self.find(paths)
            if file is None or file.stat().st_size > _LARGEST_CHECKED:
                return self.facts_unread(), []
            text, _ = self.read(file)
        except DataError as error:
            name = "missing-file" if file is None else "unreadable-data"
            return None, [Finding((*below, "file"), error.text, error.hint, name)]
        tokens = self.tokenizer.tokenize(text)
        if not tokens:
            hint = "is it the right file? `lowercase`, `alphabet` and the like may leave nothing of a text"
            return None, [Finding((*below, "file"), f"{file.name} holds no text", hint, "unreadable-data")]
        if len(tokens) <= self.window:
            there = format_count(len(tokens), "token")
            problem = f"a window of {self.window} and the token after it are more than the text's {there}"
            return None, [Finding((*below, "window"), problem, "write a smaller window", "unusable-arguments")]
        return self.facts_of_tokens(len(tokens), tuple(sorted(set(tokens)))), []

    def facts_of_tokens(self, count: int, vocabulary: tuple[str, ...]) -> DataFacts:
        """Return the facts of a text of `count` tokens."""
        return DataFacts(
            tuple(len(vocabulary) if size is None else size for size in self.shape),
            len(range(0, count - self.window, self.stride)),
            task="classification",
            class_names=vocabulary,
            target_names=(TARGET,),
            vocabulary=len(vocabulary),
            positions=self.positions,
            split_sizes=partial(window_counts, count, window=self.window, stride=self.stride),
        )

    def facts_unread(self) -> DataFacts:
        """Return the facts that follow from the config alone."""
        return DataFacts(self.shape, task="classification", target_names=(TARGET,), positions=self.positions)
