"""Numbers that are probably codes or dates."""

from __future__ import annotations

import pytest

from nnrun.data.data_facts import infer_facts


@pytest.fixture
def found(paths, spec):
    """Check a csv whose first column has these fields; return the findings."""

    def check(*fields: str, **options):
        rows = [f"{field},{index * 7 % 5},{index * 5 % 7}" for index, field in enumerate(fields)]
        (paths.config_dir / "t.csv").write_text("\n".join(["v,a,y", *rows]) + "\n")
        return list(infer_facts(spec("csv", file="t.csv", **options), form="number", paths=paths)[1])

    return check


@pytest.mark.parametrize(
    ("fields", "name", "line"),
    [
        (("01067", "89073", "10115"), "leading-zeros", "`types: {v: category}`"),
        (("007", "12", "9"), "leading-zeros", "`types: {v: category}`"),
        (("20210131", "20210201", "19991231"), "dates-as-numbers", "`types: {v: {date: '%Y%m%d'}}`"),
        (("202101", "202112", "199907"), "dates-as-numbers", "`types: {v: {date: '%Y%m'}}`"),
    ],
)
def test_codes_and_dates_are_no_numbers(found, fields: tuple[str, ...], name: str, line: str) -> None:
    """The warning has the line, and whoever states `number` means one."""
    (one,) = found(*fields)
    assert (one.name, one.severity) == (name, "warning")
    assert line in one.hint
    assert found(*fields, types={"v": "number"}) == []


@pytest.mark.parametrize(
    "fields",
    [
        ("0", "1", "0.5"),
        ("0.1", "00.5", "1"),
        ("-01", "1", "2"),
        ("20210131", "20210299", "19991231"),
        ("202113", "202101", "202102"),
        ("202101", "202102", "202101"),
        ("123456", "234567", "345678"),
        ("1609459200", "1609545600", "1609632000"),
    ],
)
def test_other_numbers_are_numbers(found, fields: tuple[str, ...]) -> None:
    """A zero, fractions, days that do not exist, two months, seconds since 1970: nothing is said."""
    assert found(*fields) == []


BILLIONS = [str(10**25 + at) for at in range(4)]


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        (BILLIONS, 1),
        ([*BILLIONS, ""], 1),
        (["-" + text for text in BILLIONS], 1),
        ([str(2**53 + at) for at in range(4)] + [""], 1),
        ([str(10**25 * at) for at in range(1, 5)], 0),
        ([*BILLIONS[:1] * 4], 0),
        (["1e25", "1.5", "2", "3"], 0),
    ],
)
def test_whole_numbers_that_float64_makes_equal_are_told(found, fields: list[str], count: int) -> None:
    """Codes of many digits would all become one number, and the column a constant."""
    findings = [one for one in found(*fields) if one.name == "large-numbers" and "float64" in one.text]
    assert len(findings) == count
    assert all("`types: {v: category}`" in one.hint for one in findings)
    assert not [one for one in found(*fields, types={"v": "category"}) if one.name == "large-numbers"]
