"""Shell completion: configs, runs, parts, data sets and the paths of `--set`, by click's mechanism.

The functions are values of click's `shell_complete`. Bash needs a class of its own, because it splits words at `=` and
`:`, which paths of values contain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click import Command, Context, Parameter


def config(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a shipped config, else leave a file to the shell."""
    from nnrun.config.files import shipped_configs

    return _matching(shipped_configs(), incomplete) or [CompletionItem(incomplete, type="file")]


def run(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete a run's short id or id, or `last`."""
    from nnrun.runs.find import list_runs

    folders = [row.folder for row in list_runs(Path(context.params.get("runs_dir") or "runs"))]
    words = ["last", *(folder.short_id for folder in folders), *(folder.id for folder in folders)]
    return _matching(words if folders else [], incomplete)


def checkpoint(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete `last` or `best`, else leave a file to the shell."""
    return _matching(["last", "best"], incomplete) or [CompletionItem(incomplete, type="file")]


def data_set(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete the name of a data set."""
    from nnrun.data.named.datasets import data_set_names

    return _matching(data_set_names(), incomplete)


def explained(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the argument of `explain`: any word of the language, or a path in a config after a colon."""
    from nnrun.catalog.lookup import CATEGORIES, names
    from nnrun.spec.completion import complete_path
    from nnrun.spec.findings.explanations import EXPLANATIONS
    from nnrun.spec.words import word_names, word_places

    file, colon, path = incomplete.rpartition(":")
    if colon:
        return _items((f"{file}:{word}", meaning) for word, meaning in complete_path(_read_config(file), path))
    parts = [name for category in CATEGORIES for name in names(category)]
    known = dict.fromkeys([*parts, *EXPLANATIONS, *word_names(), *word_places()])
    return _matching(known, incomplete) or config(context, parameter, incomplete)


def setting(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete `--set`: the keys of the config on the same command line, and the values of the last key."""
    from nnrun.spec.completion import complete_setting

    # click does not assign words to parameters before an option that still lacks its value.
    known = context.params.get("config") or next(iter(context.params.get("files") or ()), None)
    file = known or next((word for word in context.args if not word.startswith("-")), "")
    return _items(complete_setting(_read_config(str(file)), incomplete))


def _read_config(word: str) -> dict[str, Any]:
    """Return the data of a config; empty where it cannot be read."""
    from nnrun.config import extends
    from nnrun.config.files import find_config

    try:
        return extends.read(find_config(word)).data if word else {}
    except NnrunError:
        return {}


def _matching(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return _items((word, "") for word in words if word.startswith(incomplete))


def _items(words: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    return [CompletionItem(word, help=meaning or None) for word, meaning in words]


_BASH_SCRIPT = """\
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
    """Completion for bash, with words as the user sees them."""

    source_template = _BASH_SCRIPT

    def source(self) -> str:
        """Return the script, without click's check of the version of the bash on this machine."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the incomplete last one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not words or (line[-1:].isspace() and not line.endswith("\\ ")):
            return words, ""
        option, equals, value = words[-1].partition("=")
        if option.startswith("--") and equals:
            return [*words[:-1], option], value
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """Return what replaces bash's own word; a word that is to be continued gets no space after it."""
        kind = "open" if item.type == "plain" and item.value.endswith((".", "=", ":")) else item.type
        # Bash takes only what follows the last `=` or `:` for the word.
        _, incomplete = self.get_completion_args()
        word = os.environ.get("COMP_WORD", incomplete)
        word = word if word.strip("=:") else ""
        skipped = len(incomplete) - len(word) if incomplete.endswith(word) else 0
        return f"{kind},{item.value[skipped:]}"


def register_bash() -> None:
    """Register this module's class for bash with click."""
    add_completion_class(Bash, "bash")


def script(shell: str, command: Command) -> str:
    """Return the completion script of a shell.

    Raises:
        LookupError: click does not know the shell.
    """
    register_bash()
    found = get_completion_class(shell)
    if found is None:
        raise LookupError(shell)
    return found(command, {}, "nnrun", "_NNRUN_COMPLETE").source()
