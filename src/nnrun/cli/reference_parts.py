"""The pages of parts: each category of the catalog with an example and the arguments of every entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.describe import describe, example_part
from nnrun.cli.markdown import block, code, page, plain, table
from nnrun.config.dump import dump_inline
from nnrun.spec.part import read_part

if TYPE_CHECKING:
    from nnrun.catalog.describe import Description
    from nnrun.catalog.lookup import Entry

#: Where a part of each category stands, as the beginning of its example, and what is said of the category.
PLACES = {
    "layers": ("model:\n  - ", "Layers stand in `model:`, in stacks of `define:` and inside wrappers."),
    "optimizers": ("training:\n  optimizer: ", "The optimizer stands in `training:`."),
    "schedules": ("learning_rate: ", "A schedule stands in the place of an optimizer's `learning_rate`."),
    "losses": ("training:\n  loss: ", "The loss stands in `training:`, or with an output of a graph."),
    "metrics": ("training:\n  metrics:\n    - ", "Metrics stand in `training:`, or with an output of a graph."),
    "callbacks": ("training:\n  callbacks:\n    - ", "Callbacks stand in `training:`."),
    "initializers": ("kernel_initializer: ", "An initializer is a value of a layer's `..._initializer`."),
    "regularizers": ("kernel_regularizer: ", "A regularizer is a value of a layer's `..._regularizer`."),
    "constraints": ("kernel_constraint: ", "A constraint is a value of a layer's `..._constraint`."),
    "activations": ("activation: ", "An activation is a value of a layer's `activation`."),
    "sources": ("data:\n  source: ", "The source stands in `data:`: a named data set, or a reader of files."),
    "preparation": ("data:\n  prepare:\n    - ", "Steps of `data: prepare:`, fitted on the training part alone."),
}


def parts() -> dict[str, str]:
    """Make a page for each category."""
    return {f"parts/{category}.md": _page(category) for category in lookup.CATEGORIES}


def sayable(entry: Entry) -> bool:
    """Tell whether a config can name an entry at all."""
    return entry.refused is None and not read_part(entry.category, example_part(entry))[1]


def _page(category: str) -> str:
    entries = [entry for name in lookup.names(category) if (entry := lookup.entry(category, name)) and sayable(entry)]
    shared = _shared() if category == "layers" else ""
    return page(
        f"# {category.capitalize()}",
        f"{PLACES[category][1]} There are {len(entries)}.",
        shared,
        *(_entry(entry) for entry in entries),
    )


def _shared() -> str:
    """What every layer takes, said once."""
    rows = [row for row in describe(_any_layer()).arguments if row.name in lookup.catalog()["layer_parameters"]]
    said = "Beside its own arguments a layer takes these, unless its section says otherwise:"
    return page(
        said,
        table(
            ("argument", "takes", "default", "meaning"),
            [(code(row.name), plain(row.expects), code(row.default), plain(row.summary)) for row in rows],
        ),
    )


def _any_layer() -> Entry:
    found = lookup.entry("layers", "Dense")
    if found is None:
        raise LookupError("Dense")
    return found


def _entry(entry: Entry) -> str:
    said = describe(entry)
    also = f"Also: {', '.join(code(alias) for alias in said.aliases)}." if said.aliases else ""
    own = " It is nnrun's own." if said.origin == "nnrun" else ""
    place = PLACES[entry.category][0]
    # On the line of a key a mapping stands in braces.
    example = said.example if place.endswith("- ") else dump_inline(example_part(entry))
    call = ", ".join(code(name) for name, _ in said.call)
    return page(
        f"## {said.name}",
        plain(said.summary) + own,
        also,
        block("yaml", place + example),
        _arguments(entry, said),
        f"Under `call:`: {call}." if call else "",
    )


def _arguments(entry: Entry, said: Description) -> str:
    shared = lookup.catalog()["layer_parameters"] if entry.category == "layers" else {}
    rows = [
        (code(row.name), plain(row.expects), "required" if row.required else code(row.default), plain(row.summary))
        for row in said.arguments
        if row.name not in shared
    ]
    return table(("argument", "takes", "default", "meaning"), rows) if rows else ""
