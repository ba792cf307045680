"""Compare the results of two checkouts of nnrun: every training run must end with the same figures, byte for byte.

    NNRUN_DATA_DIR=... python tools/same_results.py BEFORE AFTER [--backend tensorflow|jax|both] [--configs NAME ...]
                                                    [--work DIR] [--keep-before DIR]

Each checkout runs `nnrun train` from its own `src`, with the interpreter that runs this script, on the configs of
BEFORE: all of configs/smoke, and `pima`, `boston_wider` and `digits_cnn`, whose data lie in NNRUN_DATA_DIR. Then
`metrics.jsonl`, `scores.json` and `predictions.csv` are compared, those of the folds included. Only two differences
are allowed: the `seconds` of an epoch, and a relative 1e-12 in the limits of confidence intervals.

On JAX (`--set backend=jax`) a config is skipped where `nnrun check` of BEFORE refuses it.

The results of BEFORE can be kept in a folder (`--keep-before`), so that later comparisons run AFTER only. `--work`
names the folder of AFTER's run folders, which otherwise is temporary. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

COMPARED = ("metrics.jsonl", "scores.json", "predictions.csv")
FULL_CONFIGS = ("pima", "boston_wider", "digits_cnn")
BACKENDS = ("tensorflow", "jax")
#: How far the limits of a confidence interval may differ, relative to their size.
INTERVAL_TOLERANCE = 1e-12
SECONDS = re.compile(r'"seconds": [^,}\n]*')
#: The first line of an interval, or of a group of intervals, in an indented JSON file.
INTERVAL_START = re.compile(r'( *)"\w*interval_95": [\[{]$')


@dataclass(frozen=True)
class Difference:
    """The first difference between two folders of results.

    Attributes:
        file: The file's path inside the run folder.
        line: The number of the first line that differs, counted from 1; 0 for a missing file.
        before: That line in the results of BEFORE.
        after: That line in the results of AFTER.
    """

    file: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"differs: {self.file}, line {self.line}, before: {_short(self.before)}, after: {_short(self.after)}"


@dataclass(frozen=True)
class Checkout:
    """A checkout of nnrun, and the folder of its run folders."""

    root: Path
    runs: Path

    def nnrun(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command line of nnrun with this checkout's source code."""
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src"), "NNRUN_PROFILE": ""}
        return subprocess.run(
            [sys.executable, "-m", "nnrun", *words],
            cwd=self.runs,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def train(self, config: Path, backend: str) -> Path | str:
        """Train a config; return the run folder, or the error message of a run that failed."""
        words = ["train", str(config), "--runs-dir", str(self.runs), "--json", *_backend_option(backend)]
        completed = self.nnrun(*words)
        if completed.returncode:
            return f"nnrun train exits with {completed.returncode}: {_last_line(completed.stderr or completed.stdout)}"
        return Path(json.loads(completed.stdout)["folder"])

    def reason_to_skip(self, config: Path, backend: str) -> str | None:
        """Return why `nnrun check` refuses a config on a backend, or None if it accepts it."""
        if backend == "tensorflow":
            return None
        completed = self.nnrun("check", str(config), "--json", *_backend_option(backend))
        if completed.returncode == 0:
            return None
        return f"nnrun check exits with {completed.returncode}: {_first_error(completed.stdout)}"

    def commit(self) -> str:
        """Return the commit of the checkout, with a mark if its source code has been changed since."""
        command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        completed = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return completed.stdout.strip() or "unknown"


def _backend_option(backend: str) -> list[str]:
    return [] if backend == "tensorflow" else ["--set", f"backend={backend}"]


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def _first_error(printed: str) -> str:
    """Return the first error in the JSON output of `nnrun check`, or the last printed line."""
    try:
        problems = [problem for file in json.loads(printed)["files"] for problem in file["problems"]]
    except (ValueError, KeyError):
        return _last_line(printed)
    return next((problem["text"] for problem in problems if problem["severity"] == "error"), _last_line(printed))


def _short(text: str, width: int = 120) -> str:
    text = text.strip()
    return text if len(text) <= width else text[: width - 3] + "..."


def result_files(folder: Path) -> list[str]:
    """List the compared files of a run folder and of its folds, as sorted relative paths."""
    patterns = [pattern for name in COMPARED for pattern in (name, f"folds/*/{name}")]
    return sorted(path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern))


def compare_folders(before: Path, after: Path) -> Difference | None:
    """Return the first difference between the results in two run folders, or None if they are the same."""
    names = result_files(before)
    if not names:
        return Difference(COMPARED[0], 0, "missing", "not compared")
    for name in sorted({*names, *result_files(after)}):
        if not (before / name).is_file() or not (after / name).is_file():
            there = [("present" if (folder / name).is_file() else "missing") for folder in (before, after)]
            return Difference(name, 0, *there)
        found = compare_files(before / name, after / name, name)
        if found is not None:
            return found
    return None


def compare_files(before: Path, after: Path, name: str) -> Difference | None:
    """Return the first line in which two result files differ, or None if they are the same.

    Args:
        before: The file of BEFORE.
        after: The file of AFTER.
        name: The file's path inside the run folder; its last part decides what may differ.
    """
    if before.read_bytes() == after.read_bytes():
        return None
    texts = [path.read_bytes().decode("utf-8", "backslashreplace") for path in (before, after)]
    if Path(name).name == "metrics.jsonl":
        texts = [SECONDS.sub('"seconds": -', text) for text in texts]
    lines = [text.split("\n") for text in texts]
    inside = _interval_lines(lines[0]) if Path(name).name == "scores.json" else set()
    for number, (old, new) in enumerate(zip_longest(*lines, fillvalue="(end of the file)"), start=1):
        if old != new and not (number in inside and _nearly_equal(old, new)):
            return Difference(name, number, old, new)
    return None


def _interval_lines(lines: list[str]) -> set[int]:
    """Return the numbers of the lines of an indented JSON file that are inside confidence intervals."""
    inside: set[int] = set()
    end: str | None = None
    for number, line in enumerate(lines, start=1):
        start = INTERVAL_START.match(line)
        if end is None and start:
            end = start[1]
        elif end is not None and line.startswith((f"{end}]", f"{end}}}")):
            end = None
        elif end is not None:
            inside.add(number)
    return inside


def _nearly_equal(before: str, after: str) -> bool:
    """Whether two lines hold nothing but numbers that are equal within the tolerance of intervals."""
    try:
        numbers = float(before.strip().removesuffix(",")), float(after.strip().removesuffix(","))
    except ValueError:
        return False
    return math.isclose(*numbers, rel_tol=INTERVAL_TOLERANCE) and before.endswith(",") == after.endswith(",")


def config_paths(root: Path, names: list[str]) -> dict[str, Path]:
    """Return the configs to run by their names: all smoke configs and three full ones, or those that are named."""
    folder = root / "configs"
    smoke = [f"smoke/{path.stem}" for path in sorted((folder / "smoke").glob("*.yaml"))]
    paths = {name: folder / f"{name}.yaml" for name in names or [*smoke, *FULL_CONFIGS]}
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        sys.exit(f"No such config in {folder}: {', '.join(missing)}")
    return paths


def results_before(checkout: Checkout, config: Path, backend: str, kept: Path) -> str | None:
    """Put BEFORE's results into the folder `kept`, unless it has them; return a reason to skip the config instead."""
    reason_file = kept / "skipped.txt"
    if reason_file.is_file():
        return reason_file.read_text(encoding="utf-8")
    if result_files(kept):
        return None
    reason = checkout.reason_to_skip(config, backend)
    if reason is None:
        run_folder = checkout.train(config, backend)
        if isinstance(run_folder, Path):
            keep_results(run_folder, kept)
            return None
        reason = f"with BEFORE, {run_folder}"
    kept.mkdir(parents=True, exist_ok=True)
    reason_file.write_text(reason, encoding="utf-8")
    return reason


def keep_results(run_folder: Path, kept: Path) -> None:
    """Copy the compared files of a run folder; the copy appears at once and complete."""
    partial = kept.with_name(kept.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in result_files(run_folder):
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run_folder / name, partial / name)
    partial.rename(kept)


def compare_config(before: Checkout, after: Checkout, config: Path, backend: str, kept: Path) -> str:
    """Run one config with both checkouts; return `same`, `differs: ...` or `skipped: ...`."""
    reason = results_before(before, config, backend, kept)
    if reason is not None:
        return f"skipped: {reason}"
    run_folder = after.train(config, backend)
    if isinstance(run_folder, str):
        return f"differs: {run_folder}"
    return str(compare_folders(kept, run_folder) or "same")


def claim_folder(kept: Path, commit: str) -> None:
    """Note BEFORE's commit in the folder of its results; exit if the folder holds those of another commit."""
    kept.mkdir(parents=True, exist_ok=True)
    note = kept / "commit.txt"
    if note.is_file() and note.read_text(encoding="utf-8").strip() != commit:
        sys.exit(f"{kept} holds the results of another commit than BEFORE ({commit}): use an empty folder.")
    note.write_text(commit + "\n", encoding="utf-8")


def main() -> int:
    """Compare all configs on all backends that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the checkout whose results are right; its configs are run")
    parser.add_argument("after", type=Path, help="the checkout to compare with it")
    parser.add_argument("--backend", choices=(*BACKENDS, "both"), default="both")
    parser.add_argument("--configs", nargs="*", default=[], metavar="NAME", help="such as smoke/pima")
    parser.add_argument("--work", type=Path, help="the folder of the run folders")
    parser.add_argument("--keep-before", type=Path, metavar="DIR", help="keep and reuse BEFORE's results here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        kept = (options.keep_before or Path(temporary) / "kept").resolve()
        roots = {"before": options.before.resolve(), "after": options.after.resolve()}
        sides = {name: Checkout(root, work / name) for name, root in roots.items()}
        for side in sides.values():
            side.runs.mkdir(parents=True, exist_ok=True)
        claim_folder(kept, sides["before"].commit())
        counts = {"same": 0, "differs": 0, "skipped": 0}
        started = time.monotonic()
        for backend in BACKENDS if options.backend == "both" else (options.backend,):
            for name, config in config_paths(roots["before"], options.configs).items():
                result = compare_config(sides["before"], sides["after"], config, backend, kept / backend / name)
                counts[result.partition(":")[0]] += 1
                print(f"{name:<32} {backend:<10} {result}", flush=True)
        minutes = (time.monotonic() - started) / 60
        print(", ".join(f"{count} {word}" for word, count in counts.items()) + f" ({minutes:.1f} minutes)")
    return 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
