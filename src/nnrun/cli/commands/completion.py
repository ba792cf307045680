"""`nnrun completion`."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell completion script for SHELL.

    It completes commands and options, configs, parts, runs, and the paths of --set.

    \b
    eval "$(nnrun completion bash)"                                    in ~/.bashrc
    eval "$(nnrun completion zsh)"                                     in ~/.zshrc
    nnrun completion fish > ~/.config/fish/completions/nnrun.fish      once
    """  # noqa: D301
    from nnrun.cli.completion import script
    from nnrun.cli.terminal.output import Output

    Output.stdout().write(script(shell, click.get_current_context().find_root().command))
