"""What all tests share: signals, how many examples a property tries, and a SLURM cluster."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

if TYPE_CHECKING:
    from slurm_cluster import SlurmCluster

# As nnrun starts it: a test that imports TensorFlow itself would leave it without oneDNN on processors on which that is
# not its default, and the figures of all tests after it in this process would differ from those of other processes.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# What a test finds depends on no program that an earlier one has compiled, and none is left in the user's folder.
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")

# A shell starts what it runs in the background with Ctrl-C ignored, and nohup with a closed terminal ignored, which
# commands that tests start would inherit. They do not inherit a handler.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among the tests that are collected, which stay; it took a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def slurm() -> Iterator[SlurmCluster]:
    """A cluster of two nodes; a test that wants one is skipped where none can be started."""
    from slurm_cluster import slurm_cluster

    with slurm_cluster() as cluster:
        yield cluster
