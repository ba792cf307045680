"""The environment of a run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.runs import environment

#: The module that says whether the TensorFlow of a process uses oneDNN.
LOADED = "tensorflow.python.util._pywrap_util_port"


def test_versions_are_found_without_importing() -> None:
    """NumPy's version is that of the imported package, and finding Keras' version does not import it."""
    code = (
        "import sys; from nnrun.runs.environment import versions; v = versions(); print(sorted(v));"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "['jax', 'keras', 'nnrun', 'numpy', 'python', 'tensorflow']"
    assert environment.versions()["numpy"] == np.__version__
    assert environment.versions()["python"] == platform.python_version()


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is null, not an error."""
    monkeypatch.setattr(environment, "_PACKAGES", ("no_such_package_at_all",))
    assert environment.versions()["no_such_package_at_all"] is None


def test_the_machine_is_described() -> None:
    """Host, processor and usable cores are known."""
    machine = environment.machine()
    assert machine["host"]
    assert machine["cpu"]
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)


def test_facts_missing_on_other_systems_do_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc and without affinity the facts come from elsewhere or are null."""
    monkeypatch.setattr(environment, "_read", lambda _: "")
    monkeypatch.delattr(environment.os, "sched_getaffinity", raising=False)
    machine = environment.machine()
    assert machine["cores"] == os.cpu_count()
    assert environment.process()["start"] is None


@pytest.mark.parametrize(
    ("switch", "machine", "expected"),
    [("0", "x86_64", False), ("1", "aarch64", True), (None, "x86_64", True), (None, "arm64", None)],
)
def test_onednn_follows_tensorflows_switch(
    monkeypatch: pytest.MonkeyPatch, switch: str | None, machine: str, expected: bool | None
) -> None:
    """Before TensorFlow is imported, the switch decides; without it TensorFlow's default for the processor."""
    monkeypatch.delitem(sys.modules, LOADED, raising=False)
    monkeypatch.setattr(environment.platform, "machine", lambda: machine)
    if switch is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    else:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", switch)
    assert environment.machine()["onednn"] is expected


@pytest.mark.parametrize("uses", [True, False])
def test_a_tensorflow_that_is_loaded_says_what_it_does(monkeypatch: pytest.MonkeyPatch, uses: bool) -> None:
    """Whatever the switch says now: a notebook may have imported TensorFlow before nnrun set it."""
    monkeypatch.setitem(sys.modules, LOADED, SimpleNamespace(IsMklEnabled=lambda: uses))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert environment.machine()["onednn"] is uses


def test_peak_memory_is_in_bytes() -> None:
    """A Python process with NumPy has had more than 10 MB and less than a terabyte."""
    peak = environment.peak_memory_bytes()
    assert peak is not None
    assert 10**7 < peak < 10**12


def test_this_process_is_alive_and_an_ended_one_is_not() -> None:
    """A process is recognised by its number and start, and as gone after it has ended."""
    assert environment.is_alive(environment.process()) is True
    code = "import json; from nnrun.runs.environment import process; print(json.dumps(process()))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert environment.is_alive(json.loads(output)) is False


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"start": "another boot:1"}, False),
        ({"host": "elsewhere"}, None),
        ({"pid": None}, None),
        ({"start": None}, True),
    ],
)
def test_a_number_taken_again_is_not_the_old_process(change: dict[str, Any], expected: bool | None) -> None:
    """A process with another start is another one; on another host it is unknown whether it runs."""
    assert environment.is_alive({**environment.process(), **change}) is expected


@pytest.mark.parametrize(("error", "expected"), [(ProcessLookupError, False), (PermissionError, True)])
def test_without_a_start_the_number_alone_decides(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError], expected: bool
) -> None:
    """Without a known start, a process counts as gone only if the system has none of its number."""

    def refuse(_pid: int, _signal: int) -> None:
        raise error

    monkeypatch.setattr(environment.os, "kill", refuse)
    assert environment.is_alive({**environment.process(), "start": None}) is expected
