"""Formats of dates that are found from the dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.csv.date_proposals import fitting_formats
from nnrun.data.csv.dates import days_since_epoch

FORMATS = (
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d/%m/%y", "%Y/%m/%d", "%Y-%m", "%m/%Y", "%d %b %Y", "%B %d, %Y"),
    *("%b-%y", "%d-%b-%Y", "%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%a, %d %b %Y %H:%M:%S GMT", "%G-W%V"),
    *("%I:%M %p %d.%m.%Y", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%f", "%A %d %B %Y", "%Y/%j"),
)
#: Those of which two digits are enough.
YEARS = (datetime(1970, 1, 1), datetime(2068, 12, 31))  # noqa: DTZ001 - hypothesis adds the zone


@given(st.lists(st.datetimes(*YEARS, timezones=st.just(UTC)), min_size=1), st.sampled_from(FORMATS))
def test_dates_of_a_format_are_read_back_by_one_that_is_found(moments: list[datetime], date_format: str) -> None:
    """Every format that is found reads every date, and one of them as it was meant."""
    texts = [moment.strftime(date_format) for moment in moments]
    meant = [days_since_epoch(text, date_format) for text in texts]
    readings = [[days_since_epoch(text, form) for text in texts] for form in fitting_formats(texts)]
    assert all(day is not None for reading in readings for day in reading)
    assert meant in readings


@given(st.lists(st.text(max_size=12), max_size=3))
def test_any_texts_have_formats_or_none(texts: list[str]) -> None:
    """No text makes an error."""
    assert all(days_since_epoch(text, form) is not None for form in fitting_formats(texts) for text in texts)


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["3/14/15", "3/4/15"], ["%m/%d/%y"]),
        (["3/4/15", "14/3/15"], ["%d/%m/%y"]),
        (["3/4/15"], ["%d/%m/%y", "%m/%d/%y"]),
        (["May 2021", "May 2022"], ["%b %Y"]),
        (["01.01.2021", "2021-01-01"], []),
        (["31.02.2021"], []),
        (["192.168.1.1"], []),
        (["v1.2.3"], []),
        (["12:30"], []),
        (["hello 5"], []),
        ([], []),
    ],
)
def test_only_formats_that_read_every_row_are_found(texts: list[str], formats: list[str]) -> None:
    """What one row rules out is not proposed; what no row rules out is, the day before the month first."""
    assert fitting_formats(texts) == formats
