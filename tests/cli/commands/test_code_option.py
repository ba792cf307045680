"""The option `--code` of commands that do not train: they read the file and never run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

CODE = '''"""Ends the program if it is run."""
import keras
open("ran", "w").close()
class Mine(keras.layers.Layer):
    """Does what is mine."""
    def __init__(self, size: int = 1): ...
def gap(y_true, y_pred): ...
raise SystemExit
'''


@pytest.mark.parametrize(
    "words",
    [("check", "tiny.yaml"), ("summary", "tiny.yaml"), ("resolve", "tiny.yaml"), ("explain", "Mine"), ("schema",)],
)
def test_commands_that_do_not_train_never_run_the_file(
    words: tuple[str, ...], workdir: Path, invoke: Callable[..., Result]
) -> None:
    """A file that would end the program is read by each of them and not run."""
    (workdir / "my.py").write_text(CODE, encoding="utf-8")
    config = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    (workdir / "tiny.yaml").write_text(config.replace("model:\n", "model:\n  - Mine: 2\n"), encoding="utf-8")
    assert invoke(*words, "--code", "my.py").exit_code == 0
    assert not (workdir / "ran").exists()
    assert invoke("check", "tiny.yaml").exit_code == 2


def test_explain_shows_the_users_own_parts(workdir: Path, invoke: Callable[..., Result]) -> None:
    """The docstring and the signature are shown, and that the part is the user's own."""
    (workdir / "my.py").write_text(CODE, encoding="utf-8")
    shown = invoke("explain", "Mine", "--code", "my.py").stdout
    assert "(layers, your own)" in shown
    assert "Does what is mine." in shown
    assert "an integer; default 1" in shown


def test_arguments_for_a_function_are_refused(workdir: Path, invoke: Callable[..., Result]) -> None:
    """A function of the user's own has no arguments in a config; the hint says what has."""
    (workdir / "my.py").write_text(CODE, encoding="utf-8")
    result = invoke("check", "tiny.yaml", "--code", "my.py", "--set", "training.metrics=[{gap: {x: 1}}]")
    assert result.exit_code == 2
    assert "gap is a function, which takes no arguments in a config" in result.output
    assert "write a class for it" in result.output
