"""Data sources written by the user, in a file given with `--code`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.catalog.user_code_entries import PASSED_BY_NNRUN
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.prepare.user_code import running_user_code, user_object
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

_RETURNS = "return (x, y), (x, y, weights), or ((x, y), (x_test, y_test)): arrays whose first dimension counts examples"


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
        function = user_object("sources", self._name)
        available = {"places": paths, "progress": progress}
        with running_user_code(self._name):
            if isinstance(function, type):
                returned = function(**self._arguments).load(paths, progress)
            else:
                code = function.__code__
                parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
                returned = function(
                    **self._arguments, **{name: available[name] for name in PASSED_BY_NNRUN if name in parameters}
                )
        return self._source_data(returned)

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

        facts = DataFacts(shape=tuple(layout["shape"]), target_names=tuple(layout["targets"]))
        return read_compatible_file(file, facts, with_target=with_target)

    def _source_data(self, returned: object) -> SourceData:
        pair = returned if isinstance(returned, tuple | list) and len(returned) == 2 else ()
        parts = [part for part in pair if isinstance(part, tuple | list) and len(part) in (2, 3)]
        train, *test = (self._examples(part) for part in (parts if len(parts) == 2 else [returned]))
        x: Any = train.x
        names = _target_names(train.y)
        layout = {"shape": list(x.shape[1:]), "targets": list(names)}
        return SourceData(train, test[0] if test else None, target_names=names, layout=layout)

    def _examples(self, part: object) -> Examples:

        if not isinstance(part, tuple | list) or len(part) not in (2, 3):
            raise DataError(
                f"{self._name}: expected examples with targets, received {type(part).__name__}", hint=_RETURNS
            )
        x, y, *weights = (np.asarray(values) for values in part)
        y = y.astype(object) if y.dtype.kind == "U" else y
        if x.ndim < 2 or x.dtype.kind not in "biuf":
            text = f"expected numbers of shape (examples, ...), received {x.dtype} of shape {list(x.shape)}"
            raise DataError(f"{self._name}: {text}", hint=_RETURNS)
        lengths = [len(array) if array.ndim else 0 for array in (x, y, *weights)]
        if not len(x) or len(set(lengths)) > 1:
            text = f"expected as many targets as examples, at least one, received {' and '.join(map(str, lengths))}"
            raise DataError(f"{self._name}: {text}", hint=_RETURNS)
        return Examples(x, y, weights[0].astype("float64") if weights else None)


def _target_names(y: Any) -> tuple[str, ...]:
    width = y.shape[1] if y.ndim == 2 else 1
    return ("target",) if width == 1 else tuple(f"target_{index}" for index in range(width))
