"""The page of the language: every section with its keys, and the forms of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import docstrings
from nnrun.catalog.kinds import NUMBER_FACTS, SHAPE_FACTS, AnyValue
from nnrun.cli.markdown import block, code, page, plain, table
from nnrun.config.dump import dump_inline
from nnrun.spec.constructs import CONSTRUCTS, EXPECTED
from nnrun.spec.experiment import Expectation, Experiment
from nnrun.spec.facts import FIELDS
from nnrun.spec.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.constructs import Construct
    from nnrun.spec.section import Key

#: What stands where the table of keys says no more than "any value".
_BY_HAND = {
    "model": "a list of layers, or a graph",
    "define": "a mapping of names to lists of layers",
    "expect": "a mapping of paths into scores.json to figures",
}
_HEADINGS = ("key", "takes", "default", "meaning")


def language() -> str:
    """Make the page."""
    return page(
        "# The language",
        "A config is one YAML 1.2 file. Its keys stand in the order in which they are usually written; what has no "
        "default must be there. Parts (layers, optimizers, losses, ...) are named as Keras names them: a bare word "
        "(`Flatten`), a mapping with one key (`Dense: {units: 8}`), or a lone value for the first argument "
        "(`Dropout: 0.2`). The pages of [parts](parts/layers.md) list them.",
        *(_section(path, section) for path, section in _sections("", Experiment)),
        _section("expect.PATH", Expectation),
        "## `extends`",
        "Stands at the top of a file: the config, or the list of configs, that this one is laid over. Mappings merge, "
        "lists replace, null removes, and nothing else is required.",
        *(_form(name, form) for name, form in CONSTRUCTS.items()),
        _facts(),
    )


def _sections(path: str, section: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    yield path, section
    for name, key in section.known_keys().items():
        if isinstance(key.kind, type):
            yield from _sections(f"{path}.{name}" if path else name, key.kind)


def _section(path: str, section: type[Section]) -> str:
    meanings = docstrings.arguments(section.__doc__, "Attributes")
    rows = [
        (code(name), plain(_takes(name, key)), _default(name, key), plain(meanings.get(name, "")))
        for name, key in section.known_keys().items()
    ]
    return page(
        f"## `{path}`" if path else "## The top", plain(docstrings.summary(section.__doc__)), table(_HEADINGS, rows)
    )


def _takes(name: str, key: Key) -> str:
    if isinstance(key.kind, type):
        return "a mapping, see below"
    return _BY_HAND.get(name, key.kind.expects) if isinstance(key.kind, AnyValue) else key.kind.expects


def _default(name: str, key: Key) -> str:
    if key.required:
        return "the file's name" if name == "name" else "required"
    if isinstance(key.default, Section):
        return "as below"
    return code(dump_inline(key.default))


def _form(name: str, form: Construct) -> str:
    rows = [
        (code(key), plain(EXPECTED[row.type]), "required" if row.required else plain(row.default), plain(row.meaning))
        for key, row in form.keys.items()
    ]
    return page(
        f"## {'`model` as a graph' if name == 'model' else f'`{name}`' if name in _MACROS else _TITLES[name]}",
        plain(form.meaning),
        block("yaml", form.example),
        table(_HEADINGS, rows),
    )


_MACROS = ("repeat", "residual", "use")
_TITLES = {"layer": "Beside a layer's arguments", "output": "An output"}


def _facts() -> str:
    said = [(code(word), "an integer") for word in NUMBER_FACTS]
    said += [(code(word), "a shape") for word in SHAPE_FACTS]
    said += [(code(word), "in `inputs` and as a `target`: a field of the data") for word in FIELDS]
    return page(
        "## Facts from the data",
        "Words with a dollar stand for what the data teach.",
        table(("word", "where it may stand"), said),
    )
