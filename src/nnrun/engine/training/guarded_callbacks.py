"""Keras' list of callbacks, whose errors name the callback that failed."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable

#: The modules of Keras whose `on_test_begin` leaves the model as it is.
_IDLE_ON_TESTS = frozenset({"keras.src.callbacks.callback", "keras.src.callbacks.tensorboard"})


class GuardedCallbacks:
    """Calls the methods of a `CallbackList`, and turns what a callback raises into `RunError`.

    Args:
        callbacks: Keras' `CallbackList` over all callbacks.
    """

    def __init__(self, callbacks: Any) -> None:
        self._callbacks = callbacks

    @property
    def monitors(self) -> frozenset[str]:
        """The figures that the callbacks monitor."""
        found = (getattr(callback, "monitor", None) for callback in self._each())
        return frozenset(monitor for monitor in found if isinstance(monitor, str))

    @property
    def act_on_tests(self) -> bool:
        """Whether a callback may change the model before it is tested: Keras' SwapEMAWeights, or one of the user's."""
        places = {getattr(callback.on_test_begin, "__module__", "") for callback in self._each()}
        return not places <= _IDLE_ON_TESTS

    @property
    def stopper_on_nan(self) -> str | None:
        """The callback that stops training where the loss is not a number; None if there is none."""
        names = [type(callback).__name__ for callback in self._each()]
        return "TerminateOnNaN" if "TerminateOnNaN" in names else None

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return a method of the list, such as `on_epoch_end`."""
        method = getattr(self._callbacks, name)

        def guarded(*arguments: Any) -> None:
            try:
                method(*arguments)
            except NnrunError:
                raise
            except Exception as error:  # callbacks raise anything
                raise self._named(error) from error

        return guarded

    def _each(self) -> list[Any]:
        return list(getattr(self._callbacks, "callbacks", None) or ())

    def _named(self, error: Exception) -> RunError:
        """Return the error with the callback in whose method it was raised: a file that cannot be written, say."""
        what, callbacks = f"{type(error).__name__}: {error}", self._each()
        owners = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__)]
        failed = next((owner for owner in reversed(owners) if any(owner is one for one in callbacks)), None)
        if hasattr(failed, "finish"):  # nnrun's own, which keeps `best.keras`
            return RunError(f"keeping the best model failed: {what}", "change best: under training, or free the disk")
        name = "a callback" if failed is None else type(failed).__name__
        which = "the callback" if failed is None else name
        return RunError(f"{name} failed: {what}", f"change or leave out {which} under training: callbacks:")
