"""The command `nnrun init`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.cli.commands import init as command
from nnrun.pipeline.init.request import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Invoke = Callable[..., Result]


def test_alone_it_lists_ways_to_begin(invoke: Invoke) -> None:
    """Without data, every kind of data has its line; options need data."""
    result = invoke("init")
    assert result.exit_code == 0
    assert all(f"nnrun init {word}" in result.stdout for word in ("data.csv", "pictures/", "book.txt", "mnist_cnn"))
    assert invoke("init", "--target", "price").exit_code == 2


def test_it_says_what_it_wrote_and_what_to_do_next(invoke: Invoke, workdir: Path) -> None:
    """The file, what `check` says about it and the next commands are printed."""
    result = invoke("init", "tiny.csv", "--out", "first.yaml")
    assert result.exit_code == 0, result.output
    assert "assumed: Which column is to be predicted? kind" in result.stdout
    assert "first.yaml: written, " in result.stdout
    assert "nnrun check: ok\n" in result.stdout
    assert "next: nnrun train first.yaml\n" in result.stdout
    assert invoke("check", "first.yaml", "--strict").exit_code == 0
    again = invoke("init", "tiny.csv", "--out", "first.yaml")
    assert (again.exit_code, "not overwritten" in again.stderr) == (1, True)


def test_json_holds_the_file_and_what_was_assumed(invoke: Invoke, workdir: Path) -> None:
    """`--json` prints one document."""
    found = json.loads(invoke("init", "tiny.csv", "--out", "first.yaml", "--json").stdout)
    assert (found["ok"], found["file"], found["problems"]) == (True, "first.yaml", [])
    assert [one["answer"] for one in found["assumed"]] == ["kind"]


def test_what_an_option_names_can_be_typed(invoke: Invoke, workdir: Path) -> None:
    """The option that answers a question is quoted as a shell needs it."""
    rows = [f"{at * 7 % 5},{at % 2}" for at in range(20)]
    Path("odd.csv").write_text("\n".join(["a,is it?", *rows]) + "\n", encoding="utf-8")
    assert "--target 'is it?' says so" in invoke("init", "odd.csv").stdout


def test_a_config_with_errors_is_written_and_fails(invoke: Invoke, workdir: Path) -> None:
    """Defects of the data are shown with their lines, and the exit code is that of `check`."""
    rows = [f"{at * 7 % 5},{at % 2}" for at in range(20)]
    Path("bad.csv").write_text("\n".join(["a,b", *rows, "1,2,3,4"]) + "\n", encoding="utf-8")
    result = invoke("init", "bad.csv", "--target", "b")
    assert result.exit_code == 2
    assert "bad.csv:22" in result.stdout
    assert "next: nnrun check bad.yaml\n" in result.stdout


def test_questions_are_repeated_until_they_are_answered(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """An answer that is no choice is told with the nearest one; then the question stands again."""
    answers = iter(["prize", "price"])
    monkeypatch.setattr(command.click, "prompt", lambda *_, **__: next(answers))
    question = Question("Which column?", ("price", "size"), "size", "the last column", "--target size")
    assert command._ask(question) == "price"
    shown = capsys.readouterr().out
    assert "Which column? (price, size)" in shown
    assert "Did you mean 'price'?" in shown
