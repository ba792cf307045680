"""Descriptions of entries for `nnrun explain` and the reference, each with an example as a config writes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import PythonOnly
from nnrun.config.dump import dump_inline
from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry, Parameter


@dataclass(frozen=True)
class ArgumentDescription:
    """One argument of an entry.

    Attributes:
        name: Its name.
        expects: Its kind, as the end of "expected ...".
        required: Whether it must be given.
        default: Its default as YAML; empty where it must be given.
        summary: Its description.
    """

    name: str
    expects: str
    required: bool
    default: str
    summary: str


@dataclass(frozen=True)
class Description:
    """Everything that the catalog holds of an entry.

    Attributes:
        name: Its canonical name.
        category: Its category.
        summary: Its description.
        origin: `keras`, `keras_hub`, `nnrun`, `sklearn` or `user`.
        aliases: Other names for it.
        example: One line of YAML that names it; empty where a config cannot use it.
        arguments: Its arguments in the order of the signature.
        call: The arguments under `call:`, with their descriptions.
        refused: Why a config cannot use it, or None.
    """

    name: str
    category: str
    summary: str
    origin: str
    aliases: tuple[str, ...]
    example: str
    arguments: tuple[ArgumentDescription, ...]
    call: tuple[tuple[str, str], ...]
    refused: str | None

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
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
        example="" if entry.refused else _as_line(example_part(entry)),
        arguments=tuple(_describe_argument(parameter) for parameter in entry.parameters.values()),
        call=tuple(entry.call.items()),
        refused=entry.refused,
    )


def _describe_argument(parameter: Parameter) -> ArgumentDescription:
    default = "" if parameter.required else dump_inline(parameter.default)
    return ArgumentDescription(parameter.name, parameter.kind.expects, parameter.required, default, parameter.summary)


def _as_line(part: Any) -> str:
    return (
        dump_inline(part)
        if isinstance(part, str)
        else ", ".join(f"{name}: {dump_inline(value)}" for name, value in part.items())
    )


@cache
def _examples() -> dict[str, dict[str, Any]]:
    return load_package_data(Path(__file__).with_name("examples.yaml"))


def example_value(entry: Entry, parameter: Parameter) -> Any:
    """Return a value for a required parameter; None where only Python code could give one."""
    if isinstance(parameter.kind, PythonOnly):
        return None
    of_entry = _examples()["entries"].get(entry.name, {})
    return of_entry.get(parameter.name, _examples()["parameters"].get(parameter.name))


def example_part(entry: Entry) -> Any:
    """Return the entry as a config writes it: a word, a word with one value, or a mapping of required arguments."""
    if entry.hub is not None:
        return {entry.name: dict(entry.hub["example"])}
    arguments = {each.name: example_value(entry, each) for each in entry.parameters.values() if each.required}
    if not arguments:
        return entry.name
    single = arguments.get(entry.positional) if entry.positional else None
    if list(arguments) == [entry.positional] and not isinstance(single, dict):
        return {entry.name: single}
    return {entry.name: arguments}
