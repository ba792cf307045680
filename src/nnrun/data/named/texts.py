"""The named texts: Shakespeare's plays and Kafka's Metamorphosis, found or downloaded, then cut into windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nnrun.data.named.base import check_digests, download_note, find
from nnrun.data.named.registry import entry
from nnrun.data.text.text_file import read_text
from nnrun.data.text.text_source import TextSource
from nnrun.data.text.tokenizer import Tokenizer
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


#: How much a fetched edition of a text may differ in length from the known one.
_TOLERANCE = 0.03
#: How Die Verwandlung is headed, begins and ends.
_TITLE, _FIRST, _LAST = "DIE VERWANDLUNG", "Als Gregor Samsa eines Morgens", "ihren jungen Körper dehnte."


class _NamedText(TextSource):
    def __init__(  # noqa: PLR0913, PLR0917 - the config's words
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
        tokens = Tokenizer(level, lowercase, keep_punctuation, alphabet, replacement)
        super().__init__(tokens, window, stride, encode, predict)

    def find(self, places: DataPaths) -> Path | None:
        """The text's file; None where it is still to be downloaded."""
        return next(iter(find(entry(self.name), places).values()), None)

    def fetch(self, places: DataPaths, progress: Progress) -> Path:
        """The text's file, downloaded where it is not there, and checked.

        Raises:
            DataError: No mirror gave it, or it is another file.
        """
        if self.find(places) is None:
            from nnrun.data.named.fetch import fetch

            fetch(self.name, places, progress)
        file = super().fetch(places, progress)
        check_digests(entry(self.name), {file.name: file})
        self._story(file)
        return file

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """What the text tells, or the registry of one that is still to be downloaded."""
        outline, findings = super().facts(places, path)
        return outline, [*download_note(entry(self.name), places, path), *findings]

    def unread(self) -> DataFacts:
        """What the registry tells of the characters; how many are left without punctuation only the text does."""
        known = entry(self.name)
        if (
            self.tokenizer.level != "character"
            or self.tokenizer.normalize(known.alphabet).lower() != known.alphabet.lower()
        ):
            return super().unread()
        return self.outline(known.characters, tuple(sorted(set(self.tokenizer.normalize(known.alphabet)))))

    def read(self, file: Path) -> tuple[str, str]:
        """The prepared story of a file, and its encoding.

        Raises:
            DataError: It cannot be read, or is another text.
        """
        if self.tokenizer.level == "byte":
            whole = self._story(file).encode("utf-8").decode("latin-1")
            return self.tokenizer.normalize(whole), "bytes"
        return self.tokenizer.normalize(self._story(file)), "utf-8"

    def cut(self, text: str) -> str | None:
        """The story alone, without what its publisher puts around it; None where it is not there."""
        return text

    def _story(self, file: Path) -> str:
        known = entry(self.name)
        text = self.cut(read_text(file, "utf-8-sig")[0])
        if text is None or abs(len(text) - known.characters) > _TOLERANCE * known.characters:
            raise DataError(
                f"this is not the text of {known.name}: expected its beginning and end, and about "
                f"{known.characters:,} characters",
                file=file,
                hint=f"move it away and type: nnrun data fetch {known.name} (a text of your own is read by `text`)",
            )
        return text


class Shakespeare(_NamedText):
    """40,000 lines of Shakespeare's plays, as windows of characters, words or bytes, each with what follows it.

    Taken from `tinyshakespeare.txt` in the data folder, else downloaded. The parts of `split:` are cut by position.

    Args:
        window: How many characters an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `scaled` (codes divided by the vocabulary's size, one number a step), `codes`
            for an Embedding, `one_hot`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` (or a mark, or a line end), a `byte`.
        lowercase: Whether letters are folded.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that stands for all others; default: they are dropped.
    """

    name = "shakespeare"


class Metamorphosis(_NamedText):
    """Kafka's Die Verwandlung in German, as windows of characters, words or bytes, each with what follows it.

    Taken from `die-verwandlung.txt` in the data folder, else downloaded from Project Gutenberg, whose own terms around
    the story are left out. The parts of `split:` are cut by position.

    Args:
        window: How many characters an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `scaled` (codes divided by the vocabulary's size, one number a step), `codes`
            for an Embedding, `one_hot`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` (or a mark, or a line end), a `byte`.
        lowercase: Whether letters are folded.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that stands for all others; default: they are dropped.
    """

    name = "metamorphosis"

    def cut(self, text: str) -> str | None:
        """The story from its title to its last word; None where it does not begin and end as the story does."""
        start, end = text.find(_FIRST), text.find(_LAST)
        if start < 0 or end < start:
            return None
        title = text.rfind(_TITLE, 0, start)
        return text if "*** START OF" not in text else text[max(title, 0) : end + len(_LAST)] + "\n"
