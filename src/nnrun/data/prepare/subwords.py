"""Subword tokens, learned from texts: byte pair encoding and WordPiece of Hugging Face's `tokenizers`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_UNKNOWN = "[UNK]"
#: The tokens that byte pair encoding begins with.
BYTES = 256
#: Texts that the library encodes at a time.
_BATCH = 1_000


class SubwordTokenizer:
    """A tokenizer whose tokens are parts of words, learned from the training part.

    `bpe` is byte pair encoding (Sennrich, Haddow and Birch, 2016, https://aclanthology.org/P16-1162) over bytes, so
    that every text has tokens and white space belongs to the word after it. `wordpiece` is that of BERT (Schuster and
    Nakajima, 2012; Devlin et al., 2019): the parts of a word after its first begin with `##`, and a word with a letter
    that the training part lacks is one unknown token.

    Args:
        kind: `bpe` or `wordpiece`.
    """

    def __init__(self, kind: Literal["bpe", "wordpiece"]) -> None:
        self._kind = kind
        self._tokenizer: Any = None

    def fit(self, texts: Iterable[str], max_tokens: int, special: int) -> None:
        """Learn a vocabulary.

        Args:
            texts: The texts to learn from.
            max_tokens: The greatest number of tokens, with the special ones.
            special: How many of them are special, and not learned.

        Raises:
            MissingExtraError: The library is not installed.
            ValueError: Single letters alone are more tokens than that.
        """
        library, size = _library(), max_tokens - special
        self._tokenizer = (
            self._byte_pairs(library, texts, size)
            if self._kind == "bpe"
            else self._word_pieces(library, list(texts), size)
        )
        if (known := len(self.vocabulary())) > size:
            raise ValueError(
                f"single letters alone are {known:,} tokens, more than `max_tokens: {max_tokens}` allows; "
                f"write `max_tokens: {known + special}` or more"
            )

    @staticmethod
    def _byte_pairs(library: Any, texts: Iterable[str], size: int) -> Any:
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=True)
        alphabet = library.pre_tokenizers.ByteLevel.alphabet()
        trainer = library.trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    @staticmethod
    def _word_pieces(library: Any, texts: Sequence[str], size: int) -> Any:
        words = library.pre_tokenizers.BertPreTokenizer()
        found = {word for text in texts for word, _ in words.pre_tokenize_str(text)}
        # The library numbers the letters after a word's first in the order of a hash table, which is another one in
        # each process, and prefers pairs with lower numbers: given beforehand, they are the same in every run.
        inside = sorted({f"##{letter}" for word in found for letter in word[1:]})
        learned = library.Tokenizer(library.models.WordPiece(unk_token=_UNKNOWN))
        learned.pre_tokenizer = words
        trainer = library.trainers.WordPieceTrainer(
            vocab_size=size + 1, show_progress=False, special_tokens=[_UNKNOWN, *inside]
        )
        learned.train_from_iterator(texts, trainer)
        # Without the marks of special tokens: `##e` in a text is punctuation and a letter.
        tokenizer = library.Tokenizer(library.models.WordPiece(vocab=learned.get_vocab(), unk_token=_UNKNOWN))
        tokenizer.pre_tokenizer = words
        return tokenizer

    def vocabulary(self) -> list[str]:
        """Return all tokens but the unknown one, those that were learned first at the beginning."""
        ids = self._tokenizer.get_vocab()
        return [token for token in sorted(ids, key=ids.__getitem__) if token != _UNKNOWN]

    def tokenize(self, texts: Iterable[str]) -> Iterator[Sequence[str]]:
        """Yield the tokens of each text."""
        batch: list[str] = []
        for text in texts:
            batch.append(text)
            if len(batch) == _BATCH:
                yield from self._encoded(batch)
                batch = []
        yield from self._encoded(batch)

    def _encoded(self, batch: Sequence[str]) -> Iterator[Sequence[str]]:
        yield from (encoding.tokens for encoding in self._tokenizer.encode_batch(batch, add_special_tokens=False))

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Return the text of these tokens, by the library's own rule for their kind."""
        library = _library()
        decoder = library.decoders.ByteLevel() if self._kind == "bpe" else library.decoders.WordPiece()
        text: str = decoder.decode(list(tokens))
        return text.strip()

    def state(self) -> str:
        """Return what was learned, as the JSON text of the library."""
        text: str = self._tokenizer.to_str()
        return text

    def restore(self, state: object) -> None:
        """Restore what an earlier fit learned.

        Raises:
            MissingExtraError: The library is not installed.
            ValueError: It is none of its tokenizers.
        """
        library = _library()
        if not isinstance(state, str):
            raise ValueError("tokenizer: expected a text of JSON")  # noqa: TRY004 - the file was changed
        try:
            self._tokenizer = library.Tokenizer.from_str(state)
        except Exception as error:  # noqa: BLE001 - the library raises this class alone
            raise ValueError(f"tokenizer: {error}") from None


def _library() -> Any:
    # Its threads would count words in another order from run to run, and warn where a process forks.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ImportError:
        raise MissingExtraError("text", "subwords (`split: bpe`, `split: wordpiece`)") from None
    return tokenizers
