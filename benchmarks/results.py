"""Measure the published experiments with nnrun, and write docs/results.json and docs/results.md.

    NNRUN_DATA_DIR=... python benchmarks/results.py --runs-dir DIR --write
    python benchmarks/results.py --runs-dir DIR --only gates,boston --seeds boston=2

Finished runs in `--runs-dir` with the same config, seed, data and versions are used as they are, so that an
interrupted measurement can be continued. Each config runs in a process of its own, which imports TensorFlow once for
all its seeds. `--only` selects groups and configs, `--seeds` sets the number of seeds of a group or a config: the
config's own seed and the following ones. `--write` adds the measurements to docs/results.json, and makes the tables
of docs/results.md from that file; `--page` does only the latter.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import results_page as page

from nnrun.cli.terminal.progress import open_progress
from nnrun.errors import NnrunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.summarize import summarize
from nnrun.pipeline.verify import VerifyRequest, find_or_train
from nnrun.runs import record
from nnrun.runs.compare import compare
from nnrun.runs.documents import score_at
from nnrun.runs.folder import RunFolder

HOME = Path(__file__).resolve().parents[1]
CONFIGS, KEPT, PAGE = HOME / "configs", HOME / "docs" / "results.json", HOME / "docs" / "results.md"


@dataclass(frozen=True)
class MeasureRequest:
    """The task of one process: the seeds of one config.

    Attributes:
        experiment: The config and its score.
        seeds: The number of seeds.
        runs_dir: The folder of finished and new runs.
        data_dir: The folder of the data; None for nnrun's default.
    """

    experiment: page.PublishedExperiment
    seeds: int
    runs_dir: Path
    data_dir: Path | None


def write_leaking(experiment: page.PublishedExperiment, request: MeasureRequest) -> Path:
    """Write a config whose table is standardised with all its rows before the folds are made.

    Everything else is as in the config that it extends, so that seed and folds are the same.
    """
    import numpy as np

    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.prepare.scaling import Standardize
    from nnrun.progress import NullProgress

    base = CONFIGS / f"{experiment.leaks_from}.yaml"
    source = examine(base, (), request.data_dir).experiment.data.source.name
    raw = SOURCES[source]().load(DataPaths(base.parent, request.data_dir), NullProgress())
    step = Standardize()
    step.fit(raw.train.x)
    scaled = step.apply(raw.train.x).values
    truth = np.asarray(raw.train.y)
    target = truth.astype("int64") if raw.task == "classification" else truth
    folder = request.runs_dir / "leaking"
    folder.mkdir(parents=True, exist_ok=True)
    columns = [one.tolist() for one in (*scaled.values(), target)]
    lines = [",".join([*scaled, "target"]), *(",".join(map(repr, row)) for row in zip(*columns, strict=True))]
    (folder / f"{experiment.name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = folder / f"{experiment.name}.yaml"
    config.write_text(
        f"extends: {base}\nname: {experiment.name}\n"
        f"data:\n  source: {{csv: {{file: {experiment.name}.csv, target: target}}}}\n  prepare: []\n",
        encoding="utf-8",
    )
    return config


def measure(request: MeasureRequest) -> dict[str, Any] | str:
    """Run the seeds of a config, or use their finished runs; return the measurements, or the error as text."""
    try:
        return _measured(request)
    except NnrunError as error:
        return str(error)


def _measured(request: MeasureRequest) -> dict[str, Any]:
    base = CONFIGS / f"{request.experiment.leaks_from or request.experiment.name}.yaml"
    problems = examine(base, (), request.data_dir).problems
    absent = [problem.text for problem in problems if problem.name in ("missing-file", "download-to-come")]
    if absent:
        raise NnrunError(absent[0])
    file = write_leaking(request.experiment, request).resolve() if request.experiment.leaks_from else base
    examined = examine(file, (), request.data_dir)
    asked = VerifyRequest(request.runs_dir, request.data_dir, argv=tuple(sys.argv))
    seeds = {}
    for number in range(request.seeds):
        with open_progress(quiet=not sys.stderr.isatty()) as progress:
            folder, new, _ = find_or_train(examined, number, asked, progress)
        seed = str(examined.experiment.seed + number)
        seeds[seed] = figures(folder, request.experiment.figure)
        how = "trained" if new else "finished before"
        score = f"{request.experiment.figure} {seeds[seed]['figure']:.4g}"
        print(f"{request.experiment.name}, seed {seed}: {score} ({how})", file=sys.stderr, flush=True)
    k_fold = examined.experiment.data.split.k_fold if examined.experiment.data.split else None
    return {
        "figure": request.experiment.figure,
        "parameters": summarize(file, (), request.data_dir).parameters,
        "folds": k_fold.folds if k_fold else None,
        "folds_by_seed": bool(k_fold and k_fold.shuffle),
        "machine": machine(folder),
        "seeds": seeds,
    }


def figures(folder: RunFolder, path: str) -> dict[str, Any]:
    """Return the score of a run, that of each fold, and its seconds."""
    scores, kept = json.loads(folder.scores.read_bytes()), record.read(folder)
    value = score_at(scores, path)
    if value is None:
        raise NnrunError(f"{folder.path}: scores.json has no number at {path}")
    begin, end = (datetime.fromisoformat(kept[key]) for key in ("start", "end"))
    found = {
        "run": folder.id,
        "figure": value,
        "train_seconds": kept["seconds"]["train"],
        "run_seconds": round((end - begin).total_seconds(), 3),
        "wake_seconds": kept["seconds"].get("wake", 0.0),
        "epochs": kept["epochs"],
    }
    summary = scores.get("cross_validation")
    name = path.rpartition(".")[2]
    return found | ({"folds": [fold[name] for fold in summary["each"]]} if summary else {})


def machine(folder: RunFolder) -> dict[str, Any]:
    """Return the machine and the versions of a run."""
    kept = record.read(folder)
    versions = {name: kept["versions"][name] for name in ("keras", "tensorflow", "numpy", "python")}
    return {"date": kept["start"][:10], **{name: kept[name] for name in ("cpu", "cores", "threads")}, **versions}


def compared(measured: dict[str, Any], pair: page.Pair, runs_dir: Path) -> dict[str, Any] | None:
    """Return the result of `nnrun compare` for each seed that both configs have; None if one of them is missing.

    Raises:
        NnrunError: Two runs were not tested on the same rows of the same folds.
    """
    first, second = (measured.get(name) for name in (pair.first, pair.second))
    if first is None or second is None:
        return None
    found = {}
    for seed in (seed for seed in first["seeds"] if seed in second["seeds"]):
        runs = [RunFolder(runs_dir / one["seeds"][seed]["run"]) for one in (first, second)]
        if all(run.scores.is_file() for run in runs):
            comparison = compare(*runs, first["figure"].rpartition(".")[2])
            found[seed] = {"difference": comparison.difference, "p": comparison.p}
    return found or None


def selected(only: str) -> list[page.PublishedExperiment]:
    """Return the experiments of the selected groups and configs."""
    words = [word for word in only.split(",") if word]
    known = {name for one in page.EXPERIMENTS for name in (one.name, one.group)}
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit(f"no group or config {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return [one for one in page.EXPERIMENTS if not words or one.name in words or one.group in words]


def seeds_of(experiment: page.PublishedExperiment, words: str) -> int:
    """Return the number of seeds of a config: the one requested for it or its group, else that of its group."""
    requested = dict(word.split("=", 1) for word in words.split(",") if "=" in word)
    return int(requested.get(experiment.name, requested.get(experiment.group, page.SEEDS[experiment.group])))


def measure_all(experiments: list[page.PublishedExperiment], options: argparse.Namespace) -> dict[str, Any]:
    """Measure each experiment in a process of its own; report and leave out what cannot be measured."""
    found = {}
    for experiment in experiments:
        request = MeasureRequest(experiment, seeds_of(experiment, options.seeds), options.runs_dir, options.data_dir)
        if not (CONFIGS / f"{experiment.leaks_from or experiment.name}.yaml").is_file():
            print(f"{experiment.name}: there is no such config yet", file=sys.stderr, flush=True)
            continue
        # A separate process frees its memory, and cannot slow down the next one.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            answer = pool.submit(measure, request).result()
        if isinstance(answer, str):
            print(f"{experiment.name}: not measured: {answer}", file=sys.stderr, flush=True)
        else:
            found[experiment.name] = answer
    return found


def read_kept() -> dict[str, Any]:
    """Return the content of docs/results.json; empty if it does not exist."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {"configs": {}, "pairs": {}}


def write_kept(kept: dict[str, Any]) -> None:
    """Write docs/results.json in the order of the page."""
    order = [one.name for one in page.EXPERIMENTS]
    configs = {name: kept["configs"][name] for name in order if name in kept["configs"]}
    text = json.dumps({"configs": configs, "pairs": kept["pairs"]}, indent=1, allow_nan=False)
    KEPT.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Measure the selected experiments, print their tables, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs-dir", type=Path, help="folder of finished and new runs")
    parser.add_argument("--data-dir", type=Path, help="folder of the data; default: NNRUN_DATA_DIR")
    parser.add_argument("--only", default="", help="groups or configs, separated by commas")
    parser.add_argument("--seeds", default="", help="such as gates=5,mnist_cnn=1")
    parser.add_argument("--write", action="store_true", help="write docs/results.json and docs/results.md")
    parser.add_argument("--page", action="store_true", help="measure nothing: make the page from docs/results.json")
    options = parser.parse_args()
    kept = read_kept()
    if not options.page:
        if options.runs_dir is None:
            parser.error("--runs-dir is required")
        options.runs_dir = options.runs_dir.resolve()
        measured = measure_all(selected(options.only), options)
        # The scores of an earlier measurement of a config are replaced as a whole, never mixed with these.
        kept["configs"] |= measured
        for pair in page.PAIRS:
            if pair.first in measured or pair.second in measured:
                kept["pairs"].pop(pair.key, None)
                found = compared(kept["configs"], pair, options.runs_dir)
                kept["pairs"] |= {pair.key: found} if found else {}
    if options.write:
        write_kept(kept)
    if options.write or options.page:
        PAGE.write_text(page.filled(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
    else:
        tables = page.blocks({"configs": measured, "pairs": kept["pairs"]}).values()
        print("\n\n".join(table for table in tables if "**" in table))


if __name__ == "__main__":
    main()
