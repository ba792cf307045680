"""A text that a user types for a text model to continue: normalized as the model's own text was, or described."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

from nnrun.data.text.text_file import unix_line_ends
from nnrun.data.text.tokenizer import describe_unknown_tokens, nearest_token, unknown_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.text.tokenizer import Tokenizer

#: Unicode's normalization forms (Unicode Standard Annex 15), those that change least first.
_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


def seed_tokens(text: str, vocabulary: Sequence[str], tokenizer: Tokenizer) -> Sequence[str]:
    """Return the tokens of a seed text, treated as the model's text was: line ends, case, dropped characters.

    Keyboards and files write one letter in different ways (`é` as one character or two). The text stays as it was typed
    if the vocabulary has all its tokens, else it takes the Unicode form of which the vocabulary has most.
    """
    typed = text if tokenizer.level == "byte" else unix_line_ends(text)
    forms = [typed, *(unicodedata.normalize(form, typed) for form in _FORMS)]
    candidates = [tokenizer.tokenize_input(one) for one in forms]
    return min(candidates, key=lambda tokens: len(unknown_tokens(tokens, vocabulary)))


def describe_unknown(text: str, vocabulary: Sequence[str], tokenizer: Tokenizer) -> tuple[str, str | None] | None:
    """Return a message about the tokens of a seed text that the vocabulary lacks, and a text to write instead.

    Returns:
        None if the vocabulary has all tokens. The text to write is that with the nearest tokens, without those that
        have no near one; None if nothing is left of it.
    """
    tokens = seed_tokens(text, vocabulary, tokenizer)
    unknown = unknown_tokens(tokens, vocabulary)
    if not unknown:
        return None
    what = f"{tokenizer.level}s" if len(unknown) > 1 else f"a {tokenizer.level}"
    described = describe_unknown_tokens(unknown, vocabulary, tokenizer.level)
    # A byte is no letter that another one resembles.
    nearest = {token: None if tokenizer.level == "byte" else nearest_token(token, vocabulary) for token in unknown}
    near = (nearest.get(token, token) for token in tokens)
    instead = tokenizer.render(token for token in near if token is not None)
    return f"the seed text has {what} that the run's text does not have: {described}", instead or None
