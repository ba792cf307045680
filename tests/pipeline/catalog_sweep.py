"""Train every entry of the catalog that `check` accepts for one batch, in every task that accepts it.

    python tests/pipeline/catalog_sweep.py [--only metrics,losses,...] [--sample]

The rule: if `check` finds no error, then training, its scores, its report and `eval` end well, the figures of every
epoch are the ones that `check` knew, and `scores.json` has them. What `check` refuses is no combination to train.
The whole product takes minutes; a sample that covers every entry once runs with the other tests.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnrun.config.dump import dump
from nnrun.errors import ConfigError
from nnrun.pipeline.check import Examined, examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import write_report
from nnrun.runs import metrics
from nnrun.spec.findings.metrics import epoch_figures, part_figures

_SPEC = importlib.util.spec_from_file_location("sweep_cases", Path(__file__).with_name("sweep_cases.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
sweep_cases = importlib.util.module_from_spec(_SPEC)
sys.modules["sweep_cases"] = sweep_cases
_SPEC.loader.exec_module(sweep_cases)
Case, CASES, branches = sweep_cases.Case, sweep_cases.CASES, sweep_cases.branches

#: What the lines of `metrics.jsonl` have beside figures.
_NO_FIGURES = {"epoch", "fold", "learning_rate", "seconds"}


# Trying --------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of the combinations.

    Attributes:
        refused: Those that `check` refused, with its first finding.
        trained: Those that were trained.
        fallen: Those that `check` accepted and that did not end well, with what happened.
    """

    refused: dict[str, str] = field(default_factory=dict)
    trained: list[str] = field(default_factory=list)
    fallen: dict[str, str] = field(default_factory=dict)
    covered: set[str] = field(default_factory=set)

    def line(self) -> str:
        """Return the counts in one line."""
        total = len(self.refused) + len(self.trained) + len(self.fallen)
        accepted = len(self.trained) + len(self.fallen)
        return (
            f"{total} combinations: {len(self.refused)} refused, {accepted} accepted, {len(self.trained)} trained, "
            f"{len(self.fallen)} fell through"
        )


class Sweep:
    """Tries combinations in a folder with the data of all tasks.

    Args:
        folder: The folder.
        report: Receives a line about each combination that was trained.
    """

    def __init__(self, folder: Path, report: Callable[[str], None] = lambda _: None) -> None:
        self.folder, self.tally, self.report = folder, Tally(), report
        sweep_cases.write_data(folder)

    def accepted(self, case: Case) -> Examined | None:
        """Return a combination as `check` sees it; None, noted as refused, where it finds an error."""
        file = self.folder / "swept.yaml"
        file.write_text(dump(case.config), encoding="utf-8")
        try:
            examined = examine(file, (), self.folder)
            errors = [problem for problem in examined.problems if problem.severity == "error"]
        except ConfigError as error:
            examined, errors = None, list(error.problems)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fell through
            self.tally.fallen[case.label] = f"check: {type(error).__name__}: {error}"
            return None
        if errors:
            self.tally.refused[case.label] = f"{errors[0].name}: {errors[0].text}"
            return None
        return examined

    def try_case(self, case: Case, *, thorough: bool = True, report: bool = True) -> bool:
        """Check and, if accepted, train a combination; return whether it did not fall through."""
        examined = self.accepted(case)
        if examined is None:
            return case.label not in self.tally.fallen
        start = time.monotonic()
        try:
            self._run(examined, thorough=thorough, report=report)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fell through
            where = "".join(traceback.format_exception(error)[-2:]).strip()
            self.tally.fallen[case.label] = f"{type(error).__name__}: {error}\n{where}"
            self.report(f"FELL     {case.label}: {type(error).__name__}: {str(error)[:300]}")
            return False
        self.report(f"{time.monotonic() - start:6.1f} s  {case.label}")
        self.tally.trained.append(case.label)
        self.tally.covered.update(case.what)
        return True

    def _run(self, examined: Examined, *, thorough: bool, report: bool) -> None:
        folder = train(TrainRequest(str(examined.file), (), self.folder / "runs", self.folder), NullProgress()).folder
        scores = json.loads(folder.scores.read_text(encoding="utf-8"))
        (line,) = metrics.read(folder.metrics)
        known, figures = epoch_figures(examined.context), set(line) - _NO_FIGURES
        assert figures <= set(known.known) or known.open_names, f"unknown to check: {figures - set(known.known)}"
        assert set(known.known) <= figures, f"known to check alone: {set(known.known) - figures}"
        missing = set(part_figures(examined.context).known) - set(scores["test"])
        assert not missing, f"not in scores.json: {missing}"
        assert folder.best.is_file(), "there is no best.keras"
        # A report takes several times as long as the training.
        if report:
            write_report(folder, None)
        if thorough:
            again = evaluate(EvaluateRequest(str(folder.path), self.folder / "runs", self.folder), NullProgress())
            assert again.scores["test"] == scores["test"], "eval has other scores"

    def sample(self, categories: Iterable[str] = tuple(CASES)) -> None:
        """Try every entry once at least, several in one training where that is possible."""
        for category in categories:
            make = CASES[category]
            if category in ("metrics", "layers", "augmentation", "arguments", "callbacks"):
                self._try_together(category, list(make()))
            else:
                self._try_each_once(make())

    def _try_each_once(self, cases: Iterable[Case]) -> None:
        """Try the first combination of each entry that is accepted."""
        done: set[str] = set()
        for case in cases:
            if not done.issuperset(case.what) and self.accepted(case) is not None:
                self.try_case(case, thorough=False, report=False)
                done.update(case.what)

    def _try_together(self, category: str, cases: Sequence[Case]) -> None:
        """Try entries that are accepted in the same place in one training, each entry once."""
        done: set[str] = set()
        by_place: dict[str, list[Case]] = {}
        for case in cases:
            if not done.issuperset(case.what) and self.accepted(case) is not None:
                done.update(case.what)
                by_place.setdefault(case.where, []).append(case)
        for where, group in by_place.items():
            self._try_group(category, where, group)

    def _try_group(self, category: str, where: str, group: Sequence[Case]) -> None:
        """Try a group in one training; if that does not end well, each half of it, down to the entry at fault."""
        joined = _join(category, where, group)
        if joined is None or self.accepted(joined) is None:
            for case in group:
                self.try_case(case, thorough=False, report=False)
            return
        if not self.try_case(joined, thorough=False, report=len(group) > 8) and len(group) > 1:
            del self.tally.fallen[joined.label]
            half = len(group) // 2
            self._try_group(category, where, group[:half])
            self._try_group(category, where, group[half:])


def _join(category: str, where: str, cases: Sequence[Case]) -> Case | None:
    """Return one combination with the entries of all; None where they cannot stand together."""
    first, what = cases[0].config, tuple(name for case in cases for name in case.what)
    if len(cases) < 2:
        return cases[0]
    joined = dict(first)
    if category in ("metrics", "callbacks", "augmentation"):
        key = "augment" if category == "augmentation" else category
        parts = [part for case in cases for part in case.config["training"][key]]
        joined["training"] = {**first["training"], key: parts}
    elif category == "layers":
        joined["model"] = branches(what)
    elif where.startswith("Dense."):
        joined["model"] = [*(case.config["model"][0] for case in cases), first["model"][-1]]
    else:
        return None
    return Case(what, where, joined)


def print_line(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


# The script ----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Try the whole product, or a part of it; print the counts and what fell through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), help=f"of {', '.join(CASES)}; default: all")
    parser.add_argument("--sample", action="store_true", help="each entry once, as the tests do")
    parser.add_argument("--refused", action="store_true", help="print what check refused, and why")
    parser.add_argument("--match", default="", help="only combinations whose label contains this")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(Path(folder), print_line)
        if options.sample:
            sweep.sample(options.only.split(","))
        else:
            for category in options.only.split(","):
                before = Counter(trained=len(sweep.tally.trained), fallen=len(sweep.tally.fallen))
                for case in CASES[category]():
                    if options.match in case.label:
                        sweep.try_case(case)
                trained = len(sweep.tally.trained) - before["trained"]
                fallen = len(sweep.tally.fallen) - before["fallen"]
                print_line(f"{category}: {trained} trained, {fallen} fell through")
    for label, what in sweep.tally.refused.items() if options.refused else ():
        print(f"refused  {label}: {what}")  # noqa: T201
    for label, what in sweep.tally.fallen.items():
        print(f"FELL     {label}: {what}\n")  # noqa: T201
    print(f"{sweep.tally.line()}, {time.monotonic() - start:.0f} s")  # noqa: T201
    return 1 if sweep.tally.fallen else 0


if __name__ == "__main__":
    sys.exit(main())
