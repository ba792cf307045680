"""Names of other libraries and everyday names, in the words of this language (`other_names.yaml`).

Read only where a config names something unknown. Case, hyphens, underscores, dots and spaces do not matter.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nnrun.catalog.lookup import Entry

_JOINERS = re.compile(r"[-_. ]+")
#: A name with its arguments in brackets, as in Python.
_CALL = re.compile(r"[\w.]+\(.*\)", re.DOTALL)
_MAX_LENGTH = 200


@cache
def tables() -> dict[str, Any]:
    """Return the tables of `other_names.yaml`."""
    return load_package_data(Path(__file__).with_name("other_names.yaml"))


def squeeze(word: str) -> str:
    """Return a word without what does not matter: `Batch-Norm` and `batch_norm` are `batchnorm`."""
    return _JOINERS.sub("", word).lower()


def known_names(category: str, word: str) -> tuple[str, ...]:
    """Return the canonical names that a word stands for in a category.

    First those that differ in case and joiners only, then those of which the word is another name: `Early_Stopping`,
    `keras.layers.Dense` and `BatchNorm2d` each stand for one. A module in front of the name does not matter.
    """
    exact = lookup.entry(category, word)
    if exact is not None and exact.refused is None:
        return (exact.name,)
    for name in dict.fromkeys((word, word.rpartition(".")[2])):
        found = same_names(category, name) or _others(category).get(squeeze(name), ())
        usable = tuple(one for one in found if (entry := lookup.entry(category, one)) and entry.refused is None)
        if usable:
            return usable
    return ()


def same_names(category: str, word: str) -> tuple[str, ...]:
    """Return the canonical names that a word differs from in case and joiners only."""
    wanted = squeeze(word)
    names = (name for name in lookup.names_and_aliases(category) if squeeze(name) == wanted)
    return tuple(dict.fromkeys(entry.name for name in names if (entry := lookup.entry(category, name))))


def part_with_arguments(category: str, word: str) -> dict[str, Any] | None:
    """Return the part that a name of another library stands for together with arguments, or None."""
    table = tables()["with_arguments"].get(category, {})
    wanted = squeeze(word.rpartition(".")[2])
    return next((part for name, part in table.items() if squeeze(name) == wanted), None)


def argument_name(entry: Entry, word: str) -> str | None:
    """Return the argument of an entry that has another name elsewhere; None where it has none of that name."""
    return next((name for name in _argument_names(entry, word) if name in entry.parameters), None)


def is_left_out(entry: Entry, word: str) -> bool:
    """Return whether an argument of another library has no counterpart because none is needed."""
    table = tables()["arguments"].get(entry.category, {})
    return any(squeeze(name) == squeeze(word) and names is None for name, names in table.items())


def _argument_names(entry: Entry, word: str) -> Sequence[str]:
    table = tables()["arguments"].get(entry.category, {})
    return next((names for name, names in table.items() if names and squeeze(name) == squeeze(word)), ())


def layer_key(word: str) -> str | None:
    """Return the key of a layer, other than Keras' own arguments, that has another name elsewhere; or None."""
    return next((key for name, key in tables()["layer_keys"].items() if squeeze(name) == squeeze(word)), None)


def key_names(word: str) -> tuple[str, ...]:
    """Return the keys and arguments of this language that a word stands for, the likeliest first."""
    return tuple(next((names for name, names in tables()["keys"].items() if squeeze(name) == squeeze(word)), ()))


def advice_in(section: str, word: str) -> str | None:
    """Return what to do instead of a key that one section does not need, or None."""
    table = tables()["no_keys_of"].get(section, {})
    return next((text for name, text in table.items() if squeeze(name) == squeeze(word)), None)


def advice(word: str) -> str | None:
    """Return what to do instead of a key that this language does not have and does not need, or None."""
    return next((text for name, text in tables()["no_keys"].items() if squeeze(name) == squeeze(word)), None)


def instead_of_part(category: str, word: str) -> str | None:
    """Return what to do instead of a part that this language does not have, or None."""
    table = tables()["no_parts"].get(category, {})
    return next((text for name, text in table.items() if squeeze(name) == squeeze(word.rpartition(".")[2])), None)


def option(word: str, options: Iterable[object]) -> object | None:
    """Return the option for which a word stands elsewhere (`fp16` for `float16`), or None."""
    table = tables()["options"]
    return next((one for one in options if squeeze(word) in table.get(str(one), "").split()), None)


def fact(word: str) -> str | None:
    """Return the fact of the data that a word without a dollar stands for: `$classes` for `n_classes`, or None."""
    wanted = word.strip("${}() ").lower()
    return next((name for name, words in tables()["facts"].items() if wanted in words.split()), None)


def source_of_file(name: str) -> str | None:
    """Return the reader of a file by its ending, or None."""
    found: str | None = tables()["endings"].get(name.lower().removesuffix(".gz").rpartition(".")[2])
    return found if "." in name else None


def usual(names: Iterable[str]) -> list[str]:
    """Return names of parts, the most usual first."""
    order = {name: index for index, name in enumerate(tables()["usual"].split())}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def split_call(word: str) -> tuple[str, dict[str, Any] | list[Any] | None] | None:
    """Split `Adam(learning_rate=0.1)` into the name and its arguments; None if it is no call.

    Arguments are a mapping, or a list of those by position with a mapping of the named ones at its end; None where they
    are not plain values.
    """
    if len(word) > _MAX_LENGTH or not _CALL.fullmatch(word.strip()):
        return None
    name = word.strip().partition("(")[0]
    try:
        call = ast.parse(word.strip(), mode="eval").body
        if not isinstance(call, ast.Call):
            return None
        values = [ast.literal_eval(one) for one in call.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords if one.arg}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return name, None
    return name, [*values, named] if values and named else values or named


@cache
def _others(category: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, words in tables()["parts"].get(category, {}).items():
        for word in words.split():
            found[squeeze(word)] = (*found.get(squeeze(word), ()), name)
    return found
