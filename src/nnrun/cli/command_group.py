"""Groups of commands that help: alone they show their help, and an unknown command is answered with the nearest."""

from __future__ import annotations

import click

from nnrun.config.hints import did_you_mean


class Commands(click.Group):
    """A group of commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing is asked for: that is no mistake."""
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        word, known = args[0], self.list_commands(ctx)
        if self.get_command(ctx, word) is None and not word.startswith("-") and not ctx.resilient_parsing:
            there = f"There are: {', '.join(known)}."
            ctx.fail(f"No such command '{word}'. {did_you_mean(word, known) or there}")
        return super().resolve_command(ctx, args)
