"""The environment of a run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.runs import environment

if TYPE_CHECKING:
    from pathlib import Path


def _git(folder: Path, *words: str) -> None:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **identity})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    _git(tmp_path, "init", "-q")
    (tmp_path / "a.txt").write_text("one\n")
    _git(tmp_path, "add", "a.txt")
    _git(tmp_path, "commit", "-q", "-m", "first", "--no-gpg-sign")
    return tmp_path


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
    """The switch decides; without it TensorFlow's default for the processor."""
    monkeypatch.setattr(environment.platform, "machine", lambda: machine)
    if switch is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    else:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", switch)
    assert environment.machine()["onednn"] is expected


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


def test_a_clean_repository_has_a_commit_and_an_empty_diff(repository: Path) -> None:
    """The commit is the full hash, and nothing changed means an empty diff without a note."""
    state = environment.git_state(repository)
    assert len(state["commit"] or "") == 40
    assert (state["diff"], state["note"]) == ("", None)


def test_a_change_is_in_the_diff(repository: Path) -> None:
    """What was changed since the commit is kept as a patch."""
    (repository / "a.txt").write_text("two\n")
    assert "-one\n+two\n" in (environment.git_state(repository)["diff"] or "")


def test_a_huge_diff_is_cut_with_a_note(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff that would make every listing slow is cut, and the note says how much there was."""
    monkeypatch.setattr(environment, "MOST_DIFF_BYTES", 100)
    (repository / "a.txt").write_text("x" * 5000)
    state = environment.git_state(repository)
    assert len(state["diff"] or "") == 100
    assert (state["note"] or "").startswith("cut at 100 of 5")


def test_no_repository_and_no_commit_are_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a repository, or before its first commit, the commit is null and the note says why."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.git_state(tmp_path)["commit"] is None
    _git(tmp_path, "init", "-q")
    assert environment.git_state(tmp_path) == {
        "commit": None,
        "diff": None,
        "note": "not a git repository, or one without a commit",
    }


def test_a_machine_without_git_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed a run goes on, and its record says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_state()["note"] == "git is not installed"


def test_a_slow_git_does_not_hold_up_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gets a few seconds, then the run starts without it."""
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(environment, "_GIT_SECONDS", 0.2)
    assert "took more than 0.2 s" in (environment.git_state(tmp_path)["note"] or "")
