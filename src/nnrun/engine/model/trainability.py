"""Which layers of a model are trained: patterns of their names or classes, those inside of models included."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nnrun.errors import BuildError, Path
    from nnrun.spec.training import TrainingSpec


def freeze(model: Any, patterns: Sequence[str]) -> list[str]:
    """Let the layers that patterns match not be trained; return the patterns that match none.

    A frozen `BatchNormalization` also normalizes by its moving averages and leaves them as they are, as in Keras.
    """
    return _set_trainable(model, patterns, trainable=False)


def thaw(model: Any, patterns: Sequence[str]) -> list[str]:
    """Let the layers that patterns match be trained; return the patterns that match none."""
    return _set_trainable(model, patterns, trainable=True)


def set_trainability(model: Any, training: TrainingSpec) -> None:
    """Thaw and then freeze the layers that a training names."""
    thaw(model, training.thaw)
    freeze(model, training.freeze)


def require_patterns(make_error: Callable[[Path, str, str], BuildError], model: Any, training: TrainingSpec) -> None:
    """Refuse patterns that match no layer, or leave none to train; those of all phases, before the first is trained.

    Raises:
        BuildError: A pattern matches none, or no layer is left, at its place.
    """
    leaves = list(leaf_layers(model))
    states = {id(layer): bool(layer.trainable) for _, layer in leaves if layer.weights}
    for number, phase in enumerate(training.phases or (training,)):
        place: Path = ("training", number) if training.phases else ("training",)
        for key in ("freeze", "thaw"):
            for index, pattern in enumerate(getattr(phase, key)):
                if not any(_matches(pattern, path, layer) for path, layer in leaves):
                    names = dict.fromkeys(path[0] for path, layer in leaves if layer.weights)
                    text = f"no layer has a name or class like {pattern!r}"
                    hint = f"the layers are: {', '.join(names)}; those inside of one are named NAME/LAYER"
                    raise make_error((*place, key, index), text, hint)
        for key, trainable in (("thaw", True), ("freeze", False)):
            found = [id(layer) for path, layer in leaves for one in getattr(phase, key) if _matches(one, path, layer)]
            states |= {layer: trainable for layer in found if layer in states}
        if phase.freeze and not any(states.values()):
            text = "no layer with weights is left to train"
            raise make_error((*place, "freeze"), text, "leave a pattern out, or thaw layers: `thaw: [NAME]`")


def _set_trainable(model: Any, patterns: Sequence[str], *, trainable: bool) -> list[str]:
    """Set whether the layers are trained that have no layers inside, or whose layers have no names in a config."""
    if not patterns:
        return []
    leaves = list(leaf_layers(model))
    states = {id(layer): bool(layer.trainable) for _, layer in leaves}
    unmatched = []
    for pattern in patterns:
        matched = [layer for path, layer in leaves if _matches(pattern, path, layer)]
        states |= {id(layer): trainable for layer in matched}
        unmatched += [] if matched else [pattern]
    if unmatched:
        return unmatched
    # A model that is not trained as a whole would hide the weights of those inside that are.
    _set_containers(model)
    for _, layer in leaves:
        layer.trainable = states[id(layer)]
    return []


def _matches(pattern: str, path: tuple[str, ...], layer: Any) -> bool:
    """Return whether a pattern is like a layer's class, its name, or that of a model around it."""
    names = ("/".join(path[:length]) for length in range(1, len(path) + 1))
    return fnmatchcase(type(layer).__name__, pattern) or any(fnmatchcase(name, pattern) for name in names)


def leaf_layers(model: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the layers of a model that are no models, each with the names that lead to it."""
    for layer in model.layers:
        # A model of Keras Hub that is kept as a whole is inside of the layer that prepares its input.
        is_kept = bool(path) and type(layer).__module__.startswith("keras_hub.") and hasattr(layer, "layers")
        inside = path if is_kept else (*path, layer.name)
        if hasattr(layer, "layers"):
            yield from leaf_layers(layer, inside)
        else:
            yield inside, layer


def _set_containers(model: Any) -> None:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            layer.trainable = True
            _set_containers(layer)
