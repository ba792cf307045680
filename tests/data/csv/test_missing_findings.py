"""Words such as `NA` in columns of text: how often they stand there, and the line that keeps them."""

from __future__ import annotations

import pytest

from nnrun.config.document import parse
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load

COUNTRIES = "country,age,y\n" + "NA,1,a\nZA,n/a,b\nNA,3,a\nDE,4,b\n"
ONE_HOT, IMPUTE, MEAN = ("OneHot", {"columns": ["country"]}), ("Impute", {"strategy": "most_frequent"}), ("Impute", {})


@pytest.fixture
def found(paths, spec):
    """Check a csv; return its config and the findings."""

    def check(text: str, *prepare: tuple, **options):
        (paths.config_dir / "t.csv").write_text(text)
        config = spec("csv", prepare=prepare, file="t.csv", **options)
        return config, list(infer_facts(config, form="binary", paths=paths)[1])

    return check


def line_of(hint: str) -> dict:
    """Return the first line of a hint."""
    return parse(f"{{{hint.split('`')[1]}}}", "hint").data


def test_a_word_that_a_step_fills_in_is_counted(found, paths, listener) -> None:
    """The warning says in how many rows, and its line keeps the word as a category of its own."""
    _, (one,) = found(COUNTRIES, IMPUTE, ONE_HOT)
    assert (one.name, one.severity) == ("missing-word", "warning")
    assert one.text == "column 'country' has 'NA' in 2 of the 4 rows, read as missing values"
    assert line_of(one.hint) == {"missing": {"only": ["", "n/a"]}}
    config, rest = found(COUNTRIES, MEAN, ONE_HOT, **line_of(one.hint))
    assert rest == []
    data = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert data.facts.columns == ("country=DE", "country=NA", "country=ZA", "age")


def test_a_word_that_the_config_names_is_meant(found) -> None:
    """`missing: [NA]` takes the warning away."""
    _, (one,) = found(COUNTRIES, IMPUTE, ONE_HOT)
    assert "or `missing: [NA]` if it is missing" in one.hint
    assert found(COUNTRIES, IMPUTE, ONE_HOT, missing=["NA"])[1] == []


def test_a_word_that_no_step_fills_in_is_refused_with_its_rows(found) -> None:
    """The error names the word and its rows, and the hint has the line that keeps it."""
    _, defects = found(COUNTRIES.replace("n/a", "2"), ONE_HOT)
    assert [one.text for one in defects] == [
        "line 2, column country: expected a value, received a missing one ('NA') (likewise in line 4)"
    ]
    assert line_of(defects[0].hint) == {"missing": {"only": [""]}}
    assert "`SimpleImputer: {strategy: most_frequent}`" in defects[0].hint


def test_a_class_may_be_such_a_word(found, paths, listener) -> None:
    """In a target the word is refused, and the line makes it a class."""
    text = "a,b,y\n1,0.5,None\n4,1.5,Some\n2,n/a,None\n9,1,Some\n"
    _, (one,) = found(text, MEAN)
    assert one.text.startswith("line 2, column y: expected a value, received a missing one ('None')")
    assert line_of(one.hint) == {"missing": {"only": ["", "n/a"]}}
    config, rest = found(text, MEAN, **line_of(one.hint))
    assert rest == []
    assert load(config, form="binary", seed=1, paths=paths, progress=listener).facts.class_names == ("None", "Some")


def test_a_word_that_is_missing_among_numbers_too_has_no_line(found) -> None:
    """One line cannot mean both."""
    _, (one,) = found(COUNTRIES.replace("n/a", "NA"), IMPUTE, ONE_HOT)
    assert "write another word in the columns of numbers, where 'NA' is missing too" in one.hint


def test_empty_fields_are_no_words(found) -> None:
    """Nothing is what nothing stands for."""
    assert found(COUNTRIES.replace("NA", ""), IMPUTE, ONE_HOT)[1] == []
