"""Starts Keras Hub, an optional package, after Keras."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nnrun.errors import MissingExtraError, RunError

if TYPE_CHECKING:
    from types import ModuleType


def require_hub(purpose: str) -> None:
    """Refuse what needs Keras Hub where it is not installed.

    Args:
        purpose: What needs it, as the beginning of a message.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec("keras_hub") is None:
        raise MissingExtraError("hub", purpose)


def load_hub(purpose: str) -> ModuleType:
    """Import Keras Hub, which registers its layers with Keras.

    Args:
        purpose: What needs it, as of `require_hub`.

    Raises:
        MissingExtraError: It is not installed.
        RunError: It is, and cannot be imported.
    """
    require_hub(purpose)
    try:
        return importlib.import_module("keras_hub")
    except ImportError as error:
        text = f"{purpose} needs Keras Hub, which cannot be imported: {error}"
        raise RunError(text, "pip install --upgrade 'nnrun[hub]'") from error
