"""`nnrun explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import complete, options
from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from nnrun.catalog.describe import Description, Row
    from nnrun.cli.screen import Screen
    from nnrun.spec.findings.explanation import Explanation


@click.command()
@click.argument("name", shell_complete=complete.question)
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
        from nnrun.cli.origin import tell_origin

        tell_origin(name, sets, as_json=as_json)
        return
    # No part's name holds a hyphen, and all findings' but one do.
    if "-" in name or name == "undecided":
        _tell_finding(name, as_json=as_json)
        return
    from nnrun.catalog.describe import describe
    from nnrun.catalog.lookup import CATEGORIES, find, words
    from nnrun.cli.screen import Screen, put_json
    from nnrun.config.hints import did_you_mean

    found = [describe(entry) for entry in find(name)]
    if not found:
        near = did_you_mean(name, [word for category in CATEGORIES for word in words(category)])
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
    from nnrun.cli.screen import Screen, put_json
    from nnrun.config.hints import did_you_mean
    from nnrun.spec.findings.registry import FINDINGS

    found = FINDINGS.get(name)
    if found is None:
        near = did_you_mean(name, list(FINDINGS))
        raise NnrunError(f"no finding is called '{name}'", near or f"there are: {', '.join(sorted(FINDINGS))}")
    if as_json:
        put_json({"name": name, **found._asdict()})
    else:
        put_finding(Screen.out(), name, found)


def put_finding(screen: Screen, name: str, found: Explanation) -> None:
    """Write what a finding means, with a wrong and a right example."""
    from nnrun.cli.layout import put_paragraph

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
    from nnrun.cli.layout import put_paragraph, put_terms

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


def argument(row: Row) -> str:
    """Give one argument's meaning: what it takes, its default, and what it is for."""
    default = "required" if row.required else f"default {row.default}"
    return f"{row.expects}; {default}" + (f"\n{row.summary}" if row.summary else "")
