"""Errors of Keras and its backends while a model is built, trained or scored, at the part of the config at fault."""

from __future__ import annotations

import re
from contextlib import contextmanager
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from nnrun.catalog.user_code import error_location
from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.engine.model.build import Builder
    from nnrun.spec.part import Part

#: Packages that refuse what a config asks for; an error raised in a function of nnrun's own is a bug.
_LIBRARIES = ("keras", "tensorflow", "jax", "jaxlib")
#: Lines of TensorFlow's messages about its own graph.
_GRAPH_LINES = ("Graph execution error", "Detected at node", "File ", "<stack traces", "Original stack trace", "[[")
_NODE = re.compile(r"node ([\w./-]+/[\w./-]+)")
_OUT_OF_MEMORY = ("ResourceExhaustedError", "MemoryError", "XlaRuntimeError")


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
        if error_location(error) is not None or not _raised_by_library(error):
            raise
        text = f"Keras cannot train or score this model: {type(error).__name__}: {library_message(error)}"
        raise builder.error(("model",), text, "the run's log.txt has the whole error of Keras") from error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there is too little memory."""
    name, text = type(error).__name__, str(error)
    return name in _OUT_OF_MEMORY and (name != "XlaRuntimeError" or "RESOURCE_EXHAUSTED" in text)


def library_message(error: Exception) -> str:
    """Return the message of an error without what TensorFlow says about its own graph."""
    text = re.sub(r"\x1b\[\d*m", "", str(getattr(error, "message", None) or error))
    text = re.sub(r"\s*\[Op:\w+\].*", "", text.partition("Call arguments received by")[0])
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_GRAPH_LINES)]
    return " ".join(kept) or type(error).__name__


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


def _raised_by_library(error: BaseException) -> bool:
    """Return whether the innermost function that is nnrun's or a library's belongs to a library."""
    packages: list[Any] = [
        str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in walk_tb(error.__traceback__)
    ]
    return next((name in _LIBRARIES for name in reversed(packages) if name in ("nnrun", *_LIBRARIES)), False)
