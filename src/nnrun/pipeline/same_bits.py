"""Compare two runs bit for bit: history, samples, scores, predictions, all variables, callbacks, saved models."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnrun.pipeline.circumstances import config_differences
from nnrun.runs import metrics
from nnrun.runs.documents import read_scores_if_any
from nnrun.runs.json_files import to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from nnrun.engine.state.state_file import State
    from nnrun.runs.folder import RunFolder

#: What a line of metrics has in addition to its figures: duration is none of the bits.
_NO_FIGURES = ("epoch", "fold", "seconds")
#: The weights in a saved model, whose other files have the times of saving.
_WEIGHTS = "model.weights.h5"
_BLOCK = 2**20


@dataclass(frozen=True)
class Difference:
    """The first thing in which two runs differ.

    Attributes:
        what: `metrics`, `samples`, `scores`, `predictions`, `variables`, `callbacks` or `models`.
        figure: Its name: a metric, the path of a score, a variable, a callback, a file.
        first: The value in the first run; None where it has none.
        second: The value in the second run.
        epoch: The epoch, from 1; None where it belongs to the end.
        fold: The fold, from 0; None for a single run.
    """

    what: str
    figure: str
    first: Any
    second: Any
    epoch: int | None = None
    fold: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {name: to_plain(value) for name, value in asdict(self).items()}

    def describe(self, first: str, second: str) -> str:
        """Return the difference as a sentence, for which both runs have names."""
        place = [f"fold {self.fold}"] if self.fold is not None else []
        place += [f"epoch {self.epoch}"] if self.epoch is not None else []
        where = f"{', '.join(place)}: " if place else ""
        return f"{where}{self.figure} is {_shown(self.first)} {first} and {_shown(self.second)} {second}"


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value) if isinstance(value, float) else str(value)


def first_difference(first: RunFolder, second: RunFolder) -> Difference | None:
    """Return the first difference of two runs, the earliest epoch before all that follows from it; None without one.

    Raises:
        RunError: A file of them is damaged.
    """
    for differences in (_metrics, _samples, _scores, _predictions, _of_states, _models):
        found = next(differences(first, second), None)
        if found is not None:
            return found
    return None


def _metrics(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    one, other = (_by_epoch(folder) for folder in (first, second))
    for epoch, fold in sorted({*one, *other}, key=_order):
        before, now = one.get((epoch, fold)), other.get((epoch, fold))
        if before is None or now is None:
            states = ["trained" if line is not None else None for line in (before, now)]
            yield Difference("metrics", "this epoch", states[0], states[1], epoch, fold)
            continue
        for name in (name for name in {**before, **now} if name not in _NO_FIGURES):
            if not _equal(before.get(name), now.get(name)):
                yield Difference("metrics", name, before.get(name), now.get(name), epoch, fold)


def _order(place: tuple[int, int | None]) -> tuple[int, float]:
    """Return the key by which epochs are sorted; the final fit comes after the folds."""
    epoch, fold = place
    return epoch, float("inf") if fold is None else fold


def _by_epoch(folder: RunFolder) -> dict[tuple[int, int | None], dict[str, Any]]:
    # Folds that are trained in several processes write their epochs in any order.
    return {(line["epoch"], line["fold"]): line for line in metrics.read(folder.metrics)}


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN is not equal to itself


def _samples(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    one, other = (metrics.read_samples(folder) for folder in (first, second))
    for index in range(max(len(one), len(other))):
        before, now = (lines[index] if index < len(lines) else {} for lines in (one, other))
        if before != now:
            epoch = before.get("epoch", now.get("epoch"))
            yield Difference("samples", "the sample", before.get("text"), now.get("text"), epoch)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.is_file() else []


def _scores(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    for path, before, now in config_differences(*(read_scores_if_any(folder) for folder in (first, second))):
        yield Difference("scores", f"{path} in scores.json", before, now)


def _predictions(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    one, other = (_lines(folder.predictions) for folder in (first, second))
    for number in range(max(len(one), len(other))):
        before, now = (
            lines[number].decode("utf-8", "replace") if number < len(lines) else None for lines in (one, other)
        )
        if before != now:
            yield Difference("predictions", f"line {number + 1} of predictions.csv", before, now)


def _of_states(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    """Compare the last states, of the runs and of all folds, where both have one: earlier versions saved none."""
    from nnrun.pipeline.run_state import read_last_state

    for fold, one, other in _pairs(first, second):
        before, now = read_last_state(one), read_last_state(other)
        if before is not None and now is not None:
            yield from _of_state(before, now, fold)


def _pairs(first: RunFolder, second: RunFolder) -> Iterator[tuple[int | None, RunFolder, RunFolder]]:
    """Return the folders of both runs, and those of their folds with the fold's number."""
    yield None, first, second
    for number in first.fold_numbers():
        yield number, first.fold(number), second.fold(number)


def _of_state(before: State, now: State, fold: int | None) -> Iterator[Difference]:
    one, other = _variables(before), _variables(now)
    for name in {**one, **other}:
        array, array_now = one.get(name), other.get(name)
        if array is None or array_now is None or array.tobytes() != array_now.tobytes():
            yield Difference("variables", name, _digest(array), _digest(array_now), fold=fold)
    callbacks = [_callbacks(state) for state in (before, now)]
    for path, one_value, other_value in config_differences({"callbacks": callbacks[0]}, {"callbacks": callbacks[1]}):
        yield Difference("callbacks", path, one_value, other_value, fold=fold)


def _variables(state: State) -> dict[str, np.ndarray]:
    """Return all arrays of a state but those of callbacks, by group and number: Keras names layers by process."""
    named = {name: array for name, array in state.arrays.items() if not name.startswith("callback/")}
    return {"/".join(name.split("/")[:2]): array for name, array in named.items()}


def _callbacks(state: State) -> list[Any]:
    """Return what callbacks remember; whether the best model waits or is on disk depends on the clock."""
    states = [dict(one) for one in state.document["callbacks"]]
    if states and isinstance(states[0].get("state"), dict):
        states[0]["state"] = [pair for pair in states[0]["state"].get("dict", ()) if pair[0] != "waiting"]
    return [_with_digests(one, state.arrays) for one in states]


def _with_digests(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_with_digests(one, arrays) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"array"}:
        return _digest(arrays.get(value["array"]))
    return {key: _with_digests(one, arrays) for key, one in value.items()}


def _digest(array: np.ndarray | None) -> str | None:
    return None if array is None else _sha256(lambda digest: digest.update(array.tobytes()))


def _models(first: RunFolder, second: RunFolder) -> Iterator[Difference]:
    for fold, one, other in _pairs(first, second):
        for before, now in ((one.last, other.last), (one.best, other.best)):
            digest, digest_now = _weights_digest(before), _weights_digest(now)
            if digest != digest_now:
                yield Difference("models", f"the weights in {before.name}", digest, digest_now, fold=fold)


def _weights_digest(path: Path) -> str | None:
    """Return the digest of the weights in a saved model; None if there is none."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None

    def update(digest: Any) -> None:
        with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as file:
            while block := file.read(_BLOCK):
                digest.update(block)

    try:
        return _sha256(update)
    except (KeyError, OSError, zipfile.BadZipFile):
        return None


def _sha256(update: Callable[[Any], None]) -> str:
    digest = hashlib.sha256()
    update(digest)
    return f"SHA-256 {digest.hexdigest()[:16]}"
