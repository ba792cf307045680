"""What the tests of the data room share: parts and splits as a config gives them, places, and a listener."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.data.data_paths import DataPaths
from nnrun.data.files.digests import file_sha256
from nnrun.data.named import datasets
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.data.named.datasets import NamedDataSet


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
def real_paths(tmp_path: Path) -> Callable[[str], DataPaths]:
    """Return the folder of real data named by NNRUN_DATA_DIR; a test skips where a file is not in it."""

    def find(file: str) -> DataPaths:
        folder = os.environ.get("NNRUN_DATA_DIR")
        if not folder or not (Path(folder) / file).is_file():
            pytest.skip(f"needs {file} in the folder that NNRUN_DATA_DIR names")
        return DataPaths(tmp_path, Path(folder))

    return find


@pytest.fixture
def shared_places(real_paths: Callable[[str], DataPaths]) -> DataPaths:
    """Return the folder of real data that has MNIST, Pima and Boston."""
    return real_paths("mnist.npz")


@pytest.fixture
def change_data_set(monkeypatch: pytest.MonkeyPatch) -> Callable[..., NamedDataSet]:
    """Change what `datasets.yaml` states of a named set: few rows, other digests."""

    def change(name: str, **changes: object) -> NamedDataSet:
        known = datasets.data_set(name)
        facts = {key: changes.pop(key) for key in ("rows", "test_rows") if key in changes}
        changed = replace(known, facts=replace(known.facts, **facts), **changes)
        monkeypatch.setitem(datasets._READ, name, changed)
        return changed

    return change


@pytest.fixture
def accept_file(places: DataPaths, change_data_set: Callable[..., NamedDataSet]) -> Callable[..., NamedDataSet]:
    """Accept the files in the data folder as those of a named set, by their digests."""

    def accept(name: str, **changes: object) -> NamedDataSet:
        known = datasets.data_set(name)
        folder = places.cache_dir() / known.folder
        files = tuple(replace(file, sha256=file_sha256(folder / file.name)) for file in known.files)
        return change_data_set(name, files=files, **changes)

    return accept
