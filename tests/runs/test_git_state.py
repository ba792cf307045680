"""The git commit and diff of a folder: read without running what the folder names, and without secrets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nnrun.runs import git_state as git_states


def _git(folder: Path, *words: str) -> None:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **identity})


def _make_repository(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    _git(folder, "add", "a.txt")
    _git(folder, "commit", "-q", "-m", "first", "--no-gpg-sign")
    return folder


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git may take minutes: on a crowded machine it is slow."""
    monkeypatch.setattr(git_states, "_GIT_SECONDS", 240.0)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    return _make_repository(tmp_path / "repository")


def test_a_clean_repository_has_a_commit_and_an_empty_diff(repository: Path) -> None:
    """The commit is the full hash, and nothing changed means an empty diff without a note."""
    state = git_states.git_state(repository)
    assert len(state["commit"] or "") == 40
    assert (state["diff"], state["note"]) == ("", None)


def test_a_change_is_in_the_diff(repository: Path) -> None:
    """What was changed since the commit is kept as a patch."""
    (repository / "a.txt").write_text("two\n")
    assert "-one\n+two\n" in (git_states.git_state(repository)["diff"] or "")


def test_a_huge_diff_is_cut_with_a_note(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff that would make every listing slow is cut, and the note says how much there was."""
    monkeypatch.setattr(git_states, "MOST_DIFF_BYTES", 100)
    (repository / "a.txt").write_text("x" * 5000)
    state = git_states.git_state(repository)
    assert len(state["diff"] or "") == 100
    assert (state["note"] or "").startswith("cut at 100 of 5")


def test_no_repository_and_no_commit_are_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a repository, or before its first commit, the commit is null and the note says why."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_states.git_state(tmp_path)["commit"] is None
    _git(tmp_path, "init", "-q")
    assert git_states.git_state(tmp_path) == {
        "commit": None,
        "diff": None,
        "note": "not a git repository, or one without a commit",
    }


def test_a_machine_without_git_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed a run goes on, and its record says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_states.git_state()["note"] == "git is not installed"


def test_a_slow_git_does_not_hold_up_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gets a few seconds, then the run starts without it."""
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(git_states, "_GIT_SECONDS", 0.2)
    assert "took more than 0.2 s" in (git_states.git_state(tmp_path)["note"] or "")


#: What a repository may hold that names a program, which git runs when it compares files: configuration, attributes.
PROGRAMS = {
    "clean filter": ('[filter "evil"]\nclean = PROGRAM', "* filter=evil"),
    "required filter": ('[filter "evil"]\nclean = PROGRAM\nrequired = true', "* filter=evil"),
    "process filter": ('[filter "evil"]\nprocess = PROGRAM', "* filter=evil"),
    "filter with an odd name": ('[filter "e=v.i-l"]\nclean = PROGRAM', "* filter=e=v.i-l"),
    "filter of a macro": ('[filter "evil"]\nclean = PROGRAM', "[attr]conv filter=evil\n* conv"),
    "monitor of the file system": ("[core]\nfsmonitor = PROGRAM", ""),
    "external diff": ("[diff]\nexternal = PROGRAM", ""),
    "diff driver": ('[diff "evil"]\ncommand = PROGRAM', "* diff=evil"),
    "text conversion": ('[diff "evil"]\ntextconv = PROGRAM', "* diff=evil"),
}


def _program(tmp_path: Path) -> tuple[Path, Path]:
    """Write a program that makes a file; return both."""
    made, program = tmp_path / "made", tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch '{made}'\ncat\n")
    program.chmod(0o755)
    return program, made


def _append(file: Path, text: str) -> None:
    file.write_text((file.read_text() if file.exists() else "") + text + "\n")


def _require_that_git_would_run_it(repository: Path, made: Path) -> None:
    """Fail where git alone does not run the program: the test would mean nothing."""
    words, streams = ["git", "diff", "HEAD"], {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(words, cwd=repository, check=False, timeout=120, stderr=subprocess.DEVNULL, **streams)
    assert made.exists()
    made.unlink()


@pytest.mark.parametrize("where", ["config", "included", "info"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_that_a_repository_names_is_run(repository: Path, tmp_path: Path, name: str, where: str) -> None:
    """Whatever program a repository's configuration names, reading its commit and changes does not run it."""
    program, made = _program(tmp_path)
    config, attributes = PROGRAMS[name]
    git_directory = repository / ".git"
    if where == "included":
        _append(git_directory / "config", "[include]\npath = more")
    _append(git_directory / ("more" if where == "included" else "config"), config.replace("PROGRAM", str(program)))
    _append(git_directory / "info" / "attributes" if where == "info" else repository / ".gitattributes", attributes)
    (repository / "a.txt").write_text("two\n")
    _require_that_git_would_run_it(repository, made)
    state = git_states.git_state(repository)
    assert not made.exists()
    assert len(state["commit"] or "") == 40
    is_filtered = "filter" in name and where != "info"
    assert ("not compared, as a filter" in str(state["note"])) == is_filtered
    assert ("+two" in str(state["diff"])) != is_filtered


def test_no_hook_of_a_repository_is_run(repository: Path, tmp_path: Path) -> None:
    """The index is not written, and so no hook for that is run."""
    program, made = _program(tmp_path)
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.symlink_to(program)
    os.utime(repository / "a.txt", (1, 1))
    _require_that_git_would_run_it(repository, made)
    os.utime(repository / "a.txt", (2, 2))
    git_states.git_state(repository)
    assert not made.exists()


def test_no_program_of_a_submodule_is_run(repository: Path, tmp_path: Path) -> None:
    """The configuration of a repository inside of a repository is not read."""
    program, made = _program(tmp_path)
    inner = _make_repository(repository / "inner")
    _git(repository, "-c", "advice.addEmbeddedRepo=false", "add", "inner")
    _git(repository, "commit", "-q", "-m", "inner", "--no-gpg-sign")
    _append(inner / ".git" / "config", f'[core]\nfsmonitor = {program}\n[filter "evil"]\nclean = {program}')
    _append(inner / ".gitattributes", "* filter=evil")
    (inner / "a.txt").write_text("two\n")
    _require_that_git_would_run_it(repository, made)
    assert git_states.git_state(repository)["diff"] == ""
    assert not made.exists()


def test_no_missing_object_is_fetched(repository: Path, tmp_path: Path) -> None:
    """An object that a program should fetch stays missing: the changes are null, and the note says so."""
    program, made = _program(tmp_path)
    program.write_text(program.read_text().replace("cat", "exit 1"))
    words = ["git", "rev-parse", "HEAD:a.txt"]
    name = subprocess.run(words, cwd=repository, capture_output=True, check=True, text=True).stdout.strip()
    (repository / ".git" / "objects" / name[:2] / name[2:]).unlink()
    remote = f'[remote "origin"]\npromisor = true\nurl = ext::{program}\n[protocol "ext"]\nallow = always'
    version = "[core]\nrepositoryFormatVersion = 1\n[extensions]\npartialClone = origin"
    _append(repository / ".git" / "config", f"{remote}\n{version}")
    (repository / "a.txt").write_text("two\n")
    _require_that_git_would_run_it(repository, made)
    state = git_states.git_state(repository)
    assert not made.exists()
    assert (state["diff"], state["note"]) == (None, "git diff failed")


def test_files_elsewhere_are_not_compared(repository: Path, tmp_path: Path) -> None:
    """A configuration cannot bring files of another folder into the record."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a.txt").write_text("my diary\n")
    _git(repository, "config", "core.worktree", str(tmp_path / "private"))
    state = git_states.git_state(repository)
    assert "diary" not in str(state)
    assert "another folder" in str(state["note"])


def test_links_are_not_followed(repository: Path, tmp_path: Path) -> None:
    """A link in place of a file is compared as a link."""
    (tmp_path / "private.txt").write_text("my diary\n")
    (repository / "a.txt").unlink()
    (repository / "a.txt").symlink_to(tmp_path / "private.txt")
    state = git_states.git_state(repository)
    assert "diary" not in str(state)
    assert "private.txt" in str(state["diff"])


@pytest.mark.parametrize("arguments", [("--object-format=sha256",), ("--ref-format=reftable",), ()])
def test_other_forms_of_repositories_are_compared(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The format of objects, a split index and a second working folder do not matter."""
    repository = tmp_path / "first"
    made = subprocess.run(["git", "init", "-q", *arguments, str(repository)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this git does not have the format")
    (repository / "a.txt").write_text("one\n")
    _git(repository, "add", "a.txt")
    _git(repository, "commit", "-q", "-m", "first", "--no-gpg-sign")
    _git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "second"))
    _git(repository, "update-index", "--split-index")
    (repository / "folder").mkdir()
    for folder, here in ((repository, repository / "folder"), (tmp_path / "second", tmp_path / "second")):
        (folder / "a.txt").write_text("two\n")
        assert "-one\n+two\n" in str(git_states.git_state(here)["diff"])


def test_secrets_are_left_out_of_the_diff(repository: Path) -> None:
    """Files that hold secrets and values that look like one are not kept, and the note says that they were there."""
    for name in (".env", "server.pem", "a.txt"):
        (repository / name).write_text("plain\npassword: correct-horse\n")
    _git(repository, "add", ".")
    state = git_states.git_state(repository)
    assert "correct-horse" not in str(state)
    assert "+plain\n+password: [left out]\n" in str(state["diff"])
    files, values = str(state["note"]).split("; ")
    assert files == "left out, as such files hold secrets: .env, server.pem"
    assert values == "left out: 1 value that looks like a secret"
