"""A config as data with marks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config import document as document_module
from nnrun.config.document import Document, parse, read
from nnrun.config.dump import dump
from nnrun.config.parser import is_text
from nnrun.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Mark, Problem

pytestmark = pytest.mark.usefixtures("parser")

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=12).filter(is_text)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers() | st.booleans() | st.none() | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
)
PIECES = st.sampled_from(
    [
        "a",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n- ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "\t",
        "&a ",
        "*a",
        "!",
        "!!x ",
        "<<: ",
        "#",
        "|",
        ">",
        "%",
        "@",
        "---",
        "...",
        "1",
        "1e9",
        "?",
        "\\",
        "\x00",
        "\r",
        "\x85",
        "\u2028",
        "\ufeff",
        "名",
        "😀",
        "\ud800",
    ]
)
SEED = "name: a\nmodel:\n  - Dense: {units: 8, 'x': [1, 2]}\n  - Dropout: &r 0.2\ntraining: {loss: \"mse\", rate: *r}\n"


def points_at(marked: str, value: object) -> bool:
    """Whether the marked text, read alone, is the value."""
    return parse(f"? {marked}", "w").data == {value: None}


def test_marks_of_a_small_config(word: Callable[[Mark], str]) -> None:
    """Keys and values know their file, line, column and length."""
    document = parse(
        "# first\nmodel:\n  - Conv2D: {filters: 32,  name: 'a b'}\n  - Dense:\n      units: 10\n", "dir/x.yaml"
    )
    mark = document.mark(("model", 0, "Conv2D", "filters"))
    assert (str(mark), mark.length, mark.text) == ("dir/x.yaml:3:23", 2, "  - Conv2D: {filters: 32,  name: 'a b'}")
    assert str(document.key_mark(("model", 1, "Dense", "units"))) == "dir/x.yaml:5:7"
    assert word(document.mark(("model", 0, "Conv2D"))) == "{filters: 32,  name: 'a b'}"
    assert word(document.mark(("model", 0, "Conv2D", "name"))) == "'a b'"
    assert document.file == Path("dir/x.yaml")


def test_unknown_paths_fall_back(document: Document, word: Callable[[Mark], str]) -> None:
    """A path that is not there answers with its deepest known part; the root with the file's start."""
    assert word(document.mark(("training", "optimizer", "learning_rate"))) == "Adam"
    assert word(document.key_mark(("training", "optimizer", "Adam", "x"))) == "Adam"
    assert word(document.key_mark(("model", 1, "Flatten", "x"))) == "Flatten"
    assert word(document.key_mark(("model", 3, "Dense", "activation"))) == "Dense"
    assert word(document.key_mark(("training", "epochs"))) == "epochs"
    assert word(document.key_mark(("training", "metrics", 1))) == "mse"
    assert str(document.mark(())) == str(document.key_mark(())) == str(document.mark(("nowhere", 3))) == "x.yaml:1:1"


def test_a_value_behind_an_alias(word: Callable[[Mark], str]) -> None:
    """An alias is marked where it stands, what lies inside it where it is written; the data are separate copies."""
    document = parse("a: &x {units: [1]}\nb: *x\n", "x.yaml")
    assert document.data == {"a": {"units": [1]}, "b": {"units": [1]}}
    assert document.data["a"] is not document.data["b"]
    assert document.data["a"]["units"] is not document.data["b"]["units"]
    assert word(document.mark(("b",))) == "*x"
    assert str(document.mark(("b", "units"))) == "x.yaml:1:15"


@given(DATA, st.booleans() | st.none(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_every_key_mark_points_at_its_key(data: dict[str, Any], flow: bool | None, line_end: str, bom: bool) -> None:
    """In any layout, with any line ends and any letters, the mark of a key covers that key's own text."""
    text = yaml.dump(
        data, Dumper=yaml.SafeDumper, allow_unicode=True, default_flow_style=flow, width=4000, sort_keys=False
    )
    document = parse(("\ufeff" if bom else "") + text.replace("\n", line_end), "x.yaml")
    for path, mark in document.key_marks.items():
        marked = mark.text[mark.column - 1 : mark.column - 1 + mark.length]
        assert mark.column - 1 + mark.length <= len(mark.text)
        assert points_at(marked, path[-1]), (marked, path)


@given(DATA)
def test_every_scalar_mark_covers_its_value(data: dict[str, Any]) -> None:
    """The mark of a value that is no list and no mapping covers exactly that value's text."""
    document = parse(dump(data), "x.yaml")
    for path, mark in document.value_marks.items():
        value = document.data
        for key in path:
            value = value[key]  # type: ignore[index]
        if not isinstance(value, (dict, list)):
            marked = mark.text[mark.column - 1 : mark.column - 1 + mark.length]
            assert parse(f"v: {marked}", "w").data == {"v": value}


def holds(action: Callable[[], object], text: str) -> None:
    """The action succeeds or is refused with problems whose marks lie inside the text."""
    problems: tuple[Problem, ...] | None = None
    try:
        action()
    except ConfigError as error:
        problems = error.problems
    if problems is None:
        return
    assert problems
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for mark in [problem.mark for problem in problems]:
        assert mark is not None
        assert lines[mark.line - 1] == mark.text
        assert 1 <= mark.column <= len(mark.text) + 1
        assert 1 <= mark.length <= max(1, len(mark.text) - mark.column + 1)


@given(st.text() | st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_read_or_refused_in_its_place(text: str) -> None:
    """No text raises anything but a ConfigError, and every problem lies inside the text."""
    holds(lambda: parse(text, "x.yaml"), text)


@given(st.integers(0, len(SEED)), st.integers(0, 12), st.lists(PIECES, max_size=3).map("".join))
def test_any_mutation_is_read_or_refused_in_its_place(start: int, cut: int, piece: str) -> None:
    """A config that someone damaged is read or refused with a place inside it."""
    text = SEED[:start] + piece + SEED[start + cut :]
    holds(lambda: parse(text, "x.yaml"), text)


def test_reading_equals_parsing(tmp_path: Path) -> None:
    """A file with a byte order mark and CRLF reads like its text, and marks name the file as the user wrote it."""
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: \xc3\xa4\r\nseed: 7\r\n")
    document = read(file)
    assert document.data == {"name": "ä", "seed": 7}
    mark = document.mark(("seed",))
    assert (mark.line, mark.column, mark.text) == (2, 7, "seed: 7")
    assert document.file == file


def test_history_of_an_untouched_value(document: Document) -> None:
    """A value that was never set again has one place."""
    assert document.history(("training", "epochs")) == (document.mark(("training", "epochs")),)


def test_the_language_imports_nothing_but_yaml() -> None:
    """Reading, changing, showing and writing a config imports no package but PyYAML."""
    code = (
        "import sys, pkgutil, nnrun.config as room\n"
        "for found in pkgutil.iter_modules(room.__path__): __import__(f'nnrun.config.{found.name}')\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - {*sys.stdlib_module_names})"
    )
    roots = [str(Path(document_module.__file__).parents[2]), str(Path(yaml.__file__).parents[1])]
    output = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": os.pathsep.join(roots)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    packages = {name for name in output.split() if "cython" not in name and not name.startswith("__")}
    assert packages - {"_yaml"} == {"nnrun", "yaml"}
