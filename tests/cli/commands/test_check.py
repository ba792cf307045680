"""Requirements of `nnrun check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Say = Callable[..., Result]


def test_a_good_config_is_ok(say: Say) -> None:
    """A config without findings gets one line."""
    result = say("check", "tiny.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "tiny.yaml: ok\n", "")


def test_every_problem_is_shown_at_its_place(say: Say, place: Path) -> None:
    """All problems of a config are told in one go with line, column, caret and hint, and the exit code is 2."""
    text = (place / "tiny.yaml").read_text(encoding="utf-8")
    (place / "bad.yaml").write_text(
        text.replace("Dense: {units: 4", 'Dense: {units: "4"').replace("Adam", "Adom"), encoding="utf-8"
    )
    result = say("check", "bad.yaml")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[0].startswith("bad.yaml:8:20: error: ")
    assert lines[1:3] == ['    8 |   - Dense: {units: "4", activation: relu}', "      |                    ^~~"]
    assert any("Did you mean 'Adam'?" in line for line in lines)
    assert lines[-1] == "2 errors"


def test_json_holds_every_file_and_every_problem(say: Say, place: Path) -> None:
    """`--json` is one document that says of each file whether it is fine, and why not."""
    (place / "bad.yaml").write_text("name: [", encoding="utf-8")
    document = json.loads(say("check", "tiny.yaml", "bad.yaml", "--json").stdout)
    assert [(each["file"], each["ok"]) for each in document["files"]] == [("tiny.yaml", True), ("bad.yaml", False)]
    assert (document["ok"], document["errors"]) == (False, 1)
    (problem,) = document["files"][1]["problems"]
    assert set(problem) == {"file", "line", "column", "severity", "name", "text", "hint"}
    assert (problem["file"], problem["line"], problem["severity"]) == ("bad.yaml", 1, "error")


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 2)])
def test_strict_turns_warnings_into_errors(say: Say, options: tuple[str, ...], code: int) -> None:
    """A batch larger than the data is a warning: exit 0, or 2 with `--strict`."""
    result = say("check", "tiny.yaml", "--set", "training.batch_size=5000", *options)
    assert "warning:" in result.stdout
    assert result.exit_code == code


def test_folders_are_walked_and_counted(say: Say, place: Path) -> None:
    """A folder means every *.yaml file in it and below, in order."""
    (place / "inner").mkdir()
    (place / "inner" / "b.yaml").write_text("{}", encoding="utf-8")
    result = say("check", ".")
    assert result.exit_code == 2
    assert "inner/b.yaml" in result.stdout
    assert "tiny.yaml: ok" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("in 2 configs")


def test_a_folder_without_configs_is_an_error(say: Say, place: Path) -> None:
    """Checking nothing must not look like success."""
    (place / "empty").mkdir()
    result = say("check", "empty")
    assert result.exit_code == 2
    assert "empty: the folder has no *.yaml files" in result.stdout


def test_one_unreadable_config_does_not_hide_the_others(say: Say) -> None:
    """A missing file is one finding among the others'."""
    result = say("check", "missing.yaml", "tiny.yaml")
    assert result.exit_code == 2
    assert "missing.yaml: there is no such file" in result.stdout
    assert "tiny.yaml: ok" in result.stdout


def test_quiet_says_only_what_is_wrong(say: Say) -> None:
    """`--quiet` has nothing to say of a good config."""
    result = say("check", "tiny.yaml", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")


def test_shipped_configs_are_found_by_name(say: Say) -> None:
    """A bare name means a config that comes with nnrun; a slip gets the nearest one."""
    assert say("check", "digits_mlp").exit_code == 0
    assert "Did you mean 'digits_mlp'?" in say("check", "digits_mpl").stdout


def test_a_refused_config_is_the_same_news_to_train(say: Say, place: Path) -> None:
    """`train` refuses on stderr what `check` refuses, with exit code 2, and leaves no folder."""
    result = say("train", "tiny.yaml", "--set", "training.epochs=none")
    assert result.exit_code == 2
    assert "--set:1:" in result.stderr
    assert result.stdout == ""
    assert not (place / "runs").exists()


def test_a_mistake_in_a_base_is_shown_in_the_base(say: Say, place: Path) -> None:
    """What a base says wrongly is told in the base, and is gone where the extending side replaces it."""
    text = (place / "tiny.yaml").read_text(encoding="utf-8")
    (place / "base.yaml").write_text(text.replace("optimizer: Adam", "optimizer: {Adam: {epsilom: 1}}"), "utf-8")
    (place / "mine.yaml").write_text("extends: base.yaml\ntraining: {epochs: 1}\n", encoding="utf-8")
    result = say("check", "mine.yaml")
    assert result.exit_code == 2
    assert result.stdout.startswith("base.yaml:12:22: error: Adam has no argument 'epsilom'")
    assert say("check", "mine.yaml", "--set", "training.optimizer=Adam").exit_code == 0


def test_a_misspelt_extends_is_recognised(say: Say, place: Path) -> None:
    """`extend:` is answered with `extends`, and `--set extends=...` with what extends."""
    (place / "mine.yaml").write_text("extend: tiny.yaml\n", encoding="utf-8")
    assert "Did you mean 'extends'?" in say("check", "mine.yaml").stdout
    assert "extends: is read from the file itself" in say("check", "tiny.yaml", "--set", "extends=x.yaml").stdout
