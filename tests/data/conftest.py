"""Fixtures of the tests of data: the `data:` of a config, folders, and a `Progress` that keeps what it receives."""

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
from nnrun.spec.data import DataSpec, Split
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.data.named.datasets import NamedDataSet


@dataclass
class Listener:
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    bars: list[tuple[str, float | None]] = field(default_factory=list)
    advanced: float = 0

    def say(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Listener]:  # noqa: ARG002 - the protocol's
        """Keep the name and size of the bar."""
        self.bars.append((what, total))
        yield self

    def advance(self, amount: float) -> None:
        """Add up the amounts."""
        self.advanced += amount

    def epoch(self, done: int, total: int, figures: object) -> None:  # noqa: ARG002 - the protocol's
        """Fail."""
        raise AssertionError("loading data has no epochs")


@pytest.fixture
def split() -> type[Split]:
    """Return the class of `split:` in a config."""
    return Split


@pytest.fixture
def spec() -> Callable[..., DataSpec]:
    """Return a function that makes `data:` of a source, its arguments, `prepare=[(name, arguments)]` and `split=`."""

    def make(
        source: str, *, prepare: tuple[tuple[str, dict], ...] = (), split: Split | None = None, **arguments: object
    ) -> DataSpec:
        steps = tuple(
            Part("preparation", name, given, ("data", "prepare", index)) for index, (name, given) in enumerate(prepare)
        )
        return DataSpec(Part("sources", source, arguments, ("data", "source")), steps, split)

    return make


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    """Return the folder of a config and an empty data folder."""
    (tmp_path / "store").mkdir()
    return DataPaths(tmp_path, tmp_path / "store")


@pytest.fixture
def listener() -> Listener:
    """Return a `Progress` that keeps what it receives."""
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
def shared_paths(real_paths: Callable[[str], DataPaths]) -> DataPaths:
    """Return the folder of real data that has MNIST, Pima and Boston."""
    return real_paths("mnist.npz")


@pytest.fixture
def change_data_set(monkeypatch: pytest.MonkeyPatch) -> Callable[..., NamedDataSet]:
    """Change what `datasets.yaml` states of a named set: few rows, other digests."""

    def change(name: str, **changes: object) -> NamedDataSet:
        data_set = datasets.named_data_set(name)
        facts = {key: changes.pop(key) for key in ("rows", "test_rows") if key in changes}
        changed = replace(data_set, facts=replace(data_set.facts, **facts), **changes)
        monkeypatch.setitem(datasets._READ, name, changed)
        return changed

    return change


@pytest.fixture
def accept_file(paths: DataPaths, change_data_set: Callable[..., NamedDataSet]) -> Callable[..., NamedDataSet]:
    """Accept the files in the data folder as those of a named set, by their digests."""

    def accept(name: str, **changes: object) -> NamedDataSet:
        data_set = datasets.named_data_set(name)
        folder = paths.cache_dir() / data_set.folder
        files = tuple(replace(file, sha256=file_sha256(folder / file.name)) for file in data_set.files)
        return change_data_set(name, files=files, **changes)

    return accept
