"""Every word of the language other than parts and findings, with its meaning, for `nnrun explain`.

Nothing is listed twice: keys come from the sections and constructs, arguments from the catalog, facts of the data from
their class, and names of results from `result_words.yaml`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.catalog import docstrings, lookup, other_names
from nnrun.catalog.describe import example_part
from nnrun.catalog.kinds import (
    NUMBER_FACTS,
    SHAPE_FACTS,
    AnyOf,
    AnyValue,
    Boolean,
    Choice,
    Integer,
    ListOf,
    Number,
    PartOf,
    nested_kinds,
    singular,
)
from nnrun.config.dump import dump_inline
from nnrun.config.files import load_package_data
from nnrun.spec.constructs import CONSTRUCTS, EXPECTED
from nnrun.spec.experiment import Expectation, Experiment
from nnrun.spec.facts import FIELD_MEANINGS, Facts
from nnrun.spec.sweep import RangeSpec
from nnrun.spec.sweep_pruning import PRUNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.kinds import Kind
    from nnrun.spec.section import Key, Section

#: How many parts that have an argument are named.
_MOST_PARTS = 8
_EXTENDS = "The configs on which this one builds: mappings merge, lists replace, null removes."


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes:
        name: The word.
        place: Its dotted path in a config or file.
        what: What it is: `key of training`.
        expects: What it takes, as the end of "expected ..."; empty where it takes nothing.
        default: Its default as YAML; empty where it has none.
        meaning: What it is for.
        example: One line of YAML; empty where none is known.
    """

    name: str
    place: str
    what: str
    expects: str = ""
    default: str = ""
    meaning: str = ""
    example: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return asdict(self)


def find_words(question: str) -> list[Word]:
    """Return the words with a name (`epochs`), or at a dotted path or the end of one (`split.test`, `Dense.units`)."""
    found = [word for word in words() if question in (word.name, word.place)]
    found = found or [word for word in words() if word.place.endswith(f".{question}")]
    return found or _argument_of_part(question)


def word_names() -> list[str]:
    """Return every word once."""
    return list(dict.fromkeys(word.name for word in words()))


def word_places() -> list[str]:
    """Return the dotted paths of all words that have one."""
    return list(dict.fromkeys(word.place for word in words() if word.place != word.name))


def words() -> Iterator[Word]:
    """Yield every word."""
    files = "a file or a list of files"
    yield Word("extends", "extends", "key of the config", files, "", _EXTENDS, "extends: base.yaml")
    yield from _of_section(Experiment, ())
    yield from _of_section(Expectation, ("expect", "PATH"))
    yield from _of_section(RangeSpec, ("sweep", "parameters", "PATH"))
    for name, pruning in PRUNING.items():
        yield from _of_section(pruning, ("sweep", "pruning", name))
    yield from _of_constructs()
    yield from _of_facts()
    yield from _of_parts()
    yield from _of_results()


# Sections -----------------------------------------------------------------------------------------------------------


def _of_section(section: type[Section], path: tuple[str, ...]) -> Iterator[Word]:
    meanings = docstrings.arguments(section.__doc__, "Attributes")
    owner = f"key of {'.'.join(path)}" if path else "key of the config"
    for name, key in section.known_keys().items():
        place, meaning = (*path, name), meanings.get(name, "")
        default = "" if key.required or key.default is None or isinstance(key.kind, type) else dump_inline(_plain(key))
        yield Word(name, ".".join(place), owner, _expects(name, key), default, meaning, _example(place, key))
        if isinstance(key.kind, type):
            yield from _of_section(key.kind, place)
        else:
            yield from _of_options(key.kind, ".".join(place), meaning)


def _plain(key: Key) -> Any:
    return list(key.default) if isinstance(key.default, tuple) else key.default


def _expects(name: str, key: Key) -> str:
    if isinstance(key.kind, type):
        return f"a mapping with {', '.join(key.kind.known_keys())}"
    types = {"model": f"{EXPECTED['stack']}, or a graph", "define": "a mapping of names to lists of layers"}
    untyped = types.get(name, "a mapping of paths into scores.json to figures")
    return untyped if isinstance(key.kind, AnyValue) else key.kind.expects


def _of_options(kind: Kind, place: str, meaning: str) -> Iterator[Word]:
    """Yield the words among which a value is chosen, with what the value is for."""
    options = (option for one in nested_kinds(kind) if isinstance(one, Choice) for option in one.options)
    for option in options:
        if isinstance(option, str):
            line = dump_inline({place.rpartition(".")[2]: option})[1:-1]
            yield Word(option, f"{place}.{option}", f"value of {place}", meaning=meaning, example=line)


def _example(path: tuple[str, ...], key: Key) -> str:
    """Return a line with a value that the key accepts, or nothing where only a config would be one."""
    if isinstance(key.kind, type):
        examples = (_example((*path, name), one) for name, one in key.kind.known_keys().items())
        return next((example for example in examples if example), "")
    value = _example_value(key.kind, key)
    if value is None:
        return ""
    for name in reversed(path):
        value = {name: value}
    return dump_inline(value)[1:-1]


def _example_value(kind: Kind, key: Key | None) -> Any:
    if key is not None and not key.required and key.default not in (None, ()):
        default = _plain(key)
        return not default if isinstance(default, bool) else default
    found = (_value_of(one) for one in (kind.kinds if isinstance(kind, AnyOf) else (kind,)))
    return next((value for value in found if value is not None), None)


def _value_of(kind: Kind) -> Any:
    """Return a usual value of a kind; None where only the data or the config could give one."""
    if isinstance(kind, PartOf):
        name = other_names.usual(lookup.names(kind.categories[0]))[0]
        entry = lookup.entry(kind.categories[0], name)
        return None if entry is None else example_part(entry)
    if isinstance(kind, ListOf):
        item = _value_of(kind.item)
        return None if item is None else [item]
    if isinstance(kind, Number):
        return next((value for value in (0.2, 1.5) if kind.accepts(value)), None)
    simple = {Integer: "minimum", Choice: "options"}.get(type(kind))
    value = True if isinstance(kind, Boolean) else getattr(kind, simple) if simple else None
    return value[-1] if isinstance(value, tuple) else value


# Constructs and facts -----------------------------------------------------------------------------------------------


def _of_constructs() -> Iterator[Word]:
    for name, construct in CONSTRUCTS.items():
        yield Word(name, name, "construct of the model", "a mapping", "", construct.meaning, construct.example)
        for key, one in construct.keys.items():
            default = "" if one.required else one.default
            owner = "layer's own key" if name == "layer" else f"key of {name}"
            yield Word(key, f"{name}.{key}", owner, EXPECTED[one.type], default, one.meaning, construct.example)


def _of_facts() -> Iterator[Word]:
    meanings = docstrings.arguments(Facts.__doc__, "Attributes")
    for fact in (*NUMBER_FACTS, *SHAPE_FACTS):
        kind = "a shape" if fact in SHAPE_FACTS else "an integer"
        yield Word(fact, fact, f"fact of the data, in place of {kind}", meaning=meanings[fact[1:]])
    for field, meaning in FIELD_MEANINGS.items():
        yield Word(field, field, "field of the data, for inputs and targets", meaning=meaning)


# Parts --------------------------------------------------------------------------------------------------------------


def _of_parts() -> Iterator[Word]:
    """Yield every argument of each category once, with the parts that have it."""
    for category in lookup.CATEGORIES:
        entries = [entry for name in lookup.names(category) if (entry := lookup.entry(category, name)) is not None]
        owners: dict[str, list[lookup.Entry]] = {}
        for entry in entries:
            for parameter in (*entry.parameters, *entry.call):
                owners.setdefault(parameter, []).append(entry)
        for parameter, having in owners.items():
            yield _of_argument(parameter, having, category)
        for entry in entries if category in {"sources", "preparation"} else ():
            for one in entry.parameters.values():
                yield from _of_options(one.kind, f"{entry.name}.{one.name}", one.summary)


def _of_argument(name: str, having: list[lookup.Entry], category: str) -> Word:
    order = other_names.usual(entry.name for entry in having)
    first = next(entry for entry in having if entry.name == order[0])
    more = f" and {len(order) - _MOST_PARTS} more" if len(order) > _MOST_PARTS else ""
    nouns = {"losses": "losses", "preparation": "preparation steps"}.get(category, f"{singular(category)}s")
    what = (
        f"argument of {nouns if len(order) > 1 else f'the {singular(category)}'} {', '.join(order[:_MOST_PARTS])}{more}"
    )
    return _argument_word(first, name, what)


def _argument_word(entry: lookup.Entry, name: str, what: str) -> Word:
    parameter, place = entry.parameters.get(name), f"{entry.name}.{name}"
    if parameter is None:
        return Word(name, place, what, "an argument of the layer's call, under call:", "", entry.call.get(name, ""))
    default = "" if parameter.required else dump_inline(parameter.default)
    return Word(name, place, what, parameter.kind.expects, default, parameter.summary)


def _argument_of_part(question: str) -> list[Word]:
    """Return the argument of a part that is asked for as `Dense.units`, whatever stands before the part."""
    *_, part, name = ["", "", *question.split(".")]
    return [
        _argument_word(entry, name, f"argument of the {singular(category)} {entry.name}")
        for category in lookup.CATEGORIES
        if (entry := lookup.entry(category, part)) is not None and (name in entry.parameters or name in entry.call)
    ]


# Results ------------------------------------------------------------------------------------------------------------


def _of_results() -> Iterator[Word]:
    for file, names in load_package_data(FilePath(__file__).with_name("result_words.yaml")).items():
        for name, meaning in names.items():
            yield Word(name, f"{file}.{name}", f"name in {file}", meaning=meaning)
