"""Errors of Keras and its backends while a model is built, trained or scored, at the part of the config at fault."""

from __future__ import annotations

import re
from contextlib import contextmanager
from traceback import walk_tb
from typing import TYPE_CHECKING

from nnrun.catalog.user_code import error_location
from nnrun.engine.backend.library_errors import (
    is_out_of_memory,
    library_message,
    original_error,
    raised_by_library,
)
from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.engine.model.build import Builder
    from nnrun.errors import BuildError
    from nnrun.spec.part import Part

#: What to change where the loss is not finite.
DIVERGED_HINT = "try a smaller learning_rate, clipnorm: 1.0 in the optimizer, or prepare: [StandardScaler]"
#: Keras' optimizers stop here where they divide the gradients of an embedding by what is not finite, or by 0.
_SPARSE_DIVISION = re.compile(r"node \w+/cond/cond/GatherV2")
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
    except Exception as raised:
        error = original_error(raised)
        if is_out_of_memory(error):
            text = f"the memory is not enough for this model and its data: {library_message(error)}"
            raise RunError(text, "write a smaller batch_size, or smaller layers") from error
        if "No gradients provided" in str(error):
            raise _no_gradients(builder) from error
        if " is not in [0, " in str(error) and _SPARSE_DIVISION.search(str(error)):
            text = "training diverged: the optimizer divides gradients of an embedding by 0, or by what is not finite"
            raise RunError(text, DIVERGED_HINT) from error
        part = part_at_fault(builder, error)
        if part is not None:
            raise builder.refusal(part, error) from error
        if error_location(error) is not None or not raised_by_library(error):
            raise
        text = f"Keras cannot train or score this model: {type(error).__name__}: {library_message(error)}"
        raise builder.error(("model",), text, "the run's log.txt has the whole error of Keras") from error


def _no_gradients(builder: Builder) -> BuildError:
    loss = next((part for _, part in builder.made if part.category == "losses"), None)
    path = ("training",) if loss is None else (*loss.path, loss.name)
    name = "the loss" if loss is None else f"{loss.name}{builder.user_place(loss)}"
    text = f"{name} does not depend on any trainable weight, so that training can change nothing"
    hint = "compute it from y_pred with keras.ops, without rounding, comparing or casting to integers"
    if not builder.user_place(loss):
        hint = "leave out the layers that make whole numbers of their inputs, or trainable: false of all layers"
    return builder.error(path, text, hint)


def part_at_fault(builder: Builder, error: Exception) -> Part | None:
    """Return the innermost part of the config whose Keras object was at work when an error was raised."""
    parts = {id(made): part for made, part in builder.made}
    # Functions are known by their code, and by the objects of Keras that call them.
    parts |= {id(code): part for made, part in builder.made if (code := getattr(made, "__code__", None)) is not None}
    for frame, _ in reversed(list(walk_tb(error.__traceback__))):
        owner = frame.f_locals.get("self")
        for one in (frame.f_code, owner, getattr(owner, "_fn", None), getattr(owner, "fn", None)):
            if (part := parts.get(id(one))) is not None:
                return part
    return _part_of_node(builder, str(error)) or _part_of_call(builder, str(error))


def _part_of_call(builder: Builder, message: str) -> Part | None:
    """Return the part whose method Python could not call: `Mine.update_state() got an unexpected keyword argument`."""
    name = re.match(r"(\w+)\.\w+\(\) ", message)
    return None if name is None else next((part for _, part in builder.made if part.name == name[1]), None)


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
