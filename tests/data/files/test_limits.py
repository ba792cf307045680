"""Files that unpack to more than real data do, or than the machine holds, are refused before they are in memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.files import limits, npy
from nnrun.errors import DataError


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expansion counts from 100,000 bytes on, and the machine has 100,000 bytes."""
    monkeypatch.setattr(limits, "UNLIMITED_BYTES", 100_000)
    monkeypatch.setattr(limits, "machine_memory", lambda: 100_000)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("read", [lambda stream: stream.read(), list, lambda stream: stream.read1(1 << 20)])
def test_a_gzip_file_that_expands_too_far_is_refused(tmp_path: Path, read) -> None:
    """However it is read, no more than the limit is unpacked; a table of usual compression is read."""
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(1_000_000)))
    with limits.open_gzip(tmp_path / "bomb.gz") as stream, pytest.raises(DataError, match="expands to more than"):
        read(stream)
    content = np.random.default_rng(1).bytes(50_000)
    (tmp_path / "good.gz").write_bytes(gzip.compress(content))
    with limits.open_gzip(tmp_path / "good.gz") as stream:
        assert stream.read() == content


@pytest.mark.usefixtures("small_limits")
def test_arrays_beyond_the_machines_memory_are_refused(tmp_path: Path) -> None:
    """The size that the headers state is compared with the memory before anything is read."""
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros(30_000, "f4"), small=np.zeros(10, "f4"))
    np.save(tmp_path / "d.npy", np.zeros(30_000, "f4"))
    assert len(npy.read_npz(tmp_path / "d.npz", ["small"])["small"]) == 10
    for read in (lambda: npy.read_npz(tmp_path / "d.npz", ["x"]), lambda: npy.read_npy(tmp_path / "d.npy")):
        with pytest.raises(DataError, match=r"need 120.0 kB"):
            read()


def test_the_machines_memory_is_known() -> None:
    """It is the machine's, or what a container may use."""
    assert 10**8 < limits.machine_memory() < 10**14
