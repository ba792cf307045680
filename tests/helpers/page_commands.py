"""The command lines of nnrun that stand in pages of Markdown."""

from __future__ import annotations

import re
import shlex

import click

from nnrun.cli.main import nnrun

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page that are in a language."""
    return [text for kind, text in _BLOCK.findall(page) if kind == language]


def sentences(page: str) -> str:
    """Return a page without its blocks."""
    return _BLOCK.sub("", page)


def commands(text: str) -> list[list[str]]:
    """Return the command lines of a text that begin with `nnrun`, without that word."""
    found = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.split(line, comments=True)
        # What a line does with the output, and what stands before the command, are the shell's.
        end = next((at for at, word in enumerate(words) if re.match(r"[|&<>;]|2>", word)), len(words))
        start = next((at for at, word in enumerate(words) if word.rpartition("/")[2] == "nnrun"), end)
        found.append(words[start + 1 : end])
    return [words for words in found if words]


def inline_commands(page: str) -> list[list[str]]:
    """Return the commands that stand in the sentences of a page, as code."""
    text = sentences(page)
    return [words for code in re.findall(r"`(nnrun [^`]+)`", text) for words in commands(code.replace("\n", " "))]


def left_over(command: click.Command, words: list[str]) -> list[str]:
    """Return the words of a command line that a command has no place for.

    Raises:
        click.UsageError: An option is none of its options, or lacks its value.
    """
    # A command keeps the option of help that it is first asked for: with the names that nnrun gives it.
    context = click.Context(command, help_option_names=["-h", "--help"])
    return list(command.make_parser(context).parse_args(list(words))[1])


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and what is left of them."""
    command: click.Command = nnrun
    while isinstance(command, click.Group) and words:
        if words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        elif "run" in command.commands and command is not nnrun:
            command = command.commands["run"]
        else:
            break
    return command, words


def every_command(page: str) -> list[list[str]]:
    """Return all commands of a page."""
    return [words for text in blocks(page, "bash") for words in commands(text)] + inline_commands(page)


def misfit(words: list[str]) -> str:
    """Return what in a command line is not nnrun's: a word without a place, or an option; empty if all of it is."""
    command, rest = resolve([word.partition("|")[0] for word in words])
    rest = [word for word in rest if word not in ("--help", "-h")]
    if isinstance(command, click.Group) or "..." in rest:
        return " ".join(word for word in rest if word not in ("...", "--version", "COMMAND", "--json"))
    try:
        return " ".join(left_over(command, rest))
    except click.BadOptionUsage:
        # Sentences name options without their values.
        return ""
    except click.UsageError as error:
        return error.format_message()
