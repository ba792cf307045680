"""Hints for parts that the catalog does not have in this place: the line to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.catalog import keras1, lookup, other_names
from nnrun.catalog.describe import example_part
from nnrun.catalog.kinds import singular
from nnrun.config.dotted import join_path
from nnrun.config.dump import dump_inline
from nnrun.config.hints import did_you_mean, nearest
from nnrun.config.intended_values import readings
from nnrun.spec.part_form import LAYER_KEYS, required_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Path
    from nnrun.spec.reader import Reader

#: A name with a value behind it, but without colon and space: `Dropout 0.2`, `Dropout=0.2`.
_GLUED = re.compile(r"([A-Za-z]\w*)\s*(?::|=|\s)\s*([^\s].*)")
#: Where a part of each category is written: the place, and the line with {} for the part.
_PLACES = {
    "layers": ("among the layers of the model", "{}"),
    "optimizers": ("under training", "optimizer: {}"),
    "schedules": ("in the optimizer", "learning_rate: {}"),
    "losses": ("under training", "loss: {}"),
    "metrics": ("under training", "metrics: [{}]"),
    "callbacks": ("under training", "callbacks: [{}]"),
    "initializers": ("in a layer", "kernel_initializer: {}"),
    "regularizers": ("in a layer", "kernel_regularizer: {}"),
    "constraints": ("in a layer", "kernel_constraint: {}"),
    "activations": ("in a layer", "activation: {}"),
    "ops": ("among the layers of the model", "Op: {{op: {}}}"),
    "sources": ("under data", "source: {}"),
    "preparation": ("under data", "prepare: [{}]"),
}
#: Categories in which a file of `--code` can define parts.
_OF_CODE = frozenset(_PLACES) - {"schedules", "ops"}
#: A category with at most so many names has them in the hint.
_FEW_NAMES = 12


def unknown_name_hint(
    categories: tuple[str, ...], word: str, arguments: object, path: Path, reader: Reader
) -> str | None:
    """Return the hint for a name that no part of `categories` has; None where nothing here has it.

    Args:
        categories: The categories allowed.
        word: The name.
        arguments: The arguments that it is given, or None.
        path: Its place, without the name.
        reader: The reader of the config.
    """
    called = other_names.split_call(word)
    if called is not None:
        word, arguments = called
    hints = (
        _of_two_lines(word),
        _of_file(categories, word, arguments, path),
        *(_in_category(category, word, arguments, path, reader) for category in categories),
        _elsewhere(word, arguments, reader, exact=True),
        _glued(categories, word, path, reader),
        _near(categories, word),
        next((text for category in categories if (text := other_names.instead_of_part(category, word))), None),
        _elsewhere(word, arguments, reader, exact=False),
    )
    return next((hint for hint in hints if hint), None)


def output_hint(categories: tuple[str, ...], word: str, arguments: object, config: Mapping[str, Any]) -> str | None:
    """Return the hint for an output's name in place of a loss, as in `loss: {price: mse}` of Keras, or None."""
    key = "loss" if categories == ("losses",) else "metrics" if categories == ("metrics",) else None
    outputs = value_at(config, ("model", "outputs"))
    if key is None or not isinstance(outputs, dict | list) or word not in outputs:
        return None
    return f"each output has its own: write under model.outputs {dump_inline({word: {key: arguments}})[1:-1]}"


def keys_hint(categories: tuple[str, ...], value: Mapping[Any, Any], path: Path, reader: Reader) -> str:
    """Return the hint for a mapping that is no part: `{name: adam, lr: 0.01}` is `{Adam: {learning_rate: 0.01}}`."""
    option = _option_hint(categories, value, path, reader)
    if option is not None:
        return option
    named = [(c, str(key)) for key in value for c in categories if lookup.entry(c, str(key)) is not None]
    alone = [part_as_plain(c, key, value[key], reader) for c, key in named]
    if len(alone) == len(value) > 1 and all(part is not None for part in alone):
        return f"write each on its own: {'; '.join(f'- {_line(part, ())}' for part in alone)}"
    meant = list(_readings_of_keys(categories, value))
    parts = (part_as_plain(*one, reader, complete=complete) for complete in (False, True) for one in meant)
    part = next((one for one in parts if one is not None), None)
    if part is not None:
        return f"write {_line(part, path)}"
    if meant:
        return (
            f"write its arguments inside its name, as in {_line({meant[0][1]: {}}, path)}; nnrun explain {meant[0][1]}"
        )
    names = [name for category in categories for name in lookup.names(category)]
    entry = next((one for name in other_names.usual(names) for c in categories if (one := lookup.entry(c, name))), None)
    example = example_part(entry) if entry is not None else "Dense"
    return f"write its name with its arguments inside, as in {_line(example, path)}"


def _option_hint(categories: tuple[str, ...], value: Mapping[Any, Any], path: Path, reader: Reader) -> str | None:
    """Return the option for a key that `--set` added next to a part's name, where its arguments are inside the name."""
    added = [key for key in value if reader.is_option((*path, key))]
    others = [key for key in value if key not in added]
    if len(added) != 1 or len(others) != 1 or not _first_name(categories, others[0]):
        return None
    (key,), (held,) = added, others
    if _first_name(categories, key):
        whole = dump_inline({key: value[key]} if value[key] is not None else key)
        return f"write --set '{join_path(path)}={whole}' to replace {held}"
    category, name = _first_name(categories, held)[0]
    entry = lookup.entry(category, name)
    argument = meant_argument(entry, str(key)) if entry is not None else None
    return None if argument is None else f"write --set {join_path((*path, held, argument))}={dump_inline(value[key])}"


def part_as_plain(category: str, name: str, arguments: object, reader: Reader, *, complete: bool = False) -> Any:
    """Return a part as a config writes it, its arguments with the names that they have here.

    Args:
        category: The category of the part.
        name: Its name.
        arguments: Its arguments as a mapping, a list in the order of its signature, a lone value or None.
        reader: The reader of the config.
        complete: Whether required arguments that are missing are taken from the examples.

    Returns:
        A word or a mapping; None where the part is still not valid.
    """
    entry = lookup.entry(category, name)
    if entry is None or entry.refused:
        return None
    given = _by_name(entry, arguments)
    translated = None if given is None else _translate(entry, given)
    if translated is None:
        return None
    if complete:
        translated |= {key: value for key, value in _examples(entry).items() if key not in translated}
    part: Any = {entry.name: translated} if translated else entry.name
    if arguments is not None and not isinstance(arguments, dict | list) and len(translated) == 1:
        part = {entry.name: next(iter(translated.values()))}
    return part if reader.accepts_part(category, part) else None


def _by_name(entry: Entry, arguments: object) -> dict[str, Any] | None:
    """Return arguments by their names: of a mapping, a list in the order of the signature, or a lone value."""
    if arguments is None:
        return {}
    if isinstance(arguments, dict):
        return {str(key): value for key, value in arguments.items()}
    first = entry.first_parameter
    if first is None:
        return None
    if isinstance(arguments, list) and not first.kind.accepts(arguments):
        named = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
        values = arguments[: len(arguments) - bool(named)]
        return {**dict(zip(entry.parameters, values, strict=False)), **named}
    return {first.name: arguments}


def _translate(entry: Entry, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return arguments with the names that the entry has for them; None where one is unknown."""
    translated = {}
    for key, value in given.items():
        name = meant_argument(entry, key)
        if name is not None:
            translated[name] = value
        elif not other_names.is_left_out(entry, key):
            return None
    return translated


def meant_argument(entry: Entry, key: str) -> str | None:
    """Return the argument of an entry that a key stands for: itself, a misspelling or another name of it, or None."""
    if key in entry.parameters or (entry.category == "layers" and key in LAYER_KEYS):
        return key
    renamed = keras1.renamed_argument(entry, key) or other_names.argument_name(entry, key)
    return renamed or next(iter(nearest(key, entry.parameters)), None)


def _readings_of_keys(
    categories: tuple[str, ...], value: Mapping[Any, Any]
) -> Iterator[tuple[str, str, dict[str, Any] | Any]]:
    """Yield the parts that a mapping of several keys may be: category, name and arguments."""
    held = other_names.tables()["argument_keys"]
    for key in other_names.tables()["name_keys"]:
        word = value.get(key)
        if isinstance(word, str):
            rest: dict[str, Any] = {}
            for other, inner in value.items():
                if other != key:
                    rest |= inner if other in held and isinstance(inner, dict) else {other: inner}
            yield from ((category, name, rest) for category in categories for name in _names(category, word))
    for key, inner in value.items():
        rest = {other: item for other, item in value.items() if other != key}
        for category in categories:
            for name in _names(category, str(key)):
                entry = lookup.entry(category, name)
                first = _by_name(entry, inner) if entry is not None else None
                if first is not None:
                    yield category, name, {**first, **rest}
    file = next((inner for inner in value.values() if isinstance(inner, str)), "")
    for category in categories:
        names = [name for name in lookup.names(category) if _has_arguments(category, name, value)]
        of_file = other_names.source_of_file(file) if category == "sources" else None
        names = [of_file] if of_file in names else other_names.usual(names)
        yield from ((category, name, dict(value)) for name in names)


def _first_name(categories: tuple[str, ...], word: object) -> list[tuple[str, str]]:
    """Return the category and the name of the part that a word names, or nothing."""
    found = [(category, name) for category in categories for name in other_names.known_names(category, str(word))]
    return found[:1]


def _has_arguments(category: str, name: str, keys: Mapping[Any, Any]) -> bool:
    entry = lookup.entry(category, name)
    return entry is not None and all(key in entry.parameters for key in keys)


def _names(category: str, word: str) -> tuple[str, ...]:
    return other_names.known_names(category, word) or nearest(word, lookup.names_and_aliases(category))


def _in_category(category: str, word: str, arguments: object, path: Path, reader: Reader) -> str | None:
    """Return the hint for a name that differs in case or joiners, or that the part has elsewhere."""
    whole = other_names.part_with_arguments(category, word)
    if whole is not None:
        return f"write {_line(whole, path)}"
    names = other_names.known_names(category, word)
    if not names:
        return None
    entries = [(name, lookup.entry(category, name)) for name in names]
    # The first argument of another library's part may be another one, such as the size of the input.
    lone = (
        arguments is not None and not isinstance(arguments, dict | list) and not other_names.same_names(category, word)
    )
    parts = [
        part_as_plain(category, name, arguments, reader, complete=isinstance(arguments, dict))
        for name, entry in entries
        if not lone or (entry is not None and entry.first_parameter and entry.first_parameter.required)
    ]
    found = next((part for part in parts if part is not None and not isinstance(part, str)), None)
    if found is not None:
        return f"write {_line(found, path)}"
    return f"Did you mean {' or '.join(repr(name) for name in names[:2])}?"


def _near(categories: tuple[str, ...], word: str) -> str | None:
    return did_you_mean(word, [name for category in categories for name in lookup.names_and_aliases(category)])


def _elsewhere(word: str, arguments: object, reader: Reader, *, exact: bool) -> str | None:
    """Return the hint for a name of another category: where it belongs."""
    for category in lookup.CATEGORIES:
        found = lookup.entry(category, word)
        names = other_names.known_names(category, word) if not exact else (word,) if found is not None else ()
        if names:
            part = part_as_plain(category, names[0], arguments, reader) or names[0]
            return f"{names[0]} is {with_article(singular(category))}; {place_of(category, part)}"
    return None


def place_of(category: str, part: Any) -> str:
    """Return where and how a part is written: `write under training: optimizer: Adam`."""
    place, line = _PLACES[category]
    inline = dump_inline(part)
    if line == "{}" and not isinstance(part, str):
        inline = inline[1:-1]
    return f"write {place}: {line.format(inline)}"


def _glued(categories: tuple[str, ...], word: str, path: Path, reader: Reader) -> str | None:
    """Return the hint for a name with its value behind it, without a colon and a space between."""
    found = _GLUED.fullmatch(word)
    if found is None:
        return None
    words = word.split()
    if all(_first_name(categories, one) for one in words):
        return f"put ',' between them: {', '.join(words)}"
    value = next(readings(found[2]), found[2])
    names = ((category, name) for category in categories for name in other_names.known_names(category, found[1]))
    parts = (part_as_plain(category, name, value, reader) for category, name in names)
    part = next((one for one in parts if one is not None), None)
    return f"write {_line(part, path)}, with a colon and a space" if part is not None else None


def _of_two_lines(word: str) -> str | None:
    """Return the hint for two items of a list that YAML reads as one, because the second is indented further."""
    return "begin each '- ' in the same column as those of its neighbours" if " - " in word else None


def _of_file(categories: tuple[str, ...], word: str, arguments: object, path: Path) -> str | None:
    """Return the hint for the name of a file in place of a reader."""
    reader = other_names.source_of_file(word) if "sources" in categories and arguments is None else None
    return None if reader is None else f"write {_line({reader: {'file': word}}, path)}"


def own_code_hint(categories: tuple[str, ...], word: str, reader: Reader) -> str:
    """Return the hint for a name that nobody knows: it may be the user's own."""
    if categories == ("sources",):
        readers = [
            name
            for name in other_names.usual(lookup.names("sources"))
            if name in other_names.tables()["endings"].values() or name in ("images", "openml", "sklearn", "inline")
        ]
        return f"the readers are: {', '.join(readers)}; nnrun data list has the named data sets; {_own(reader)}"
    names = [name for category in categories for name in lookup.names(category)]
    listed = f"there are: {', '.join(names)}" if len(names) <= _FEW_NAMES else None
    if not re.fullmatch(r"[A-Za-z_]\w*", word) or not _OF_CODE.intersection(categories):
        return listed or f"nnrun explain {other_names.usual(names)[0]} describes one"
    return f"{listed}; {_own(reader)}" if listed else _own(reader)


def _own(reader: Reader) -> str:
    return f"if it is your own, name the file that defines it: {_code_option(reader)}"


def _code_option(reader: Reader) -> str:
    """Return the option for the user's code; for the config of a run, with the copies in its folder."""
    folder = None if reader.document is None else reader.document.file.parent / "sources"
    copies = sorted(folder.glob("*.py")) if folder is not None else []
    return " ".join(f"--code {copy}" for copy in copies) or "--code my_code.py"


def with_article(noun: str) -> str:
    """Return a noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _line(part: Any, path: Path) -> str:
    """Return the part as a line to paste: after the key whose value it is, or as an item of a list."""
    inline = dump_inline(part)
    if path and isinstance(path[-1], str):
        return f"{path[-1]}: {inline}"
    return inline if isinstance(part, str) else inline[1:-1]


def names_a_part(categories: tuple[str, ...], value: Mapping[Any, Any]) -> bool:
    """Return whether a mapping has the name of a part as the value of a key such as `name` or `type`."""
    keys = [key for key in other_names.tables()["name_keys"] if isinstance(value.get(key), str)]
    return any(_names(category, value[key]) for key in keys for category in categories)


def list_hint(categories: tuple[str, ...], value: object, reader: Reader) -> str:
    """Return the hint for a value that is neither text nor a mapping."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        found = [(category, name) for category in categories for name in _names(category, value[0])]
        parts = (part_as_plain(category, name, value[1:] or None, reader) for category, name in found)
        part = next((one for one in parts if one is not None), None)
        if part is not None:
            return f"write {dump_inline(part)}"
    names = [name for category in categories for name in lookup.names(category)]
    return f"write a name, such as {other_names.usual(names)[0]}"


def positional_hint(entry: Entry, given: list[Any] | str, reader: Reader) -> str | None:
    """Return the hint for several values in place of the first argument: the arguments by their names."""
    words = given.split(",") if isinstance(given, str) else given
    values = [next(readings(one), one.strip()) if isinstance(one, str) else one for one in words]
    columns = entry.parameters.get("columns")
    if columns is not None and entry.positional != "columns" and columns.kind.accepts(values):
        return f"write {entry.name}: {dump_inline({'columns': values})}"
    part = part_as_plain(entry.category, entry.name, values, reader, complete=True)
    return None if part is None else f"write {_line(part, ())}"


def missing_arguments_hint(entry: Entry, given: set[str], path: Path, config: Mapping[str, Any]) -> str:
    """Return the line of an entry with the arguments that it has and those that it lacks."""
    held = value_at(config, path)
    examples = _examples(entry)
    missing = {name: examples.get(name) for name in required_arguments(entry) if name not in given}
    own = held if isinstance(held, dict) else {next(iter(given)): held} if given and held is not None else {}
    known = {key: value for key, value in own.items() if key in entry.parameters}
    return f"write {entry.name}: {dump_inline({**missing, **known})}"


def value_at(config: Any, path: Iterable[str | int]) -> Any:
    """Return the value at a path of plain data; None where there is none."""
    for key in path:
        if isinstance(config, dict):
            config = config.get(key)
        else:
            config = config[key] if isinstance(config, list) and isinstance(key, int) and key < len(config) else None
    return config


def _examples(entry: Entry) -> dict[str, Any]:
    """Return examples of the required arguments of an entry."""
    example = example_part(entry)
    values = example.get(entry.name) if isinstance(example, dict) else None
    if values is None or (isinstance(values, dict) and set(values) <= set(entry.parameters)):
        return values or {}
    required = required_arguments(entry)
    return {required[0]: values} if required else {}
