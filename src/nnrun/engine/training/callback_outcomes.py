"""What the callbacks of a config did to a training: which stopped it and why, and whose weights are kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType


@dataclass(frozen=True)
class CallbackOutcome:
    """What one callback did.

    Attributes:
        name: Its class.
        text: What it did, as a sentence.
        stopped: Whether it stopped training before the last epoch.
        epoch: The last epoch of training, counted from 1.
        kept_epoch: The epoch whose weights are kept at the end.
        reductions: How often it reduced the learning rate.
    """

    name: str
    text: str
    stopped: bool
    epoch: int
    kept_epoch: int
    reductions: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what the record of a run keeps."""
        return asdict(self)


class CallbackWatcher:
    """Watches the callbacks of a config at the end of every epoch.

    Args:
        keras: The started Keras.
        model: The model in training.
        callbacks: The callbacks, in order.
        warn: Receives, once for a callback, that the figure which it monitors was not in an epoch's logs. `check`
            cannot know that where code of the user names or adds figures.
    """

    def __init__(self, keras: ModuleType, model: Any, callbacks: Sequence[Any], warn: Callable[[str], None]) -> None:
        self._keras, self._model, self._callbacks, self._warn = keras, model, callbacks, warn
        self._warned: set[int] = set()
        self._stopper: Any = None
        #: The learning rates after each change, by the callback's number.
        self._rates: dict[int, list[float]] = {}
        self._changed_after: dict[int, int] = {}
        for number, callback in enumerate(callbacks):
            self._watch(number, callback)

    def _watch(self, number: int, callback: Any) -> None:
        on_epoch_end = callback.on_epoch_end

        reduces = isinstance(callback, self._keras.callbacks.ReduceLROnPlateau)

        def watched(epoch: int, logs: Any = None) -> None:
            self._warn_of_no_figure(number, callback, epoch, logs or {})
            was_stopped, rate = self._model.stop_training, self._rate() if reduces else 0.0
            on_epoch_end(epoch, logs)
            if self._model.stop_training and not was_stopped:
                self._stopper = callback
            if reduces and (new := self._rate()) != rate:
                self._rates.setdefault(number, [rate]).append(new)
                self._changed_after[number] = epoch + 1

        callback.on_epoch_end = watched

    def _warn_of_no_figure(self, number: int, callback: Any, epoch: int, logs: Mapping[str, Any]) -> None:
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor not in logs and number not in self._warned:
            self._warned.add(number)
            text = f"{type(callback).__name__} monitors {monitor!r}, which epoch {epoch + 1} does not have yet: "
            self._warn(f"{text}{', '.join(logs)} (a callback that adds a figure comes before those that monitor it)")

    def _rate(self) -> float:
        return float(self._keras.ops.convert_to_numpy(self._model.optimizer.learning_rate))

    def get_state(self) -> dict[str, Any]:
        """Return what was seen so far, for a training that goes on from here."""
        stopper = next((number for number, one in enumerate(self._callbacks) if one is self._stopper), None)
        return {"stopper": stopper, "rates": self._rates, "changed_after": self._changed_after}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` has returned."""
        self._stopper = None if state["stopper"] is None else self._callbacks[state["stopper"]]
        self._rates, self._changed_after = state["rates"], state["changed_after"]

    def outcomes(self, last: int, epochs: int) -> list[CallbackOutcome]:
        """Return what callbacks did in a training of `epochs` epochs whose last one was `last`."""
        stopper = self._stopper or self._only_one_of_batches()
        # The last callback that restores weights decides whose are kept.
        restored = [one.best_epoch + 1 for one in self._callbacks if self._restores(one)]
        kept = restored[-1] if restored else last
        found = []
        for number, callback in enumerate(self._callbacks):
            name, stopped = type(callback).__name__, callback is stopper and last < epochs
            reductions = max(0, len(self._rates.get(number, ())) - 1)
            text = self._sentence(callback, number, (last, epochs, kept), stopped=stopped)
            if text is not None:
                found.append(CallbackOutcome(name, text, stopped, last, kept, reductions))
        if stopper is None and last < epochs:
            found.append(CallbackOutcome("", f"A callback {_stopped(last, epochs)}.", True, last, kept))
        return found

    def _only_one_of_batches(self) -> Any:
        """Return the only callback that acts on batches, if training was stopped within an epoch."""
        from nnrun.engine.training.callbacks import needs_batches

        found = [callback for callback in self._callbacks if needs_batches(self._keras, [callback])]
        return found[0] if self._model.stop_training and len(found) == 1 else None

    def _restores(self, callback: Any) -> bool:
        return (
            isinstance(callback, self._keras.callbacks.EarlyStopping)
            and callback.restore_best_weights
            and callback.best_weights is not None
        )

    def _sentence(self, callback: Any, number: int, end: tuple[int, int, int], *, stopped: bool) -> str | None:
        last, epochs, kept = end
        name = type(callback).__name__
        if isinstance(callback, self._keras.callbacks.EarlyStopping):
            if stopped:
                return f"{name} {_stopped(last, epochs)}: {_why(callback)}; {_kept(callback, last, kept)}."
            if self._restores(callback) and kept != last:
                return f"{name} did not stop training; the weights of epoch {kept} are kept."
            return None
        if stopped:
            return f"{name} {_stopped(last, epochs)}; the weights of epoch {kept} are kept."
        if isinstance(callback, self._keras.callbacks.ReduceLROnPlateau):
            return f"{name} {self._reductions(number)}."
        return None

    def _reductions(self, number: int) -> str:
        rates = self._rates.get(number)
        if rates is None:
            return "never reduced the learning rate"
        times, after = format_count(len(rates) - 1, "time"), self._changed_after[number]
        change = f"from {rates[0]:.4g} to {rates[-1]:.4g}"
        return f"reduced the learning rate {times}, {change}, the last time after epoch {after}"


def _stopped(last: int, epochs: int) -> str:
    return f"stopped training after epoch {last} of {epochs}"


def _why(callback: Any) -> str:
    """Return why an `EarlyStopping` stopped training."""
    best, baseline = callback.best_epoch + 1, callback.baseline
    if baseline is not None and callback.wait > 0 and not _beats(callback.best, callback):
        return f"{callback.monitor} had not become better than the baseline {baseline:g}"
    least = abs(callback.min_delta)
    more = f" by more than {least:g}" if least else ""
    return f"{callback.monitor} had not improved{more} since epoch {best}"


def _beats(value: Any, callback: Any) -> bool:
    return value is not None and bool(callback._is_improvement(value, callback.baseline))  # noqa: SLF001


def _kept(callback: Any, last: int, kept: int) -> str:
    text = f"the weights of epoch {kept} are kept"
    best = callback.best_epoch + 1
    if kept == last and best != last:
        return f"{text} (restore_best_weights: true would keep those of epoch {best})"
    return text


def summarize(folds: Sequence[Sequence[dict[str, Any]]], epochs: int) -> list[dict[str, Any]]:
    """Return what callbacks did in all folds of a cross-validation, a sentence for each callback.

    Args:
        folds: The outcomes of each fold, as `CallbackOutcome.as_json` returns them.
        epochs: The epochs of the config.
    """
    names = dict.fromkeys(one["name"] for fold in folds for one in fold)
    found = []
    for name in names:
        own = [one for fold in folds for one in fold if one["name"] == name]
        stopped = [one for one in own if one["stopped"]]
        reductions = sum(one["reductions"] for one in own)
        texts = [_in_folds(name, stopped, len(folds), epochs)] if stopped else []
        if reductions:
            times = format_count(reductions, "time")
            texts.append(f"{name} reduced the learning rate {times} in {format_count(len(folds), 'fold')} together.")
        if texts:
            summary = {"name": name, "text": " ".join(texts), "stopped": len(stopped), "reductions": reductions}
            found.append(summary)
    return found


def _in_folds(name: str, stopped: Sequence[dict[str, Any]], folds: int, epochs: int) -> str:
    last = sorted({one["epoch"] for one in stopped})
    after = f"epoch {last[0]}" if len(last) == 1 else f"{last[0]} to {last[-1]}"
    is_best = any(one["kept_epoch"] != one["epoch"] for one in stopped)
    kept = "the weights of the best epoch" if is_best else "the weights of the last epoch"
    who = name or "A callback"
    return (
        f"{who} stopped training in {len(stopped)} of {folds} folds, after {after} of {epochs} epochs; {kept} are kept."
    )
