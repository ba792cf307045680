"""`code:` of a config and `nnrun trust`: all commands read its code, and none runs what the user has not allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from nnrun.runs import trusted_code

MARKER = "PWNED"
CODE = f"""\
import keras

open({MARKER!r}, "w")


class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""
CONFIG = """\
code: [lib/mine.py]
data: {source: digits}
model: [Flatten, Twice, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam}
"""


@pytest.fixture
def project(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a config that a stranger sent, and the code that it names."""
    monkeypatch.setattr(trusted_code, "folder", lambda: workdir / "user" / "trusted-code")
    monkeypatch.delenv(trusted_code.VARIABLE, raising=False)
    for name, text in (("base.yaml", CONFIG), ("my.yaml", "extends: sub/base.yaml\n")):
        file = workdir / ("sub" if name == "base.yaml" else "") / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (workdir / "sub" / "lib").mkdir()
    (workdir / "sub" / "lib" / "mine.py").write_text(CODE)
    return workdir


@pytest.mark.parametrize(
    "words",
    [
        "check my.yaml",
        "check .",
        "check sub/base.yaml --format json",
        "summary my.yaml",
        "resolve my.yaml",
        "explain my.yaml:model",
        "trust my.yaml",
    ],
)
def test_looking_at_a_config_runs_none_of_its_code(project: Path, invoke: Callable[..., Result], words: str) -> None:
    """Its layers are known all the same: the path is relative to the file that names it."""
    done = invoke(*words.split())
    assert done.exit_code == 0, done.output
    assert not list(project.rglob(MARKER))


@pytest.mark.parametrize(
    "words",
    [
        "train my.yaml",
        "train my.yaml --auto-resume",
        "data check my.yaml",
        "baseline my.yaml",
        "verify-resume my.yaml",
        "queue add train my.yaml",
        "sweep my.yaml --grid training.batch_size=16,32 --set data.split.validation=0.1",
        "launch my.yaml --workers 2 --set backend=jax --set training.batch_size=32",
    ],
)
def test_code_that_is_not_allowed_is_refused_before_anything_is_made(
    project: Path, invoke: Callable[..., Result], words: str
) -> None:
    """With its place in the config, the file, and the command that allows it."""
    done = invoke(*words.split(), *(["--runs-dir", "runs"] if "data check" not in words else []))
    assert "sub/base.yaml:1:8: error: sub/lib/mine.py is code that you have not allowed" in done.output
    assert "then type: nnrun trust my.yaml" in done.output
    assert done.exit_code == 2
    assert not list(project.rglob(MARKER))
    assert not list(project.glob("runs/*_*"))


def test_allowed_code_is_asked_about_again_when_it_changes(project: Path, invoke: Callable[..., Result]) -> None:
    """The message names the file and what changed; `--list` and `--remove` show and undo what was allowed."""
    assert "sub/lib/mine.py: allowed, 8 lines" in invoke("trust", "my.yaml").output
    assert "allowed already" in invoke("trust", "sub/base.yaml").output
    file = project / "sub" / "lib" / "mine.py"
    file.write_text(CODE.replace("2 * x", "3 * x"))
    done = invoke("data", "check", "my.yaml")
    assert "sub/lib/mine.py has changed since you allowed it on" in done.output
    assert "1 line added, 1 removed; the first: +        return 3 * x" in done.output
    shown = invoke("trust", "my.yaml").output
    assert "-        return 2 * x" in shown
    assert "Twice (layers)" in shown
    listed = json.loads(invoke("trust", "--list", "--json").output)["allowed"]
    assert sorted(one["state"] for one in listed) == ["changed", "unchanged"]
    assert "removed" in invoke("trust", "--remove", "sub/lib/mine.py").output
    assert invoke("trust", "--list").output == "No code is allowed.\n"
    assert not list(project.rglob(MARKER))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("[lib/none.py]", "sub/base.yaml:1:8: error: there is no file 'sub/lib/none.py'"),
        ("[lib/min.py]", "Did you mean 'mine.py'?"),
        ("[lib]", "this file of code cannot be read"),
        ("[lib/pipe]", "this file of code cannot be read"),
        ("lib/mine.py", "expected a list"),
        ("[lib/mine.py, lib/same.py]", None),
        ("[lib/mine.py, lib/other.py]", "'Twice' is also defined in sub/lib/mine.py"),
        ("[lib/broken.py]", "lib/broken.py:1:5: error: expected Python, received a syntax error"),
    ],
)
def test_files_that_cannot_be_used_are_errors_of_check(
    project: Path, invoke: Callable[..., Result], code: str, message: str | None
) -> None:
    """At their place in the config, or in the file itself; two files of the same content count once."""
    import os

    lib = project / "sub" / "lib"
    os.mkfifo(lib / "pipe")
    (lib / "same.py").write_text(CODE)
    (lib / "other.py").write_text(CODE + "\n")
    (lib / "broken.py").write_text("def :\n")
    (project / "sub" / "base.yaml").write_text(CONFIG.replace("[lib/mine.py]", code))
    done = invoke("check", "my.yaml")
    assert done.exit_code == (0 if message is None else 2), done.output
    assert message is None or message in done.output
    assert not list(project.rglob(MARKER))
