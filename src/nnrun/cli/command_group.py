"""A group of commands that shows its help when called alone, and answers an unknown command with the nearest one."""

from __future__ import annotations

import click

from nnrun.cli.terminal.help_texts import Context
from nnrun.cli.terminal.language import is_english
from nnrun.config.hints import did_you_mean

#: Short helps are no longer than that.
_WHOLE = 200


class CommandGroup(click.Group):
    """A group of commands, whose help and that of its commands is in the language of the screen."""

    context_class = Context

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command."""
        cmd.context_class = Context
        super().add_command(cmd, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, as click does; it cuts short helps before they are translated."""
        if is_english():
            super().format_commands(ctx, formatter)
            return
        commands = [command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))]
        rows = [(one.name or "", one.get_short_help_str(_WHOLE)) for one in commands if not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

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
