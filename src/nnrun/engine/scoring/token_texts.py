"""Predictions of labels and tokens as texts, and how far written texts are from the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.engine.scoring.label_sequences import edit_distance, labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.data.dataset import TextTargets
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.scoring.predictions import Predictions


def scored(
    evaluation: Evaluation, target: TextTargets, masks: Mapping[str, NDArray[Any]], written: NDArray[Any] | None
) -> Evaluation:
    """Return an evaluation with predictions as texts, and the scores of texts that the model has written.

    The arguments are those of `with_texts`.
    """
    predictions, scores = with_texts(evaluation.predictions, target, masks, written), evaluation.scores
    truth = predictions[0].truth
    if written is not None and truth is not None:
        scores = {**scores, **written_scores(truth, written, target)}
    return replace(evaluation, scores=scores, predictions=predictions)


def with_texts(
    predictions: tuple[Predictions, ...],
    target: TextTargets,
    masks: Mapping[str, NDArray[Any]],
    written: NDArray[Any] | None,
) -> tuple[Predictions, ...]:
    """Return predictions with their texts: sets of labels, tags of each token, or what the model has written.

    Args:
        predictions: The predictions.
        target: How the target is encoded.
        masks: Which positions are no padding, by output.
        written: What the model has written, token numbers of shape (rows, length); None where it writes nothing.
    """
    mask = next(iter(masks.values()), None)
    found: list[Predictions] = []
    for one in predictions:
        if one.predicted is None:
            found.append(one)
            continue
        made = one.predicted if written is None else written
        if written is None and not target.is_label_set and mask is not None and one.kind == "predictions":
            # The padding is no tag: where a model predicts it for a token, the tag is unknown.
            made = np.where(mask, np.maximum(made, 1), 0)
        truth = None if one.truth is None else tuple(target.texts(one.truth))
        found.append(replace(one, text=tuple(target.texts(made)), true_text=truth, is_label_set=target.is_label_set))
    return tuple(found)


def written_scores(truth: NDArray[Any], written: NDArray[Any], target: TextTargets) -> dict[str, Any]:
    """Return how far written texts are from the truth.

    `exact_match` is the share of texts that are written without a mistake; `token_error_rate` the number of tokens to
    insert, delete or replace, over the number of true tokens. BLEU and chrF are those of `sacrebleu`, where it is
    installed.

    Args:
        truth: True token numbers, shape (rows, length), filled up with 0.
        written: Written ones, of the same form.
        target: How targets are encoded.
    """
    pairs = [
        (_until_end(true, target.end), _until_end(made, target.end)) for true, made in zip(truth, written, strict=True)
    ]
    right, tokens = sum(true == made for true, made in pairs), sum(len(true) for true, _ in pairs)
    low, high = wilson_interval(right, len(pairs))
    scores = {
        "exact_match": right / len(pairs),
        "exact_match_interval_95": [round(low, 6), round(high, 6)],
        "token_error_rate": sum(edit_distance(*pair) for pair in pairs) / tokens if tokens else None,
    }
    return scores | _corpus_scores(target.texts(truth), target.texts(written))


def _until_end(row: NDArray[Any], end: int) -> list[int]:
    return [number for number in labels_of(row) if number != end]


def _corpus_scores(truth: Sequence[str], written: Sequence[str]) -> dict[str, Any]:
    """Return BLEU and chrF, each from 0 to 100; nothing without the library."""
    try:
        import sacrebleu
    except ImportError:
        return {}
    return {
        "bleu": float(sacrebleu.corpus_bleu(list(written), [list(truth)]).score),
        "chrf": float(sacrebleu.corpus_chrf(list(written), [list(truth)]).score),
    }
