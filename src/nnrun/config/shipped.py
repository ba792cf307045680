"""The configs that come with nnrun: found by bare name, wherever nnrun was installed."""

from __future__ import annotations

from pathlib import Path as FilePath


def folder() -> FilePath:
    """Give the folder of shipped configs: inside the installed package, or at the top of a checkout."""
    package = FilePath(__file__).resolve().parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def names() -> dict[str, FilePath]:
    """Give every shipped config by the name it goes by: its path below the folder, without its ending."""
    return {path.relative_to(folder()).with_suffix("").as_posix(): path for path in sorted(folder().rglob("*.yaml"))}


def locate(word: str) -> FilePath:
    """Turn what a user typed into a config's path: a file that is there, else a shipped config of that name."""
    path = FilePath(word)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    return names().get(word, path)
