"""The origin of a value of a config: the places that set it, or whose default it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog import lookup
from nnrun.config.dotted import follow, join_path, matches_pattern
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value
from nnrun.errors import NnrunError
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.part import Part, PartReader
from nnrun.spec.part_form import FILLED_IN
from nnrun.spec.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.lookup import Entry
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

Owner = Literal["Keras", "Keras Hub", "nnrun", "scikit-learn", "the user's code"]
#: By the origin of an entry of the catalog.
_OWNERS: dict[str, Owner] = {
    "keras": "Keras",
    "keras_hub": "Keras Hub",
    "nnrun": "nnrun",
    "sklearn": "scikit-learn",
    "user": "the user's code",
}

#: Settings whose defaults are those of `Model.fit` and of `keras.json`; `*` is any key.
_KERAS_OWN = (("training", "epochs"), ("training", "batch_size"), ("training", "shuffle"), ("keras", "*"))


@dataclass(frozen=True)
class Origin:
    """A value and its origin.

    Attributes:
        path: Its place in the config, whether or not the config sets it.
        value: The value in force, as plain data.
        places: Every place that sets it, oldest first, so that the last one is in force; empty for a default.
        default_of: Whose default it is; None where the config sets it.
        note: A remark, or None.
    """

    path: Path
    value: Any
    places: tuple[Mark, ...] = ()
    default_of: Owner | None = None
    note: str | None = None


def origin(document: Document, words: Sequence[str]) -> Origin:
    """Return the origin of the value at a dotted path.

    Args:
        document: The config.
        words: The words of the path.

    Raises:
        ConfigError: The config does not set the value, and has errors, so that its default is unknown.
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
    entry, (name, *inside) = lookup.entry(part.category, part.name), [*map(str, path[len(part.path) :]), *rest]
    meant = lookup.entry(part.category, name)
    if entry is None or meant is None or meant.name != part.name:
        instead = (*part.path, part.name, *inside) if meant else (*part.path, part.name, name, *inside)
        raise _no_word(f"'{join_path(part.path)}' is {part.name}", name, instead)
    if path == part.path and isinstance(value, dict):
        (word,) = value
        return origin(document, [*map(str, part.path), word, *inside])
    if not inside or inside[0] in part.arguments:
        # A bare word whose mapping is asked for, or a lone value that is asked for by its argument.
        return origin(document, [*map(str, path), *inside[1:]])
    return _default(entry, (*part.path, name), inside)


def _parts(value: Any) -> Iterator[Part]:
    """Yield every part inside an experiment."""
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


def _default(entry: Entry, path: Path, words: Sequence[str]) -> Origin:
    """Return the default of a part's argument, or of an argument of the part that is its default."""
    name, *deeper = words
    parameter = entry.parameters.get(name)
    if parameter is None:
        hint = did_you_mean(name, entry.parameters) or f"nnrun explain {entry.name}"
        raise NnrunError(f"{entry.name} has no argument '{name}'", hint)
    path = (*path, name)
    if (entry.name, name) in FILLED_IN:
        return Origin(path, None, default_of="nnrun", note="a path inside the run folder")
    if not deeper:
        return Origin(path, parameter.default, default_of=_OWNERS[entry.origin])
    # An argument of a part that is a default: `kernel_initializer.GlorotUniform.seed`.
    part = PartReader().value(parameter.kind, parameter.default, path, name)
    inner = lookup.entry(part.category, part.name) if isinstance(part, Part) else None
    if inner is None:
        raise _no_word(f"'{name}' of {entry.name} is {format_value(parameter.default)}", deeper[0])
    word, *deepest = deeper
    meant = lookup.entry(inner.category, word)
    if meant is None or meant.name != inner.name:
        raise _no_word(f"'{name}' of {entry.name} is {inner.name}", word, (*path, inner.name, *deeper))
    return _default(inner, (*path, word), deepest) if deepest else _default(entry, path[:-1], [name])


def _no_word(what_is: str, word: str, instead: Path = ()) -> NnrunError:
    return NnrunError(
        f"{what_is}, so there is no '{word}' inside it", f"write {join_path(instead)}" if instead else None
    )


def _of_section(experiment: Experiment, words: Sequence[str], listed: list[Any] | None) -> Origin:
    """Return the default of a setting; `listed` is the list that the words lead to, if it is one."""
    value: Any = experiment
    for number, word in enumerate(words):
        known = tuple(value.known_keys()) if isinstance(value, Section) else ()
        if word not in known:
            raise _no_key(tuple(words[:number]), word, known, listed)
        value = getattr(value, word)
    path = tuple(words)
    owner: Owner = "Keras" if any(matches_pattern(place, path) for place in _KERAS_OWN) else "nnrun"
    if isinstance(value, Section):
        value = {key: getattr(value, key) for key in value.known_keys()}
    return Origin(path, list(value) if isinstance(value, tuple) else value, default_of=owner)


def _no_key(above: Path, word: str, known: tuple[str, ...], listed: list[Any] | None) -> NnrunError:
    hint = did_you_mean(word, known) or (f"its keys are: {', '.join(known)}" if known else None)
    if listed is not None:
        hint = f"it is a list, whose items count from 0 to {len(listed) - 1}" if listed else "it is an empty list"
    where = f"'{join_path(above)}'" if above else "the config"
    return NnrunError(f"{where} has no '{word}'", hint)
