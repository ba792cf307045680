"""Let go of what TensorFlow keeps of every program that it has traced with a gradient of its own."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "CustomGradient-"


@contextmanager
def registered_gradients_forgotten() -> Iterator[None]:
    """Remove the gradients that are registered in the `with` block: its programs are not differentiated after it.

    `tf.custom_gradient`, which each traced training step of Keras' optimizers uses, enters a function into a registry
    of the process and never takes it out; with it stays the whole graph of the step (1.6 MB for a training of a small
    model). Another registry than this private one there is not.
    """
    before = _names()
    try:
        yield
    finally:
        registry = _registry()
        for name in _names() - before:
            if name.startswith(_PREFIX):
                registry.pop(name, None)


def _registry() -> dict[str, object]:
    ops = sys.modules.get("tensorflow.python.framework.ops")
    return getattr(getattr(ops, "gradient_registry", None), "_registry", {})


def _names() -> set[str]:
    return set(_registry())
