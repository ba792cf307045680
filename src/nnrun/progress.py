"""How a long piece of work tells what it does, without knowing who listens (a terminal, a log, nobody)."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Bar(Protocol):
    """One piece of work whose size may be known."""

    def advance(self, amount: float) -> None:
        """Say that `amount` more units are done."""


class Progress(Protocol):
    """What the lower floors may say while they work."""

    def say(self, text: str) -> None:
        """Say one line that a reader of the log wants to keep."""

    def warn(self, text: str) -> None:
        """Say one line that the user should act on."""

    def bar(self, what: str, total: float | None, unit: str) -> AbstractContextManager[Bar]:
        """Open a bar for `total` units (None: unknown) and close it at the end of the `with` block."""

    def step(self, epoch: int, total: int, share: float) -> None:
        """Say that `share` (0 to 1) of epoch `epoch` (from 1) of `total` is done."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Say the figures of an epoch that ended (`done` counts from 1)."""


class _SilentBar:
    def advance(self, amount: float) -> None:
        """Ignore it."""


class Silent:
    """Says nothing; what `--quiet`, `--json` and library use take."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def warn(self, text: str) -> None:
        """Ignore it."""

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:  # noqa: ARG002
        """Open a bar that shows nothing."""
        yield _SilentBar()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Ignore it."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Ignore it."""
