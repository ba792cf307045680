"""What a shell is offered for a word of a command line: configs, runs, parts, data sets, and the paths of `--set`.

Each function is a `shell_complete` of click's. Nothing is imported before a word is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import (
    BashComplete,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click import Context, Parameter
    from click.shell_completion import CompletionItem


def config(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a shipped config, or leave a file to the shell."""
    from click.shell_completion import CompletionItem

    from nnrun.config.files import shipped_configs

    named = _fitting(shipped_configs(), incomplete)
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
    from nnrun.data.named.datasets import data_set_names

    return _fitting(data_set_names(), incomplete)


def question(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete what `explain` explains: a part, a finding, or a place in a config after a colon."""
    from nnrun.catalog.lookup import CATEGORIES, names
    from nnrun.spec.completion import complete_path
    from nnrun.spec.findings.explanations import EXPLANATIONS

    file, colon, path = incomplete.rpartition(":")
    if colon:
        return _items((f"{file}:{word}", meaning) for word, meaning in complete_path(_data(file), path))
    parts = [name for category in CATEGORIES for name in names(category)]
    return _fitting(dict.fromkeys([*parts, *EXPLANATIONS]), incomplete) or config(context, parameter, incomplete)


def setting(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete `--set`: the keys of the config on the same command line, then the values of the last one."""
    from nnrun.spec.completion import complete_setting

    return _items(complete_setting(_data(_config_of(context)), incomplete))


def _config_of(context: Context) -> str:
    """Find the config on the command line; click sorts no words before an option that still lacks its value."""
    said = context.params.get("config") or next(iter(context.params.get("files") or ()), None)
    return str(said or next((word for word in context.args if not word.startswith("-")), ""))


def _data(word: str) -> dict[str, Any]:
    """Read a config as far as that goes; empty where it is none."""
    from nnrun.config import extends
    from nnrun.config.files import find_config

    try:
        return extends.read(find_config(word)).data if word else {}
    except NnrunError:
        return {}


def _fitting(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return _items((word, "") for word in words if word.startswith(incomplete))


def _items(words: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word, help=meaning or None) for word, meaning in words]


_VARIABLE = "_NNRUN_COMPLETE"
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="${COMP_WORDS[COMP_CWORD]}" \\
%(complete_var)s=bash_complete "$1")
    for completion in $response; do
        type="${completion%%%%,*}"
        value="${completion#*,}"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Bash, with words as the user sees them."""

    source_template = _BASH

    def source(self) -> str:
        """Give the script; which bash will read it is not this process's business."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Take the words of the line up to the cursor; the last one is not complete."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not words or (line[-1:].isspace() and not line.endswith("\\ ")):
            return words, ""
        option, equals, value = words[-1].partition("=")
        if option.startswith("--") and equals:
            return [*words[:-1], option], value
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Give what bash shall put in the place of its own word; a word that goes on gets no space behind it."""
        kind = "open" if item.type == "plain" and item.value.endswith((".", "=", ":")) else item.type
        return f"{kind},{item.value[self._skipped() :]}"

    def _skipped(self) -> int:
        """Count the characters of the word that bash takes for words of their own."""
        _, incomplete = self.get_completion_args()
        own = os.environ.get("COMP_WORD", incomplete)
        own = own if own.strip("=:") else ""
        return len(incomplete) - len(own) if incomplete.endswith(own) else 0


def use_own_bash() -> None:
    """Let click find this module's bash in the place of its own."""
    add_completion_class(Bash, "bash")


def script(shell: str, command: click.Command) -> str:
    """Give the script that a shell reads."""
    use_own_bash()
    found = get_completion_class(shell)
    if found is None:  # `nnrun completion` allows only shells that click knows
        raise LookupError(shell)
    return found(command, {}, "nnrun", _VARIABLE).source()
