"""Compiled programs of JAX are kept for this user alone, change no result, and are never needed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnrun.engine.backend import compile_cache
from nnrun.engine.backend.compile_cache import open_compile_cache, programs_folder

#: A fresh process that trains on JAX: the digest of its weights, and how many programs it has read and written.
TRAIN = """
import collections, hashlib, json, sys
import numpy as np
import nnrun.engine.backend.start as start
keras = start.start_keras(start.BackendSettings(7, "jax", threads=int(sys.argv[1])))
jax = sys.modules["jax"]
# How long a program takes to compile depends on what else runs: all are kept.
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
events = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: events.update([name.rpartition("/")[2]]))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8, 4)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")
layers = keras.layers
model = keras.Sequential([keras.Input((8, 4)), layers.LSTM(6), layers.Dropout(0.2), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, batch_size=16, epochs=2, verbose=0)
digest = hashlib.sha256(b"".join(np.asarray(one).tobytes() for one in model.get_weights())).hexdigest()
print(json.dumps([digest, events["cache_hits"], events["cache_misses"], jax.config.jax_compilation_cache_dir]))
"""


class Config:
    """The settings of a JAX that was started, and those that nnrun changes."""

    def __init__(self, **settings: Any) -> None:
        self.jax_enable_compilation_cache = True
        self.jax_compilation_cache_dir: str | None = None
        self.__dict__.update(settings)

    def update(self, name: str, value: Any) -> None:
        """Change a setting."""
        setattr(self, name, value)


def opened(platform: str = "cpu", **settings: Any) -> str | None:
    """Return the folder of a JAX with these settings."""
    config = Config(**settings)
    open_compile_cache(SimpleNamespace(config=config, default_backend=lambda: platform), threads=1)
    return config.jax_compilation_cache_dir


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the programs of one thread, in a cache folder that is not there yet."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache" / "nnrun")
    return programs_folder(1)


def test_the_folder_is_for_the_user_alone(cache: Path) -> None:
    """What is run when it is read lies in folders that nobody else can read or write, whatever the umask is."""
    before = os.umask(0)
    try:
        assert opened() == str(cache)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (cache, cache.parent)] == [0o700, 0o700]


def test_what_the_user_has_decided_stays(cache: Path) -> None:
    """A folder that the user names stays, and neither a cache that is turned off nor a GPU gets one."""
    assert opened(jax_compilation_cache_dir="/elsewhere") == "/elsewhere"
    assert opened(jax_enable_compilation_cache=False) is None
    assert opened("gpu") is None
    assert not cache.exists()


@pytest.mark.parametrize("which", ["programs", "parent"])
@pytest.mark.parametrize("kind", ["link", "open", "of-another"])
def test_a_folder_from_other_hands_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, which: str
) -> None:
    """Programs are run from no folder that is a link, that others can write, or that is another user's."""
    folder = cache if which == "programs" else cache.parent
    folder.parent.mkdir(parents=True, mode=0o700)
    if kind == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "theirs")
    else:
        folder.mkdir()
        folder.chmod(0o700 if kind == "of-another" else 0o770)
    if kind == "of-another":
        monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(UserWarning, match="not a folder that only you can write and read"):
        assert opened() is None


def test_a_folder_that_cannot_be_made_is_not_needed(cache: Path) -> None:
    """Where no folder can be made, JAX keeps nothing."""
    cache.parents[2].write_text("a file is in the way", encoding="utf-8")
    assert opened() is None


def test_what_a_killed_process_leaves_is_removed(cache: Path) -> None:
    """A program that was not written to its end is removed, as JAX would neither replace it nor write another one."""
    opened()
    for name in ("half-cache", "whole-cache", "whole-atime"):
        (cache / name).write_bytes(b"")
    opened()
    assert sorted(path.name for path in cache.glob("*-*")) == ["whole-atime", "whole-cache"]


def test_processors_and_threads_have_folders_of_their_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines with different processors that share a home folder share no programs, nor do numbers of threads."""
    others = [programs_folder(2)]
    monkeypatch.setattr(compile_cache, "_processor", lambda: "another one")
    assert len({cache, programs_folder(1), *others}) == 3


def started(home: Path, *, threads: int = 1, **environment: str) -> subprocess.Popen[str]:
    """Start a process that trains on JAX."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(threads)],
        env={**known, **places, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[Any, str]:
    """Return what a process printed, and its standard error."""
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error
    return json.loads(out), error


@pytest.mark.keras
@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'")
def test_programs_that_are_kept_change_no_bit(tmp_path: Path) -> None:
    """Two processes that write at once, one that reads, one that finds damaged files: the weights of one without."""
    plain, _ = ended(started(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false"))
    assert plain[1:] == [0, 0, None]
    both = [ended(one) for one in [started(tmp_path), started(tmp_path)]]
    warm, error = ended(started(tmp_path))
    folder = Path(warm[3])
    assert (warm[1] > 0, warm[2], error) == (True, 0, "")
    damaged = sorted(folder.glob("*-cache"))
    for file in damaged:
        file.write_bytes(file.read_bytes()[:-100])
    broken, error = ended(started(tmp_path))
    assert "Error reading persistent compilation cache entry" in error
    assert {plain[0]} == {one[0] for one in (warm, broken, *(result for result, _ in both))}
    assert folder.parents[1] == tmp_path / "nnrun"
