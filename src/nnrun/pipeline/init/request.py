"""What a first config is asked for, and what the data alone do not say: questions with a default answer each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Task: TypeAlias = "Literal['classes', 'number']"


@dataclass(frozen=True)
class Question:
    """A question about the data.

    Attributes:
        text: The question.
        choices: The possible answers.
        default: The answer that is taken where nobody is asked.
        why: Why it is the default.
        option: The option of the command line that answers it.
    """

    text: str
    choices: Sequence[str]
    default: str
    why: str
    option: str


#: Returns the answer to a question, one of its choices.
Ask: TypeAlias = "Callable[[Question], str]"


@dataclass(frozen=True)
class InitRequest:
    """What a first config is asked for.

    Attributes:
        word: A data file, a folder of pictures, or the name of a config that comes with nnrun.
        out: The config to write; None: NAME.yaml in the current folder.
        targets: The columns to predict; none: found or asked for.
        task: Whether a target is classes or a number; None: found or asked for.
        data_dir: The data folder.
    """

    word: str
    out: Path | None = None
    targets: Sequence[str] = ()
    task: Task | None = None
    data_dir: Path | None = None


def ask_task(name: str, different: int, default: Task, ask: Ask) -> Task:
    """Ask whether whole numbers are classes or a number."""
    text = f"{name} holds {different} different whole numbers: are they classes or a number?"
    question = Question(
        text, ("classes", "number"), default, f"{different} different whole numbers", f"--task {default}"
    )
    return "classes" if ask(question) == "classes" else "number"
