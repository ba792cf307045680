"""Mistakes of one line in configs that are right: what `check` answers; also the command that rewrites the answers.

`mistakes.yaml` lists, for each config of `one_line/`, what is replaced (its first occurrence) by what, and the first
problem that `check` finds. `python tests/errors/one_line_mistakes.py` rewrites the answers (read the diff before
committing it).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nnrun.errors import ConfigError, Problem
from nnrun.pipeline.check import examine

FOLDER = Path(__file__).parent / "one_line"
_LIST = FOLDER / "mistakes.yaml"
_HEADER = """# Mistakes of one line: what is replaced in a right config, and the first problem that `check` finds.
# `answer` is written by: python tests/errors/one_line_mistakes.py
"""


@dataclass(frozen=True)
class Mistake:
    """A mistake of one line.

    Attributes:
        config: The name of the right config.
        right: The text that is replaced, at its first occurrence.
        wrong: The text in its place.
        answer: The place, severity, text and hint of the first problem; lines of text.
    """

    config: str
    right: str
    wrong: str
    answer: str

    @property
    def line(self) -> int:
        """The number of the changed line."""
        return self._text().split(self.right)[0].count("\n") + 1

    def found(self) -> str:
        """Return the first problem, errors before warnings, as the lines of `answer`."""
        with tempfile.TemporaryDirectory() as folder:
            return self._found_in(Path(folder)).replace(str(Path(folder).resolve()), "FOLDER")

    def _found_in(self, folder: Path) -> str:
        problems = self._problems_in(folder)
        first = next((one for one in problems if one.severity == "error"), next(iter(problems), None))
        if first is None:
            return "nothing"
        mark = first.mark
        hint = [f"hint: {first.hint}"] if first.hint else []
        return "\n".join([f"{Path(mark.file).name}:{mark.line}:{mark.column}: {first.severity}: {first.text}", *hint])

    def _problems_in(self, folder: Path) -> tuple[Problem, ...]:
        """Return all problems that `check` finds in a copy of the config."""
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        (folder / f"{self.config}.yaml").write_text(self._text().replace(self.right, self.wrong, 1), "utf-8")
        with chdir(folder):
            try:
                return examine(Path(f"{self.config}.yaml"), (), Path("no-data-here")).problems
            except ConfigError as error:
                return tuple(error.problems)

    def _text(self) -> str:
        return (FOLDER / f"{self.config}.yaml").read_text("utf-8")


def mistakes() -> Iterator[Mistake]:
    """Yield all mistakes of the list."""
    for config, entries in yaml.safe_load(_LIST.read_text("utf-8")).items():
        for one in entries:
            yield Mistake(config, one["right"], one["wrong"], one.get("answer", ""))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def rewrite() -> int:
    """Write what `check` finds now; return the number of mistakes."""
    entries: dict[str, list[dict[str, str]]] = {}
    for one in mistakes():
        answer = one.found()
        entries.setdefault(one.config, []).append({"right": one.right, "wrong": one.wrong, "answer": answer})
    text = yaml.dump(entries, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
    _LIST.write_text(_HEADER + text, encoding="utf-8")
    return sum(map(len, entries.values()))


if __name__ == "__main__":
    sys.stdout.write(f"{rewrite()} mistakes rewritten\n")
