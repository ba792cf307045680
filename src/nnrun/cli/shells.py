"""The shells that nnrun completes words in: click's own mechanism, with a bash that keeps `a=b` and `a:b` whole.

Bash parts words at `=` and `:`, so that `--set training.epochs=3` reaches click in pieces. Its script here sends the
whole line instead, and the piece that bash takes for the word, which alone may be put in the place of what is typed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from click.shell_completion import (
    BashComplete,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

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
