"""Numbers and dates that are written in a way of their own: the hint is a line that reads every row."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.quality import check_quality
from nnrun.errors import DataError
from nnrun.spec.finding import Finding


def rows(*fields: str) -> list[str]:
    """Return twelve fields for a column, these over and over; most of them are no plain numbers."""
    return [fields[index % len(fields)] if index % 3 == 1 else fields[0] for index in range(12)]


#: Columns of messy files, the line that reads each of them, and the number that its first field then is.
NUMBERS: list[tuple[list[str], str, float]] = [
    (rows("78,697", "950", "1,200.5"), "thousands: ','", 78697),
    (rows("1,234,567", "12,34,567"), "thousands: ','", 1234567),
    (rows("1'234.5", "2'000"), 'thousands: "\'"', 1234.5),
    (rows("1\N{RIGHT SINGLE QUOTATION MARK}234", "7"), 'thousands: "\'"', 1234),
    (rows("1 234", "12"), "thousands: ' '", 1234),
    (rows("1\N{NARROW NO-BREAK SPACE}234", "12"), "thousands: ' '", 1234),
    (rows("11.2%", "3 %"), "types: {v: percent}", 0.112),
    (rows("$1,200.50", "-$5"), "types: {v: {unit: $, thousands: ','}}", 1200.5),
    (rows("USD 5", "USD 7"), "types: {v: {unit: USD}}", 5),
    (rows("($1,200)", "$3,400.5"), "types: {v: {unit: $, thousands: ',', negative: parentheses}}", -1200),
    (rows("12 kg", "3 kg", "4"), "types: {v: {unit: kg}}", 12),
    (rows("20.5°C", "-3°C"), "types: {v: {unit: °C}}", 20.5),
    (rows("5%", "0.5"), "types: {v: {unit: '%'}}", 5),
    (rows("(1.5)", "2"), "types: {v: {negative: parentheses}}", -1.5),
    (rows("1200-", "7"), "types: {v: {negative: trailing}}", -1200),
    (rows("1,234.5", "unknown"), "thousands: ',' and missing: [unknown]", 1234.5),
    (rows("12,5 %", "3,75 %"), "types: {v: {type: percent, decimal: ','}}", 0.125),
    (rows("1.234,56", "1.200"), "decimal: ',', thousands: '.', separator: ','", 1234.56),
    (rows("1,5", "2,25"), "decimal: ',', separator: ','", 1.5),
    (rows("1.234,56 €", "5 €"), "types: {v: {decimal: ',', thousands: '.', unit: €}}", 1234.56),
]
DATES: list[tuple[list[str], str]] = [
    (rows("01.01.2021 09:00", "31.12.2021 23:59"), "%d.%m.%Y %H:%M"),
    (rows("1949-01", "1949-12"), "%Y-%m"),
    (rows("3/14/15", "3/4/15"), "%m/%d/%y"),
    (rows("14/3/15", "3/4/15"), "%d/%m/%y"),
    (rows("5 Jan 2021", "17 Dec 2020"), "%d %b %Y"),
    (rows("January 5, 2021", "May 17, 2020"), "%B %d, %Y"),
    (rows("Jan-49", "Dec-50"), "%b-%y"),
    (rows("Q1 2020", "Q4 2021"), "Q%q %Y"),
    (rows("2021-W05", "2020-W53"), "%G-W%V"),
    (rows("Mon, 04 Jan 2021 09:00:00 GMT", "Tue, 05 Jan 2021 10:30:00 GMT"), "%a, %d %b %Y %H:%M:%S %Z"),
    (rows("2021-01-05 09:00:00 +0100", "2021-07-05 09:00:00 +0200"), "%Y-%m-%d %H:%M:%S %z"),
    (rows("12/25/2021 11:59 PM", "1/5/2021 9:05 AM"), "%m/%d/%Y %I:%M %p"),
    (rows("20210105T090000", "20211231T235959"), "%Y%m%dT%H%M%S"),
]


@pytest.fixture
def checked(paths, spec):
    """Check a csv of the column v and others; return the config's source and the findings."""

    def check(fields: list[str], form: str = "number", target: str = "y", **options: Any):
        lines = [f'"{field}",{index * 7 % 5},{index * 5 % 7}' for index, field in enumerate(fields)]
        (paths.config_dir / "t.csv").write_text("\n".join(["v,a,y", *lines]) + "\n", encoding="utf-8")
        config = spec("csv", prepare=options.pop("prepare", ()), file="t.csv", target=target, **options)
        return config, list(infer_facts(config, form=form, paths=paths)[1])

    return check


def keys(line: str) -> dict[str, Any]:
    """Return the keys of a line, or of several that are joined by "and"."""
    return {key: value for part in line.split(" and ") for key, value in parse(f"{{{part}}}", "line").data.items()}


def lines_of(finding: Finding) -> dict[str, Any]:
    """Return the keys that a hint says to add to the source."""
    said, _, _ = finding.hint.partition(" to the source")
    return keys(" and ".join(re.findall("`(.*?)`", said)))


@pytest.mark.parametrize("target", ["y", "v"])
@pytest.mark.parametrize(("fields", "line", "number"), NUMBERS, ids=[line for _, line, _ in NUMBERS])
def test_the_hint_for_numbers_is_the_line_that_reads_them(
    checked, paths, listener, fields: list[str], line: str, number: float, target: str
) -> None:
    """Checked again with the line, nothing is wrong, and the data have the numbers that were meant."""
    _, found = checked(fields, target=target)
    assert [one.name for one in found] == ["numbers-as-text"]
    assert lines_of(found[0]) == keys(line)
    has_words = "missing" in line
    options = {"prepare": (("Impute", {}),) if has_words else ()} | lines_of(found[0])
    if has_words and target == "v":
        return
    config, found = checked(fields, target=target, **options)
    assert found == []
    data = load(config, form="number", seed=1, paths=paths, progress=listener).train
    values = data.y[:, 0] if target == "v" else data.x[:, 0]
    assert float(values[0]) == pytest.approx(number)


@pytest.mark.parametrize(("fields", "date_format"), DATES, ids=[form for _, form in DATES])
def test_the_hint_for_dates_is_a_format_that_reads_every_row(
    checked, paths, listener, fields: list[str], date_format: str
) -> None:
    """The line states the format, and with it the dates are days in order of time."""
    _, found = checked(fields)
    assert [one.name for one in found] == ["dates-as-text"]
    assert lines_of(found[0]) == {"types": {"v": {"date": date_format}}}
    config, found = checked(fields, **lines_of(found[0]))
    assert found == []
    days = load(config, form="number", seed=1, paths=paths, progress=listener).train.x[:, 0]
    assert len(set(days.tolist())) == len(set(fields)) > 1


def test_a_mark_that_may_be_either_gives_both_lines(checked) -> None:
    """1,234 is a thousand or one and a bit: where no other column shows the decimal mark, the hint has both."""
    _, found = checked(rows("1,234", "5,678"))
    assert found[0].hint == (
        "add `thousands: ','` to the source, so that '1,234' is 1234; if it is 1.234, `types: {v: {decimal: ','}}`"
    )


def test_other_columns_show_the_decimal_mark(paths, spec) -> None:
    """Where another column has a decimal point, the comma separates thousands."""
    (paths.config_dir / "t.csv").write_text('v,a,y\n"1,234",0.5,1\n"5,678",1.5,2\n')
    _, (found,) = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert found.hint == "add `thousands: ','` to the source, so that '1,234' is 1234"


def test_a_decimal_comma_of_one_column_stays_its_own(paths, spec) -> None:
    """Where other columns have points, the line is of the column alone."""
    (paths.config_dir / "t.csv").write_text('v,a,y\n"1,5",0.5,1\n"5,25",1.5,2\n')
    _, (found,) = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert "`types: {v: {decimal: ','}}`" in found.hint


def test_day_and_month_that_could_be_exchanged_give_both_formats(checked) -> None:
    """Nothing in 01/02/2021 says which is the month."""
    _, found = checked(rows("01/02/2021", "03/04/2021"))
    assert found[0].hint == (
        "add `types: {v: {date: '%d/%m/%Y'}}` to the source, or `{date: '%m/%d/%Y'}` there, which reads every row too"
    )


@pytest.mark.parametrize("step", ["OneHot", "Ordinal"])
def test_numbers_as_categories_are_a_warning(checked, step: str) -> None:
    """A step that makes a category of each number can run, but is not what the numbers mean."""
    _, found = checked(rows("78,697", "950"), prepare=((step, {"columns": ["v"]}),))
    assert [(one.name, one.severity) for one in found] == [("numbers-as-categories", "warning")]
    assert "leave it out of the steps" in found[0].hint


def test_a_target_of_numbers_is_not_taken_for_classes(checked) -> None:
    """With a loss for classes, the warning says which line and which loss make it a number."""
    _, found = checked(rows("78,697", "950"), form="integer", target="v")
    assert [(one.name, one.severity) for one in found] == [("numbers-as-categories", "warning")]
    assert "`thousands: ','`" in found[0].hint
    assert "mean_squared_error" in found[0].hint


def test_a_stated_category_is_one(checked) -> None:
    """Who states `category` means the texts."""
    _, found = checked(rows("78,697", "950"), types={"v": "category"}, prepare=(("OneHot", {"columns": ["v"]}),))
    assert found == []


def test_columns_that_are_written_alike_are_one_finding(paths, spec) -> None:
    """Each finding names its columns, and its line has the types that the config states already."""
    (paths.config_dir / "t.csv").write_text("p,q,d,z,y\n1%,2%,01.01.2021,7,1\n3%,4%,31.01.2021,8,2\n")
    types = {"z": "number"}
    _, found = infer_facts(spec("csv", file="t.csv", types=types), form="number", paths=paths)
    line = "`types: {z: number, p: percent, q: percent, d: {date: '%d.%m.%Y'}}`"
    assert [one.text.partition(" hold")[0] for one in found] == ["column 'd'", "columns 'p', 'q'"]
    assert all(line in one.hint for one in found)


def test_several_units_are_no_line(checked) -> None:
    """Grams and kilograms cannot be read by one format: the file has to be changed."""
    _, found = checked(rows("12 kg", "300 g"))
    assert "holds numbers in several units ('g', 'kg')" in found[0].text
    assert found[0].hint == "write all of them in one unit in the file, and state it: `types: {v: {unit: g}}`"


@pytest.mark.parametrize(
    ("fields", "text", "hint"),
    [
        (
            ("13.01.2021", "2021-01-05", "1/2/21"),
            "dates in several formats (%d.%m.%Y, ISO 8601, %d/%m/%y)",
            "in one format",
        ),
        (("9:30", "16:05"), "times of day", "9.5 for 09:30"),
        (("0x1F", "0xA0"), "hexadecimal numbers", "`types: {v: category}`"),
    ],
)
def test_what_no_line_reads_has_to_be_changed_in_the_file(checked, fields: tuple, text: str, hint: str) -> None:
    """The finding says what the texts are, and never that they are categories."""
    _, (found,) = checked(fields * 4)
    assert (found.name, found.severity) == ("numbers-as-text", "error")
    assert f"holds {text}" in found.text
    assert hint in found.hint


def test_a_day_that_does_not_exist_does_not_hide_the_format(checked) -> None:
    """The line reads all other rows, and with it the row of that day is reported."""
    days = [f"{day:02d}.{month:02d}.2021" for day in range(1, 29) for month in (1, 2)]
    _, (found,) = checked([*days, "30.02.2021"])
    assert found.text.endswith("such as '01.01.2021', all but '30.02.2021', which are read as text")
    assert lines_of(found) == {"types": {"v": {"date": "%d.%m.%Y"}}}
    _, (found,) = checked([*days, "30.02.2021"], **lines_of(found))
    assert "received '30.02.2021', a day that does not exist" in found.text


@pytest.mark.parametrize("fields", [("v1", "v2"), ("1st", "2nd"), ("10-20", "20-30"), ("a", "b"), ("A1", "B2")])
def test_other_texts_are_texts(checked, fields: tuple[str, ...]) -> None:
    """Names with digits in them are not numbers."""
    _, found = checked(rows(*fields))
    assert [one.name for one in found] == ["text-left"]


@pytest.mark.parametrize(("fields", "line", "number"), NUMBERS, ids=[line for _, line, _ in NUMBERS])
def test_among_plain_numbers_the_hint_is_the_same_line(checked, fields: list[str], line: str, number: float) -> None:
    """Where most numbers are plain, the others are defects with their row, and the hint is the line that reads all."""
    if "percent" in line:
        return
    _, found = checked([*fields, *(["7"] * 20)])
    assert {one.name for one in found} == {"defective-data"}
    assert all(lines_of(one) == keys(line) for one in found)
    options = lines_of(found[0]) | ({"prepare": (("Impute", {}),)} if "missing" in line else {})
    assert checked([*fields, *(["7"] * 20)], **options)[1] == []


def test_a_stated_number_has_the_same_hint(checked) -> None:
    """A column that is said to hold numbers, or weights, is refused with the line."""
    for options in ({"types": {"v": "number"}}, {"sample_weight": "v"}):
        for fields in (rows("78,697", "950"), rows("78,697", "1,234")):
            _, found = checked(fields, **options)
            assert {one.name for one in found} == {"defective-data"}
            assert "`thousands: ','`" in found[0].hint or "`types: {v: {thousands: ','}}`" in found[0].hint
            assert checked(fields, **{**options, **lines_of(found[0])})[1] == []


def test_words_among_numbers_are_named_together(checked) -> None:
    """One line makes all of them missing."""
    _, found = checked([*rows("7", "8"), "n.v.", "forty", "none yet"])
    assert lines_of(found[0]) == {"missing": ["n.v.", "forty", "none yet"]}
    assert "`types: {v: category}` if the column holds names" in found[0].hint


def test_every_value_of_a_long_column_counts(checked) -> None:
    """One value among more than are kept that is not a number makes the column text."""
    many = [f"{index:,}" for index in range(1000, 3500)]
    _, found = checked(many)
    assert [one.name for one in found] == ["numbers-as-text"]
    _, found = checked([*many, "A7"])
    assert [one.name for one in found] == ["text-left"]


def test_a_large_file_says_how_many_rows_were_read(paths, spec) -> None:
    """Of a file that is not read whole, the finding names the rows that it is about."""
    lines = [f'"{index:,}",{index}' for index in range(1000, 90000)]
    (paths.config_dir / "t.csv").write_text("v,y\n" + "\n".join(lines) + "\n")
    _, found = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert found[0].text.endswith("which are read as text (in the first 1,000 rows)")


def test_training_and_data_check_say_the_same(paths, listener, spec) -> None:
    """Where `check` saw only the first rows, loading gives the line; `data check` has it as a remark."""
    plain = [f"{index % 700},{index % 7}" for index in range(1500)]
    grouped = [f'"{index:,}",1' for index in range(10_000, 110_000)]
    (paths.config_dir / "t.csv").write_text("\n".join(["v,y", *plain, *grouped]) + "\n")
    config = spec("csv", file="t.csv")
    assert infer_facts(config, form="number", paths=paths)[1] == ()
    with pytest.raises(DataError, match="'v' holds numbers with thousands separators") as refused:
        load(config, form="number", seed=1, paths=paths, progress=listener)
    assert refused.value.hint.startswith("add `thousands: ','` to the source")
    (paths.config_dir / "t.csv").write_text("v,y\n" + "".join(f"{index}%,{index % 4}\n" for index in range(40)))
    found = check_quality(config, seed=1, paths=paths, progress=listener, form="number").findings
    assert [one.name for one in found if "percent" in one.text] == ["numbers-as-text"]
    assert "identifier" not in {one.name for one in found}


def test_inline_rows_have_types_too(paths, listener, spec) -> None:
    """The line of the hint names the column by its index, in quotes."""
    rows = [["$5", "01.02.2021", 1.0], ["$7", "28.02.2021", 2.0]]
    _, found = infer_facts(spec("inline", rows=rows), form="number", paths=paths)
    assert [one.name for one in found] == ["numbers-as-text", "dates-as-text"]
    config = spec("inline", rows=rows, **lines_of(found[0]))
    assert infer_facts(config, form="number", paths=paths)[1] == ()
    data = load(config, form="number", seed=1, paths=paths, progress=listener).train
    assert data.x.tolist() == [[5, 18659], [7, 18686]]
    _, found = infer_facts(spec("inline", rows=rows, types={"0": "percent"}), form="number", paths=paths)
    assert found[0].text.endswith("expected a number, received '$5' in row 0 (counted from 0)")


def test_text_of_a_parquet_file_is_examined(paths, listener, spec) -> None:
    """The rows of a small file are read by `check`."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"d": ["13.01.2021", "1.2.2021"], "v": ["5 %", None], "a": [1.5, 2.5], "y": [1.0, 2.0]})
    pq.write_table(table, paths.config_dir / "t.parquet")
    prepare = (("Impute", {}),)
    _, found = infer_facts(spec("parquet", prepare=prepare, file="t.parquet"), form="number", paths=paths)
    assert [one.name for one in found] == ["dates-as-text", "numbers-as-text"]
    config = spec("parquet", prepare=prepare, file="t.parquet", **lines_of(found[0]))
    assert infer_facts(config, form="number", paths=paths)[1] == ()
    x = load(config, form="number", seed=1, paths=paths, progress=listener).train.x
    np.testing.assert_allclose(x, [[18640, 0.05, 1.5], [18659, 0.05, 2.5]])


def test_an_arff_file_has_types_too(paths, listener, spec) -> None:
    """Categories of an ARFF file that are numbers with units are said to be some, and read as the config states."""
    text = "@relation r\n@attribute w {'12 kg','3 kg'}\n@attribute y numeric\n@data\n'12 kg',1\n'3 kg',2\n"
    (paths.config_dir / "openml-7.arff").write_text(text)
    with pytest.raises(DataError, match="holds numbers with the unit 'kg'") as refused:
        load(spec("openml", id=7), form="number", seed=1, paths=paths, progress=listener)
    types = keys("".join(re.findall("`(.*?)`", refused.value.hint)))
    x = load(spec("openml", id=7, **types), form="number", seed=1, paths=paths, progress=listener).train.x
    assert x.tolist() == [[12], [3]]
