"""A group of commands that shows its help when called alone, and answers an unknown command with the nearest one."""

from __future__ import annotations

import click

from nnrun.config.hints import did_you_mean


class CommandGroup(click.Group):
    """A group of commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where no command is given, which is no error."""
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names."""
        word, known = args[0], self.list_commands(ctx)
        if self.get_command(ctx, word) is None and not word.startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(word, known) or f"The commands are: {', '.join(known)}."
            ctx.fail(f"No such command '{word}'. {hint}")
        return super().resolve_command(ctx, args)
