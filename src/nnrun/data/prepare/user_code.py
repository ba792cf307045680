"""Preparation steps written by the user, and what they share with data sources written by the user.

User code stands in a file given with `--code`. `check` creates its steps and sources without running it; only `load`,
`fit` and `apply` look up the imported object and call it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import unwrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.user_code import add_user_frames, error_location, error_text
from nnrun.data.columns import Columns
from nnrun.data.prepare.step import Step
from nnrun.data.returned_values import examples_returned
from nnrun.errors import DataError, NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable, ExampleSpec
    from nnrun.spec.part import Part

#: The classes and functions of the imported files, by category and name.
_USER_OBJECTS: ContextVar[Mapping[tuple[str, str], Any]] = ContextVar("_USER_OBJECTS", default=MappingProxyType({}))


@contextmanager
def with_user_objects(objects: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    """Make the user's classes and functions available to sources and steps inside the `with` block."""
    token = _USER_OBJECTS.set(objects)
    try:
        yield
    finally:
        _USER_OBJECTS.reset(token)


def user_object(category: str, name: str) -> Any:
    """Return the user's class or function of that category and name."""
    return _USER_OBJECTS.get()[category, name]


def is_user_part(part: Part) -> bool:
    """Return whether a part of a config names the user's own class or function."""
    entry = lookup.entry(part.category, part.name)
    return entry is not None and entry.origin == "user"


def definition_place(defined: Any) -> str:
    """Return where something of the user's is defined, for messages: `my_code.py:12: `; empty if that is unknown.

    Args:
        defined: A function, or a class, of which the first method counts.
    """
    methods = vars(defined).values() if isinstance(defined, type) else [defined]
    code = next((code for one in methods if (code := getattr(unwrap(one), "__code__", None)) is not None), None)
    return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}: "


@contextmanager
def running_user_code(name: str, place: str) -> Iterator[None]:
    """Redirect what the user's code prints to stderr, and report its failures at the user's own lines.

    Args:
        name: The name of the class or function.
        place: Where it is defined, for failures outside of its lines: a call with other arguments than it takes.

    Raises:
        DataError: The code fails.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except NnrunError:
        raise
    except (Exception, SystemExit) as error:
        where = error_location(error)
        failure = DataError(f"{f'{where}: ' if where else place}{name} failed: {error_text(error)}")
        add_user_frames(failure, error)
        raise failure from error


_APPLY = "apply(self, x) returns an array of numbers with a row for each example, or a dict of columns"


class UserStep(Step):
    """A preparation step written by the user: a class with `apply`, and with `fit` and states if it learns.

    Its state is what `get_state` returns and `set_state` takes, as those of callbacks; `state` and `restore` are their
    earlier names. A table comes as one array where all of it is numbers, and as a dict of columns where some of it is
    text, or where the class says `takes = "columns"`.

    Args:
        name: The name of the class.
        arguments: The arguments from the config.
    """

    streams = False

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._name, self._arguments = name, dict(arguments)
        self._instance: Any = None

    @property
    def name(self) -> str:
        """The name of the class."""
        return self._name

    def fit(self, x: ArrayOrTable, y: np.ndarray | None = None) -> list[str]:  # noqa: ARG002 - as every step
        """Fit the step to the training part if its class has a `fit`, and return the notes of `fit`."""
        with self._running("fit"):
            fit = getattr(self._user_step(), "fit", None)
            notes = fit(self._given(x)) if fit is not None else None
        return [str(note) for note in notes] if isinstance(notes, list) else []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the prepared examples.

        Raises:
            DataError: The code fails, or returns anything but numbers, a row for each example.
        """
        with self._running("apply") as place:
            result = examples_returned(self._user_step().apply(self._given(x)), f"{place}{self._name}.apply", _APPLY)
            if len(result) != len(x):
                raise DataError(
                    f"{place}{self._name}.apply: expected {len(x)} examples back, received {len(result)}",
                    hint=_APPLY,
                )
        return result

    def state(self) -> dict[str, Any]:
        """Return what `fit` learned, as JSON; arrays become lists.

        Raises:
            DataError: The code fails, or returns anything but a mapping that can be written as JSON.
        """
        method = self._method("get_state", "state")
        with self._running(method) as place:
            state: Any = getattr(self._user_step(), method, dict)()
            kept, problem = _as_json(state)
            if problem is not None:
                raise DataError(
                    f"{place}{self._name}.{method}: expected a dict that can be kept as JSON, received {problem}",
                    hint="return numbers, text, arrays, and lists and dicts of them: {'mean': self.mean}",
                )
        return kept

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what an earlier `fit` learned."""
        method = self._method("set_state", "restore")
        with self._running(method):
            restore = getattr(self._user_step(), method, None)
            if restore is not None:
                restore(dict(state))

    def _method(self, name: str, earlier: str) -> str:
        """Return the name that the user's class has for a method."""
        return name if hasattr(user_object("preparation", self._name), name) else earlier

    def _given(self, x: ArrayOrTable) -> Any:
        """Return examples as the user's class takes them."""
        if not isinstance(x, Columns):
            return x
        takes_columns = getattr(user_object("preparation", self._name), "takes", None) == "columns"
        return dict(x.values) if takes_columns or x.text() else x.matrix()

    @contextmanager
    def _running(self, method: str) -> Iterator[str]:
        """Run a method of the user's class; yield where it is defined, for messages."""
        defined = user_object("preparation", self._name)
        place = definition_place(getattr(defined, method, defined))
        with running_user_code(self._name, place):
            yield place

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec | None:  # noqa: ARG002
        """Return None: the shape is known only after the code has run."""
        return None

    def _user_step(self) -> Any:
        if self._instance is None:
            self._instance = user_object("preparation", self._name)(**self._arguments)
        return self._instance


def _as_json(state: object) -> tuple[dict[str, Any], str | None]:
    """Return a state as JSON has it, and what of it cannot be kept so, or None."""
    if not isinstance(state, Mapping):
        return {}, f"nothing ({state})" if state is None else f"an object of {type(state).__name__}"
    try:
        return json.loads(json.dumps(dict(state), default=_plain)), None
    except (TypeError, ValueError) as error:
        return {}, str(error)


def _plain(value: Any) -> Any:
    """Return arrays as lists and NumPy's numbers as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
