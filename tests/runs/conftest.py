"""What the tests of the disk side share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A fresh run folder."""
    return RunFolder.create(tmp_path / "runs", "mnist_cnn")


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """Makes a finished run of a name and a second."""

    def make(name: str = "mnist_cnn", second: int = 0, status: str = "done") -> RunFolder:
        made = RunFolder.create(tmp_path / "runs", name, now=datetime(2026, 11, 23, 14, 15, second, tzinfo=UTC))
        record = Record.begin(made, name=name, argv=["nnrun", "train", name], seed=7)
        if status != "running":
            record.finish(status)
        return made

    return make


@pytest.fixture
def finished_fold() -> Callable[..., dict[str, Any]]:
    """Makes the record of a fold that is done."""

    def make(number: int, rows: dict[str, int] | None = None) -> dict[str, Any]:
        facts = {"task": "regression", "form": "number", "input_shape": [1]}
        fields = {"fold": number, "repeat": 0, "facts": facts, "digests": {}, "epochs": 1, "scores": {}}
        return {**fields, "rows": rows or {"train": 30, "test": 10}, "status": "done"}

    return make
