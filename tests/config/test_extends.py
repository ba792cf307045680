"""`extends:`: the bases of a config, and what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.dump import dump
from nnrun.config.extends import MAX_BASES, MAX_CHAIN, read
from nnrun.config.files import MAX_FILE_SIZE, shipped_configs
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Mark

    Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Change to an empty folder; return a function that writes files there and returns the path of the last one."""
    monkeypatch.chdir(tmp_path)

    def put(**texts: str) -> Path:
        for name, text in texts.items():
            file = Path(f"{name.replace('__', '/')}.yaml")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return file

    return put


def problems(file: Path) -> tuple[Problem, ...]:
    """The problems of a file that must be refused."""
    with pytest.raises(ConfigError) as caught:
        read(file)
    return caught.value.problems


def test_a_config_that_extends_nothing(write: Write) -> None:
    """Without `extends:` a config is what its file contains, and has no sources."""
    document = read(write(a="seed: 1"))
    assert (document.data, document.sources) == ({"seed": 1}, ())


def test_a_base_in_the_same_folder(write: Write, word: Callable[[Mark], str]) -> None:
    """The base's values are there with marks into the base; `extends` itself is neither data nor a marked place."""
    document = read(write(base="seed: 1\ntraining: {epochs: 10}", a="extends: base.yaml\ntraining:\n  epochs: 3\n"))
    assert document.data == {"seed": 1, "training": {"epochs": 3}}
    assert (document.file, document.sources) == (Path("a.yaml"), (Path("base.yaml"),))
    assert [(mark.file, word(mark)) for mark in document.history(("training", "epochs"))] == [
        ("base.yaml", "10"),
        ("a.yaml", "3"),
    ]
    assert document.mark(("seed",)).file == "base.yaml"
    assert not any(path[:1] == ("extends",) for path in (*document.value_marks, *document.key_marks))


def test_bases_are_relative_to_the_file_that_names_them(write: Write) -> None:
    """A base in another folder names its own base relative to itself."""
    document = read(
        write(inner__root="seed: 1", inner__base="extends: root.yaml\nname: b", a="extends: inner/base.yaml")
    )
    assert document.data == {"seed": 1, "name": "b"}
    assert document.sources == (Path("inner/root.yaml"), Path("inner/base.yaml"))


def test_several_bases_in_order(write: Write) -> None:
    """Of a list, later files win over earlier ones, and the extending file over all."""
    document = read(write(b="{x: 1, y: 1, z: 1}", c="{y: 2, z: 2}", a="extends: [b.yaml, c.yaml]\nz: 3"))
    assert document.data == {"x": 1, "y": 2, "z": 3}
    assert document.sources == (Path("b.yaml"), Path("c.yaml"))
    assert [mark.file for mark in document.history(("z",))] == ["b.yaml", "c.yaml", "a.yaml"]


def test_a_null_of_a_later_base_removes(write: Write) -> None:
    """A file in the list may remove a key of an earlier one."""
    assert read(write(b="{x: 1, y: 1}", c="{y: null}", a="extends: [b.yaml, c.yaml]")).data == {"x": 1}


def test_a_base_that_two_files_share(write: Write) -> None:
    """A base that two files extend is not a circle, and is listed once among the sources."""
    document = read(
        write(root="seed: 1", b="extends: root.yaml\nx: 1", c="extends: root.yaml\ny: 1", a="extends: [b.yaml, c.yaml]")
    )
    assert document.data == {"seed": 1, "x": 1, "y": 1}
    assert document.sources == (Path("root.yaml"), Path("b.yaml"), Path("c.yaml"))


def test_a_shipped_config_by_its_bare_name(write: Write) -> None:
    """A name without a file in the folder means a config that comes with nnrun; a file of that name comes first."""
    document = read(write(a="extends: digits_mlp\ntraining: {epochs: 1}"))
    assert document.data["name"] == "digits_mlp"
    assert document.sources == (shipped_configs()["digits_mlp"],)
    Path("digits_mlp").write_text("name: mine", encoding="utf-8")
    assert read(Path("a.yaml")).data["name"] == "mine"


@pytest.mark.parametrize(
    ("texts", "file", "marked", "chain"),
    [
        ({"a": "extends: a.yaml"}, "a.yaml", "a.yaml", "a.yaml -> a.yaml"),
        ({"b": "extends: a.yaml", "a": "extends: b.yaml"}, "b.yaml", "a.yaml", "a.yaml -> b.yaml -> a.yaml"),
        (
            {"c": "x: 1\nextends: [d.yaml, b.yaml]", "d": "y: 1", "b": "extends: c.yaml", "a": "extends: b.yaml"},
            "c.yaml",
            "b.yaml",
            "a.yaml -> b.yaml -> c.yaml -> b.yaml",
        ),
        ({"b": "extends: ./a.yaml", "a": "extends: b.yaml"}, "b.yaml", "./a.yaml", "a.yaml -> b.yaml -> a.yaml"),
    ],
)
def test_circles(
    write: Write, word: Callable[[Mark], str], texts: dict[str, str], file: str, marked: str, chain: str
) -> None:
    """Files that extend each other are refused with the whole chain, at the `extends` value that closes the circle."""
    (problem,) = problems(write(**texts))
    assert problem.mark is not None
    assert (problem.mark.file, word(problem.mark)) == (file, marked)
    assert problem.text == f"expected a chain of bases with an end, received a circle: {chain}"


def test_a_circle_by_another_name(write: Write) -> None:
    """A link to the file itself is the file itself."""
    file = write(a="extends: link.yaml")
    Path("link.yaml").symlink_to("a.yaml")
    (problem,) = problems(file)
    assert "a.yaml -> link.yaml" in problem.text


def chain_of(write: Write, bases: int) -> Path:
    """Return a config that extends a chain of that many bases."""
    write(**{f"b{number}": f"extends: b{number + 1}.yaml" for number in range(bases)})
    write(**{f"b{bases}": "seed: 1"})
    return Path("b0.yaml")


def test_depth(write: Write) -> None:
    """A chain of ten bases is read; an eleventh is refused with the chain, at the value that names it."""
    assert read(chain_of(write, MAX_CHAIN)).data == {"seed": 1}
    (problem,) = problems(chain_of(write, MAX_CHAIN + 1))
    assert problem.mark is not None
    assert problem.mark.file == f"b{MAX_CHAIN}.yaml"
    assert problem.text == (
        f"expected a chain of at most {MAX_CHAIN} bases, received a longer one: "
        + " -> ".join(f"b{number}.yaml" for number in range(MAX_CHAIN + 2))
    )


@pytest.mark.parametrize(
    ("value", "marked", "text"),
    [
        ("3", "3", "expected the file name of a config, received 3"),
        ("null", "null", "expected the file name of a config, received null"),
        ("''", "''", 'expected the file name of a config, received "" (text)'),
        ("{a: 1}", "{a: 1}", "expected the file name of a config, received {a: 1} (a mapping of 1)"),
        (
            "[base.yaml, [base.yaml]]",
            "[base.yaml]",
            "expected the file name of a config, received [base.yaml] (a list of 1)",
        ),
        ("[]", "[]", f"expected 1 to {MAX_BASES} files to extend, received 0"),
    ],
)
def test_a_value_that_is_not_a_file_name(
    write: Write, word: Callable[[Mark], str], value: str, marked: str, text: str
) -> None:
    """Anything but a name or a list of names is refused at its place, with the line to write."""
    (problem,) = problems(write(base="seed: 1", a=f"extends: {value}"))
    assert problem.mark is not None
    assert (word(problem.mark), problem.text) == (marked, text)
    assert problem.hint is not None
    assert "extends: base.yaml" in problem.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bse.yaml", "Did you mean 'base.yaml'?"),
        ("base", "Did you mean 'base.yaml'?"),
        ("digits_mpl", "Did you mean 'digits_mlp'?"),
        ("no/such/file.yaml", "name a file in the same folder"),
        ('"nul\\0"', "name a file in the same folder"),
    ],
)
def test_a_base_that_is_not_there(write: Write, name: str, hint: str) -> None:
    """A missing base is refused at the `extends` value, with the nearest file or shipped config."""
    (problem,) = problems(write(base="seed: 1", a=f"extends: {name}"))
    assert problem.mark is not None
    assert (problem.mark.file, problem.mark.column, problem.hint) == ("a.yaml", 10, hint)
    assert "there is no file" in problem.text


@pytest.mark.parametrize("name", ["folder", "large.yaml", "n" * 300])
def test_a_base_that_cannot_be_read(write: Write, name: str) -> None:
    """A folder, a file over the limit and an impossible name are refused at the `extends` value."""
    file = write(a=f"extends: {name}")
    Path("folder").mkdir()
    Path("large.yaml").write_bytes(b"#" * (MAX_FILE_SIZE + 1))
    (problem,) = problems(file)
    assert problem.mark is not None
    assert (problem.mark.file, problem.mark.line, problem.mark.column) == ("a.yaml", 1, 10)


def test_a_problem_in_a_base_has_its_place_there(write: Write) -> None:
    """Problems in a base have the base's file and line, for all bases at once, and once each."""
    texts = {"b": "x: 1\nx: 2\n", "c": "y: [1\n", "d": "extends: b.yaml", "a": "extends: [b.yaml, c.yaml, d.yaml]"}
    places = [(problem.mark.file, problem.mark.line) for problem in problems(write(**texts)) if problem.mark]
    assert places == [("b.yaml", 2), ("c.yaml", 1)]


def test_a_null_that_removes_nothing_is_a_problem_of_its_file(write: Write) -> None:
    """A `null` in a base that removes nothing from its own base is a problem of that base."""
    (problem,) = problems(write(root="seed: 1", b="extends: root.yaml\nsed: null", a="extends: b.yaml"))
    assert problem.mark is not None
    assert (problem.mark.file, problem.mark.line, problem.hint) == ("b.yaml", 2, "Did you mean 'seed'?")
    assert "in root.yaml" in problem.text


def test_all_bases_are_named_where_several_lack_it(write: Write) -> None:
    """The message for a `null` that removes nothing names all bases in the list."""
    (problem,) = problems(write(b="x: 1", c="y: 1", a="extends: [b.yaml, c.yaml]\nz: null"))
    assert "in b.yaml and c.yaml" in problem.text


ANY = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=6, max_size=6)
#: File n extends only files after it, so that there is no circle.
ORDERED = ANY.map(lambda edges: [[base for base in bases if base > number] for number, bases in enumerate(edges)])


@given(ANY | ORDERED)
def test_any_graph_of_files_is_read_or_refused(edges: list[list[int]]) -> None:
    """Any files that extend each other are read with the last of each value, or refused for a circle that exists."""
    with tempfile.TemporaryDirectory() as folder:
        for number, bases in enumerate(edges):
            data: dict[str, Any] = {"extends": [f"{base}.yaml" for base in bases]} if bases else {}
            text = dump({**data, "set_by": number, f"own_{number}": True})
            (Path(folder) / f"{number}.yaml").write_text(text, encoding="utf-8")
        reached = reachable(edges, 0)
        circle = any(number in reachable(edges, base) for number in reached for base in edges[number])
        if circle:
            assert all("received a circle" in problem.text for problem in problems(Path(folder) / "0.yaml"))
        else:
            document = read(Path(folder) / "0.yaml")
            assert document.data == {"set_by": 0, **{f"own_{number}": True for number in reached}}
            assert {int(file.stem) for file in document.sources} == reached - {0}
            assert all(Path(document.mark((f"own_{number}",)).file).stem == str(number) for number in reached)


def reachable(edges: list[list[int]], start: int) -> set[int]:
    """Return all files that `start` extends, directly or not."""
    found: set[int] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += edges[here]
    return found


def test_files_are_read_once_each(write: Write) -> None:
    """Ten levels of files that each name all files of the next level are read within a second."""
    # Followed way by way they would be six to the tenth power, 60 million, reads.
    for level in range(MAX_CHAIN):
        names = ", ".join(f"f{level + 1}_{number}.yaml" for number in range(6))
        write(**{f"f{level}_{number}": f"extends: [{names}]\nx: {number}" for number in range(6)})
    write(**{f"f{MAX_CHAIN}_{number}": f"x: {number}" for number in range(6)})
    document = read(Path("f0_0.yaml"))
    assert document.data["x"] == 0
    assert len(document.sources) == 6 * MAX_CHAIN
    assert len(document.history(("x",))) <= 1 + len(document.sources)
