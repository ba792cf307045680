"""Run a command line of nnrun in this process."""

from __future__ import annotations

from click.testing import CliRunner

from nnrun.cli.main import nnrun


def run_nnrun(*arguments: object) -> str:
    """Run a command, which must succeed; return what it prints."""
    done = CliRunner().invoke(nnrun, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output
