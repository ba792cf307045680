"""`nnrun configs`, and how a word finds a config."""

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
    from nnrun.cli.terminal.layout import put_terms
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.config.files import shipped_configs

    found = [(name, path, header(path, "What")) for name, path in shipped_configs().items()]
    if as_json:
        put_json([{"name": name, "file": path, "what": what} for name, path, what in found])
    else:
        put_terms(Screen.out(), [(name, what) for name, _, what in found])


def header(path: Path, word: str) -> str:
    """Give what a config's leading comment says after `word:`; empty where it says nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    heads = [line for line in lines if line.startswith(f"# {word}:")]
    return heads[0].partition(":")[2].strip() if heads else ""


def located(word: str) -> Path:
    """Turn a word into a config's path.

    Raises:
        ConfigError: There is no such file and no shipped config of that name, though one of a name like it.
    """
    from nnrun.config.files import find_config, shipped_configs
    from nnrun.config.hints import did_you_mean

    path = find_config(word)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    beside = [Path(word).with_name(f"{Path(word).name}{ending}") for ending in (".yaml", ".yml") if Path(word).name]
    near = next((f"Did you mean '{file}'?" for file in beside if file.is_file()), None)
    hint = near or did_you_mean(word, shipped_configs()) or "nnrun configs lists the configs that come with nnrun"
    raise ConfigError(
        [Problem(None, f"{word}: there is no such file, and no config of that name comes with nnrun", hint)]
    )
