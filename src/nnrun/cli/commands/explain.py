"""Where a value of a config comes from: `nnrun explain FILE:training.epochs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.describe import ArgumentDescription, Description
    from nnrun.cli.terminal.screen import Screen
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path
    from nnrun.spec.findings.explanations import Explanation
    from nnrun.spec.origin import Origin


_OWNERS = {"Keras": "Keras' default", "nnrun": "nnrun's default", "the user's code": "the default of your own code"}


def tell_origin(question: str, sets: Sequence[str], *, as_json: bool) -> None:
    """Say where the value that `FILE:PATH` names comes from, every place it has, the one in force last.

    Raises:
        ConfigError: The file is no config.
        NnrunError: There is no such value.
    """
    from nnrun.cli.commands.configs import located
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.config import dotted, extends, overrides
    from nnrun.spec.origin import origin

    file, _, path = question.rpartition(":")
    words = dotted.split_path(path)
    if not file or not words:
        raise NnrunError(f"expected FILE:PATH, received '{question}'", "nnrun explain my.yaml:training.epochs")
    document = overrides.apply(extends.read(located(file)), sets)
    found = origin(document, words)
    if as_json:
        put_json(_as_json(document, found))
    else:
        put_origin(Screen.out(), document, found)


def put_origin(screen: Screen, document: Document, found: Origin) -> None:
    """Write the value in force, and each place that says it."""
    from nnrun.cli.terminal.layout import put_paragraph
    from nnrun.cli.terminal.screen import visible
    from nnrun.config.dotted import join_path

    screen.put(screen.style(visible(f"{join_path(found.path)}: {found.note or _shown(found.value)}"), bold=True))
    if found.default_of is not None:
        put_paragraph(screen, _OWNERS[found.default_of], "  ")
    for mark in found.places[:-1]:
        put_paragraph(screen, f"{place(mark)}: {said(mark)}", "  ")
    for mark in found.places[-1:]:
        put_paragraph(screen, f"{place(mark)}: {_shown(found.value)}  (in force)", "  ")
    below = list(_below(document, found))
    if below:
        screen.put()
    for path, value, mark in below:
        put_paragraph(screen, f"{join_path(path)}: {_shown(value)}  ({place(mark)})", "  ")


def place(mark: Mark) -> str:
    """Name a place as a person reads it: the file and its line, or the option."""
    return f"--set {mark.text}" if mark.file == "--set" else f"{mark.file} line {mark.line}"


def said(mark: Mark) -> str:
    """Give what stands at a place; of what goes on over several lines, its beginning."""
    start = mark.column - 1
    word, after = mark.text[start : start + mark.length], mark.text[start + mark.length :].strip()
    goes_on = word[:1] in "[{" and word[-1:] not in "]}"
    if after[:1] in ("", ",", "]", "}", "#") and not goes_on and word != "-":
        return word
    return f"{mark.text[start:].strip()} ..."


def _shown(value: Any) -> str:
    """Give a value on one line; a long list or mapping by its size, as its contents follow line by line."""
    from nnrun.config.dump import dump_inline

    longest = 60
    written = dump_inline(value)
    if len(written) <= longest or not isinstance(value, (dict, list)):
        return written
    return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"


def _below(document: Document, found: Origin) -> Iterator[tuple[Path, Any, Mark]]:
    """Give every single value inside a list or mapping that the config says, with its place in force."""
    if found.default_of is None:
        yield from _leaves(document, found.path, found.value, top=True)


def _leaves(document: Document, path: Path, value: Any, *, top: bool = False) -> Iterator[tuple[Path, Any, Mark]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _leaves(document, (*path, key), item)
    if not top and not (isinstance(value, (dict, list)) and value):
        yield path, value, document.mark(path)


def _as_json(document: Document, found: Origin) -> dict[str, Any]:
    from nnrun.config.dotted import join_path

    return {
        "path": join_path(found.path),
        "value": found.value,
        "default_of": found.default_of,
        "note": found.note,
        "places": [_place_json(mark) for mark in found.places],
        "below": [
            {"path": join_path(path), "value": value, **_place_json(mark)}
            for path, value, mark in _below(document, found)
        ],
    }


def _place_json(mark: Mark) -> dict[str, Any]:
    return {"file": mark.file, "line": mark.line, "column": mark.column, "said": said(mark)}


@click.command()
@click.argument("name", shell_complete=completion.question)
@options.sets
@options.knows_code
@options.as_json
def explain(name: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Say what a name means, or whence a value comes.

    NAME is that of a layer, loss, optimizer, metric, callback, source, preparation step, ..., that of a finding of
    `nnrun check`, or FILE:PATH.

    \b
    nnrun explain Conv2D
    nnrun explain adam
    nnrun explain monitor-unknown
    nnrun explain my.yaml:training.epochs
    nnrun explain MyLayer --code my_code.py
    """  # noqa: D301
    if ":" in name or sets:
        tell_origin(name, sets, as_json=as_json)
        return
    # No part's name holds a hyphen, and all findings' but one do.
    if "-" in name or name == "undecided":
        _tell_finding(name, as_json=as_json)
        return
    from nnrun.catalog.describe import describe
    from nnrun.catalog.lookup import CATEGORIES, find, names_and_aliases
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.config.hints import did_you_mean

    found = [describe(entry) for entry in find(name)]
    if not found:
        near = did_you_mean(name, [word for category in CATEGORIES for word in names_and_aliases(category)])
        raise NnrunError(
            f"nothing that a config can name is called '{name}'", near or "names are those of Keras: Conv2D, Adam, mse"
        )
    if as_json:
        put_json([description.as_json() for description in found])
        return
    screen = Screen.out()
    for number, description in enumerate(found):
        if number:
            screen.put()
        put_description(screen, description)


def _tell_finding(name: str, *, as_json: bool) -> None:
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.config.hints import did_you_mean
    from nnrun.spec.findings.explanations import EXPLANATIONS

    found = EXPLANATIONS.get(name)
    if found is None:
        near = did_you_mean(name, list(EXPLANATIONS))
        raise NnrunError(f"no finding is called '{name}'", near or f"there are: {', '.join(sorted(EXPLANATIONS))}")
    if as_json:
        put_json({"name": name, **found._asdict()})
    else:
        put_finding(Screen.out(), name, found)


def put_finding(screen: Screen, name: str, found: Explanation) -> None:
    """Write what a finding means, with a wrong and a right example."""
    from nnrun.cli.terminal.layout import put_paragraph

    screen.put(f"{screen.style(name, bold=True)}  ({found.severity})")
    put_paragraph(screen, found.what)
    put_paragraph(screen, found.why)
    if found.severity != "error":
        put_paragraph(screen, f"Not to be told of it, write at the top of the config: silence: [{name}]")
    for heading, text in (("wrong", found.wrong), ("right", found.right)):
        if text.strip():
            screen.put()
            screen.put(screen.style(f"# {heading}", fg="red" if heading == "wrong" else "green"))
            for line in text.strip("\n").split("\n"):
                screen.put(line)


def put_description(screen: Screen, description: Description) -> None:
    """Write what there is to say of one entry."""
    from nnrun.cli.terminal.layout import put_paragraph, put_terms

    origin = {"keras": "Keras", "user": "your own"}.get(description.origin, description.origin)
    screen.put(f"{screen.style(description.name, bold=True)}  ({description.category}, {origin})")
    put_paragraph(screen, description.summary)
    if description.aliases:
        put_paragraph(screen, f"also: {', '.join(description.aliases)}")
    if description.refused:
        put_paragraph(screen, f"No config can use it: {description.refused}")
    if description.example:
        screen.put()
        screen.put(f"  {description.example}")
    if description.arguments:
        screen.put()
        put_terms(screen, [(row.name, argument(row)) for row in description.arguments], "  ")
    if description.call:
        screen.put()
        put_paragraph(screen, "under call:")
        put_terms(screen, description.call, "  ")


def argument(row: ArgumentDescription) -> str:
    """Give one argument's meaning: what it takes, its default, and what it is for."""
    default = "required" if row.required else f"default {row.default}"
    return f"{row.expects}; {default}" + (f"\n{row.summary}" if row.summary else "")
