"""What modules that make whole models need of the builder of a model's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath
    from types import ModuleType

    from nnrun.errors import BuildError, Path
    from nnrun.spec.part import Part


class PartBuilder(Protocol):
    """What builds Keras objects from parts of the config; see `nnrun.engine.model.build.Builder`."""

    keras: ModuleType
    weights_dir: FilePath | None
    made: list[tuple[Any, Part]]

    def argument(self, part: Part, key: str) -> Any:
        """Return an argument of a part as Keras takes it."""

    def weights_file(self, part: Part, shape: Sequence[int | None] | None) -> FilePath | None:
        """Return the file with the weights of a backbone; None where it keeps its initial ones."""

    def refusal(self, part: Part, error: Exception) -> BuildError:
        """Return the error that Keras refused a part."""

    def error(self, path: Path, text: str, hint: str) -> BuildError:
        """Return an error at the place of a path in the config."""
