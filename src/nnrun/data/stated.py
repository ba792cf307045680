"""The types of columns as a config states them: `{when: date, zip: category, born: {date: '%d.%m.%Y'}}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.dates import refuse_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.scan import Kind


def kinds_and_forms(
    source: str, types: Mapping[str, Kind | dict[str, str]] | None
) -> tuple[dict[str, Kind], dict[str, str]]:
    """What columns hold, and how the dates of some are written.

    Args:
        source: The word of the config, for messages.
        types: What the config states.

    Raises:
        ValueError: A date's format is none, or a column is stated to be something else.
    """
    kinds: dict[str, Kind] = {}
    forms: dict[str, str] = {}
    for name, said in (types or {}).items():
        if isinstance(said, str):
            kinds[name] = said
            continue
        if set(said) != {"date"}:
            what = ", ".join(said) or "nothing"
            text = f"number, text, category, date or {{date: '%d.%m.%Y'}}, received a mapping of {what}"
            raise ValueError(f"{source}: types: {name} expected {text}")
        try:
            refuse_form(said["date"])
        except ValueError as error:
            raise ValueError(f"{source}: types: {name}: {error}") from None
        kinds[name], forms[name] = "date", said["date"]
    return kinds, forms
