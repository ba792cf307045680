"""The named texts: Shakespeare's plays and Kafka's Metamorphosis as windows, and IMDB's reviews as word codes."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.dataset import DataFacts, Examples
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import NamedSource, download_note, find_files, require_files, verified_bytes
from nnrun.data.text.text_file import read_text
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


#: How much a downloaded edition of a text may differ in length from the known one, as a fraction.
_TOLERANCE = 0.03
#: The title, the first and the last words of Die Verwandlung.
_TITLE, _FIRST, _LAST = "DIE VERWANDLUNG", "Als Gregor Samsa eines Morgens", "ihren jungen Körper dehnte."


class _NamedText(TextSource):
    def find(self, paths: DataPaths) -> Path | None:
        """Return the file of the text; None where it is still to be downloaded."""
        return next(iter(find_files(named_data_set(self.name), paths).values()), None)

    def fetch(self, paths: DataPaths, progress: Progress) -> Path:
        """Return the file of the text, downloaded if need be, and verified.

        Raises:
            DataError: It cannot be downloaded, or holds another text.
        """
        (file,) = require_files(named_data_set(self.name), paths, progress).values()
        self._story(file)
        return file

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the facts of the text; those of the data set where it is still to be downloaded."""
        facts, findings = super().facts(paths, path)
        return facts, [*download_note(named_data_set(self.name), paths, path), *findings]

    def facts_unread(self) -> DataFacts:
        """Return the facts of the data set; without punctuation, the number of characters is not among them."""
        data_set = named_data_set(self.name)
        alphabet = self.tokenizer.normalize(data_set.alphabet)
        if self.tokenizer.level != "character" or alphabet.lower() != data_set.alphabet.lower():
            return super().facts_unread()
        return self.facts_of_tokens(data_set.characters, tuple(sorted(set(alphabet))))

    def read(self, file: Path) -> tuple[str, str]:
        """Return the normalized story of a file, and its encoding.

        Raises:
            DataError: It cannot be read, or is another text.
        """
        story = self._story(file)
        if self.tokenizer.level == "byte":
            return self.tokenizer.normalize(story.encode("utf-8").decode("latin-1")), "bytes"
        return self.tokenizer.normalize(story), "utf-8"

    def cut(self, text: str) -> str | None:
        """Return the story without what its publisher adds; None if it is not there."""
        return text

    def _story(self, file: Path) -> str:
        data_set = named_data_set(self.name)
        text = self.cut(read_text(file, "utf-8-sig")[0])
        if text is None or abs(len(text) - data_set.characters) > _TOLERANCE * data_set.characters:
            raise DataError(
                f"this is not the text of {data_set.name}: expected its beginning and end, and about "
                f"{data_set.characters:,} characters",
                file=file,
                hint=f"move it away and type: nnrun data fetch {data_set.name} (a text of your own is read by `text`)",
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
        lowercase: Whether letters become lower case.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that replaces all others; default: they are dropped.
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
        lowercase: Whether letters become lower case.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that replaces all others; default: they are dropped.
    """

    name = "metamorphosis"

    def cut(self, text: str) -> str | None:
        """Return the story from its title to its last word; None if its beginning or end is not there."""
        start, end = text.find(_FIRST), text.find(_LAST)
        if start < 0 or end < start:
            return None
        title = text.rfind(_TITLE, 0, start)
        return text if "*** START OF" not in text else text[max(title, 0) : end + len(_LAST)] + "\n"


#: The codes that mean no word, as in Keras: 0 is padding, 1 starts a review, 2 replaces a word that is left out.
_START, _LEFT_OUT = 1, 2
#: What is added to a word's rank.
_OFFSET = 3


class Imdb(NamedSource):
    """50,000 film reviews as sequences of word codes, half of them positive; 25,000 are the test part.

    Codes are those of Keras' own loader: 0 is padding, 1 starts a review, 2 replaces a word that is left out, and the
    word of rank 1 has the code 4. Reviews differ in length: `PadSequences: 200` gives all the same.

    Args:
        num_words: Codes from this number on become 2: `num_words: 5000` keeps the 4,996 most frequent words. All are
            kept where it is not given.
    """

    name = "imdb"

    def __init__(self, num_words: int | None = None) -> None:
        if num_words is not None and num_words <= _OFFSET:
            raise ValueError(f"imdb: num_words expected an integer above {_OFFSET}, received {num_words}")
        self._num_words = num_words

    def known_facts(self) -> DataFacts:
        """Return the facts of the set, with as many codes as are kept."""
        facts = super().known_facts()
        vocabulary = facts.vocabulary or 0
        return replace(facts, vocabulary=min(self._num_words or vocabulary, vocabulary))

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the reviews of the file, whose arrays of lists are pickled: only bytes with its digest are unpickled."""
        (file,) = files.values()
        facts = self.known_facts()
        parts = []
        with np.load(io.BytesIO(verified_bytes(named_data_set(self.name), file)), allow_pickle=True) as arrays:
            for part, rows in (("train", facts.rows), ("test", facts.test_rows)):
                x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
                if x.shape != (rows,) or y.shape != (rows,):
                    text = f"expected {rows} reviews in the {part} part, received {len(x)} with {len(y)} labels"
                    raise self.unexpected(file, text)
                parts.append(Examples(self._codes(x, file), y))
        return self.source_data(parts[0], parts[1], files)

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read reviews from an npz file whose `x` has a row of codes for each, padded with 0.

        Raises:
            DataError: The file has another form, or codes beyond the vocabulary.
        """
        from nnrun.data.sources.npz import read_examples

        examples = read_examples(file, {}, with_target=with_target)
        x = np.asarray(examples.x)
        vocabulary = self.known_facts().vocabulary or 0
        if x.ndim != 2 or x.dtype.kind not in "iu" or x.min() < 0 or x.max() >= vocabulary:
            raise DataError(
                f"expected rows of integer codes from 0 to {vocabulary - 1}, received others",
                file=file,
                hint="give the same codes as in the run's own data",
            )
        return Examples(x.astype("int32"), examples.y)

    def _codes(self, reviews: np.ndarray, file: Path) -> np.ndarray:
        """Return the reviews as codes: an array of objects, each an array of int32.

        Args:
            reviews: An array of objects, each a list of the words' ranks.
            file: Where they were read from.
        """
        lengths = np.array([len(review) for review in reviews])
        highest = (named_data_set(self.name).facts.vocabulary or 0) - _OFFSET - 1
        try:
            codes = np.concatenate([np.asarray(review, dtype="int64") for review in reviews])
        except (TypeError, ValueError) as error:
            raise self.unexpected(file, f"its reviews are not word codes: {error}") from None
        if codes.min() < 1 or codes.max() > highest:
            raise self.unexpected(file, f"expected ranks from 1 to {highest}, received {codes.min()} to {codes.max()}")
        codes += _OFFSET
        codes[codes >= (self.known_facts().vocabulary or 0)] = _LEFT_OUT
        coded = np.empty(len(reviews), dtype=object)
        for index, (end, length) in enumerate(zip(np.cumsum(lengths).tolist(), lengths.tolist(), strict=True)):
            coded[index] = np.concatenate([[_START], codes[end - length : end]]).astype("int32")
        return coded
