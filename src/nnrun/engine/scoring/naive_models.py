"""Baselines that are no models of scikit-learn: naive forecasts, the most frequent class of a token or a pixel.

They are for targets with a number or a class at each position (tags of tokens, masks, pictures), which scikit-learn's
models do not take, and for windows of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.outputs import true_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nnrun.data.dataset import DataPart
    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class NaivePredictions:
    """What a naive model predicts for one part.

    Attributes:
        name: What it is, in words.
        predicted: Class numbers or numbers.
        truth: The targets that these are compared with, of the same shape.
    """

    name: str
    predicted: NDArray[Any]
    truth: NDArray[Any]


def has_positions(part: DataPart, facts: Facts) -> bool:
    """Return whether a target has a class or a number at each of several positions, as tags and pictures do."""
    return bool(facts.positions) or (isinstance(part.y, np.ndarray) and part.y.ndim > 2)


def of_positions(train: DataPart, scored: DataPart, facts: Facts) -> Iterator[NaivePredictions]:
    """Yield the naive predictions of targets with several positions.

    Args:
        train: The rows that teach them.
        scored: The rows to predict.
        facts: The facts of the data.
    """
    if facts.task == "regression":
        yield from _of_numbers(_own(train), np.asarray(scored.x), _own(scored))
        return
    y, truth = true_classes(_own(train), facts), true_classes(_own(scored), facts)
    classes = facts.classes or int(max(y.max(), truth.max())) + 1
    if are_token_numbers(train) and train.x.shape == y.shape:
        yield from _of_tokens(train.x.astype(np.int64), y, scored.x.astype(np.int64), truth, classes)
        return
    most = int(np.bincount(y.reshape(-1), minlength=classes).argmax())
    yield NaivePredictions("most frequent class", np.full(truth.shape, most), truth)
    counts = np.stack([(y == one).sum(axis=0) for one in range(classes)])
    yield NaivePredictions(
        "most frequent class at each position", np.broadcast_to(counts.argmax(0), truth.shape), truth
    )


def _of_tokens(
    x: NDArray[Any], y: NDArray[Any], x_scored: NDArray[Any], truth: NDArray[Any], classes: int
) -> Iterator[NaivePredictions]:
    """Yield the naive predictions of a tag for each token; what fills a sequence up has the token 0, and no tag."""
    known, asked = x != 0, x_scored != 0
    most = int(np.bincount(y[known], minlength=classes).argmax())
    yield NaivePredictions("most frequent class", np.full(int(asked.sum()), most), truth[asked])
    of_token, at = _most_frequent(x[known], y[known], classes, most), x_scored[asked]
    predicted = np.where(at < len(of_token), of_token[np.minimum(at, len(of_token) - 1)], most)
    yield NaivePredictions("most frequent class of each token", predicted, truth[asked])


def are_token_numbers(part: DataPart) -> bool:
    """Return whether the examples are numbers of tokens: whole numbers of at least 0, one row a sequence."""
    x = part.x
    return isinstance(x, np.ndarray) and x.ndim == 2 and bool((x >= 0).all()) and bool((x == np.floor(x)).all())


def _of_numbers(y: NDArray[Any], x: NDArray[Any], truth: NDArray[Any]) -> Iterator[NaivePredictions]:
    """Yield the mean at each position, and the input itself, enlarged to the size of the target, if it can be that."""
    yield NaivePredictions("mean at each position", np.broadcast_to(y.mean(axis=0), truth.shape), truth)
    if x.ndim != truth.ndim or truth.ndim < 3 or x.shape[-1] != truth.shape[-1]:
        return
    times = [
        target // own if target % own == 0 else 0 for own, target in zip(x.shape[1:-1], truth.shape[1:-1], strict=True)
    ]
    if 0 in times:
        return
    enlarged = x
    for axis, count in enumerate(times, start=1):
        enlarged = enlarged.repeat(count, axis=axis)
    # Pictures that are scaled to 0 to 1 while their targets are not are brought to the unit of these.
    scale = float(truth.max()) / float(enlarged.max()) if enlarged.max() > 0 else 1.0
    name = "the input itself" if set(times) == {1} else "the input, enlarged"
    yield NaivePredictions(name, enlarged * scale, truth)


def _most_frequent(tokens: NDArray[Any], tags: NDArray[Any], classes: int, default: int) -> NDArray[np.int64]:
    """Return the most frequent class of each token by its number; of tokens that do not occur the default."""
    size = int(tokens.max(initial=0)) + 1
    pairs = tokens.astype(np.int64) * classes + tags
    counts = np.bincount(pairs, minlength=size * classes).reshape(size, classes)
    return np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), default)


def forecasts(scored: DataPart, facts: Facts) -> Iterator[NaivePredictions]:
    """Yield the last value and the seasonal naive forecast of windows of rows, where their past is known."""
    reference = scored.reference
    if reference is None or facts.task != "regression":
        return
    season = reference.season()
    columns = [at for at, name in enumerate(reference.names) if name in facts.target_names]
    truth = _own(scored).reshape(len(scored), -1)
    for name, rows in (("last value", None), ("seasonal naive", season[0] if season else 0)):
        if rows == 0:
            continue
        predicted = reference.forecasts(rows)[:, :, columns].reshape(len(scored), -1)
        known = np.isfinite(predicted).all(axis=1)
        if predicted.shape == truth.shape and known.any():
            yield NaivePredictions(name, predicted[known], truth[known])


def _own(part: DataPart) -> NDArray[Any]:
    """Return the targets in their own unit."""
    return np.asarray(part.y if part.own_y is None else part.own_y)
