"""The sources `text`, a text file of the user's, and `descriptions`, a text that is always there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nnrun.data.text.text_file import read_text
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths


class Text(TextSource):
    """A text file, as windows of characters, words or bytes, each with what follows it.

    Codes number the distinct characters (words, bytes) in sorted order. The parts of `split:` are cut by
    position: the last characters are the test part, those before them the validation part, and no window reaches
    across a cut.

    Args:
        file: The file, next to the config or in the data folder.
        window: How many characters an example has.
        stride: How far the next example begins after the one before; `stride: 100` with `window: 100` sees each once.
        encode: How an example is given: `scaled` (codes divided by the vocabulary's size, one number a step), `codes`
            for an Embedding, `one_hot`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` (or a mark, or a line end), a `byte`.
        lowercase: Whether letters become lower case.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that replaces all others; default: they are dropped.
        encoding: The encoding of the file; default: detected by its byte order mark, else UTF-8, else cp1252.
    """

    def __init__(
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
        super().__init__(window, stride, encode, predict, level, lowercase, keep_punctuation, alphabet, replacement)
        if level == "byte" and encoding is not None:
            raise ValueError("text: `level: byte` reads the file's bytes; leave out `encoding`")
        self.file, self.encoding = file, encoding

    def find(self, paths: DataPaths) -> Path:
        """Return the file.

        Raises:
            DataError: It is missing.
        """
        return paths.require(self.file)


class Descriptions(TextSource):
    """Scikit-learn's descriptions of its data sets, one after the other: about 43,000 characters of English prose.

    They are installed with scikit-learn, so that a text model can be tried without a download.

    Args:
        window: How many characters an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `scaled`, `codes` or `one_hot`, as of a `text`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` or a `byte`.
        lowercase: Whether letters become lower case.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that replaces all others; default: they are dropped.
    """

    name = "descriptions"

    def find(self, paths: DataPaths) -> Path:  # noqa: ARG002
        """Return the folder of the descriptions.

        Raises:
            DataError: This scikit-learn has none.
        """
        found = find_spec("sklearn")
        folder = Path(found.origin or "").parent / "datasets" / "descr" if found else None
        if folder is None or not any(folder.glob("*.rst")):
            raise DataError("this scikit-learn has no descriptions of its data sets", hint="use another text")
        return folder

    def read(self, file: Path) -> tuple[str, str]:
        """Return all descriptions of a folder in the order of their names, or another text file."""
        if not file.is_dir():
            return super().read(file)
        text = "\n".join(read_text(one, "utf-8")[0] for one in sorted(file.glob("*.rst")))
        whole = text.encode("utf-8").decode("latin-1") if self.tokenizer.level == "byte" else text
        return self.tokenizer.normalize(whole), "utf-8"
