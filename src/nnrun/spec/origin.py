"""Where a value of a config comes from: the places that say it, or whose default it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog import lookup
from nnrun.config.dotted import dotted, follow, is_at
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show
from nnrun.errors import NnrunError
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.part import Part
from nnrun.spec.parts import FILLED_IN, Reader
from nnrun.spec.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.lookup import Entry, Parameter
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

Owner = Literal["Keras", "nnrun", "the user's code"]
#: By the origin of an entry of the catalog.
_OWNERS: dict[str, Owner] = {"keras": "Keras", "nnrun": "nnrun", "user": "the user's code"}

#: Settings whose defaults are those of `Model.fit` and of `keras.json`; `*` is any key.
_KERAS_OWN = (("training", "epochs"), ("training", "batch_size"), ("training", "shuffle"), ("keras", "*"))


@dataclass(frozen=True)
class Origin:
    """A value and where it comes from.

    Attributes:
        path: Where it stands, or would stand.
        value: The value in force, as plain data.
        places: Every place that says it, oldest first, so that the last one is in force; empty for a default.
        default_of: Whose default it is; None where the config says it.
        note: What else there is to say, or None.
    """

    path: Path
    value: Any
    places: tuple[Mark, ...] = ()
    default_of: Owner | None = None
    note: str | None = None


@dataclass(frozen=True)
class _Stop:
    """How far the words of a question lead in what a config says.

    Attributes:
        document: The config.
        path: The path that is there.
        value: The value at its end.
    """

    document: Document
    path: Path
    value: Any


def origin(document: Document, words: Sequence[str]) -> Origin:
    """Say where the value comes from that `words` lead to.

    Raises:
        ConfigError: The config does not say it, and is too broken to tell the default.
        NnrunError: There is no such value.
    """
    path, value, rest = follow(document.data, words)
    if not rest:
        return Origin(path, value, document.history(path))
    experiment = validate(document)
    parts = [part for part in _parts(experiment) if part.path and part.path == path[: len(part.path)]]
    if not parts:
        return _of_section(experiment, words, value if isinstance(value, list) else None)
    part = max(parts, key=lambda each: len(each.path))
    return _of_part(part, [*map(str, path[len(part.path) :]), *rest], _Stop(document, path, value))


def _parts(value: Any) -> Iterator[Part]:
    """Every part inside an experiment, however it is held."""
    if isinstance(value, Part):
        yield value
        yield from _parts(list(value.arguments.values()))
    elif isinstance(value, Mapping):
        yield from _parts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _parts(item)
    elif is_dataclass(value):
        yield from _parts([getattr(value, each.name) for each in fields(value)])


def _of_part(part: Part, words: Sequence[str], stop: _Stop) -> Origin:
    """Follow words that begin with a part's name into its arguments."""
    entry = lookup.entry(part.category, part.name)
    name, *inside = words
    meant = lookup.entry(part.category, name)
    if entry is None or meant is None or meant.name != part.name:
        rest = inside if meant is not None else words
        text = f"'{dotted(part.path)}' is {part.name}, so there is no '{name}' inside it"
        raise NnrunError(text, f"write {dotted((*part.path, part.name, *rest))}")
    if stop.path == part.path and isinstance(stop.value, dict):
        (spelt,) = stop.value
        return origin(stop.document, [*map(str, part.path), spelt, *inside])
    if not inside or inside[0] in part.arguments:
        # A bare word, asked for as a mapping; or a lone value, asked for by the argument that it stands for.
        return origin(stop.document, [*map(str, stop.path), *inside[1:]])
    return _default(entry, (*part.path, name), inside)


def _default(entry: Entry, path: Path, words: Sequence[str]) -> Origin:
    """The default of a part's argument, or of an argument of the part that is its default."""
    name, *deeper = words
    parameter = entry.parameters.get(name)
    if parameter is None:
        hint = did_you_mean(name, entry.parameters) or f"nnrun explain {entry.name}"
        raise NnrunError(f"{entry.name} has no argument '{name}'", hint)
    path = (*path, name)
    if (entry.name, name) in FILLED_IN:
        return Origin(path, None, default_of="nnrun", note="a path inside the run folder")
    if deeper:
        return _inside_default(entry, parameter, path, deeper)
    return Origin(path, parameter.default, default_of=_OWNERS[entry.origin])


def _inside_default(entry: Entry, parameter: Parameter, path: Path, words: Sequence[str]) -> Origin:
    """An argument of a part that is a default: `kernel_initializer.GlorotUniform.seed`."""
    part = Reader().value(parameter.kind, parameter.default, path, parameter.name)
    inner = lookup.entry(part.category, part.name) if isinstance(part, Part) else None
    if inner is None:
        text = f"'{parameter.name}' of {entry.name} is {show(parameter.default)}, so there is no '{words[0]}' inside it"
        raise NnrunError(text)
    name, *deeper = words
    meant = lookup.entry(inner.category, name)
    if meant is None or meant.name != inner.name:
        text = f"'{parameter.name}' of {entry.name} is {inner.name}, so there is no '{name}' inside it"
        raise NnrunError(text, f"write {dotted((*path, inner.name, *words))}")
    return _default(inner, (*path, name), deeper) if deeper else _default(entry, path[:-1], [parameter.name])


def _of_section(experiment: Experiment, words: Sequence[str], listed: list[Any] | None) -> Origin:
    """The default of a setting; `listed` is the list that the words lead to, if it is one."""
    value: Any = experiment
    for number, word in enumerate(words):
        above = tuple(words[:number])
        if not isinstance(value, Section):
            raise _nothing(above, word, (), listed)
        if word not in value.KEYS:
            raise _nothing(above, word, tuple(value.KEYS), listed)
        value = getattr(value, word)
    path = tuple(words)
    owner: Owner = "Keras" if any(is_at(place, path) for place in _KERAS_OWN) else "nnrun"
    if isinstance(value, Section):
        value = {key: getattr(value, key) for key in value.KEYS}
    return Origin(path, list(value) if isinstance(value, tuple) else value, default_of=owner)


def _nothing(above: Path, word: str, known: tuple[str, ...], listed: list[Any] | None) -> NnrunError:
    where = f"'{dotted(above)}'" if above else "the config"
    hint = did_you_mean(word, known) or (f"it can say: {', '.join(known)}" if known else None)
    if listed is not None:
        hint = f"it is a list, whose items count from 0 to {len(listed) - 1}" if listed else "it is an empty list"
    return NnrunError(f"{where} has no '{word}'", hint)
