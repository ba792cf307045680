"""The GPUs of this process, by what `nvidia-smi` prints and `CUDA_VISIBLE_DEVICES` says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.gpus import gpu_groups, installed_gpus, visible_gpus

A, B, C = (f"GPU-{letter * 8}-0a1b-2c3d-4e5f-60718293a4b5" for letter in "abc")
SMALL, LARGE = ("MIG-5f5dc2a1-0a1b-2c3d-4e5f-60718293a4b5", "MIG-c2b1a0f9-0a1b-2c3d-4e5f-60718293a4b5")
TWO = f"GPU 0: NVIDIA A100-SXM4-40GB (UUID: {A})\nGPU 1: NVIDIA H200 (UUID: {B})\n"
MIG = f"""GPU 0: NVIDIA A100-SXM4-40GB (UUID: {A})
  MIG 1g.5gb      Device  0: (UUID: {SMALL})
  MIG 2g.10gb     Device  1: (UUID: {LARGE})
GPU 1: NVIDIA A100-SXM4-40GB (UUID: {B})
"""
Install = Callable[..., None]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the variable of this machine count for nothing."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a program onto the path which prints what `nvidia-smi` does."""

    def put(text: str, code: int = 0) -> None:
        (tmp_path / "printed").write_text(text)
        program = tmp_path / "nvidia-smi"
        program.write_text(f'#!/bin/sh\n[ "$*" = -L ] || exit 99\ncat {tmp_path}/printed\nexit {code}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


def test_all_gpus_are_visible_by_their_uuids(install: Install) -> None:
    """A GPU that is divided into MIG devices counts as these; the numbers of CUDA may have another order."""
    install(TWO)
    assert visible_gpus() == [A, B]
    install(MIG)
    assert visible_gpus() == [SMALL, LARGE, B]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("0,1", ["0", "1"]),
        ("1", ["1"]),
        (" 1 , 0 ", ["1", "0"]),
        ("0,-1,1", ["0"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("none", []),
        (f"{B},{A[:10]}", [B, A[:10]]),
        (f"{LARGE},{SMALL}", [LARGE, SMALL]),
        (f"MIG-{A}/1/0", [f"MIG-{A}/1/0"]),
    ],
)
def test_the_variable_says_which_are_visible(
    install: Install, monkeypatch: pytest.MonkeyPatch, value: str, names: list[str]
) -> None:
    """By numbers, UUIDs or MIG names, which stay as they are; as for CUDA, what is no device ends the list."""
    install(MIG)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus() == names


@pytest.mark.parametrize(
    ("value", "text"), [("0,2", "names 2"), (C, f"names {C}"), ("0,0", "names 0 twice"), (f"MIG-{C}/1/0", "names MIG-")]
)
def test_a_gpu_that_is_not_there_is_an_error(
    install: Install, monkeypatch: pytest.MonkeyPatch, value: str, text: str
) -> None:
    """CUDA would hide it, and the process would train on the processor."""
    install(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    with pytest.raises(RunError, match=text):
        visible_gpus()


def test_without_nvidia_smi_the_variable_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have the driver without its programs; without both there is no GPU."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_gpus() is None
    assert visible_gpus() == []
    with pytest.raises(RunError, match="sees no GPU \\(nvidia-smi is not installed\\)") as caught:
        gpu_groups(1)
    assert "leave out --gpus-per-trial" in str(caught.value.hint)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"3,{A}")
    assert gpu_groups(1) == [["3"], [A]]


def test_a_driver_that_fails_is_an_error_with_its_own_words(install: Install) -> None:
    """Such as after an update without a restart; a machine without a GPU has none."""
    install("Failed to initialize NVML: Driver/library version mismatch\n", 18)
    with pytest.raises(RunError, match="Driver/library version mismatch"):
        visible_gpus()
    install("No devices were found\n", 6)
    assert visible_gpus() == []
    with pytest.raises(RunError, match="nvidia-smi lists none"):
        gpu_groups(1)


@pytest.mark.parametrize(
    "text", ["", "GPU", "\x00\xff" * 100, "GPU 0: (UUID: )\n", f"  MIG 1g Device 0: (UUID: {SMALL})\n"]
)
def test_other_output_is_no_gpu(install: Install, text: str) -> None:
    """Whatever a program of that name prints."""
    install(text)
    assert visible_gpus() == []


def test_each_process_has_gpus_of_its_own(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many processes as there are whole groups; more than there are, and several MIG devices, are errors."""
    install(TWO)
    assert gpu_groups(1) == [[A], [B]]
    assert gpu_groups(2) == [[A, B]]
    with pytest.raises(RunError, match="--gpus-per-trial 3: this process sees 2 GPUs, GPU-aaaaaaaa") as caught:
        gpu_groups(3)
    assert "--gpus-per-trial 2" in str(caught.value.hint)
    install(MIG)
    assert gpu_groups(1) == [[SMALL], [LARGE], [B]]
    with pytest.raises(RunError, match="one MIG device alone"):
        gpu_groups(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(RunError, match="sees no GPU \\(CUDA_VISIBLE_DEVICES=\\)"):
        gpu_groups(1)
