"""The founding experiments, published against ours: runs what is missing, writes docs/results.json and docs/results.md.

    NNRUN_DATA_DIR=... python benchmarks/results.py --runs-dir DIR --write
    python benchmarks/results.py --runs-dir DIR --only gates,boston --seeds boston=2

Runs that `--runs-dir` has already, finished with the same config, seed, data and versions, are taken as they are, so
that a broken-off measurement goes on where it stopped. Each config runs in a process of its own, which wakes TensorFlow
once for all its seeds. `--only` takes names of groups and of configs, `--seeds` how many seeds a group or a config
gets, the config's own and those that follow it. `--write` puts what was measured into docs/results.json, beside what is
there of others, and makes the tables of docs/results.md from that file; `--page` does only the latter.
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

from nnrun.cli.terminal.progress import listening
from nnrun.errors import NnrunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.summarize import summarize
from nnrun.pipeline.verify import Asked, figure_at, run_of_seed
from nnrun.runs import record
from nnrun.runs.compare import compare
from nnrun.runs.folder import RunFolder

HOME = Path(__file__).resolve().parents[1]
CONFIGS, KEPT, PAGE = HOME / "configs", HOME / "docs" / "results.json", HOME / "docs" / "results.md"


@dataclass(frozen=True)
class Request:
    """What one process is to do: the seeds of one config.

    Attributes:
        work: The config and its figure.
        seeds: How many seeds.
        runs_dir: Where runs lie; new ones go there too.
        data_dir: Where data lie; None: as nnrun finds them.
    """

    work: page.Work
    seeds: int
    runs_dir: Path
    data_dir: Path | None


def write_leaking(work: page.Work, request: Request) -> Path:
    """Write a config whose table was standardised with all its rows before any fold was dealt out.

    Everything else is as in the config that it extends, so that seed and folds are the same.
    """
    import numpy as np

    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.prepare.scaling import Standardize
    from nnrun.progress import Silent

    base = CONFIGS / f"{work.leaks_from}.yaml"
    source = examine(base, (), request.data_dir).experiment.data.source.name
    raw = SOURCES[source]().load(DataPaths(base.parent, request.data_dir), Silent())
    step = Standardize()
    step.fit(raw.train.x)
    scaled = step.apply(raw.train.x).values
    truth = np.asarray(raw.train.y)
    target = truth.astype("int64") if raw.task == "classification" else truth
    folder = request.runs_dir / "leaking"
    folder.mkdir(parents=True, exist_ok=True)
    columns = [one.tolist() for one in (*scaled.values(), target)]
    lines = [",".join([*scaled, "target"]), *(",".join(map(repr, row)) for row in zip(*columns, strict=True))]
    (folder / f"{work.name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = folder / f"{work.name}.yaml"
    config.write_text(
        f"extends: {base}\nname: {work.name}\n"
        f"data:\n  source: {{csv: {{file: {work.name}.csv, target: target}}}}\n  prepare: []\n",
        encoding="utf-8",
    )
    return config


def measure(request: Request) -> dict[str, Any] | str:
    """Run the seeds of a config, or take their finished runs; gives what the page needs, or why there is nothing."""
    try:
        return _measured(request)
    except NnrunError as error:
        return str(error)


def _measured(request: Request) -> dict[str, Any]:
    base = CONFIGS / f"{request.work.leaks_from or request.work.name}.yaml"
    problems = examine(base, (), request.data_dir).problems
    absent = [problem.text for problem in problems if problem.name in ("missing-file", "download-to-come")]
    if absent:
        raise NnrunError(absent[0])
    file = write_leaking(request.work, request).resolve() if request.work.leaks_from else base
    examined = examine(file, (), request.data_dir)
    asked = Asked(request.runs_dir, request.data_dir, argv=tuple(sys.argv))
    seeds = {}
    for number in range(request.seeds):
        with listening(quiet=not sys.stderr.isatty()) as progress:
            folder, new, _ = run_of_seed(examined, number, asked, progress)
        seed = str(examined.experiment.seed + number)
        seeds[seed] = figures(folder, request.work.figure)
        how = "trained" if new else "finished before"
        said = f"{request.work.name}, seed {seed}: {request.work.figure} {seeds[seed]['figure']:.4g} ({how})"
        print(said, file=sys.stderr, flush=True)
    crossed = examined.experiment.data.split.k_fold if examined.experiment.data.split else None
    return {
        "figure": request.work.figure,
        "parameters": summarize(file, (), request.data_dir).parameters,
        "folds": crossed.folds if crossed else None,
        "dealt_anew": bool(crossed and crossed.shuffle),
        "machine": machine(folder),
        "seeds": seeds,
    }


def figures(folder: RunFolder, path: str) -> dict[str, Any]:
    """What the page needs of a run: its figure, that of each fold, and its seconds."""
    scores, kept = json.loads(folder.scores.read_bytes()), record.read(folder)
    value = figure_at(scores, path)
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
    crossed = scores.get("cross_validation")
    name = path.rpartition(".")[2]
    return found | ({"folds": [fold[name] for fold in crossed["each"]]} if crossed else {})


def machine(folder: RunFolder) -> dict[str, Any]:
    """Where and with what a run was made."""
    kept = record.read(folder)
    versions = {name: kept["versions"][name] for name in ("keras", "tensorflow", "numpy", "python")}
    return {"date": kept["start"][:10], **{name: kept[name] for name in ("cpu", "cores", "threads")}, **versions}


def compared(measured: dict[str, Any], pair: page.Pair, runs_dir: Path) -> dict[str, Any] | None:
    """What `nnrun compare` says of each seed that both configs have; None where one of them is missing.

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
            said = compare(*runs, first["figure"].rpartition(".")[2])
            found[seed] = {"difference": said.difference, "p": said.p}
    return found or None


def chosen(only: str) -> list[page.Work]:
    """The works of the groups and configs that were asked for."""
    words = [word for word in only.split(",") if word]
    known = {work.name for work in page.WORKS} | {work.group for work in page.WORKS}
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit(f"no group or config {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return [work for work in page.WORKS if not words or work.name in words or work.group in words]


def seeds_of(work: page.Work, words: str) -> int:
    """How many seeds a config gets: what was asked for it or its group, else what its group is measured with."""
    asked = dict(word.split("=", 1) for word in words.split(",") if "=" in word)
    return int(asked.get(work.name, asked.get(work.group, page.SEEDS[work.group])))


def measure_all(works: list[page.Work], asked: argparse.Namespace) -> dict[str, Any]:
    """Measure each work in a process of its own; what cannot be measured is told and left out."""
    found = {}
    for work in works:
        request = Request(work, seeds_of(work, asked.seeds), asked.runs_dir, asked.data_dir)
        if not (CONFIGS / f"{work.leaks_from or work.name}.yaml").is_file():
            print(f"{work.name}: there is no such config yet", file=sys.stderr, flush=True)
            continue
        # A process of its own gives its memory back, and cannot slow down the next.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            answer = pool.submit(measure, request).result()
        if isinstance(answer, str):
            print(f"{work.name}: not measured: {answer}", file=sys.stderr, flush=True)
        else:
            found[work.name] = answer
    return found


def read_kept() -> dict[str, Any]:
    """What docs/results.json holds; empty where it is not there yet."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {"configs": {}, "pairs": {}}


def write_kept(kept: dict[str, Any]) -> None:
    """Write docs/results.json, in the page's order whatever was measured first."""
    order = [work.name for work in page.WORKS]
    configs = {name: kept["configs"][name] for name in order if name in kept["configs"]}
    text = json.dumps({"configs": configs, "pairs": kept["pairs"]}, indent=1, allow_nan=False)
    KEPT.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Measure what is asked for, print its tables, and write them where asked."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--runs-dir", type=Path, help="where runs lie, and new ones go")
    reader.add_argument("--data-dir", type=Path, help="where data lie; default: NNRUN_DATA_DIR")
    reader.add_argument("--only", default="", help="groups or configs, with commas between")
    reader.add_argument("--seeds", default="", help="such as gates=5,mnist_cnn=1")
    reader.add_argument("--write", action="store_true", help="write docs/results.json and docs/results.md")
    reader.add_argument("--page", action="store_true", help="measure nothing: make the page from docs/results.json")
    asked = reader.parse_args()
    kept = read_kept()
    if not asked.page:
        if asked.runs_dir is None:
            reader.error("--runs-dir DIR says where runs lie")
        asked.runs_dir = asked.runs_dir.resolve()
        measured = measure_all(chosen(asked.only), asked)
        # Figures of another measurement are replaced whole, never mixed with these.
        kept["configs"] |= measured
        for pair in page.PAIRS:
            if pair.first in measured or pair.second in measured:
                kept["pairs"].pop(pair.key, None)
                found = compared(kept["configs"], pair, asked.runs_dir)
                kept["pairs"] |= {pair.key: found} if found else {}
    if asked.write:
        write_kept(kept)
    if asked.write or asked.page:
        PAGE.write_text(page.filled(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
    else:
        tables = page.blocks({"configs": measured, "pairs": kept["pairs"]}).values()
        print("\n\n".join(table for table in tables if "**" in table))


if __name__ == "__main__":
    main()
