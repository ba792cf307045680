"""The command `nnrun check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Invoke = Callable[..., Result]


def test_a_good_config_is_ok(invoke: Invoke) -> None:
    """A config without problems gets one line."""
    result = invoke("check", "tiny.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "tiny.yaml: ok\n", "")


def test_every_problem_is_shown_at_its_place(invoke: Invoke, workdir: Path) -> None:
    """All problems of a config are printed at once with line, column, caret and hint; the exit code is 2."""
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    (workdir / "bad.yaml").write_text(
        text.replace("Dense: {units: 4", 'Dense: {units: "4"').replace("Adam", "Adom"), encoding="utf-8"
    )
    result = invoke("check", "bad.yaml")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[0].startswith("bad.yaml:8:20: error: ")
    assert lines[1:3] == ['    8 |   - Dense: {units: "4", activation: relu}', "      |                    ^~~"]
    assert any("Did you mean 'Adam'?" in line for line in lines)
    assert lines[-1] == "2 errors"


def test_json_holds_every_file_and_every_problem(invoke: Invoke, workdir: Path) -> None:
    """`--json` prints one document with every file, whether it is ok, and its problems."""
    (workdir / "bad.yaml").write_text("name: [", encoding="utf-8")
    document = json.loads(invoke("check", "tiny.yaml", "bad.yaml", "--json").stdout)
    assert [(each["file"], each["ok"]) for each in document["files"]] == [("tiny.yaml", True), ("bad.yaml", False)]
    assert (document["ok"], document["errors"]) == (False, 1)
    (problem,) = document["files"][1]["problems"]
    assert set(problem) == {"file", "line", "column", "severity", "name", "text", "hint"}
    assert (problem["file"], problem["line"], problem["severity"]) == ("bad.yaml", 1, "error")


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 2)])
def test_strict_turns_warnings_into_errors(invoke: Invoke, options: tuple[str, ...], code: int) -> None:
    """A batch larger than the data is a warning: exit 0, or 2 with `--strict`."""
    result = invoke("check", "tiny.yaml", "--set", "training.batch_size=5000", *options)
    assert "warning:" in result.stdout
    assert result.exit_code == code


def test_folders_are_searched_for_configs(invoke: Invoke, workdir: Path) -> None:
    """A folder stands for every *.yaml file in it and below, in order."""
    (workdir / "inner").mkdir()
    (workdir / "inner" / "b.yaml").write_text("{}", encoding="utf-8")
    result = invoke("check", ".")
    assert result.exit_code == 2
    assert "inner/b.yaml" in result.stdout
    assert "tiny.yaml: ok" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("in 2 configs")


def test_a_folder_without_configs_is_an_error(invoke: Invoke, workdir: Path) -> None:
    """Checking nothing does not look like success."""
    (workdir / "empty").mkdir()
    result = invoke("check", "empty")
    assert result.exit_code == 2
    assert "empty: the folder has no *.yaml files" in result.stdout


def test_one_unreadable_config_does_not_hide_the_others(invoke: Invoke) -> None:
    """A missing file is one problem among those of the other configs."""
    result = invoke("check", "missing.yaml", "tiny.yaml")
    assert result.exit_code == 2
    assert "missing.yaml: there is no such file" in result.stdout
    assert "tiny.yaml: ok" in result.stdout


def test_quiet_prints_only_problems(invoke: Invoke) -> None:
    """With `--quiet` nothing is printed about a good config."""
    result = invoke("check", "tiny.yaml", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")


def test_shipped_configs_are_found_by_name(invoke: Invoke) -> None:
    """A bare name stands for a config that comes with nnrun; a misspelt one gets the nearest name."""
    assert invoke("check", "digits_mlp").exit_code == 0
    assert "Did you mean 'digits_mlp'?" in invoke("check", "digits_mpl").stdout


def test_train_refuses_what_check_refuses(invoke: Invoke, workdir: Path) -> None:
    """`train` prints on stderr what `check` finds, exits with 2, and creates no run folder."""
    result = invoke("train", "tiny.yaml", "--set", "training.epochs=none")
    assert result.exit_code == 2
    assert "--set:1:" in result.stderr
    assert result.stdout == ""
    assert not (workdir / "runs").exists()


def test_a_mistake_in_a_base_is_shown_in_the_base(invoke: Invoke, workdir: Path) -> None:
    """An error in a base is shown at its place in the base, and disappears if the extending config replaces it."""
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    (workdir / "base.yaml").write_text(text.replace("optimizer: Adam", "optimizer: {Adam: {epsilom: 1}}"), "utf-8")
    (workdir / "mine.yaml").write_text("extends: base.yaml\ntraining: {epochs: 1}\n", encoding="utf-8")
    result = invoke("check", "mine.yaml")
    assert result.exit_code == 2
    assert result.stdout.startswith("base.yaml:12:22: error: Adam has no argument 'epsilom'")
    assert invoke("check", "mine.yaml", "--set", "training.optimizer=Adam").exit_code == 0


def test_a_misspelt_extends_is_recognised(invoke: Invoke, workdir: Path) -> None:
    """`extend:` is answered with `extends`, and `--set extends=...` with where `extends` belongs."""
    (workdir / "mine.yaml").write_text("extend: tiny.yaml\n", encoding="utf-8")
    assert "Did you mean 'extends'?" in invoke("check", "mine.yaml").stdout
    assert "extends: is read from the file itself" in invoke("check", "tiny.yaml", "--set", "extends=x.yaml").stdout


def test_fix_shows_what_changes_and_asks(invoke: Invoke, workdir: Path) -> None:
    """Without a terminal the diff is shown and nothing is written; with --yes it is, and the rest is checked."""
    file = workdir / "bad.yaml"
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8").replace("epochs: 2", "epochs: '2'   # few")
    file.write_text(text, encoding="utf-8")
    asked = invoke("check", "bad.yaml", "--fix")
    assert asked.exit_code == 2
    assert "-  epochs: '2'   # few\n+  epochs: 2   # few\n" in asked.stdout
    assert "bad.yaml: not written; add --yes to write it (1 finding)" in asked.stdout
    assert file.read_text(encoding="utf-8") == text
    mended = invoke("check", "bad.yaml", "--fix", "--yes")
    assert mended.exit_code == 0
    assert "bad.yaml: 1 finding mended\nbad.yaml: ok\n" in mended.stdout
    assert file.read_text(encoding="utf-8") == text.replace("'2'", "2")
    assert invoke("check", "bad.yaml", "--fix", "--json").exit_code == 2
