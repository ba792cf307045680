"""The step `TextVectorization`: columns of text become the numbers of their tokens, or counts of tokens."""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.prepare.cells import check_cells, split_column
from nnrun.data.prepare.dense_size import check_dense_size
from nnrun.data.prepare.step import ExampleSpec, Step, as_table, check_no_missing, check_table, text_left_of
from nnrun.data.prepare.subwords import BYTES, SubwordTokenizer
from nnrun.formatting import format_count, format_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks

#: The tokens that stand first in a vocabulary, as in Keras: the padding (of token numbers alone), and unknown tokens.
_PADDING, _UNKNOWN = "", "[UNK]"
_PUNCTUATION = str.maketrans("", "", string.punctuation)
#: Texts that are encoded at a time: the numbers of their tokens are Python's, 8 bytes and more each.
_TEXTS_AT_A_TIME = 10_000


class TextVectorization(Step):
    """Turn columns of text into numbers, as Keras' `TextVectorization` does.

    The vocabulary is learned from the training part: the most frequent tokens first, those of equal frequency in
    descending order. It holds the padding (number 0 of `output_mode: int`) and the unknown token `[UNK]`, too. Several
    columns share one vocabulary; two steps have one each. A column `message` becomes `message[0]`, `message[1]`, ...
    (token numbers), or `message=free`, `message=win`, ... (one column a token), and an input of the model takes all
    of them by the name `message`. `$vocabulary` is the size of the vocabulary. Lower case and white space are those of
    Unicode; Keras' own layer knows those of ASCII alone.

    Args:
        columns: The columns to treat, by name or index; not for a target (`prepare_target`), which is treated as a
            whole.
        max_tokens: The greatest size of the vocabulary, padding and unknown token included; None: all tokens.
        standardize: What happens to a text first: `lower_and_strip_punctuation`, `lower`, `strip_punctuation`, or
            None. Punctuation is that of ASCII.
        split: What the tokens are: words between white space (`whitespace`), characters (`character`), the items of a
            list in a cell (`list`; `standardize` then treats each item), subwords that
            are learned from the training part (`bpe`: byte pair encoding, `wordpiece`; both need the extra `text` and
            `max_tokens`), or None: the whole text is one token.
        ngrams: The greatest length of token sequences that count as tokens, too; or a list of all lengths that count.
        output_mode: `int`: token numbers in order; `multi_hot`: 1 for each token of the vocabulary that the text has;
            `count`: how often it has it; `tf_idf`: that times log(1 + texts / (1 + texts with the token)), where texts
            are those of the training part.
        output_sequence_length: The number of token numbers that a text becomes: longer ones are cut at their end,
            shorter ones are filled up with 0. None: as many as the longest text of the training part has.
        vocabulary: The tokens, where they are not to be learned; without padding and unknown token.
        separator: What stands between the items of `split: list`; None: each cell is a list literal, such as
            `[12, 7]`.
    """

    def __init__(
        self,
        columns: list[str | int] | None = None,
        max_tokens: int | None = None,
        standardize: Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"]
        | None = "lower_and_strip_punctuation",
        split: Literal["whitespace", "character", "list", "bpe", "wordpiece"] | None = "whitespace",
        ngrams: int | list[int] | None = None,
        output_mode: Literal["int", "multi_hot", "count", "tf_idf"] = "int",
        output_sequence_length: int | None = None,
        vocabulary: list[str] | None = None,
        separator: str | None = None,
    ) -> None:
        self.columns, self.separator = columns, separator
        self.standardize, self.split, self.output_mode = standardize, split, output_mode
        self.max_tokens, self.length = max_tokens, output_sequence_length
        self.given = vocabulary
        self.ngrams = (1,) if ngrams is None else tuple(ngrams) if isinstance(ngrams, list) else tuple(_up_to(ngrams))
        self._check()
        self.vocabulary: list[str] = []
        self.idf: list[float] = []
        self.subwords = SubwordTokenizer(split) if split in ("bpe", "wordpiece") else None

    @property
    def _special(self) -> list[str]:
        return [_PADDING, _UNKNOWN] if self.output_mode == "int" else [_UNKNOWN]

    def _check(self) -> None:
        """Refuse arguments that contradict each other.

        Raises:
            ValueError: They do.
        """
        name, least = "TextVectorization", len(self._special)
        if self.max_tokens is not None and self.max_tokens <= least:
            raise ValueError(f"{name}: max_tokens expected an integer above {least}, received {self.max_tokens}")
        if self.length is not None and self.length < 1:
            raise ValueError(f"{name}: output_sequence_length expected a positive integer, received {self.length}")
        if min(self.ngrams, default=0) < 1:
            raise ValueError(f"{name}: ngrams expected positive integers, received {min(self.ngrams, default='none')}")
        if self.length is not None and self.output_mode != "int":
            text = (
                f"{name}: `output_sequence_length` is for `output_mode: int`; {self.output_mode} has a column a token"
            )
            raise ValueError(text)
        if self.given is not None:
            self._check_given(self.given, name)
        if self.separator is not None and (self.split != "list" or not self.separator):
            raise ValueError(f"{name}: `separator` is a text for `split: list`, such as `separator: ';'`")
        if self.split in ("bpe", "wordpiece") and (
            self.max_tokens is None or self.given is not None or self.ngrams != (1,)
        ):
            text = f"{name}: `split: {self.split}` learns a vocabulary of `max_tokens` tokens; write"
            raise ValueError(f"{text} max_tokens, and neither vocabulary nor ngrams")
        if self.split == "bpe" and self.max_tokens is not None and self.max_tokens < BYTES + least:
            raise ValueError(
                f"{name}: `split: bpe` begins with a token for each of {BYTES} bytes; write "
                f"`max_tokens: {BYTES + least}` or more, received {self.max_tokens}"
            )

    def _check_given(self, given: Sequence[str], name: str) -> None:
        twice = next((token for token, count in Counter(given).items() if count > 1), None)
        if not given or twice is not None:
            received = "none" if not given else f"{twice!r} twice"
            raise ValueError(f"{name}: vocabulary expected tokens, each once, received {received}")
        if self.output_mode == "tf_idf":
            raise ValueError(f"{name}: `tf_idf` learns how many texts have a token; leave out `vocabulary`")
        most = len(given) + len(self._special) if self.max_tokens is None else self.max_tokens
        if len(given) + len(self._special) > most:
            raise ValueError(f"{name}: vocabulary has {len(given):,} tokens, more than `max_tokens: {most}` allows")

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Learn the vocabulary, and how long the texts are."""
        table = data.table()
        names = resolve_columns(self._named(), table.names)
        return self.learn({name: self.cells(name, table.values[name]) for name in names})

    def learn(self, columns: Mapping[str, np.ndarray | list[list[str]]]) -> list[str]:
        """Learn the vocabulary of columns as `cells` returns them, and how long the texts are; return notes."""
        if self.subwords is not None:
            assert self.max_tokens is not None, "checked before"  # noqa: S101
            texts = (self._standardized(str(text)) for column in columns.values() for text in column)
            self.subwords.fit(texts, self.max_tokens, len(self._special))
        counts: Counter[str] = Counter()
        with_token: Counter[str] = Counter()
        lengths = []
        for tokens in self.tokenized(chain.from_iterable(columns.values())):
            counts.update(tokens)
            lengths.append(len(tokens))
            if self.output_mode == "tf_idf":
                with_token.update(set(tokens))
        if not counts:
            names = format_names([repr(name) for name in columns])
            text = f"column {names}: no training text has a token, as `standardize: {self.standardize}` leaves nothing"
            raise ValueError(text if self.standardize else f"column {names}: no training text has a token")
        self.vocabulary = [*self._special, *self._most_frequent(counts)]
        if self.output_mode == "tf_idf":
            self._learn_idf(with_token, len(lengths))
        cut = f", {self._cut(lengths)}" if self.output_mode == "int" else ""
        return [f"TextVectorization: {format_count(len(self.vocabulary), 'token')} in the vocabulary{cut}."]

    def _named(self) -> list[str | int]:
        if self.columns is None:
            raise ValueError("TextVectorization: name the `columns` of text; without, it is for `prepare_target`")
        return self.columns

    def cells(self, name: str, column: np.ndarray) -> np.ndarray | list[list[str]]:
        """Return the texts of a column, or the lists in its cells.

        Raises:
            CellError: A cell holds no list.
            ValueError: It holds numbers, or a text is missing.
        """
        if self.split == "list" and column.dtype == object:
            return split_column(column, self.separator, name)
        return _texts(name, column)

    def _most_frequent(self, counts: Counter[str]) -> list[str]:
        if self.given is not None:
            return list(self.given)
        if self.subwords is not None:
            return self.subwords.vocabulary()
        room = None if self.max_tokens is None else self.max_tokens - len(self._special)
        ordered = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        return [token for token in ordered if token != _PADDING][:room]

    def _learn_idf(self, with_token: Counter[str], texts: int) -> None:
        idf = [float(np.log(1 + texts / (1 + with_token[token]))) for token in self.vocabulary[1:]]
        # An unknown token weighs as much as the average known one, as in Keras.
        self.idf = [float(np.mean(idf)), *idf]

    def _cut(self, lengths: Sequence[int]) -> str:
        """Set the length of a text where the config does not; return how many training texts are longer."""
        if self.length is None:
            self.length = max(1, *lengths)
        longer = sum(length > self.length for length in lengths)
        return f"{longer:,} of {len(lengths):,} training texts are longer than {self.length} and cut"

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON."""
        learned: dict[str, Any] = {"vocabulary": self.vocabulary, "length": self.length}
        if self.idf:
            learned["idf"] = self.idf
        if self.subwords is not None:
            learned["tokenizer"] = self.subwords.state()
        return learned

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what an earlier fit learned.

        Raises:
            KeyError: Something that was learned is missing.
            ValueError: It is no vocabulary, or its weights are none.
        """
        tokens, length, idf = state["vocabulary"], state["length"], state.get("idf", [])
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("vocabulary: expected a list of tokens")
        if tokens[: len(self._special)] != self._special or len(set(tokens)) < len(tokens):
            raise ValueError(f"vocabulary: expected {self._special} first, and each token once")
        if not (length is None or (type(length) is int and length > 0)) or (self.output_mode == "int") != bool(length):
            raise ValueError(f"length: expected a positive integer for token numbers, received {length!r}")
        if not isinstance(idf, list) or not all(isinstance(weight, float) for weight in idf):
            raise ValueError("idf: expected a list of numbers")
        if len(idf) != (len(tokens) if self.output_mode == "tf_idf" else 0):
            raise ValueError(f"idf: expected a weight for each of {len(tokens)} tokens, received {len(idf)}")
        self.vocabulary, self.length, self.idf = tokens, length, idf
        if self.subwords is not None:
            self.subwords.restore(state["tokenizer"])

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the table with columns of numbers instead of each text."""
        table = as_table(x)
        treated = set(resolve_columns(self._named(), table.names))
        known = {token: number for number, token in enumerate(self.vocabulary)}
        wide: dict[str, np.ndarray] = {}
        for name, column in table.values.items():
            if name not in treated:
                wide[name] = column
                continue
            texts = self.cells(name, column)
            encoded = self.token_numbers(texts, known) if self.output_mode == "int" else self._counts(texts, known)
            wide.update(zip(self._names(name, self.length), encoded.T, strict=True))
        return Columns(wide)

    def token_numbers(self, texts: np.ndarray | list[list[str]], known: Mapping[str, int] | None = None) -> np.ndarray:
        """Return the numbers of the first tokens of each text, shape (texts, length).

        Args:
            texts: The texts as `cells` returns them.
            known: The number of each token; None: those of the vocabulary.
        """
        known = known or {token: number for number, token in enumerate(self.vocabulary)}
        length, unknown = self.length or 0, self._special.index(_UNKNOWN)
        encoded = np.zeros((len(texts), length), "uint16" if len(known) <= 65536 else "int32")
        for start, stop, rows in self._pieces(texts):
            lengths = np.array([min(len(tokens), length) for tokens in rows])
            numbers = (known.get(token, unknown) for tokens in rows for token in tokens[:length])
            filled = np.arange(length) < lengths[:, None]
            encoded[start:stop][filled] = np.fromiter(numbers, "int32", int(lengths.sum()))
        return encoded

    def _counts(self, texts: np.ndarray | list[list[str]], known: Mapping[str, int]) -> np.ndarray:
        """Return how often each text has each token, or a number derived from it, shape (texts, tokens)."""
        check_dense_size("TextVectorization", len(texts), len(known), "`max_tokens`")
        encoded = np.zeros((len(texts), len(known)), "float32")
        for start, _, rows in self._pieces(texts):
            for row, tokens in enumerate(rows, start):
                for token in tokens:
                    encoded[row, known.get(token, 0)] += 1
        if self.output_mode == "multi_hot":
            np.minimum(encoded, 1, out=encoded)
        return encoded * np.array(self.idf, "float32") if self.output_mode == "tf_idf" else encoded

    def _pieces(self, texts: np.ndarray | list[list[str]]) -> Iterator[tuple[int, int, list[Sequence[str]]]]:
        """Yield the tokens of some texts at a time, after the first and the last of them."""
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            piece = texts[start : start + _TEXTS_AT_A_TIME]
            yield start, start + len(piece), list(self.tokenized(piece))

    def tokenized(self, texts: Iterable[Any]) -> Iterator[Sequence[str]]:
        """Yield the tokens of each text, as `cells` returns them."""
        if self.split == "list":
            items = ([self._standardized(item) for item in cell] for cell in texts)
            yield from (_ngrams([item for item in row if item], self.ngrams) for row in items)
            return
        texts = (self._standardized(text) for text in texts)
        if self.subwords is not None:
            rows: Iterable[Sequence[str]] = self.subwords.tokenize(texts)
        elif self.split == "whitespace":
            rows = (text.split() for text in texts)
        else:
            rows = (list(text) if self.split else [text] for text in texts)
        if self.ngrams == (1,):
            yield from rows
        else:
            yield from (_ngrams(row, self.ngrams) for row in rows)

    def _standardized(self, text: str) -> str:
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            text = text.lower()
        return text.translate(_PUNCTUATION) if self.standardize in _STRIPPING else text

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Return the text of these tokens: what stands between them depends on how texts are split."""
        if self.subwords is not None:
            return self.subwords.detokenize(tokens)
        separator = ", " if self.separator is None else self.separator
        return {"character": "", "list": separator}.get(self.split or "", " ").join(tokens)

    def _names(self, name: str, length: int | None) -> list[str]:
        """Return the names of the columns that a column of text becomes."""
        if self.output_mode != "int":
            return [f"{name}={token}" for token in self.vocabulary]
        return [f"{name}[{position}]" for position in range(length or 0)]

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return a table with the token numbers, as far as their number is known."""
        check_table(spec, self)
        if spec.columns is None:
            return replace(text_left_of(spec, self._named()), tokens=True, vocabulary=self._largest(spec))
        treated = resolve_columns(self._named(), spec.columns)
        numbers = next((name for name in treated if name not in spec.text), None)
        if numbers is not None:
            raise ValueError(f"TextVectorization takes text, but column {numbers!r} holds numbers")
        if self.split == "list":
            for name in treated:
                check_cells(name, spec.values.get(name, ()), self.separator)
        text, values = spec.text - set(treated), {k: v for k, v in spec.values.items() if k not in treated}
        spec = replace(spec, text=text, values=values, tokens=True, vocabulary=self._largest(spec))
        if self.output_mode != "int" or self.length is None:
            return replace(spec, shape=(None,), columns=None)
        names = tuple(
            new
            for name in spec.columns or ()
            for new in (self._names(name, self.length) if name in treated else [name])
        )
        return replace(spec, shape=(len(names),), columns=names)

    def _largest(self, spec: ExampleSpec) -> int | None:
        """Return the size of the largest vocabulary up to here; None where it is still to be learned."""
        if self.given is None or (spec.tokens and spec.vocabulary is None):
            return None
        return max(len(self.given) + len(self._special), spec.vocabulary or 0)


_STRIPPING = ("strip_punctuation", "lower_and_strip_punctuation")


def _texts(name: str, column: np.ndarray) -> np.ndarray:
    """Return a column of text.

    Raises:
        ValueError: It holds numbers, or a text is missing.
    """
    check_no_missing(name, column, "TextVectorization")
    if column.dtype != object:
        raise ValueError(f"TextVectorization takes text, but column {name!r} holds numbers")
    return column


def _up_to(longest: int) -> Iterable[int]:
    """Return all lengths up to one; an impossible one stays for `_check`."""
    return range(1, longest + 1) if longest > 0 else (longest,)


def _ngrams(tokens: Sequence[str], lengths: Sequence[int]) -> list[str]:
    """Return all sequences of so many tokens, those of the first length first."""
    return [
        " ".join(window)
        for length in lengths
        for window in zip(*(islice(tokens, start, None) for start in range(length)), strict=False)
    ]
