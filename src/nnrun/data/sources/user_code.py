"""Data sources and preparation steps of the user's own, which stand in a file given with `--code`.

They can be named before their code is run: `check` makes them, asks what can be told without running anything, and
goes on. Only `load`, `fit` and `apply` reach for the code, which is then imported.
"""

from __future__ import annotations

import contextlib
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.user_code import add_user_frames, error_location, error_text
from nnrun.catalog.user_code_entries import PASSED_BY_NNRUN
from nnrun.data.columns import Columns
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.errors import DataError, NnrunError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.prepare.step import Block, View
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.part import Part


#: What the imported files define, by category and name.
_OBJECTS: ContextVar[Mapping[tuple[str, str], Any]] = ContextVar("_OBJECTS", default=MappingProxyType({}))
_RETURNS = "return (x, y), (x, y, weights), or ((x, y), (x_test, y_test)): arrays whose first dimension counts examples"


@contextmanager
def with_objects(objects: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    """Let sources and steps find the user's own classes and functions inside the `with` block."""
    token = _OBJECTS.set(objects)
    try:
        yield
    finally:
        _OBJECTS.reset(token)


def own_maker(part: Part) -> Callable[..., Any] | None:
    """What makes a source or step of the user's own from its arguments; None where the part is not the user's."""
    entry = lookup.entry(part.category, part.name)
    if entry is None or entry.origin != "user":
        return None
    kind: type[OwnSource | OwnStep] = OwnSource if part.category == "sources" else OwnStep
    return lambda **arguments: kind(part.name, arguments)


class OwnSource:
    """A data source of the user's own: a class with `load`, or a function.

    Args:
        name: Its name.
        arguments: What the config gives it.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._name, self._arguments = name, dict(arguments)

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Run the user's code and take what it returns.

        Raises:
            DataError: It fails, or returns anything but examples with targets.
        """
        found = _object("sources", self._name)
        given = {"places": places, "progress": progress}
        with _their_own(self._name):
            if isinstance(found, type):
                returned = found(**self._arguments).load(places, progress)
            else:
                taken = found.__code__.co_varnames[: found.__code__.co_argcount + found.__code__.co_kwonlyargcount]
                returned = found(**self._arguments, **{name: given[name] for name in PASSED_BY_NNRUN if name in taken})
        return self._raw(returned)

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """Nothing: only running the code would tell."""
        text = f"what {self._name} reads is not known before it runs, so shapes and targets are not checked"
        return None, [Finding(path, text, None, None, "note")]

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read examples of the same shape from a csv or npz file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        outline = DataFacts(shape=tuple(layout["shape"]), target_names=tuple(layout["targets"]))
        return read_compatible_file(file, outline, with_target=with_target)

    def _raw(self, returned: object) -> SourceData:
        pair = returned if isinstance(returned, tuple | list) and len(returned) == 2 else ()
        parts = [part for part in pair if isinstance(part, tuple | list) and len(part) in (2, 3)]
        told = [self._examples(part) for part in (parts if len(parts) == 2 else [returned])]
        train: Any = told[0]
        names = _target_names(train.y)
        layout = {"shape": list(train.x.shape[1:]), "targets": list(names)}
        return SourceData(train, told[1] if len(told) > 1 else None, target_names=names, layout=layout)

    def _examples(self, part: object) -> Examples:
        import numpy as np

        if not isinstance(part, tuple | list) or len(part) not in (2, 3):
            raise DataError(
                f"{self._name}: expected examples with targets, received {type(part).__name__}", hint=_RETURNS
            )
        x, y, *weights = (np.asarray(each) for each in part)
        y = y.astype(object) if y.dtype.kind == "U" else y
        if x.ndim < 2 or x.dtype.kind not in "biuf":
            text = f"expected numbers of shape (examples, ...), received {x.dtype} of shape {list(x.shape)}"
            raise DataError(f"{self._name}: {text}", hint=_RETURNS)
        lengths = [len(each) if each.ndim else 0 for each in (x, y, *weights)]
        if not len(x) or len(set(lengths)) > 1:
            text = f"expected as many targets as examples, at least one, received {' and '.join(map(str, lengths))}"
            raise DataError(f"{self._name}: {text}", hint=_RETURNS)
        return Examples(x, y, weights[0].astype("float64") if weights else None)


class OwnStep:
    """A preparation step of the user's own: a class with `apply`, and with `fit`, `state` and `restore` if it learns.

    Args:
        name: Its name.
        arguments: What the config gives it.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._name, self._arguments = name, dict(arguments)
        self._made: Any = None

    def fit(self, x: Block) -> list[str]:
        """Let it learn from the training part, if it does."""
        with _their_own(self._name):
            learn = getattr(self._object(), "fit", None)
            notes = learn(_array(x)) if learn is not None else None
        return [str(note) for note in notes] if isinstance(notes, list) else []

    def apply(self, x: Block) -> Block:
        """Prepare examples.

        Raises:
            DataError: It fails, or returns another number of examples.
        """
        import numpy as np

        with _their_own(self._name):
            made = np.asarray(self._object().apply(_array(x)))
        if not made.ndim or len(made) != len(x):
            count = len(made) if made.ndim else 0
            raise DataError(
                f"prepare: {self._name}: expected {len(x)} examples back, received {count}",
                hint="apply(self, x) returns an array with a row for each example",
            )
        return made

    def state(self) -> dict[str, Any]:
        """What it learned, as JSON."""
        with _their_own(self._name):
            learned: dict[str, Any] = getattr(self._object(), "state", dict)()
        return dict(learned)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what an earlier `fit` learned."""
        with _their_own(self._name):
            take = getattr(self._object(), "restore", None)
            if take is not None:
                take(dict(state))

    def shape(self, view: View) -> View | None:  # noqa: ARG002
        """Nothing: only running the code would tell."""
        return None

    def _object(self) -> Any:
        if self._made is None:
            self._made = _object("preparation", self._name)(**self._arguments)
        return self._made


def _object(category: str, name: str) -> Any:
    return _OBJECTS.get()[category, name]


def _target_names(y: np.ndarray) -> tuple[str, ...]:
    width = y.shape[1] if y.ndim == 2 else 1
    return ("target",) if width == 1 else tuple(f"target_{index}" for index in range(width))


def _array(x: Block) -> np.ndarray:
    return x.matrix() if isinstance(x, Columns) else x


@contextmanager
def _their_own(name: str) -> Iterator[None]:
    """Run the user's code: what it prints does not mix with results, and its failures are told at its own lines."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except NnrunError:
        raise
    except (Exception, SystemExit) as error:
        where = error_location(error)
        told = DataError(f"{f'{where}: ' if where else ''}{name} failed: {error_text(error)}")
        add_user_frames(told, error)
        raise told from error
