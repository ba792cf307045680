"""The first line of a text table: header or row, and the columns that number or name the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.data.csv.dialect import Dialect
from nnrun.data.csv.header import read_header
from nnrun.data.data_facts import infer_facts
from nnrun.data.sources.csv import Csv

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = "".join(f"{i * 37 % 11 / 4},{i * 5 % 7 / 2},{'yes' if i % 3 else 'no'}\n" for i in range(12))
TEXTS = "".join(f"{'red' if i % 2 else 'blue'},{'SML'[i % 3]},{'yes' if i % 5 else 'no'}\n" for i in range(12))


def counted(text: str, before: str = "{}", first: int = 0) -> str:
    """Return the lines with their number, in a text of its own, before each."""
    lines = text.splitlines(keepends=True)
    return "".join(f"{before.format(number)},{line}" for number, line in enumerate(lines, first))


HEADERS = [
    ("a,b,y\n" + NUMBERS, (), ("a", "b", "y")),
    ("рост,вес,пол\n" + NUMBERS, (), ("рост", "вес", "пол")),
    ('"a, cm","b ""x""","y\nclass"\n' + NUMBERS, (), ("a, cm", 'b "x"', "y\nclass")),
    ("\ufeffa,b,y\n" + NUMBERS, (), ("a", "b", "y")),
    ("2019,2020,y\n" + NUMBERS, (), ("2019", "2020", "y")),
    ("2020-01-01,2020-01-02,y\n" + NUMBERS, (), ("2020-01-01", "2020-01-02", "y")),
    ("name,2019,2020,y\n" + counted(NUMBERS, "c{}"), (), ("name", "2019", "2020", "y")),
    ("name,2020\n" + "".join(f"c{i},{i * 7 % 5}\n" for i in range(12)), ["name"], ("name", "2020")),
    ("name,2020\n" + "".join(f"c{i},{i * 7 % 5}\n" for i in range(12)), [2020], ("name", "2020")),
    ("colour,size,y\n" + TEXTS, (), ("colour", "size", "y")),
    ("red,S,no\n" + TEXTS, ["no"], ("red", "S", "no")),
    ("0,1,2\n" + NUMBERS, (), ("0", "1", "2")),
    ("# made by a program\n# with, two, comments, above\na,b,y\n" + NUMBERS, (), ("a", "b", "y")),
    ("# a,b,y\n" + NUMBERS, (), ("a", "b", "y")),
    ("a,b,y,,\n" + NUMBERS.replace("\n", ",,\n"), (), ("a", "b", "y")),
    ("a,b,y,\n" + NUMBERS, (), ("a", "b", "y")),
    ("a,b,y\n" + NUMBERS.replace("\n", ",\n"), (), ("a", "b", "y")),
    (",colour,size,y\n" + counted(TEXTS, "r{}"), (), ("0", "colour", "size", "y")),
    (",0,1,2,3\n" + counted("1,2,3,4\n5,6,7,8\n" * 6), (), ("column 0", "0", "1", "2", "3")),
    ("0,1,2,3\n" + "1,2,3,4\n5,6,7,8\n" * 6, (), ("0", "1", "2", "3")),
]


@pytest.mark.parametrize(("text", "asked", "names"), HEADERS)
def test_a_header_is_found(tmp_path: Path, text: str, asked: list[str | int], names: tuple[str, ...]) -> None:
    """A first line names the columns if a wanted name stands in it, or if its fields differ from those below them."""
    (tmp_path / "t.csv").write_text(text)
    file = read_header(tmp_path / "t.csv", Dialect(), asked)
    assert (file.names, file.doubt) == (names, "")
    assert file.header_line


ROWS = [
    (NUMBERS, (), 3, False),
    ("5.1,3.5,1.4,setosa\n4.9,3.0,1.4,setosa\n6.0,2.9,4.5,virginica\n", (), 4, False),
    ("1,2,3,4,setosa\n5,6,7,8,virginica\n", (), 5, False),
    ("0,0,0\n0,1,1\n1,0,1\n1,1,0\n", ["target"], 3, False),
    ("0,1\n1,0\n", (), 2, False),
    ("39, State-gov, 77516, <=50K\n50, Private, 83311, <=50K\n38, Private, 215646, >50K\n", (), 4, False),
    (NUMBERS.replace("\n", ",\n"), (), 3, False),
    ("60,61,62\n1,2,3\n4,5,6\n", [-1, 2], 3, False),
    (TEXTS, (), 3, True),
    (TEXTS, ["kind"], 3, True),
    ("a0,7\n" + "".join(f"c{i},{i * 7 % 5}\n" for i in range(12)), (), 2, True),
    ("0,1,2\n" + "0.5,1.5,3.5\n" * 3, (), 3, True),
]


@pytest.mark.parametrize(("text", "asked", "width", "doubtful"), ROWS)
def test_a_row_is_not_taken_for_a_header(
    tmp_path: Path, text: str, asked: list[str | int], width: int, doubtful: bool
) -> None:
    """A first line like those below it is a row; a doubt is kept for `check`, except of what the config states."""
    (tmp_path / "t.csv").write_text(text)
    file = read_header(tmp_path / "t.csv", Dialect(), asked)
    assert file.names == tuple(map(str, range(width)))
    assert (file.header_line, bool(file.doubt)) == (0, doubtful)
    stated = read_header(tmp_path / "t.csv", Dialect(header=False), asked)
    assert (stated.header_line, stated.doubt) == (0, "")
    if doubtful:
        assert read_header(tmp_path / "t.csv", Dialect(header=True), asked).header_line == 1


LEFT_OUT = [
    (",a,b,y\n" + counted(NUMBERS), {}, "numbers"),
    (",a,b,y\n" + counted(NUMBERS, first=1), {}, "numbers"),
    ("Unnamed: 0,a,b,y\n" + counted(NUMBERS), {}, "numbers"),
    (",a,b,y\n" + counted(NUMBERS, "Mazda RX{}"), {}, "names"),
    (",a,b,y\n" + counted(NUMBERS, "2026-01-{:02}", first=1), {}, "names"),
    ("a,b,y\n" + counted(NUMBERS), {}, "numbers"),
    ('"a" "b" "y"\n' + counted(NUMBERS, '"{}"').replace(",", " "), {"separator": " "}, "numbers"),
]


@pytest.mark.parametrize(("text", "options", "kind"), LEFT_OUT)
def test_a_nameless_column_of_row_numbers_is_no_feature(
    paths, listener, spec, text: str, options: dict, kind: str
) -> None:
    """The index that pandas and R write first is left out, with a note that says how to use it, unless it is listed."""
    (paths.config_dir / "t.csv").write_text(text)
    facts, found = infer_facts(spec("csv", file="t.csv", **options), form="integer", paths=paths)
    assert facts.columns == ("a", "b")
    assert [(one.name, one.severity) for one in found] == [("row-numbers", "note")]
    assert f"{kind} the rows" in found[0].text
    assert "a, b]`" in found[0].hint
    data = Csv("t.csv", **options).load(paths, listener)
    assert (data.train.x.names, data.target_names, len(data.train)) == (("a", "b"), ("y",), 12)
    assert Csv("t.csv", features=[0, 1], **options).load(paths, listener).train.x.names[1] == "a"


WORDS = st.sampled_from(["a", "size", "price (EUR)", "größe", "a b", "2019", "x,y", 'say "z"', "1st", "NA2", "-"])
COLUMNS = st.sampled_from(["float", "int", "word", "date", "flag"])


def _column(kind: str, rows: int, seed: int) -> list:
    random = np.random.default_rng(seed)
    if kind == "float":
        return random.normal(size=rows).tolist()
    if kind == "int":
        return random.integers(0, 50, rows).tolist()
    if kind == "date":
        return [f"2026-02-{day:02}" for day in random.integers(1, 28, rows).tolist()]
    return random.choice(["red", "blue", "green"] if kind == "word" else ["True", "False"], rows).tolist()


@given(
    st.lists(WORDS, min_size=2, max_size=5, unique=True), st.lists(COLUMNS, min_size=5, max_size=5), st.integers(0, 99)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_pandas_writes_is_read_back(paths, listener, names: list[str], kinds: list[str], seed: int) -> None:
    """With an index or without, with a header or without: the columns, rows and lines are found without a word."""
    import pandas as pd

    frame = pd.DataFrame(
        {name: _column(kind, 30, seed + at) for at, (name, kind) in enumerate(zip(names, kinds, strict=False))}
    )
    for index in (True, False):
        frame.to_csv(paths.config_dir / "t.csv", index=index)
        data = Csv("t.csv", target=names[-1]).load(paths, listener)
        assert (data.train.x.names, data.target_names) == (tuple(names[:-1]), (names[-1],))
        assert data.train.origin["line"].tolist() == list(range(2, 32))
    frame.to_csv(paths.config_dir / "t.csv", index=False, header=False)
    data = Csv("t.csv", types={"0": "text"}).load(paths, listener)
    assert (len(data.train), data.train.x.names) == (30, tuple(map(str, range(len(names) - 1))))


def test_a_named_column_that_counts_the_rows_is_reported(paths, spec) -> None:
    """A column `Id` stays a feature, with a warning that lists the others, as a clock may count the rows too."""
    (paths.config_dir / "t.csv").write_text("Id,a,b,y\n" + counted(NUMBERS, first=1))
    facts, found = infer_facts(spec("csv", file="t.csv"), form="integer", paths=paths)
    assert facts.columns == ("Id", "a", "b")
    assert [(one.name, one.severity, one.hint) for one in found] == [
        ("row-numbers", "warning", "leave it out: `features: [a, b]`")
    ]
    assert infer_facts(spec("csv", file="t.csv", features=["a", "b"]), form="integer", paths=paths)[1] == ()


def test_a_nameless_column_of_values_is_a_feature_by_its_index(paths, listener, spec) -> None:
    """A first column without a name that repeats its values is used, and `check` warns of it."""
    (paths.config_dir / "t.csv").write_text(",a,b,y\n" + "1,2,3,4\n1,5,6,7\n2,8,9,9\n")
    facts, found = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert facts.columns == ("0", "a", "b")
    assert [one.name for one in found] == ["nameless-column"]
    assert Csv("t.csv").load(paths, listener).train.x.matrix()[:, 0].tolist() == [1, 1, 2]


def test_a_first_line_names_the_separator(paths, listener) -> None:
    """The line `sep=;` of spreadsheets is no row, and its separator is used."""
    (paths.config_dir / "t.csv").write_bytes(("\ufeffsep=;\r\na;b;y\r\n" + "1;2;x\r\n3;4;z\r\n").encode())
    train = Csv("t.csv").load(paths, listener).train
    assert train.x.matrix().tolist() == [[1, 2], [3, 4]]
    assert train.origin["line"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a;b;y\n1;2;3\n", "received the one column 'a;b;y'", "write `separator: ';'`"),
        ("a\tb\ty\n1\t2\t3\n", "received the one column", 'write `separator: "\\t"`'),
        ("a,b,c,y\n1,2,3\n4,5,6\n", "the header names 4 columns, but every row has 3 fields", "name every column"),
        (
            "1,2,3\n4,5,6\n",
            "no column 'z'; there are: 0, 1, 2 (the file has no header",
            "write `header: true`",
        ),
    ],
)
def test_a_header_that_does_not_fit_is_explained(paths, spec, text: str, message: str, hint: str) -> None:
    """Another separator, a header of another length, and a name in a file without a header have their own hint."""
    (paths.config_dir / "t.csv").write_text(text)
    target = {"target": "z"} if "no header" in message else {}
    _, (finding, *_) = infer_facts(spec("csv", file="t.csv", **target), form="number", paths=paths)
    assert message in finding.text
    assert finding.hint.startswith(hint)
