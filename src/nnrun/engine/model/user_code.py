"""Execution of the user's own files, and registration of their classes and functions with Keras."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nnrun.catalog.user_code import MODULE_MARKER, add_user_frames, error_location, error_text
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.catalog.user_code import UserCode


#: The package under which Keras registers the user's classes and functions.
PACKAGE = "user"
#: The categories that are never part of a saved model.
_NOT_SAVED = frozenset({"callbacks", "sources", "preparation"})


@contextmanager
def register_user_code(keras: ModuleType, codes: Sequence[UserCode]) -> Iterator[Mapping[tuple[str, str], Any]]:
    """Run the files; what they define is registered with Keras inside the `with` block, and removed after it.

    Args:
        keras: The started Keras.
        codes: The files. The very bytes that were checked and kept are run, not those on the disk now.

    Yields:
        The classes and functions that they define, by category and name.

    Raises:
        RunError: A file fails while it is run; with its own lines.
    """
    from nnrun.engine.model import layers  # noqa: F401 - registered before, nnrun's layers stay registered after

    registry = keras.saving.get_custom_objects()
    before, modules = dict(registry), dict(sys.modules)
    try:
        objects: dict[tuple[str, str], Any] = {}
        for code in codes:
            module = _run(code)
            objects |= {(entry.category, entry.name): _defined(module, code, entry.name) for entry in code.entries}
        for (category, name), defined in objects.items():
            if category not in _NOT_SAVED:
                keras.saving.register_keras_serializable(PACKAGE, name)(defined)
            registry[f"{PACKAGE}>{name}"] = defined
        yield objects
    finally:
        registry.clear()
        registry.update(before)
        for code in codes:
            name = _module_name(code)
            if name not in modules:
                sys.modules.pop(name, None)


def _defined(module: ModuleType, code: UserCode, name: str) -> Any:
    """Return what a file defines under a name.

    Raises:
        RunError: After the file was run, the name is gone, or means something else.
    """
    found = getattr(module, name, None)
    if callable(found):
        return found
    received = f"{found!r} ({type(found).__name__})" if hasattr(module, name) else "nothing of this name"
    text = f"{code.file}: expected {name} to be the function or class that the file defines, received {received}"
    raise RunError(text, f"do not delete or replace {name} further down in the file")


def _module_name(code: UserCode) -> str:
    return f"_nnrun_user_code_{code.sha256[:16]}"


def _run(code: UserCode) -> ModuleType:
    module = ModuleType(_module_name(code))
    module.__file__ = code.file
    setattr(module, MODULE_MARKER, True)
    # Dataclasses and pickle look a class's module up by its name.
    sys.modules[module.__name__] = module
    try:
        exec(compile(code.content, code.file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - --code asks for it
    except (Exception, SystemExit) as error:
        text = f"{error_location(error) or code.file}: this code failed while it was run: {error_text(error)}"
        run_error = RunError(text)
        add_user_frames(run_error, error)
        raise run_error from error
    return module
