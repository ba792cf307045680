"""From the parts of a config to Keras objects; what Keras refuses is an error at its place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import to_keras
from nnrun.catalog.user_code import error_location
from nnrun.data.prepare.user_code import definition_place
from nnrun.engine.backend.library_errors import is_out_of_memory, library_message
from nnrun.errors import BuildError, Problem
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.errors import Mark, Path
    from nnrun.spec.facts import Facts


#: Losses and metrics that Keras resolves by the shapes of targets and outputs when it compiles, and only by name.
_RESOLVED_BY_COMPILE = ("accuracy", "crossentropy")


class Builder:
    """Builds Keras objects from parts of the config.

    Args:
        keras: The started Keras.
        facts: The values of names such as `$classes`.
        mark_of: Finds the place of a path in the config.

    Attributes:
        made: Every Keras object that was made, with its part.
    """

    def __init__(self, keras: ModuleType, facts: Facts, mark_of: Callable[[Path], Mark]) -> None:
        from nnrun.engine.model import layers  # noqa: F401 - registers nnrun's layers with Keras

        self.keras = keras
        self.facts = facts
        self.mark_of = mark_of
        self.made: list[tuple[Any, Part]] = []

    def make(self, part: Part, **filled_in: object) -> Any:
        """Make the Keras object that `part` names; `filled_in` arguments replace those of the config.

        Raises:
            BuildError: Keras refuses an argument; with Keras' whole message.
        """
        arguments = {key: self._argument(part, key, value) for key, value in part.arguments.items()}
        try:
            made = self._construct(part, {**arguments, **filled_in})
        except BuildError:
            raise
        except Exception as error:  # Keras raises whatever its layers raise
            raise self.refusal(part, error) from error
        if not isinstance(made, str):
            self.made.append((made, part))
        return made

    def refusal(self, part: Part, error: Exception) -> BuildError:
        """Return the error that Keras refused `part`, at its place."""
        message = library_message(error)
        where = error_location(error)
        text = f"Keras refused {part.name}{self.user_place(part)}: {message}"
        if where is not None:
            text = f"{part.name} failed at {where}: {message}"
        elif is_out_of_memory(error):
            text = f"{part.name} needs more memory than there is: {message}"
        return self.error((*part.path, part.name), text, f"nnrun explain {part.name}")

    def user_place(self, part: Part | None) -> str:
        """Return where a part of the user's own is defined, for messages: ` (my_code.py:12)`; empty for others."""
        name = None if part is None else f"user>{part.name}"
        defined = None if name is None else self.keras.saving.get_registered_object(name)
        place = "" if defined is None else definition_place(defined)
        return f" ({place.removesuffix(': ')})" if place else ""

    def error(self, path: Path, text: str, hint: str) -> BuildError:
        """Return an error at the place of a path in the config."""
        return BuildError([Problem(self.mark_of(path), text, hint)])

    def _construct(self, part: Part, arguments: dict[str, Any]) -> Any:
        registered = self.keras.saving.get_registered_object
        custom = registered(f"nnrun>{part.name}") or registered(f"user>{part.name}")
        if part.category == "activations":
            return custom or self.keras.activations.get(part.name)
        if part.category in ("losses", "metrics") and part.name in _RESOLVED_BY_COMPILE:
            return part.name
        module = self.keras.optimizers.schedules if part.category == "schedules" else getattr(self.keras, part.category)
        found = custom or getattr(module, part.name, None) or getattr(self.keras, part.name)
        if part.category in ("losses", "metrics") and not isinstance(found, type):
            # Functions are compiled by name, so that Keras wraps and names them itself; a few metrics (`huber`,
            # `log_cosh`) it exports but does not find by name.
            return part.name if _finds(module, part.name) else found
        return found(**arguments)

    def _argument(self, part: Part, key: str, value: object) -> Any:
        built = self._value(value, part)
        entry = lookup.entry(part.category, part.name)
        # Keras refuses learning_rate=1, as it is no float, and requires a tuple in a few places.
        return to_keras(entry.parameters[key].kind, built) if entry and key in entry.parameters else built

    def _value(self, value: object, part: Part) -> Any:
        if isinstance(value, Part):
            return self.make(value)
        if isinstance(value, list):
            return [self._value(item, part) for item in value]
        if isinstance(value, dict):
            return {key: self._value(item, part) for key, item in value.items()}
        if isinstance(value, str) and value.startswith("$"):
            return self._fact(value, part)
        return value

    def _fact(self, name: str, part: Part) -> Any:
        found = self.facts.value(name)
        if found is None:
            text = f"these data have no value for '{name}'"
            raise self.error((*part.path, part.name), text, "write a number instead")
        return found


def _finds(module: Any, name: str) -> bool:
    try:
        return module.get(name) is not None
    except ValueError:
        return False
