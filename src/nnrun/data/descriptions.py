"""The source `descriptions`: the texts about data sets that come with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nnrun.data.text_file import read_text
from nnrun.data.tokens import Tokens
from nnrun.data.windowed import Windowed
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.places import Places


class Descriptions(Windowed):
    """Scikit-learn's descriptions of its data sets, one after the other: about 43,000 characters of English prose.

    They are always there, so that a text model can be tried without a download.

    Args:
        window: How many characters an example has.
        stride: How far the next example begins after the one before.
        encode: How an example is given: `scaled`, `codes` or `one_hot`, as of a `text`.
        predict: The target: the `next` character, or after `every` character of the window the one that follows it.
        level: What a code stands for: a `character`, a `word` or a `byte`.
        lowercase: Whether letters are folded.
        keep_punctuation: Whether punctuation and symbols stay in the text.
        alphabet: The characters that stay; default: all.
        replacement: The one character that stands for all others; default: they are dropped.
    """

    name = "descriptions"

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
        tokens = Tokens(level, lowercase, keep_punctuation, alphabet, replacement)
        super().__init__(tokens, window, stride, encode, predict)

    def find(self, places: Places) -> Path:  # noqa: ARG002
        """The folder of the descriptions.

        Raises:
            DataError: This scikit-learn has none.
        """
        found = find_spec("sklearn")
        folder = Path(found.origin or "").parent / "datasets" / "descr" if found else None
        if folder is None or not any(folder.glob("*.rst")):
            raise DataError("this scikit-learn comes without descriptions of its data sets", hint="name a text instead")
        return folder

    def read(self, file: Path) -> tuple[str, str]:
        """All descriptions of a folder by name, or another text file."""
        if not file.is_dir():
            return super().read(file)
        text = "\n".join(read_text(one, "utf-8")[0] for one in sorted(file.glob("*.rst")))
        whole = text.encode("utf-8").decode("latin-1") if self.tokens.level == "byte" else text
        return self.tokens.prepare(whole), "utf-8"
