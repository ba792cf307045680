"""What the tests of the data room share: parts and splits as a config gives them, places, and a listener."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.data.data_paths import DataPaths
from nnrun.data.named import registry
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.data.named.entry import Entry


@dataclass(frozen=True)
class AnySplit:
    test: float | str | None = None
    validation: float | str | None = None
    stratify: bool = False
    shuffle: bool = True
    k_fold: object | None = None


@dataclass(frozen=True)
class AnySpec:
    source: Part
    prepare: tuple[Part, ...] = ()
    split: AnySplit | None = None


@dataclass
class Listener:
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    bars: list[tuple[str, float | None]] = field(default_factory=list)
    advanced: float = 0

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    def warn(self, text: str) -> None:
        """Keep it."""
        self.warned.append(text)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Listener]:  # noqa: ARG002 - the protocol's
        """Keep its name and size."""
        self.bars.append((what, total))
        yield self

    def advance(self, amount: float) -> None:
        """Add it up."""
        self.advanced += amount

    def epoch(self, done: int, total: int, figures: object) -> None:  # noqa: ARG002 - the protocol's
        """Refuse it."""
        raise AssertionError("loading data has no epochs")


@pytest.fixture
def split() -> type[AnySplit]:
    """How a config deals rows out."""
    return AnySplit


@pytest.fixture
def spec() -> Callable[..., AnySpec]:
    """A config's `data:` from a source's name and arguments, `prepare=[(name, arguments), ...]` and `split=`."""

    def make(
        source: str, *, prepare: tuple[tuple[str, dict], ...] = (), split: AnySplit | None = None, **arguments: object
    ) -> AnySpec:
        steps = tuple(
            Part("preparation", name, said, ("data", "prepare", index)) for index, (name, said) in enumerate(prepare)
        )
        return AnySpec(Part("sources", source, arguments, ("data", "source")), steps, split)

    return make


@pytest.fixture
def places(tmp_path: Path) -> DataPaths:
    """A config's folder and an empty data folder of its own."""
    (tmp_path / "store").mkdir()
    return DataPaths(tmp_path, tmp_path / "store")


@pytest.fixture
def listener() -> Listener:
    """Somebody who listens."""
    return Listener()


@pytest.fixture
def shared_places(tmp_path: Path) -> DataPaths:
    """The folder of real data named by NNRUN_DATA_DIR; a test that needs it skips without it."""
    named = os.environ.get("NNRUN_DATA_DIR")
    if not named or not (Path(named) / "mnist.npz").is_file():
        pytest.skip("needs mnist.npz in the folder that NNRUN_DATA_DIR names")
    return DataPaths(tmp_path, Path(named))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Entry]:
    """Let a named set be another than the registry says: few rows, other digests."""

    def change(name: str, **changes: object) -> Entry:
        about = registry.entry(name)
        outline = {key: changes.pop(key) for key in ("rows", "test_rows") if key in changes}
        about = replace(about, outline=replace(about.outline, **outline), **changes)
        monkeypatch.setitem(registry._ENTRIES, name, about)
        return about

    return change
