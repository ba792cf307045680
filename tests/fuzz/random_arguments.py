"""Random parts of a config from the catalog: each argument has a value that its kind accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import AnyOf, AnyValue, Boolean, Choice, Integer, ListOf, Null, Number, PartOf, PythonOnly

if TYPE_CHECKING:
    import random

    from nnrun.catalog.kinds import Kind

#: What `random_value` returns where a config cannot give a value of a kind, or where any value would be a guess.
NO_VALUE = object()
_NUMBERS = (0, 1e-4, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 1, 1.0, 1.5, 2, 2.0, -1, -0.5)
#: Arguments that name things, or whose values depend on more than their kind.
_LEFT_OUT = frozenset({"name", "dtype", "axis", "data_format", "activity_regularizer", "lora_rank", "lora_alpha"})
#: Parts that a single process without a network and without optional packages cannot run, or that wrap others.
_NOT_DRAWN = frozenset(
    {"OrbaxCheckpoint", "RemoteMonitor", "TensorBoard", "ProgbarLogger", "LossScaleOptimizer", "STFT", "Identity"}
)


def random_value(rng: random.Random, kind: Kind, depth: int = 0) -> Any:
    """Return a value of a kind, or `NO_VALUE`."""
    if isinstance(kind, AnyOf):
        values = [random_value(rng, each, depth) for each in kind.kinds]
        values = [value for value in values if value is not NO_VALUE]
        return rng.choice(values) if values else NO_VALUE
    if isinstance(kind, Integer):
        low = 1 if kind.minimum is None else kind.minimum
        return rng.randint(low, min(low + 3, low + 3 if kind.maximum is None else kind.maximum))
    if isinstance(kind, Number):
        accepted = [value for value in _NUMBERS if kind.accepts(value)]
        return rng.choice(accepted) if accepted else NO_VALUE
    if isinstance(kind, Boolean):
        return rng.random() < 0.5
    if isinstance(kind, Choice):
        return rng.choice(kind.options)
    if isinstance(kind, Null):
        return None
    if isinstance(kind, ListOf):
        count = rng.randint(max(1, kind.min_length), max(2, kind.min_length)) if kind.length is None else kind.length
        items = [random_value(rng, kind.item, depth) for _ in range(count)]
        return NO_VALUE if NO_VALUE in items else items
    if isinstance(kind, PartOf) and depth < 2:
        return random_part(rng, rng.choice(kind.categories), depth=depth + 1)
    assert isinstance(kind, PartOf | PythonOnly | AnyValue) or kind.expects
    return NO_VALUE


def random_part(
    rng: random.Random, category: str, name: str | None = None, *, chance: float = 0.25, depth: int = 0
) -> Any:
    """Return a part of a category as a config writes it, or `NO_VALUE` where it needs what cannot be drawn.

    Args:
        rng: The generator of random numbers.
        category: The category of the catalog.
        name: The part's name; a random one by default.
        chance: How likely an argument that has a default is given.
        depth: How many parts this one is inside of.
    """
    name = name or rng.choice([each for each in lookup.names(category) if each not in _NOT_DRAWN])
    entry = lookup.entry(category, name)
    assert entry is not None, f"the catalog has no {name}"
    arguments = {}
    for key, parameter in () if entry.is_function else entry.parameters.items():
        if not parameter.required and (key in _LEFT_OUT or rng.random() > chance):
            continue
        value = random_value(rng, parameter.kind, depth)
        if value is not NO_VALUE:
            arguments[key] = value
        elif parameter.required:
            return NO_VALUE
    return {name: arguments} if arguments else name
