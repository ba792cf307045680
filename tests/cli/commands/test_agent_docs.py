"""`nnrun agent-docs`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from page_commands import every_command, misfit

from nnrun import errors
from nnrun.cli.main import nnrun

Invoke = Callable[..., Result]


@pytest.fixture
def page(invoke: Invoke) -> str:
    """The page."""
    result = invoke("agent-docs")
    assert result.exit_code == 0
    return result.stdout


def test_the_page_names_commands_and_options_that_there_are(page: str) -> None:
    """Each command of the text exists, with the options that the text gives it."""
    lines = every_command(page)
    assert len(lines) > 50
    assert {" ".join(words): text for words in lines if (text := misfit(words))} == {}


def test_the_page_has_every_command_and_exit_code(page: str) -> None:
    """All commands stand in its table, and all exit codes."""
    codes = [value for name, value in vars(errors).items() if name.startswith("EXIT_")]
    assert all(f"| {code} |" in page for code in codes)
    assert all(f"| `nnrun {name}" in page for name in nnrun.commands)
    assert "{{" not in page
