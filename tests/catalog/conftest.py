"""Fixtures of the catalog's tests: Keras itself, and a function that makes Keras objects from plain data."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nnrun.catalog import describe, kinds, lookup

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.catalog.lookup import Entry, Parameter

_HOMES = {"schedules": "optimizers.schedules"}


def _usable(*categories: str) -> list[Entry]:
    found = [lookup.entry(category, name) for category in categories for name in lookup.names(category)]
    return [entry for entry in found if entry is not None]


@pytest.fixture(scope="session")
def usable() -> Callable[..., list[Entry]]:
    """Every entry of some categories that a config can name."""
    return _usable


@pytest.fixture(scope="session")
def keras() -> Any:
    """The installed Keras."""
    return pytest.importorskip("keras")


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    """The module `tools/generate_catalog.py`."""
    path = Path(__file__).parents[2] / "tools" / "generate_catalog.py"
    spec = importlib.util.spec_from_file_location("generate_catalog", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make(keras: Any) -> Callable[..., Any]:
    """Return a function that makes an entry's Keras object from its required arguments, or from all of them."""

    def home(category: str) -> Any:
        place = keras
        for step in _HOMES.get(category, category).split("."):
            place = getattr(place, step)
        return place

    def value(parameter: Parameter, given: Any) -> Any:
        return part(parameter.kind, kinds.to_keras(parameter.kind, given))

    def part(kind: Any, given: Any) -> Any:
        if isinstance(given, list):
            item = next((one.item for one in getattr(kind, "kinds", (kind,)) if isinstance(one, kinds.ListOf)), kind)
            return [part(item, each) for each in given]
        categories = _categories(kind)
        if isinstance(given, dict) and categories:
            ((word, lone),) = given.items()
            entry = lookup.entry(categories[0], word)
            return made(entry, {entry.first_parameter.name: lone})
        if isinstance(given, str) and categories == ("optimizers",):
            return made(lookup.entry("optimizers", given), {})
        return given

    def made(entry: Entry, arguments: dict[str, Any]) -> Any:
        filled = {name: value(entry.parameters[name], given) for name, given in arguments.items()}
        thing = getattr(home(entry.category), entry.name)
        return thing if entry.is_function and entry.category != "layers" else thing(**filled)

    def make(entry: Entry, *, in_full: bool = False, **more: Any) -> Any:
        needed = {p.name: describe.example_value(entry, p) for p in entry.parameters.values() if p.required}
        defaults = {p.name: p.default for p in entry.parameters.values() if in_full and not p.required}
        return made(entry, {**needed, **defaults, **more})

    return make


def _categories(kind: Any) -> tuple[str, ...]:
    if isinstance(kind, kinds.PartOf):
        return kind.categories
    return next((found for one in getattr(kind, "kinds", ()) if (found := _categories(one))), ())
