"""Hostile surroundings: the folder that nnrun runs in, its options, and secrets that must not be kept."""

# ruff: noqa: E501 - one line for each input, as a table
# fmt: off

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from hostile_configs import BASE
from hostile_inputs import MARKER, Hostile
from hostile_run_folders import RUN, run_folder

_STOP = BASE.replace("epochs: 1}", "epochs: 1, batch_size: 2000}")


def _repository(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_STOP)
        (folder / "a.txt").write_text("one\n")
        identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        for words in (["init", "-q"], ["add", "a.txt"], ["commit", "-q", "-m", "x", "--no-gpg-sign"]):
            subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **identity})
        change(folder)
        (folder / "a.txt").write_text("two\n")

    return prepare


def _config(config: str, attributes: str = "") -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        with (folder / ".git" / "config").open("a") as file:
            file.write(config.replace("PROGRAM", f"touch {folder}/{MARKER}; cat") + "\n")
        (folder / ".gitattributes").write_text(attributes)

    return _repository(change)


def _record(unwanted: str) -> Callable[[Path, str], str | None]:
    """Require that a text stands in no file of the run but the config and its copies."""

    def holds(folder: Path, output: str) -> str | None:
        found = [file for file in (folder / "runs").rglob("*") if file.is_file() and unwanted.encode() in file.read_bytes()]
        return f"{found[0].name} holds {unwanted!r}" if found or unwanted in output else None

    return holds


def _secret_file(folder: Path) -> None:
    for name in (".env", "id_rsa"):
        (folder / name).write_text("hunter2hunter2\n")
    (folder / "b.py").write_text("password = 'hunter2hunter2'\n")
    subprocess.run(["git", "add", "-f", ".env", "id_rsa", "b.py"], cwd=folder, check=True)


def _in_a_fifo(folder: Path) -> None:
    (folder / "c.yaml").write_text(BASE)
    os.mkfifo(folder / "pipe.yaml")


TRAIN = ("train c.yaml --runs-dir runs -q",)
INPUTS = [
    Hostile(name, tries, run, prepare, 0, "", keras=True, holds=_record(unwanted))
    for name, tries, run, prepare, unwanted in [
        ("git-clean-filter", "a filter that git would run", TRAIN, _config('[filter "e"]\nclean = "PROGRAM"', "* filter=e\n"), MARKER),
        ("git-monitor", "a monitor of the file system that git would run", TRAIN, _config('[core]\nfsmonitor = "PROGRAM"'), MARKER),
        ("git-text-conversion", "a text conversion that git would run", TRAIN, _config('[diff "e"]\ntextconv = "PROGRAM"', "* diff=e\n"), MARKER),
        ("git-working-folder", "a repository whose files are somebody's private ones", TRAIN, _config("[core]\nworktree = ../../victim"), "diary"),
        ("git-secrets", "passwords and keys in changed files", TRAIN, _repository(_secret_file), "hunter2hunter2"),
    ]
] + [
    Hostile(name, tries, run, prepare, code, says)
    for name, tries, run, prepare, code, says in [
        ("out-device", "a result written to /dev/null, which must stay a device", ("schema --out /dev/null",), lambda _: None, 0, ""),
        ("out-in-missing-folder", "a result in a folder that is not there", ("schema --out a/b/c.json",), lambda _: None, 1, ""),
        ("runs-dir-link", "a folder of runs with a link to elsewhere", ("runs list --runs-dir runs",), run_folder(lambda run: (run.parent / "20270101T000000Z_x_bbbbbb").symlink_to("../../victim")), 0, ""),
        ("run-name-escapes", "a path in place of the name of a run", (f"runs show ../../victim/{RUN} --runs-dir runs",), run_folder(lambda _: None), 1, ""),
        ("code-with-a-nul", "a file of --code with binary data", ("check c.yaml --code x.py",), lambda folder: [(folder / "c.yaml").write_text(BASE), (folder / "x.py").write_bytes(b"\0\0")], 2, ""),
        ("code-deep", "a file of --code of 100,000 brackets", ("check c.yaml --code x.py",), lambda folder: [(folder / "c.yaml").write_text(BASE), (folder / "x.py").write_text("(" * 100_000)], 2, ""),
        ("code-of-a-config", "code that a config names, which writes when it runs", ("train c.yaml",), lambda folder: [(folder / "c.yaml").write_text(f"code: [x.py]\n{BASE}"), (folder / "x.py").write_text(f"open('{MARKER}', 'w')\n")], 2, "nnrun trust c.yaml"),
        ("code-of-a-config-is-not-run", "the same, looked at", ("check c.yaml",), lambda folder: [(folder / "c.yaml").write_text(f"code: [x.py]\n{BASE}"), (folder / "x.py").write_text(f"open('{MARKER}', 'w')\n")], 0, ""),
        ("code-of-a-config-deep", "code of 100,000 brackets that a config names", ("check c.yaml",), lambda folder: [(folder / "c.yaml").write_text(f"code: [x.py]\n{BASE}"), (folder / "x.py").write_text("(" * 100_000)], 2, ""),
        ("code-of-a-config-device", "a device in place of code", ("check c.yaml",), lambda folder: (folder / "c.yaml").write_text(f"code: [/dev/zero]\n{BASE}"), 2, "a device"),
        ("code-is-not-run-by-check", "a file of --code that writes when it runs", ("check c.yaml --code x.py",), lambda folder: [(folder / "c.yaml").write_text(BASE), (folder / "x.py").write_text(f"open('{MARKER}', 'w')\n")], 0, ""),
    ]
]
