"""`nnrun configs`, and the search for the config that a word names."""

from __future__ import annotations

from pathlib import Path

import click

from nnrun.cli import options
from nnrun.errors import ConfigError, Problem


@click.command()
@options.as_json
def configs(as_json: bool) -> None:
    """List the configs that come with nnrun.

    \b
    nnrun configs
    nnrun train digits_mlp
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.config.files import shipped_configs

    found = [(name, path, _description(path)) for name, path in shipped_configs().items()]
    if as_json:
        print_json([{"name": name, "file": path, "what": what} for name, path, what in found])
    else:
        print_terms(Output.stdout(), [(name, what) for name, _, what in found], are_names=True)


def _description(path: Path) -> str:
    """Return the text after `# What:` in a config; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.removeprefix("# What:").strip() for line in lines if line.startswith("# What:")), "")


def locate_config(word: str) -> Path:
    """Return the path of the config that a word names: a file, or the name of a shipped config.

    Raises:
        ConfigError: There is neither; with the nearest name.
    """
    from nnrun.config.files import find_config, shipped_configs
    from nnrun.config.hints import did_you_mean

    path = find_config(word)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    files = [Path(f"{word}{ending}") for ending in (".yaml", ".yml") if Path(word).name]
    near = next((f"Did you mean '{file}'?" for file in files if file.is_file()), None)
    hint = near or did_you_mean(word, shipped_configs()) or "nnrun configs lists the configs that come with nnrun"
    raise ConfigError(
        [Problem(None, f"{word}: there is no such file, and no config of that name comes with nnrun", hint)]
    )
