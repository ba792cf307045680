"""Hostile run folders: files of other kinds, sizes and depths than a run has, and links that lead out of it."""

# ruff: noqa: E501 - one line for each input, as a table
# fmt: off

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_inputs import HERE, Hostile

FROZEN = HERE.parent / "frozen_runs" / "0.1.0"
RUN = "20260101T000000Z_frozen_aaaaaa"


def run_folder(change: Callable[[Path], object], kind: str = "graph") -> Callable[[Path], object]:
    """Prepare a copy of a run of an earlier version, changed."""

    def prepare(folder: Path) -> None:
        shutil.copytree(FROZEN / kind, folder / "runs" / RUN)
        change(folder / "runs" / RUN)

    return prepare


def _write(name: str, content: str | bytes) -> Callable[[Path], object]:
    return run_folder(lambda run: (run / name).write_bytes(content if isinstance(content, bytes) else content.encode()))


def _json(name: str, /, **fields: Any) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        file = run / name
        file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))

    return run_folder(change)


def _link(name: str, target: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(target)

    return run_folder(change)


def _special(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        make(run / name)

    return run_folder(change)


def _no_diary(folder: Path, output: str) -> str | None:
    pages = [file.read_text(errors="replace") for file in folder.rglob("*.html")]
    return "a private file is in it" if any("a diary of mine" in text for text in [output, *pages]) else None


LIST, SHOW, REPORT = ("runs list --runs-dir runs",), (f"runs show {RUN} --runs-dir runs",), (f"report {RUN} --runs-dir runs",)
EVAL = (f"eval {RUN} --runs-dir runs -q",)
DEEP = "[" * 100_000

INPUTS = [
    Hostile(name, tries, run, prepare, code, says, holds=_no_diary)
    for name, tries, run, prepare, code, says in [
        ("run-record-deep", "a record of 100,000 open brackets, listed", LIST, _write("record.json", DEEP), 0, ""),
        ("run-record-deep-shown", "the same, shown", SHOW, _write("record.json", DEEP), 1, ""),
        ("run-record-list", "a record that is a list", SHOW, _write("record.json", "[1]"), 1, ""),
        ("run-record-of-numbers", "times and versions of the wrong kind", SHOW, _json("record.json", seconds=[1], versions="x", argv=1e308, peak_memory_bytes={}), 1, ""),
        ("run-record-threads", "two billion threads", EVAL, _json("record.json", threads=2_000_000_000), 1, ""),
        ("run-record-negative-threads", "-5 threads", EVAL, _json("record.json", threads=-5), 1, ""),
        ("run-record-name-escapes", "terminal sequences as a name", LIST, _json("record.json", name="\x1b[31mred\x07\u202e"), 0, ""),
        ("run-record-html", "HTML as a name", REPORT, _json("record.json", name="<script>alert(1)</script>"), 0, ""),
        ("run-scores-deep", "scores of 100,000 open brackets, listed", LIST, _write("scores.json", DEEP), 0, ""),
        ("run-scores-numbers", "an interval that is a text, reported", REPORT, _json("scores.json", test={"error_percent_interval_95": "x", "error_percent": []}), 0, ""),
        ("run-metrics-escapes", "a metric whose name steers a terminal", REPORT, _write("metrics.jsonl", '{"epoch": 1, "\\u001b[31m": 1e308}\n{"epoch": 2, "\\u001b[31m": -1e308}\n'), 0, ""),
        ("run-metrics-deep", "a line of 200,000 open brackets", REPORT, _write("metrics.jsonl", DEEP * 2 + "\n"), 0, ""),
        ("run-model-list", "a model that is a list", EVAL, _write("model.json", "[1]"), 1, ""),
        ("run-model-empty", "a model without layers", EVAL, _write("model.json", '{"config": []}'), 1, ""),
        ("run-prepare-null", "a preparation that is null", (f"predict {RUN} FOLDER/new.csv --runs-dir runs",), run_folder(lambda run: [(run / "prepare.json").write_text("null"), shutil.copy(FROZEN / "made_from" / "new_flowers.csv", run.parent.parent / "new.csv")]), 1, ""),
        ("run-resolved-bomb", "a resolved config of aliases of aliases", EVAL, _write("resolved.yaml", "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9))), 1, ""),
        ("run-log-link", "a log that is a link to a private file, reported", REPORT, _link("log.txt", "../../../victim/private.txt"), 1, "symbolic link"),
        ("run-log-link-written", "a log that is a link to a precious file, evaluated", EVAL, _link("log.txt", "../../../victim/precious.txt"), 1, "symbolic link"),
        ("run-config-link", "a config that is a link to a private file", REPORT, _link("config.yaml", "../../../victim/private.txt"), 1, "symbolic link"),
        ("run-report-link", "a report that is a link to a precious file", REPORT, _link("report.html", "../../../victim/precious.txt"), 1, "symbolic link"),
        ("run-plots-link", "a folder of plots that is a link", REPORT, _link("plots", "../../../victim"), 1, "symbolic link"),
        ("run-record-fifo", "a record that is a pipe", SHOW, _special("record.json", os.mkfifo), 1, ""),
        ("run-scores-device", "scores that are /dev/zero", REPORT, _special("scores.json", lambda path: path.symlink_to("/dev/zero")), 1, "symbolic link"),
        ("run-mistakes-header", "pictures of mistakes with a header of 1.8 PiB", REPORT, _write("mistakes.npz", b"PK\x03\x04" + b"\xff" * 300), 0, ""),
        ("run-own-code", "a run with code, evaluated without naming it", (f"eval {RUN} --runs-dir runs -q",), run_folder(lambda _: None, "own_code"), 1, "run again only on request"),
        ("run-own-code-changed", "code in a run that somebody changed, although it is trusted", (f"eval {RUN} --runs-dir runs -q --trust-run",), run_folder(lambda run: [file.write_text("open('PWNED', 'w')\n") for file in (run / "sources").glob("*.py")], "own_code"), 1, "was changed since the run"),
        ("run-of-nothing", "an empty folder with the newest name of all", ("runs list --runs-dir runs",), run_folder(lambda run: (run.parent / "20991128T124314Z_x_dd2a99").mkdir()), 0, ""),
    ]
]
