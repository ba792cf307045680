"""Errors of Keras and its backends while a model is built, trained or scored, at the part of the config at fault."""

from __future__ import annotations

import re
from contextlib import contextmanager
from traceback import walk_tb
from typing import TYPE_CHECKING

from nnrun.catalog.user_code import error_location
from nnrun.engine.backend.library_errors import is_out_of_memory, library_message, raised_by_library
from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.engine.model.build import Builder
    from nnrun.spec.part import Part

_NODE = re.compile(r"node ([\w./-]+/[\w./-]+)")


@contextmanager
def errors_at_parts(builder: Builder) -> Iterator[None]:
    """Turn what Keras or its backend raises inside the `with` block into an error at the part that raised it.

    What the user's own code raises outside of any part is left to `nnrun.pipeline.user_code`, and what nnrun itself
    raises is a bug.

    Raises:
        BuildError: At the innermost part of the config that was at work, else at `model`.
        RunError: The memory is not enough.
    """
    try:
        yield
    except NnrunError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            text = f"the memory is not enough for this model and its data: {library_message(error)}"
            raise RunError(text, "write a smaller batch_size, or smaller layers") from error
        part = part_at_fault(builder, error)
        if part is not None:
            raise builder.refusal(part, error) from error
        if error_location(error) is not None or not raised_by_library(error):
            raise
        text = f"Keras cannot train or score this model: {type(error).__name__}: {library_message(error)}"
        raise builder.error(("model",), text, "the run's log.txt has the whole error of Keras") from error


def part_at_fault(builder: Builder, error: Exception) -> Part | None:
    """Return the innermost part of the config whose Keras object was at work when an error was raised."""
    parts = {id(made): part for made, part in builder.made}
    for frame, _ in reversed(list(walk_tb(error.__traceback__))):
        part = parts.get(id(frame.f_locals.get("self")))
        if part is not None:
            return part
    return _part_of_node(builder, str(error))


def _part_of_node(builder: Builder, message: str) -> Part | None:
    """Return the layer whose operation TensorFlow names: `node model_1/embedding_1/GatherV2`."""
    layers: dict[str, Part] = {
        getattr(made, "name", ""): part for made, part in builder.made if part.category == "layers"
    }
    for node in _NODE.findall(message):
        for scope in reversed(node.split("/")):
            # TensorFlow numbers a scope that is entered again.
            for name in (scope, re.sub(r"_\d+$", "", scope)):
                if name in layers:
                    return layers[name]
    return None
