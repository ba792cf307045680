"""Requirements of `--code` on the commands that look: they know the file's names, and never run it."""

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
def test_looking_never_runs_the_file(words: tuple[str, ...], place: Path, say: Callable[..., Result]) -> None:
    """A file that would end the program is read by each of them, and leaves no trace of having run."""
    (place / "my.py").write_text(CODE, encoding="utf-8")
    config = (place / "tiny.yaml").read_text(encoding="utf-8")
    (place / "tiny.yaml").write_text(config.replace("model:\n", "model:\n  - Mine: 2\n"), encoding="utf-8")
    assert say(*words, "--code", "my.py").exit_code == 0
    assert not (place / "ran").exists()
    assert say("check", "tiny.yaml").exit_code == 2


def test_explain_tells_whose_a_part_is(place: Path, say: Callable[..., Result]) -> None:
    """What the docstring and the signature say is told, and that it is the user's own."""
    (place / "my.py").write_text(CODE, encoding="utf-8")
    said = say("explain", "Mine", "--code", "my.py").stdout
    assert "(layers, your own)" in said
    assert "Does what is mine." in said
    assert "an integer; default 1" in said


def test_a_function_with_arguments_is_refused_as_the_users(place: Path, say: Callable[..., Result]) -> None:
    """A function of the user's own goes by its name alone; the hint says what takes arguments."""
    (place / "my.py").write_text(CODE, encoding="utf-8")
    said = say("check", "tiny.yaml", "--code", "my.py", "--set", "training.metrics=[{gap: {x: 1}}]")
    assert said.exit_code == 2
    assert "gap is a function, which takes no arguments in a config" in said.output
    assert "write a class for it" in said.output
