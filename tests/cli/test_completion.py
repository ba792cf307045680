"""Shell completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import get_completion_class

from nnrun.cli.completion import Bash, script
from nnrun.cli.main import nnrun
from nnrun.config.files import shipped_configs
from nnrun.data.named.datasets import data_set_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def completions(workdir: Path) -> Callable[[str], list[str]]:
    """Return the completions of the last word of a line, which are the same for every shell."""

    def ask(line: str) -> list[str]:
        *words, last = line.split(" ")
        found = []
        for shell in SHELLS:
            shell_class = get_completion_class(shell)
            assert shell_class is not None
            items = shell_class(nnrun, {}, "nnrun", "_NNRUN_COMPLETE").get_completions(words, last)
            found.append([str(item.value) for item in items if item.type == "plain"])
        assert found[0] == found[1] == found[2]
        return found[0]

    return ask


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("", {"train", "check", "schema", "completion"}, {"list"}),
        ("runs ", {"list", "show"}, {"train"}),
        ("train digits", {"digits_cnn", "digits_mlp"}, {"mnist_mlp"}),
        ("check tiny.yaml --f", {"--format"}, {"--set"}),
        ("check tiny.yaml --format ", {"text", "json", "github", "sarif"}, set()),
        ("explain Conv2", {"Conv2D", "Conv2DTranspose"}, {"Dense"}),
        ("explain monitor-", {"monitor-unknown"}, set()),
        ("explain tiny.yaml:training.", {"tiny.yaml:training.epochs", "tiny.yaml:training.optimizer."}, set()),
        ("data show m", {"mnist"}, {"iris"}),
        ("eval last --checkpoint ", {"last", "best"}, set()),
        ("completion ", set(SHELLS), set()),
        ("train tiny.yaml --set ", {"training.", "seed="}, {"extends="}),
        ("train tiny.yaml --set training.e", {"training.epochs="}, {"training.batch_size="}),
        ("check tiny.yaml --set model.", {"model.0.", "model.1."}, {"model.2."}),
        ("check tiny.yaml --set model.0.Dense.us", {"model.0.Dense.use_bias="}, set()),
        ("train --set training.optimizer.Adam.ams", set(), {"training.optimizer.Adam.amsgrad="}),
        ("train tiny.yaml --set training.optimizer.Adam.ams", {"training.optimizer.Adam.amsgrad="}, set()),
        ("train tiny.yaml --set training.epochs=", {"training.epochs=2"}, set()),
        (
            "train tiny.yaml --set training.best.mode=m",
            {"training.best.mode=min", "training.best.mode=max"},
            {"training.best.mode=auto"},
        ),
        ("train digits_cnn --set model.0.Conv2D.padding=v", {"model.0.Conv2D.padding=valid"}, set()),
        ("train no_such.yaml --set training.shuffle=", {"training.shuffle=true", "training.shuffle=false"}, set()),
    ],
)
def test_words_are_completed(
    completions: Callable[[str], list[str]], line: str, some: set[str], none: set[str]
) -> None:
    """Commands, options, configs, parts, findings, data sets and the paths of the config on the line are completed."""
    found = set(completions(line))
    assert some <= found
    assert not none & found


def test_every_config_and_data_set_is_a_completion(completions: Callable[[str], list[str]]) -> None:
    """Nothing that comes with nnrun is left out."""
    assert completions("train ") == list(shipped_configs())
    assert completions("data fetch ") == list(data_set_names())


def test_files_are_left_to_the_shell(workdir: Path) -> None:
    """If no shipped config matches, the shell completes files."""
    (item,) = Bash(nnrun, {}, "nnrun", "_NNRUN_COMPLETE").get_completions(["train"], "tin")
    assert (item.type, item.value) == ("file", "tin")


@pytest.mark.parametrize("command", ["eval", "runs show", "predict"])
def test_runs_are_completed_by_their_ids(completions: Callable[[str], list[str]], workdir: Path, command: str) -> None:
    """Commands that take a run complete `last`, short ids and ids; without runs there are no completions."""
    assert completions(f"{command} ") == []
    (workdir / "runs" / "20260102T030405Z_tiny_ab12cd").mkdir(parents=True)
    (workdir / "runs" / "20260102T030405Z_tiny_ab12cd" / "record.json").write_text("{}", encoding="utf-8")
    found = completions(f"{command} ")
    assert found[0] == "last"
    assert "20260102T030405Z_tiny_ab12cd" in found
    assert completions(f"{command} --runs-dir nowhere ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(invoke: Callable[..., Result], shell: str) -> None:
    """`nnrun completion SHELL` prints the script for the shell and nothing else."""
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert result.stdout == script(shell, nnrun)
    assert f"_NNRUN_COMPLETE={shell}_complete" in result.stdout
    assert invoke("completion", "csh").exit_code == 2


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("nnrun train tiny.yaml --set training.ep", "training.ep", ["open,training.epochs="]),
        ("nnrun train tiny.yaml --set=training.ep", "training.ep", ["open,training.epochs="]),
        ("nnrun train tiny.yaml --set training.epochs=", "=", ["plain,2"]),
        ("nnrun train tiny.yaml --set training.shuffle=f", "f", ["plain,false"]),
        ("nnrun explain tiny.yaml:see", "see", ["plain,seed"]),
        ("nnrun explain tiny.yaml:", ":", ["plain,name"]),
    ],
)
def test_bash_replaces_only_its_own_word(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, line: str, word: str, expected: list[str]
) -> None:
    """Bash splits words at `=` and `:`, so a completion holds only what follows these."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORD", word)
    found = Bash(nnrun, {}, "nnrun", "_NNRUN_COMPLETE").complete().splitlines()
    assert found[: len(expected)] == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nnrun", "ch"], ["check"]),
        (["nnrun", "train", "tiny.yaml", "--set", "training.ep"], ["training.epochs="]),
        (["nnrun", "train", "tiny.yaml", "--set", "training.shuffle", "=", "t"], ["true"]),
        (["nnrun", "train", "tiny.yaml", "--set", "training.shuffle", "="], ["true", "false"]),
        (["nnrun", "explain", "tiny.yaml", ":", "training.ep"], ["training.epochs"]),
    ],
)
def test_a_real_bash_completes(
    workdir: Path, environment: dict[str, str], words: list[str], expected: list[str]
) -> None:
    """In bash itself the printed script produces the completions."""
    program = workdir / "nnrun"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nnrun "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    line = " ".join(words).replace(" = ", "=").replace(" =", "=").replace(" : ", ":")
    lines = [
        "compopt() { :; }",
        'eval "$(nnrun completion bash)"',
        f"COMP_WORDS=({' '.join(words)})",
        f"COMP_CWORD={len(words) - 1}",
        f"COMP_LINE='{line}'",
        "COMP_POINT=${#COMP_LINE}",
        "_nnrun_completion nnrun",
        "printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    path = {**environment, "PATH": f"{workdir}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, env=path, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == expected
