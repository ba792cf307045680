"""The types of columns that a config states, with the formats of dates and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from nnrun.data.csv.dates import check_date_format
from nnrun.data.csv.number_format import NumberFormat, number_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.csv.type_inference import ColumnType

#: A column's type as a config states it: its name, `{date: FORMAT}`, or how its numbers are written.
StatedType: TypeAlias = "ColumnType | Literal['percent'] | dict[str, str]"


@dataclass(frozen=True)
class StatedTypes:
    """What a config states about columns.

    Attributes:
        kinds: The types of columns.
        dates: The formats of dates by column.
        numbers: How the numbers of columns are written.
    """

    kinds: dict[str, ColumnType]
    dates: dict[str, str]
    numbers: dict[str, NumberFormat]


def column_types(source: str, types: Mapping[str, StatedType] | None, decimal: str, thousands: str) -> StatedTypes:
    """Return what a config states about the types of columns.

    Args:
        source: The source's name, for messages.
        types: What the config states.
        decimal: The decimal mark of the file.
        thousands: The separator of thousands of the file.

    Raises:
        ValueError: A format is not one of dates or numbers.
    """
    kinds: dict[str, ColumnType] = {}
    dates: dict[str, str] = {}
    numbers: dict[str, NumberFormat] = {}
    for name, stated in (types or {}).items():
        try:
            if isinstance(stated, dict) and list(stated) == ["date"]:
                check_date_format(stated["date"])
                kinds[name], dates[name] = "date", stated["date"]
            elif isinstance(stated, dict) or stated == "percent":
                form = stated if isinstance(stated, dict) else {"type": stated}
                kinds[name], numbers[name] = "number", number_format(form, decimal, thousands)
            else:
                kinds[name] = stated
        except ValueError as error:
            raise ValueError(f"{source}: types: {name}: {error}") from None
    return StatedTypes(kinds, dates, numbers)
