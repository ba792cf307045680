"""What an error of Keras, TensorFlow or JAX says, and whether it is theirs."""

from __future__ import annotations

import re
from traceback import walk_tb

#: Packages that refuse what a config asks for; an error raised in a function of nnrun's own is a bug.
_LIBRARIES = ("keras", "tensorflow", "jax", "jaxlib")
#: Lines of TensorFlow's messages about its own graph.
_GRAPH_LINES = ("Graph execution error", "Detected at node", "File ", "<stack traces", "Original stack trace", "[[")
_OUT_OF_MEMORY = ("ResourceExhaustedError", "MemoryError", "XlaRuntimeError")


def original_error(error: Exception) -> Exception:
    """Return the error that Keras met while it built a model, in place of its own advice to build it by hand."""
    context = error.__context__
    advises = str(error).startswith("Unable to automatically build the model")
    return context if advises and isinstance(context, Exception) else error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there is too little memory."""
    name, text = type(error).__name__, str(error)
    return name in _OUT_OF_MEMORY and (name != "XlaRuntimeError" or "RESOURCE_EXHAUSTED" in text)


def library_message(error: Exception) -> str:
    """Return the message of an error without what TensorFlow says about its own graph."""
    text = re.sub(r"\x1b\[\d*m", "", str(getattr(error, "message", None) or error))
    text = re.sub(r"\s*\[Op:\w+\].*", "", text.partition("Call arguments received by")[0])
    text = re.sub(r"\{\{function_node [^}]*\}\}\s*", "", text)
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_GRAPH_LINES)]
    return " ".join(kept) or type(error).__name__


def raised_by_library(error: BaseException) -> bool:
    """Return whether the innermost function that is nnrun's or a library's belongs to a library."""
    packages = [str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in walk_tb(error.__traceback__)]
    return next((name in _LIBRARIES for name in reversed(packages) if name in ("nnrun", *_LIBRARIES)), False)
