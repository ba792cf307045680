"""Hints for values of the wrong kind: the value to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup, other_names
from nnrun.catalog.kinds import NUMBER_FACTS, SHAPE_FACTS, Choice, ListOf, PartOf, String, is_number, nested_kinds
from nnrun.config.dump import dump_inline
from nnrun.config.hints import did_you_mean, nearest
from nnrun.config.intended_values import readings
from nnrun.config.parser import resolve
from nnrun.spec.part_hints import list_hint as list_hint_of_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.kinds import Kind
    from nnrun.spec.reader import Reader

#: Categories whose usual part is given by one number.
_OF_ONE_NUMBER = ("regularizers", "initializers")
_NONE = object()


def value_hint(kind: Kind, value: object, reader: Reader) -> str | None:
    """Return the hint for a value that a kind refuses: what to write, or None where that is unclear."""
    meant = intended_value(kind, value)
    if meant is not _NONE:
        return f"write {dump_inline(meant)}{' without quotes' if _is_quoted(value, meant) else ''}"
    if value is None:
        return f"leave it out, or write {kind.expects}"
    part = _part_of_value(kind, value, reader)
    if part is not None or not isinstance(value, str):
        return part
    options = [str(option) for option in _options(kind)]
    without = f"leave it out, or write {kind.expects}" if None in list(readings(value)) else None
    return _fact(kind, value) or (did_you_mean(value, options) if options else None) or without


def _part_of_value(kind: Kind, value: object, reader: Reader) -> str | None:
    """Return the part that a lone value or a list stands for: `{L2: 0.01}` for a regularizer of 0.01."""
    categories = tuple(name for one in nested_kinds(kind) if isinstance(one, PartOf) for name in one.categories)
    if not categories or isinstance(value, str | dict | bool) or value is None:
        return None
    if isinstance(value, list):
        return list_hint_of_parts(categories, value, reader)
    categories = tuple(category for category in categories if category in _OF_ONE_NUMBER)
    entries = [lookup.entry(category, name) for category in categories for name in lookup.names(category)]
    firsts = {one.name: one.first_parameter for one in entries if one is not None}
    names = (name for name in other_names.usual(firsts) if (first := firsts[name]) and first.kind.accepts(value))
    return next((f"write {dump_inline({name: value})}" for name in names), None)


def has_intended_value(kind: Kind, value: object) -> bool:
    """Return whether a value of the wrong kind has a reading that the kind accepts."""
    return intended_value(kind, value) is not _NONE


def intended_value(kind: Kind, value: object) -> Any:
    """Return the likeliest reading of a value that a kind accepts; an object of its own where there is none."""
    return next((one for one in _candidates(kind, value) if _accepts_plain(kind, one)), _NONE)


def list_hint(kind: Kind, value: object, name: str) -> str:
    """Return the hint for a value in place of a list of the kind: the list to write."""
    meant = intended_value(kind, value)
    return "start each item on its own line with '- '" if meant is _NONE else f"write {name}: {dump_inline(meant)}"


def _candidates(kind: Kind, value: object) -> Iterator[Any]:
    options = list(_options(kind))
    if isinstance(value, str):
        yield from (one for one in options if other_names.squeeze(str(one)) == other_names.squeeze(value))
        named = re.split(r"[^A-Za-z0-9]+|_", value)
        yield from (one for one in options if one in named[1:])
        option = other_names.option(value, options)
        yield from () if option is None else (option,)
    yield from (one for one in readings(value) if one is not None or _accepts_null(kind))
    if is_number(value) and _is_text(kind):
        yield from (dump_inline(value), f"layer_{dump_inline(value).lstrip('-')}")
    if isinstance(value, str) and _is_text(kind):
        legal = re.sub(r"[^A-Za-z0-9_-]+", "_", value).strip("_-")
        yield from (legal, f"layer_{legal}")
    if value is not None and not isinstance(value, list):
        if isinstance(value, str) and "," in value:
            yield [word.strip() for word in value.split(",") if word.strip()]
        yield [value]
        if isinstance(value, dict) and len(value) > 1:
            yield [{name: inner} for name, inner in value.items()]
        yield from ([one] for one in readings(value) if not isinstance(one, list))
    if isinstance(value, list) and len(value) > 1:
        read = [next(readings(one), one) if isinstance(one, str) else one for one in value]
        yield read
        yield [next(readings(one), one) if isinstance(one, float) else one for one in read]


def _accepts_null(kind: Kind) -> bool:
    return kind.accepts(None)


def _is_text(kind: Kind) -> bool:
    return any(isinstance(one, String) for one in nested_kinds(kind))


def _options(kind: Kind) -> Iterator[str | int]:
    for one in nested_kinds(kind):
        if isinstance(one, Choice):
            yield from one.options


def _accepts_plain(kind: Kind, value: object) -> bool:
    """Return whether a kind accepts a value; a part only within a list, where its name is not decided here."""
    if value is _NONE or not kind.accepts(value):
        return False
    has_parts = any(isinstance(one, PartOf) for one in nested_kinds(kind))
    if not has_parts or not isinstance(value, str | dict):
        return not (has_parts and isinstance(value, list) and _names_no_part(kind, value))
    return any(
        not isinstance(one, PartOf | ListOf) and one is not kind and one.accepts(value) for one in nested_kinds(kind)
    )


def _names_no_part(kind: Kind, value: list[Any]) -> bool:
    """Return whether a list that a kind of parts accepts holds words that no part has."""
    categories = [name for one in nested_kinds(kind) if isinstance(one, PartOf) for name in one.categories]
    words = [next(iter(item)) if isinstance(item, dict) and item else item for item in value]
    return not all(
        any(other_names.known_names(category, word) for category in categories)
        for word in words
        if isinstance(word, str)
    )


def _is_quoted(value: object, meant: Any) -> bool:
    """Return whether a value only lacks its being read as a number: without quotes it would be one."""
    if not isinstance(value, str) or isinstance(meant, str | list):
        return False
    try:
        read = resolve(value.strip())
    except ValueError:
        return False
    return type(read) is type(meant) and read == meant


def _fact(kind: Kind, value: str) -> str | None:
    """Return the hint for a word that stands for a fact of the data, or for a misspelled one."""
    known = [fact for fact in (*NUMBER_FACTS, *SHAPE_FACTS) if fact != value and kind.accepts(fact)]
    meant = other_names.fact(value)
    if meant in known:
        return f"write {meant}"
    if value.startswith("$") and nearest(value, known):
        return did_you_mean(value, known)
    return f"of the data there are: {', '.join(known)}" if value.startswith("$") and known else None
