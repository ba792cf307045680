"""What a shell is offered for a word of a command line: configs, runs, parts, data sets, and the paths of `--set`.

Each function is a `shell_complete` of click's. Nothing is imported before a word is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click import Context, Parameter
    from click.shell_completion import CompletionItem


def config(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a shipped config, or leave a file to the shell."""
    from click.shell_completion import CompletionItem

    from nnrun.config import shipped

    named = _fitting(shipped.names(), incomplete)
    return named or [CompletionItem(incomplete, type="file")]


def run(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete a run's short id or id; `last` is the last."""
    from nnrun.runs.find import list_runs

    folders = [row.folder for row in list_runs(Path(context.params.get("runs_dir") or "runs"))]
    words = ["last", *(folder.short_id for folder in folders), *(folder.id for folder in folders)]
    return _fitting(words if folders else [], incomplete)


def checkpoint(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete `last` or `best`, or leave a file to the shell."""
    from click.shell_completion import CompletionItem

    return _fitting(["last", "best"], incomplete) or [CompletionItem(incomplete, type="file")]


def data_set(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a data set."""
    from nnrun.data.registry import entries

    return _fitting([entry.name for entry in entries()], incomplete)


def question(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete what `explain` explains: a part, a finding, or a place in a config after a colon."""
    from nnrun.catalog.lookup import CATEGORIES, names
    from nnrun.spec.findings.registry import FINDINGS
    from nnrun.spec.settable import places

    file, colon, path = incomplete.rpartition(":")
    if colon:
        return _items((f"{file}:{word}", meaning) for word, meaning in places(_data(file), path))
    parts = [name for category in CATEGORIES for name in names(category)]
    return _fitting(dict.fromkeys([*parts, *FINDINGS]), incomplete) or config(context, parameter, incomplete)


def setting(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete `--set`: the keys of the config on the same command line, then the values of the last one."""
    from nnrun.spec.settable import settings

    return _items(settings(_data(_config_of(context)), incomplete))


def _config_of(context: Context) -> str:
    """Find the config on the command line; click sorts no words before an option that still lacks its value."""
    said = context.params.get("config") or next(iter(context.params.get("files") or ()), None)
    return str(said or next((word for word in context.args if not word.startswith("-")), ""))


def _data(word: str) -> dict[str, Any]:
    """Read a config as far as that goes; empty where it is none."""
    from nnrun.config import extends, shipped

    try:
        return extends.read(shipped.locate(word)).data if word else {}
    except NnrunError:
        return {}


def _fitting(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return _items((word, "") for word in words if word.startswith(incomplete))


def _items(words: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word, help=meaning or None) for word, meaning in words]
