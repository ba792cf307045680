"""The text of a first config: lines with the reason of each as a comment."""

from __future__ import annotations

from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A first config has at most so many lines: what does not fit is written on fewer.
MOST_LINES = 30
#: Comments begin in this column where the line leaves room.
_COMMENT_COLUMN = 58
_WIDTH = 120


@dataclass(frozen=True)
class ReasonedValue:
    """A value of a config, and why it is so.

    Attributes:
        value: A part, or the value of a key.
        why: The comment behind it; empty for none.
    """

    value: Any
    why: str = ""


@dataclass(frozen=True)
class FirstConfig:
    """A config and the reasons of its values.

    Attributes:
        name: The name of the experiment.
        what: What it does, in one line.
        source: The name of the source.
        arguments: The arguments of the source.
        prepare: The steps of the preparation.
        split: How the rows are split; None for the source's own parts.
        model: The layers.
        training: The keys of `training` except its callbacks.
        prepare_target: The steps of the target.
        callbacks: The callbacks.
        notes: Lines of comment above the data.
    """

    name: str
    what: str
    source: str
    arguments: dict[str, ReasonedValue]
    prepare: Sequence[ReasonedValue]
    split: ReasonedValue | None
    model: Sequence[ReasonedValue]
    training: dict[str, ReasonedValue]
    prepare_target: ReasonedValue | None = None
    callbacks: Sequence[ReasonedValue] = ()
    notes: Sequence[str] = field(default=())

    def text(self, file: str) -> str:
        """Return the YAML text of the config in a file of this name, with at most 30 lines.

        The reasons for the arguments of the source stand above them where these share a line.
        """
        lines = self._lines(file, inline=False)
        if len(lines) > MOST_LINES:
            lines = self._lines(file, inline=True)
        return "\n".join(lines) + "\n"

    def _lines(self, file: str, *, inline: bool) -> list[str]:
        lines = [f"# What:    {self.what}", f"# Run:     nnrun train {quote(file)}"]
        lines += [f"# {note}" for note in self.notes]
        lines += [f"name: {dump_inline(self.name)}", "seed: 7", "data:", *self._source(inline=inline)]
        if self.prepare:
            lines += ["  prepare:", *(_line("    - ", entry) for entry in self.prepare)]
        lines += [] if self.prepare_target is None else [_line("  prepare_target: ", self.prepare_target)]
        lines += [] if self.split is None else [_line("  split: ", self.split)]
        lines += ["model:", *(_line("  - ", layer) for layer in self.model), "training:"]
        lines += [_line(f"  {key}: ", entry) for key, entry in self.training.items()]
        if self.callbacks:
            lines += ["  callbacks:", *(_line("    - ", entry) for entry in self.callbacks)]
        return lines

    def _source(self, *, inline: bool) -> list[str]:
        if not inline:
            keys = [_line(f"      {key}: ", entry) for key, entry in self.arguments.items()]
            return ["  source:", f"    {self.source}:", *keys]
        reasons = "; ".join(f"{key}: {entry.why}" for key, entry in self.arguments.items() if entry.why)
        values = {self.source: {key: entry.value for key, entry in self.arguments.items()}}
        return [*([f"  # {reasons}"] if reasons else []), f"  source: {dump_inline(values)}"]


def _line(head: str, entry: ReasonedValue) -> str:
    """Return a line with its comment, aligned with others where the line is short."""
    text = f"{head}{part_text(entry.value) if head.endswith('- ') else dump_inline(entry.value)}"
    return f"{text:<{_COMMENT_COLUMN}} # {entry.why}" if entry.why else text


def part_text(value: Any) -> str:
    """Return a value on one line; a part as people write it: `Dense: {units: 8}`."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, arguments),) = value.items()
        if isinstance(name, str) and name[:1].isupper():
            return f"{name}: {dump_inline(arguments)}"
    return dump_inline(value)
