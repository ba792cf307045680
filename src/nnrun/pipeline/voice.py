"""How a model of a text takes and gives characters, and what it is to write on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nnrun.data.text.text_source import TextSource
    from nnrun.engine.generation.text_model_spec import TextModelSpec
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts

#: What stands before a text shorter than the window, the first of these that the run's text has.
_PADDING = (" ", "\n")


def voice_of(experiment: Experiment, facts: Facts, source: TextSource) -> TextModelSpec:
    """How an experiment's model takes and gives characters."""
    from nnrun.engine.generation.text_model_spec import TextModelSpec

    loss = next(iter(experiment.losses.values()))
    names = facts.class_names
    return TextModelSpec(
        source.window,
        len(names),
        source.encode,
        source.predict == "every",
        loss.arguments.get("from_logits") is True,
        padding(names),
    )


def padding(vocabulary: Sequence[str]) -> int:
    """The code that stands before a text shorter than the window."""
    return next((vocabulary.index(one) for one in _PADDING if one in vocabulary), 0)


def seed_codes(text: str, vocabulary: tuple[str, ...], source: TextSource) -> np.ndarray:
    """The codes of a seed text, int32 of shape (tokens,).

    Raises:
        RunError: It has tokens that the run's text has not; they are named, with the nearest ones.
    """
    from nnrun.data.text.tokenizer import encode_tokens

    refused = refusal(text, vocabulary, source)
    if refused is not None:
        raise RunError(*refused)
    return encode_tokens(source.tokenizer.tokenize_input(text), vocabulary).astype("int32")


def refusal(text: str, vocabulary: Sequence[str], source: TextSource) -> tuple[str, str] | None:
    """Say what is wrong with a seed text, and what to type next; None where nothing is."""
    from nnrun.data.text.tokenizer import describe_unknown_tokens, unknown_tokens

    unknown = unknown_tokens(source.tokenizer.tokenize_input(text), vocabulary)
    if not unknown:
        return None
    what = f"{source.tokenizer.level}s" if len(unknown) > 1 else f"a {source.tokenizer.level}"
    return (
        f"the seed text has {what} that the run's text has not: {describe_unknown_tokens(unknown, vocabulary)}",
        "write the seed text without them, or with the nearest ones",
    )
