"""The git commit of a folder and what changed since, read without running any program that the folder names.

A repository's own configuration can name programs that git runs when it compares files: filters, monitors of the file
system, hooks, external diffs, helpers that fetch missing objects. A folder from somebody else may have any of them. So
git compares with an empty configuration, in a git directory made for it that shares nothing but objects and index.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nnrun.formatting import format_count, format_names
from nnrun.runs.secrets import is_secret_file, without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A record is read whenever runs are listed, so a diff must not make it big.
MOST_DIFF_BYTES = 256 * 1024
#: Git writes no index, fetches nothing and asks nothing.
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}
#: More than that of names of changed files or of settings is not read.
_MOST_BYTES = 4_000_000
_GIT_SECONDS = 5.0
#: Settings of a repository that say what its files are, and run nothing.
_KEPT_SETTINGS = "filemode|symlinks|ignorecase|precomposeunicode|autocrlf|eol|trustctime|checkstat|quotepath"
_SETTINGS = rf"^(core\.({_KEPT_SETTINGS})|filter\..*\.(clean|process))$"
#: `dirty`: the commit of a submodule is compared, but git does not go into it.
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty")


class _Repository(NamedTuple):
    """Where a repository has its parts, as absolute paths.

    Attributes:
        commit: The commit of HEAD.
        objects: The folder of objects.
        index_file: The file of the index.
        directory: The git directory.
        top: The folder of the working files.
        object_format: `sha1` or `sha256`.
    """

    commit: str
    objects: Path
    index_file: Path
    directory: Path
    top: Path
    object_format: str


class _GitError(Exception):
    """Why git gave no answer."""


def git_state(folder: Path | None = None) -> dict[str, str | None]:
    """Return the commit of a folder and what has changed since.

    Nothing that the folder's own configuration names is run. Files that usually hold secrets, files that a filter
    converts, and values that look like secrets are left out.

    Args:
        folder: The folder; the working folder by default.

    Returns:
        `commit`, `diff` (against the commit, cut at 256 KiB) and `note`, which says why one of them is missing or cut,
        and what was left out.
    """
    try:
        commit = _text(_git(("rev-parse", "--verify", "HEAD"), folder)).strip()
    except _GitError as error:
        return {"commit": None, "diff": None, "note": str(error)}
    try:
        diff, note = _diff(commit, folder)
    except _GitError as error:
        return {"commit": commit, "diff": None, "note": str(error)}
    return {"commit": commit, "diff": diff, "note": note}


def _diff(commit: str, folder: Path | None) -> tuple[str, str | None]:
    """Return what changed since a commit, and a note on what is missing of it.

    Raises:
        _GitError: Git cannot compare, or the working files lie elsewhere than git says.
    """
    repository, settings = _repository(commit, folder), _settings(folder)
    with tempfile.TemporaryDirectory(prefix="nnrun-git-") as temporary:
        environment = _own_git_directory(Path(temporary), repository)
        kept = {key: value for key, value in settings.items() if key.startswith("core.")}

        def git(*words: str, given: bytes = b"", most: int = _MOST_BYTES) -> tuple[bytes, int]:
            return _git(words, repository.top, kept, environment=environment, given=given, most=most)

        changed, size = git(*_DIFF, "--no-renames", "--name-only", "-z", commit)
        if size > len(changed):
            raise _GitError("not compared: too many files have changed")
        if not changed:
            return "", None
        drivers = {key.split(".", 1)[1].rpartition(".")[0] for key in settings if key.startswith("filter.")}
        filtered = _filtered(git("check-attr", "-z", "--stdin", "filter", given=changed)[0], drivers) if drivers else []
        names = [os.fsdecode(name) for name in changed.split(b"\0") if name]
        secret = [name for name in names if is_secret_file(name)]
        left_out = dict.fromkeys([*secret, *filtered])
        excluded = (f":(top,exclude,literal){name}" for name in left_out)
        raw, size = b"", 0
        if len(left_out) < len(names):
            raw, size = git(*_DIFF, commit, "--", ":(top)", *excluded, most=MOST_DIFF_BYTES)
    text, count = without_secrets(raw.decode("utf-8", "replace"))
    return text, _note(secret, filtered, count, size)


def _note(secret: Sequence[str], filtered: Sequence[str], values: int, size: int) -> str | None:
    notes = [f"cut at {MOST_DIFF_BYTES} of {size} bytes"] if size > MOST_DIFF_BYTES else []
    if secret:
        notes.append(f"left out, as such files hold secrets: {format_names(secret)}")
    if values:
        notes.append(
            f"left out: {format_count(values, 'value')} that {'look' if values > 1 else 'looks'} like a secret"
        )
    if filtered:
        notes.append(f"not compared, as a filter converts them: {format_names(filtered)}")
    return "; ".join(notes) or None


def _repository(commit: str, folder: Path | None) -> _Repository:
    """Return where the parts of a repository are.

    Raises:
        _GitError: It has no working files, or they lie elsewhere than around its `.git`: a configuration could lead
            git to any folder, whose files would then be in the diff.
    """
    words = ("--path-format=absolute", "--git-path", "objects", "--git-path", "index", "--git-dir", "--show-toplevel")
    lines = _text(_git(("rev-parse", *words, "--show-object-format"), folder)).splitlines()
    if len(lines) != 5:
        raise _GitError("the repository's paths cannot be read")
    objects, index, directory, top = map(Path, lines[:4])
    here = (folder or Path.cwd()).resolve()
    own_top = next((path for path in (here, *here.parents) if (path / ".git").exists()), None)
    if own_top is None or own_top != top.resolve():
        raise _GitError("not compared: the repository's files lie in another folder than its .git")
    return _Repository(commit, objects, index, directory, top, lines[4])


def _settings(folder: Path | None) -> dict[str, str]:
    """Return the settings that say what files are, and those of filters, by key."""
    try:
        output, _ = _git(("config", "-z", "--get-regexp", _SETTINGS), folder)
    except _GitError:  # git fails where there is none
        return {}
    pairs = (entry.partition(b"\n") for entry in output.split(b"\0") if entry)
    return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}


def _filtered(attributes: bytes, drivers: set[str]) -> list[str]:
    """Return the files that a filter of these drivers converts, from the answer of `git check-attr -z`."""
    fields = [os.fsdecode(field) for field in attributes.split(b"\0")]
    return [name for name, value in zip(fields[::3], fields[2::3], strict=False) if value in drivers]


def _own_git_directory(place: Path, repository: _Repository) -> dict[str, str]:
    """Make a git directory without any setting of the repository's; return the environment in which git uses it."""
    extension = "[extensions]\nobjectFormat = sha256\n" if repository.object_format == "sha256" else ""
    version = 1 if extension else 0
    (place / "config").write_text(f"[core]\nrepositoryFormatVersion = {version}\nbare = false\n{extension}")
    (place / "HEAD").write_text(f"{repository.commit}\n")
    (place / "refs").mkdir()
    for shared in repository.directory.glob("sharedindex.*"):
        (place / shared.name).symlink_to(shared)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        "GIT_DIR": str(place),
        "GIT_WORK_TREE": str(repository.top),
        "GIT_INDEX_FILE": str(repository.index_file),
        "GIT_OBJECT_DIRECTORY": str(repository.objects),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
    }


def _text(output: tuple[bytes, int]) -> str:
    return os.fsdecode(output[0])


def _git(
    words: Sequence[str],
    folder: Path | None,
    settings: Mapping[str, str] | None = None,
    *,
    environment: dict[str, str] | None = None,
    given: bytes = b"",
    most: int = _MOST_BYTES,
) -> tuple[bytes, int]:
    """Return the first bytes of what git prints, and the size of all of it.

    Raises:
        _GitError: Git is missing, fails, or takes too long.
    """
    pairs = {"core.fsmonitor": "false", "core.hooksPath": os.devnull, **(settings or {})}.items()
    options = [word for key, value in pairs for word in ("-c", f"{key}={value}")]
    # A file, not a pipe: a diff of gigabytes must not be held in memory only to be cut.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        try:
            subprocess.run(
                ["git", "--no-pager", *options, *words],
                cwd=folder,
                stdout=output,
                stderr=subprocess.DEVNULL,
                stdin=stdin,
                timeout=_GIT_SECONDS,
                check=True,
                env={**(environment or os.environ), **_QUIET},
            )
        except FileNotFoundError:
            raise _GitError("git is not installed") from None
        except subprocess.TimeoutExpired:
            raise _GitError(f"git {words[0]} took more than {_GIT_SECONDS:g} s") from None
        except (subprocess.CalledProcessError, OSError):
            no_commit = "not a git repository, or one without a commit"
            raise _GitError(no_commit if environment is None else f"git {words[0]} failed") from None
        size = os.fstat(output.fileno()).st_size
        output.seek(0)
        return output.read(most), size
