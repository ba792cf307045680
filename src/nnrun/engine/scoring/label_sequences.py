"""Sequences of labels that a model with the loss CTC has learned: decoded outputs, and how far they are from the truth.

A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
networks", ICML 2006. In Keras, 0 is the blank in outputs, and what fills short sequences up in targets.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BLANK = 0
#: How many rows a beam search decodes at a time.
_ROWS_AT_A_TIME = 256


def greedy_decode(outputs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the labels of the best path: the likeliest class of each step, without repetitions and blanks.

    Args:
        outputs: Probabilities or logits, shape (rows, steps, classes).

    Returns:
        Labels, shape (rows, steps), filled up with 0.
    """
    best = outputs.argmax(axis=-1)
    kept = best != BLANK
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    decoded = np.zeros(best.shape, dtype=np.int64)
    for row, (labels, keep) in enumerate(zip(best, kept, strict=True)):
        decoded[row, : keep.sum()] = labels[keep]
    return decoded


def beam_decode(keras: Any, width: int, outputs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the likeliest labels over all paths that lead to them, as far as a beam search finds them.

    Args:
        keras: The Keras module.
        width: How many unfinished sequences of labels are followed.
        outputs: Logits, shape (rows, steps, classes).

    Returns:
        Labels, shape (rows, steps), filled up with 0.
    """
    found = [np.zeros((0, outputs.shape[1]), dtype=np.int64)]
    for start in range(0, len(outputs), _ROWS_AT_A_TIME):
        batch = outputs[start : start + _ROWS_AT_A_TIME].astype("float32")
        steps = np.full(len(batch), batch.shape[1], dtype="int32")
        paths, _ = keras.ops.ctc_decode(batch, steps, strategy="beam_search", beam_width=width, mask_index=BLANK)
        # Keras fills up with -1.
        found.append(np.maximum(keras.ops.convert_to_numpy(paths)[0].astype(np.int64), BLANK))
    return np.concatenate(found)


def decoder(keras: Any, beam_width: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what decodes outputs: `greedy_decode`, or `beam_decode` of this width where it is more than 1."""
    return greedy_decode if beam_width == 1 else partial(beam_decode, keras, beam_width)


def unusable_labels(targets: NDArray[Any], *, steps: int | None, classes: int) -> str | None:
    """Return why targets cannot be aligned with outputs of so many steps and classes; None if they can.

    Args:
        targets: Labels, shape (rows, labels), filled up with 0.
        steps: The number of steps of the outputs; None if it differs.
        classes: The number of outputs of a step: the blank, and a label each.
    """
    wrong = (targets < 0) | (targets >= classes) | (targets != np.floor(targets))
    if wrong.any():
        return f"expects labels from 1 to {classes - 1}, received {targets[wrong].flat[0]:g}"
    inside = (targets[:, :-1] == BLANK) & (targets[:, 1:] != BLANK)
    if inside.any():
        row = int(np.flatnonzero(inside.any(axis=1))[0])
        return f"expects 0 behind the labels alone, received {' '.join(f'{one:g}' for one in targets[row])}"
    # Between two equal labels there must be a blank.
    needed = (targets != BLANK).sum(axis=1) + ((targets[:, 1:] == targets[:, :-1]) & (targets[:, 1:] != BLANK)).sum(
        axis=1
    )
    if steps is not None and needed.max(initial=0) > steps:
        return f"expects {needed.max()} steps for a row of labels, received {steps}"
    return None


def labels_of(row: Sequence[float] | NDArray[Any]) -> list[int]:
    """Return the labels of one row, without what fills it up."""
    return [int(label) for label in row if label != BLANK]


def label_scores(truth: NDArray[Any], predicted: NDArray[Any]) -> tuple[int, float | None]:
    """Return the number of rows that are not predicted as a whole, and the label error rate.

    The rate is the number of labels to insert, delete or replace, over the number of true labels, as in the paper
    above; None without true labels.

    Args:
        truth: True labels, shape (rows, labels), filled up with 0.
        predicted: What `greedy_decode` returned.
    """
    pairs = [(labels_of(true), labels_of(found)) for true, found in zip(truth, predicted, strict=True)]
    labels = sum(len(true) for true, _ in pairs)
    wrong = sum(true != found for true, found in pairs)
    return wrong, sum(edit_distance(*pair) for pair in pairs) / labels if labels else None


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the least number of labels to insert, delete or replace that make one sequence the other."""
    distances = list(range(len(second) + 1))
    for index, label in enumerate(first, 1):
        diagonal, distances[0] = distances[0], index
        for other, candidate in enumerate(second, 1):
            least = min(distances[other] + 1, distances[other - 1] + 1, diagonal + (label != candidate))
            diagonal, distances[other] = distances[other], least
    return distances[-1]
