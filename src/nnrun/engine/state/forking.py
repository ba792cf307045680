"""The state of a parent run as the one that a child run begins with, some of whose settings are others.

Weights stay what they are. The optimizer's variables do too, unless it is another optimizer; a learning rate that the
config changes is the config's. Seed generators, accumulators of metrics and variables of augmentation that do not fit
begin as in a new run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.engine.model.checkpoint import ModelSnapshot
from nnrun.engine.state.encoding import decode, encode
from nnrun.engine.state.state_file import State
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from nnrun.engine.state.variables import TrainingVariables

    #: Names of variables, `model/0/dense/kernel`, and their values.
    Arrays = Mapping[str, np.ndarray]

#: How the names of variables end that hold a stream of random numbers, and the one of the optimizer's learning rate.
_SEEDS, _LEARNING_RATE = "/seed_generator_state", "/learning_rate"
#: A callback that writes the weights of another moment into the model after the best model is taken.
_SWAPS_WEIGHTS = "SwapEMAWeights"


@dataclass(frozen=True)
class Changes:
    """What a child run changes of its parent's training.

    Attributes:
        parent: The parent, as the user may name it.
        optimizer: Whether it has another optimizer.
        learning_rate: Whether the config has another learning rate.
        callbacks: Whether callbacks are others, so that one that has stopped the parent need not stop the child.
        restarted: The classes of the callbacks that watch other figures, and so begin with an empty memory.
        best: Whether the best model is best by another figure than the parent's.
        say: Receives what begins afresh.
    """

    parent: str
    optimizer: bool
    learning_rate: bool
    callbacks: bool
    restarted: frozenset[str]
    best: bool
    say: Callable[[str], None]


def adapt(saved: State, variables: TrainingVariables, changes: Changes) -> State:
    """Return the state of a parent with a value for every variable of the child.

    Raises:
        RunError: The child's model has other weights.
    """
    values, groups = variables.collect(), tuple(variables.groups())
    stored = {name: array for name, array in saved.arrays.items() if name.partition("/")[0] in groups}
    sources = _sources(values, stored, changes)
    arrays = {name: array for name, array in saved.arrays.items() if name not in stored}
    arrays |= {name: stored[sources[name]] if name in sources else value for name, value in values.items()}
    document = {**saved.document, "callbacks": _callbacks(saved, values, sources, arrays, changes)}
    return State(document, arrays, saved.sha256)


def keep_best(callbacks: Sequence[Any], logs: Mapping[str, float], changes: Changes) -> None:
    """Let the model as it is now be the best one, if it is that by its figures and the parent's file is not there.

    Args:
        callbacks: All callbacks, restored; the first one keeps the best model.
        logs: The figures of the last epoch; empty within an epoch.
        changes: What the child changes.
    """
    best, state = callbacks[0], callbacks[0].get_state()
    if changes.best or state["waiting"] is not None or Path(best.filepath).exists():
        return
    is_best = best.monitor in logs and logs[best.monitor] == state["best"]
    if is_best and not any(type(one).__name__ == _SWAPS_WEIGHTS for one in callbacks):
        best.set_state({**state, "waiting": ModelSnapshot(best.model).values})
    else:
        text = f"The parent's best model at this epoch, of {best.monitor} {state['best']:.4g}, is not kept"
        changes.say(f"{text}: best.keras is written at the first epoch that is better.")


def _sources(values: Arrays, stored: Arrays, changes: Changes) -> dict[str, str]:
    """Return the parent's variable for each one of the child; those that are left out begin afresh."""
    weights = _matched(_of("model", values, without=_SEEDS), _of("model", stored, without=_SEEDS))
    if weights is None:
        raise _another_model(values, stored, changes.parent)
    sources = dict(weights)
    seeds = _matched(_of("model", values, only=_SEEDS), _of("model", stored, only=_SEEDS))
    rates = _matched(_of("optimizer", values, only=_LEARNING_RATE), _of("optimizer", stored, only=_LEARNING_RATE))
    optimizer = _matched(
        _of("optimizer", values, without=_LEARNING_RATE), _of("optimizer", stored, without=_LEARNING_RATE)
    )
    if changes.optimizer or optimizer is None:
        changes.say(
            "The optimizer begins with a fresh state: its moments and its count of steps are those of a new run."
        )
        optimizer = rates = None
    if seeds is None:
        changes.say("The random layers are others: their random numbers begin as in a new run.")
    others = [_matched(_of(group, values), _of(group, stored)) for group in ("metrics", "augmentation")]
    for found in (seeds, optimizer, None if changes.learning_rate else rates, *others):
        sources |= found or {}
    return sources


def _of(group: str, arrays: Arrays, *, only: str = "", without: str | None = None) -> list[tuple[str, np.ndarray]]:
    return [
        (name, array)
        for name, array in arrays.items()
        if name.startswith(f"{group}/") and name.endswith(only) and not (without and name.endswith(without))
    ]


def _matched(
    child: Sequence[tuple[str, np.ndarray]], parent: Sequence[tuple[str, np.ndarray]]
) -> dict[str, str] | None:
    """Return the parent's name of each of the child's variables; None if they are not of the same types and shapes."""
    if [_form(*one) for one in child] != [_form(*one) for one in parent]:
        return None
    return {name: origin for (name, _), (origin, _) in zip(child, parent, strict=True)}


def _form(name: str, array: np.ndarray) -> tuple[str, str, tuple[int, ...]]:
    # An optimizer's variables are named after layers, which Keras numbers by process.
    own_name = name.rpartition("/")[2] if name.startswith("model/") else ""
    return own_name, str(array.dtype), array.shape


def _another_model(values: Arrays, stored: Arrays, parent: str) -> RunError:
    child = [_form(*one) for one in _of("model", values, without=_SEEDS)]
    before = [_form(*one) for one in _of("model", stored, without=_SEEDS)]
    at = next((index for index, (one, other) in enumerate(zip(child, before, strict=False)) if one != other), None)
    if at is None:
        differs = f"it has {len(child)} weights, and the parent {len(before)}"
    else:
        differs = f"{_described(child[at])} stands where the parent has {_described(before[at])}"
    hint = f"begin a run with the weights that fit: init_from: {{run: {parent}}}"
    return RunError(f"a fork goes on with its parent's weights, and this is another model: {differs}", hint)


def _described(form: tuple[str, str, tuple[int, ...]]) -> str:
    name, dtype, shape = form
    return f"{name or 'a variable'} ({dtype} of shape {shape})"


def _callbacks(
    saved: State, values: Arrays, sources: Mapping[str, str], arrays: dict[str, np.ndarray], changes: Changes
) -> list[dict[str, Any]]:
    """Return the states of the callbacks, of which some are left out; the best model that waits gets its new form."""
    states = [
        {**one, "state": None} if one["name"] in changes.restarted and number else dict(one)
        for number, one in enumerate(saved.document["callbacks"])
    ]
    if not states:
        return states
    best = None if changes.best else decode(states[0]["state"], dict(saved.arrays))
    if best is not None and best.get("waiting") is not None:
        best["waiting"] = _waiting(best["waiting"], saved, values, sources)
    states[0]["state"] = encode(best, "callback/0", arrays)
    return states


def _waiting(waiting: Sequence[Any], saved: State, values: Arrays, sources: Mapping[str, str]) -> list[Any] | None:
    """Return the values of the best model, which waits to be saved, in the order of the child's variables."""
    before = [name for name, _ in (*_of("model", saved.arrays), *_of("optimizer", saved.arrays))]
    if len(before) != len(waiting):
        return None
    of_parent = dict(zip(before, waiting, strict=True))
    child = (*_of("model", values), *_of("optimizer", values))
    return [of_parent.get(sources.get(name, ""), value) for name, value in child]
