"""From the parts of a config to Keras objects; what Keras refuses is an error at its place in the file."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.backbone_weights import published_weights
from nnrun.catalog.kinds import to_keras
from nnrun.catalog.user_code import error_location
from nnrun.data.prepare.user_code import definition_place
from nnrun.engine.backend.library_errors import is_out_of_memory, library_message
from nnrun.errors import BuildError, DataError, Problem
from nnrun.spec.graph import holds_layers
from nnrun.spec.layer_files import WORD_VECTORS
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        weights_dir: The folder with the published weights of backbones; None: they are not loaded, as for a check.
        vocabulary: The tokens of the text columns by number, for vectors of words; None: they are not known.

    Attributes:
        made: Every Keras object that was made, with its part.
        notes: What to tell the user about the model.
    """

    def __init__(
        self,
        keras: ModuleType,
        facts: Facts,
        mark_of: Callable[[Path], Mark],
        weights_dir: FilePath | None = None,
        vocabulary: Sequence[str] | None = None,
    ) -> None:
        from nnrun.engine.model import layers  # noqa: F401 - registers nnrun's layers with Keras

        self.keras = keras
        self.facts = facts
        self.mark_of = mark_of
        self.weights_dir, self.vocabulary = weights_dir, vocabulary
        self.made: list[tuple[Any, Part]] = []
        self.notes: list[str] = []

    def make(self, part: Part, **filled_in: object) -> Any:
        """Make the Keras object that `part` names; `filled_in` arguments replace those of the config.

        Raises:
            BuildError: Keras refuses an argument; with Keras' whole message.
        """
        if part.category == "layers" and holds_layers(part.name):
            from nnrun.engine.model.whole_models import make_model

            return make_model(self, part, None)
        arguments = {key: self.argument(part, key) for key in part.arguments}
        try:
            made = self._construct(part, {**arguments, **filled_in})
        except BuildError:
            raise
        except Exception as error:  # Keras raises whatever its layers raise
            raise self.refusal(part, error) from error
        if not isinstance(made, str):
            self.made.append((made, part))
        return made

    def weights_file(self, part: Part, shape: Sequence[int | None] | None) -> FilePath | None:
        """Return the file with the weights of a backbone; None where it keeps its initial ones.

        Args:
            part: The backbone.
            shape: The shape of its input, without the batch; None: it is not known.

        Raises:
            BuildError: There are no published weights of these arguments, or they are not downloaded.
        """
        weights = part.arguments.get("weights", "imagenet")
        if isinstance(weights, dict):
            return FilePath(weights["file"])
        if weights != "imagenet":
            return None if weights is None else FilePath(weights)
        if self.weights_dir is None:
            return None
        channels_first = self.keras.config.image_data_format() == "channels_first"
        sizes = (None, None, None) if shape is None else shape
        found = published_weights(part.name, part.arguments, sizes[1:] if channels_first else sizes[:-1])
        path = (*part.path, part.name, "weights")
        if found is None:
            text = f"no weights of ImageNet are published for these arguments of {part.name}"
            raise self.error(path, text, "write weights: null, or arguments of its paper, such as alpha: 1.0")
        file = self.weights_dir / found.name
        if not file.is_file():
            raise self.error(path, f"{file} is not there", "train from the config, which downloads it")
        return file

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
        if part.category == "initializers" and part.name == WORD_VECTORS:
            return self._word_vectors(part, arguments)
        if part.category == "ops":
            return {"name": part.name, "arguments": arguments}
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

    def _word_vectors(self, part: Part, arguments: dict[str, Any]) -> Any:
        from nnrun.engine.model.word_vectors import AlignedVectors

        if self.vocabulary is None and self.weights_dir is not None:
            text = "WordVectors needs the vocabulary of one TextVectorization, which is not known here"
            hint = "use it in a single training, without folds, of data with a text column"
            raise self.error((*part.path, part.name), text, hint)
        fallback = self.keras.initializers.get(arguments.get("oov", "uniform"))
        try:
            return AlignedVectors(fallback, FilePath(arguments["file"]), self.vocabulary)
        except DataError as error:
            raise self.error((*part.path, part.name, "file"), error.text, error.hint or "") from None

    def argument(self, part: Part, key: str) -> Any:
        """Return an argument of a part as Keras takes it.

        Raises:
            BuildError: Keras refuses a part inside it.
        """
        built = self._value(part.arguments[key], part)
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
