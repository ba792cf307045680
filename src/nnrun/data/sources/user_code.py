"""Data sources written by the user, in a file given with `--code`."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from nnrun.catalog.user_code_entries import PASSED_BY_NNRUN
from nnrun.data.dataset import DataFacts
from nnrun.data.prepare.user_code import definition_place, running_user_code, user_object
from nnrun.data.sources.returned_data import read_returned
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class UserSource:
    """A data source written by the user: a class with `load`, or a function.

    Args:
        name: The name of the class or function.
        arguments: The arguments from the config.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._name, self._arguments = name, dict(arguments)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Run the user's code and check what it returns.

        Raises:
            DataError: The code fails, or returns anything but examples with targets.
        """
        source = user_object("sources", self._name)
        available = {"places": paths, "progress": progress}
        place = definition_place(getattr(source, "load", source))
        with running_user_code(self._name, place):
            if isinstance(source, type):
                returned = source(**self._arguments).load(paths, progress)
            else:
                taken = signature(source).parameters
                returned = source(
                    **self._arguments, **{name: available[name] for name in PASSED_BY_NNRUN if name in taken}
                )
            return read_returned(returned, f"{place}{self._name}")

    def load_targets(self, paths: DataPaths) -> None:  # noqa: ARG002
        """Return None: they are known only after the code has run."""
        return

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """Return no facts: they are known only after the code has run."""
        text = f"what {self._name} reads is not known before it runs, so shapes and targets are not checked"
        return None, [Finding(path, text, None, None, "note")]

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read examples of the same shape from a csv or npz file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        facts = DataFacts(
            shape=tuple(layout["shape"]),
            columns=tuple(layout["columns"]) if "columns" in layout else None,
            text=frozenset(layout.get("text", ())),
            target_names=tuple(layout["targets"]),
        )
        return read_compatible_file(file, facts, with_target=with_target)
