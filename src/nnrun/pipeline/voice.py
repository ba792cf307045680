"""How a model of a text takes and gives characters, and what it is to write on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nnrun.data.text.windowed_source import Windowed
    from nnrun.engine.generation.text_model_spec import TextModelSpec
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts

#: What stands before a text shorter than the window, the first of these that the run's text has.
_PADDING = (" ", "\n")


def voice_of(experiment: Experiment, facts: Facts, source: Windowed) -> TextModelSpec:
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


def seed_codes(text: str, vocabulary: tuple[str, ...], source: Windowed) -> np.ndarray:
    """The codes of a seed text, int32 of shape (tokens,).

    Raises:
        RunError: It has tokens that the run's text has not; they are named, with the nearest ones.
    """
    from nnrun.data.text.tokens import codes

    refused = refusal(text, vocabulary, source)
    if refused is not None:
        raise RunError(*refused)
    return codes(source.tokens.read(text), vocabulary).astype("int32")


def refusal(text: str, vocabulary: Sequence[str], source: Windowed) -> tuple[str, str] | None:
    """Say what is wrong with a seed text, and what to type next; None where nothing is."""
    from nnrun.data.text.tokens import missing, said

    unknown = missing(source.tokens.read(text), vocabulary)
    if not unknown:
        return None
    what = f"{source.tokens.level}s" if len(unknown) > 1 else f"a {source.tokens.level}"
    return (
        f"the seed text has {what} that the run's text has not: {said(unknown, vocabulary)}",
        "write the seed text without them, or with the nearest ones",
    )
