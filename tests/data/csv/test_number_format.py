"""Numbers as they are written: marks, units, percent signs and negative amounts."""

from __future__ import annotations

from decimal import Decimal
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnrun.data.csv.number_format import THOUSANDS, NumberFormat, check_marks, number_format
from nnrun.data.csv.written import written_as

POINT, COMMA = NumberFormat(), NumberFormat(",")


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        (POINT, "-5", -5),
        (POINT, "+3", 3),
        (POINT, "1e3", 1000),
        (POINT, ".5", 0.5),
        (POINT, "5.", 5),
        (POINT, "\N{MINUS SIGN}5", -5),
        (POINT, "1e\N{MINUS SIGN}2", 0.01),
        (POINT, "1,5", None),
        (POINT, "1_000", None),
        (POINT, "inf", None),
        (POINT, "nan", None),
        (COMMA, "1,5", 1.5),
        (COMMA, "\N{MINUS SIGN}1,5", -1.5),
        (COMMA, "1.000", None),
        (NumberFormat(thousands=","), "78,697", 78697),
        (NumberFormat(thousands=","), "1,234,567.5", 1234567.5),
        (NumberFormat(thousands=","), "12,34,567", 1234567),
        (NumberFormat(thousands=","), "950", 950),
        (NumberFormat(thousands=","), "12345", 12345),
        (NumberFormat(thousands=","), "1,23", None),
        (NumberFormat(thousands=","), "0,123", None),
        (NumberFormat(thousands=","), ",123", None),
        (NumberFormat(thousands=","), "1,2345", None),
        (NumberFormat(",", "."), "1.234,56", 1234.56),
        (NumberFormat(",", "."), "1.234", 1234),
        (NumberFormat(thousands="'"), "1'234.5", 1234.5),
        (NumberFormat(thousands="'"), "1\N{RIGHT SINGLE QUOTATION MARK}234", 1234),
        (NumberFormat(",", " "), "1 234,5", 1234.5),
        (NumberFormat(",", " "), "1\N{NO-BREAK SPACE}234", 1234),
        (NumberFormat(",", " "), "1\N{NARROW NO-BREAK SPACE}234", 1234),
        (NumberFormat(unit="$", thousands=","), "$1,200.50", 1200.5),
        (NumberFormat(unit="$"), "-$5", -5),
        (NumberFormat(unit="$"), "$-5", -5),
        (NumberFormat(unit="$"), "5", 5),
        (NumberFormat(unit="$"), "$$5", None),
        (NumberFormat(unit="$"), "€5", None),
        (NumberFormat(",", ".", unit="€"), "1.234,56 €", 1234.56),
        (NumberFormat(unit="USD"), "USD 5", 5),
        (NumberFormat(unit="kg"), "12kg", 12),
        (NumberFormat(unit="kg"), "12 g", None),
        (NumberFormat(thousands=",", negative="parentheses"), "(1,200)", -1200),
        (NumberFormat(unit="$", thousands=",", negative="parentheses"), "($1,200)", -1200),
        (NumberFormat(unit="$", negative="parentheses"), "$(5)", -5),
        (NumberFormat(negative="parentheses"), "(-5)", None),
        (NumberFormat(), "(5)", None),
        (NumberFormat(negative="trailing"), "5-", -5),
        (NumberFormat(negative="trailing"), "-5", -5),
        (NumberFormat(percent=True), "11.2%", 0.112),
        (NumberFormat(percent=True), "-3 %", -0.03),
        (NumberFormat(percent=True), "11.2", None),
        (NumberFormat(unit="%"), "11.2%", 11.2),
    ],
)
def test_a_number_is_read_as_its_format_says(form: NumberFormat, text: str, number: float | None) -> None:
    """What fits the format is the number that was meant, to the last bit; all else is none."""
    assert form.parse(text) == number


FORMATS = st.builds(
    NumberFormat,
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", *THOUSANDS]),
    unit=st.sampled_from(["", "$", "€", "kg", "USD", "°C", "%"]),
    negative=st.sampled_from(["sign", "parentheses", "trailing"]),
    percent=st.booleans(),
).filter(lambda form: form.decimal != form.thousands and not (form.percent and form.unit == "%"))


def written(number: float, form: NumberFormat, *, unit_first: bool) -> str:
    """Return a number in a format, with all the digits that it needs."""
    shown = Decimal(repr(abs(number)))
    digits = f"{shown:,f}".replace(",", "T").replace(".", form.decimal).replace("T", form.thousands)
    if form.percent:
        digits += "%"
    if form.unit:
        digits = f"{form.unit} {digits}" if unit_first else f"{digits} {form.unit}"
    if number >= 0:
        return digits
    return {"sign": f"-{digits}", "parentheses": f"({digits})", "trailing": f"{digits}-"}[form.negative]


@given(st.floats(-1e15, 1e15), FORMATS, st.booleans())
def test_any_number_comes_back_from_any_format(number: float, form: NumberFormat, unit_first: bool) -> None:
    """A number written in a format is read as the same float; a percentage as the float nearest to its hundredth."""
    expected = float(Decimal(repr(number)) / 100) if form.percent else number
    assert form.parse(written(number, form, unit_first=unit_first)) == expected


@given(st.lists(st.integers(-(10**9), 10**9).map(lambda value: value / 4), min_size=1), FORMATS)
def test_a_format_is_found_from_the_numbers(numbers: list[float], form: NumberFormat) -> None:
    """Of numbers that are not plain, every format that is found reads every one, and one of them as it was meant."""
    # A percent sign counts as one, and a unit next to it is not looked for.
    assume(form.unit != "%" and not (form.percent and form.unit))
    texts = [written(number, form, unit_first=form.unit in ("$", "USD")) for number in numbers]
    found = written_as(texts, NumberFormat())
    if found is None:
        assert all(NumberFormat().parse(text) is not None for text in texts)
        return
    readings = [[one.parse(text) for text in texts] for one in found.numbers]
    assert all(value is not None for reading in readings for value in reading)
    assert [form.parse(text) for text in texts] in readings


@given(st.text(max_size=8), FORMATS)
def test_any_text_is_a_finite_number_or_none(text: str, form: NumberFormat) -> None:
    """No text makes an error, and no number is infinite or not a number."""
    found = form.parse(text)
    assert found is None or abs(found) < inf


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({"type": "percent"}, NumberFormat(",", ".", percent=True)),
        ({"decimal": "."}, NumberFormat(".")),
        ({"decimal": ".", "thousands": ","}, NumberFormat(".", ",")),
        ({"unit": "kg"}, NumberFormat(",", ".", "kg")),
    ],
)
def test_what_a_column_states_goes_before_the_file(stated: dict[str, str], found: NumberFormat) -> None:
    """A column has the marks of its file unless it states its own."""
    assert number_format(stated, ",", ".") == found


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        ({"units": "kg"}, "received 'units'"),
        ({"type": "date"}, "type expected number or percent"),
        ({"negative": "red"}, "negative expected sign, parentheses or trailing"),
        ({"unit": "5 kg"}, "unit expected a text without digits"),
        ({"thousands": "."}, "two different marks"),
        ({"thousands": ";"}, "thousands expected one of"),
        ({"decimal": "-"}, "decimal expected"),
    ],
)
def test_a_format_that_cannot_be_is_refused(stated: dict[str, str], text: str) -> None:
    """The message names the key and what it may be."""
    with pytest.raises(ValueError, match=text):
        number_format(stated, ".", "")


def test_one_mark_cannot_mean_two_things() -> None:
    """A comma for decimals and thousands is refused."""
    with pytest.raises(ValueError, match="two different marks, received ',' for both"):
        check_marks(",", ",")
