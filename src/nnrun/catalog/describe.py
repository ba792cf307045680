"""What `nnrun explain Conv2D` says of an entry, as plain data for the screen or for `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog.examples import example_of
from nnrun.config.dump import flow

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry, Parameter


@dataclass(frozen=True)
class Row:
    """One argument of an entry.

    Attributes:
        name: Its name.
        expects: What it takes, as the end of "expected ...".
        required: Whether it must be given.
        default: Its default as YAML; empty where it must be given.
        summary: What it means.
    """

    name: str
    expects: str
    required: bool
    default: str
    summary: str


@dataclass(frozen=True)
class Description:
    """Everything that there is to say of an entry.

    Attributes:
        name: Its canonical name.
        category: Its category.
        summary: What it is.
        origin: `keras`, `nnrun` or `user`.
        aliases: Other words for it.
        example: One line of YAML that names it; empty where a config cannot.
        arguments: Its arguments in the order of the signature.
        call: The arguments that stand under `call:`, with what they mean.
        refused: Why no config can use it, or None.
    """

    name: str
    category: str
    summary: str
    origin: str
    aliases: tuple[str, ...]
    example: str
    arguments: tuple[Row, ...]
    call: tuple[tuple[str, str], ...]
    refused: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        data = asdict(self)
        return {**data, "aliases": list(self.aliases), "arguments": list(data["arguments"]), "call": dict(self.call)}


def describe(entry: Entry) -> Description:
    """Describe one entry of the catalog."""
    return Description(
        name=entry.name,
        category=entry.category,
        summary=entry.summary,
        origin=entry.origin,
        aliases=entry.aliases,
        example="" if entry.refused else _line(example_of(entry)),
        arguments=tuple(_row(parameter) for parameter in entry.parameters.values()),
        call=tuple(entry.call.items()),
        refused=entry.refused,
    )


def _row(parameter: Parameter) -> Row:
    default = "" if parameter.required else flow(parameter.default)
    return Row(parameter.name, parameter.kind.expects, parameter.required, default, parameter.summary)


def _line(part: Any) -> str:
    return flow(part) if isinstance(part, str) else ", ".join(f"{name}: {flow(value)}" for name, value in part.items())
