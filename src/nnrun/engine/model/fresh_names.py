"""Keras' counters of names, set aside for a while."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fresh_names() -> Iterator[None]:
    """Let Keras number names (`conv2d_1`, `adam_1`) from the beginning inside the `with` block.

    What is made inside then has the same names whatever was made before, and does not change the names of others.
    """
    state: Any = sys.modules["keras.src.backend.common.global_state"]
    before = state.get_global_attribute("object_name_uids")
    state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        state.set_global_attribute("object_name_uids", before)
