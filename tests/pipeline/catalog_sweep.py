"""Train every entry of the catalog that `check` accepts for one batch, in every task that accepts it.

    python tests/pipeline/catalog_sweep.py [--only metrics,losses,...] [--sample]

The rule: if `check` finds no error, then training, its scores, its report and `eval` end well, the figures of every
epoch are the ones that `check` knew, and `scores.json` has them. What `check` refuses is no combination to train.
Entries that can stand in one config (metrics, also those of one of several outputs, callbacks, layers) are trained
together; if that fails, each half, down to the one at fault. The whole product takes half an hour; a sample that covers
every entry once runs in CI.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnrun.config.dump import dump
from nnrun.errors import ConfigError, Problem
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
        self._reported: set[tuple[str, ...]] = set()
        self._once = False
        sweep_cases.write_data(folder)

    def accepted(self, case: Case) -> bool:
        """Return whether `check` finds no error in a combination; note why where it does."""
        try:
            found = self._findings(case)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fell through
            self.tally.fallen[case.label] = f"check: {type(error).__name__}: {error}"
            return False
        if found:
            self.tally.refused[case.label] = f"{found[0].name}: {found[0].text}"
        return not found

    def _findings(self, case: Case) -> list[Problem]:
        """Return the errors that `check` finds in a combination."""
        try:
            return [one for one in self._examined(case).problems if one.severity == "error"]
        except ConfigError as error:
            return list(error.problems)

    def _examined(self, case: Case) -> Examined:
        file = self.folder / "swept.yaml"
        file.write_text(dump(case.config), encoding="utf-8")
        return examine(file, (), self.folder)

    def try_all(self, category: str, cases: Iterable[Case], *, once: bool) -> None:
        """Try the combinations of a category that are accepted.

        Args:
            category: The category.
            cases: Its combinations.
            once: Whether each entry is tried in the first place alone that accepts it.
        """
        self._once = once
        done, by_place = set[str](), dict[str, list[Case]]()
        for case in cases:
            if (not once or not done.issuperset(case.what)) and self.accepted(case):
                done.update(case.what)
                by_place.setdefault(case.where, []).append(case)
        for group in by_place.values():
            self.try_group(category, group)

    def try_group(self, category: str, group: Sequence[Case]) -> None:
        """Try combinations in one training where they can stand together; if it fails, each half, down to a single one.

        Those that `check` accepts one by one are tried one by one where it refuses them together.
        """
        joined = _join(category, group)
        if len(group) > 1 and (joined is None or self._findings(joined)):
            for case in group:
                self.try_group(category, [case])
            return
        assert joined is not None
        start, what = time.monotonic(), ", ".join(case.label for case in group[:3])
        try:
            self._run(joined)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fell through
            if len(group) > 1:
                self.try_group(category, group[: len(group) // 2])
                self.try_group(category, group[len(group) // 2 :])
                return
            where = "".join(traceback.format_exception(error)[-2:]).strip()
            self.tally.fallen[group[0].label] = f"{type(error).__name__}: {error}\n{where}"
            self.report(f"FELL     {what}: {type(error).__name__}: {str(error)[:300]}")
            return
        more = f" and {len(group) - 3} more" if len(group) > 3 else ""
        self.report(f"{time.monotonic() - start:6.1f} s  {what}{more}")
        self.tally.trained += [case.label for case in group]
        self.tally.covered.update(name for case in group for name in case.what)

    def _run(self, case: Case) -> None:
        examined = self._examined(case)
        folder = train(TrainRequest(str(examined.file), (), self.folder / "runs", self.folder), NullProgress()).folder
        scores = json.loads(folder.scores.read_text(encoding="utf-8"))
        (line,) = metrics.read(folder.metrics)
        known, figures = epoch_figures(examined.context), set(line) - _NO_FIGURES
        assert figures <= set(known.known) or known.open_names, f"unknown to check: {figures - set(known.known)}"
        assert set(known.known) <= figures, f"known to check alone: {set(known.known) - figures}"
        missing = set(part_figures(examined.context).known) - set(scores["test"])
        assert not missing, f"not in scores.json: {missing}"
        assert folder.best.is_file(), "there is no best.keras"
        # A report takes several times as long as the training: one of each kind of data and outputs is enough in CI.
        usual = scores["task"] in ("classification", "regression")
        loss = "" if self._once and usual else repr(case.config["training"].get("loss"))
        kind = (scores["task"], repr(case.config["data"]), loss)
        if kind not in self._reported:
            self._reported.add(kind)
            write_report(folder, None)
            again = evaluate(EvaluateRequest(str(folder.path), self.folder / "runs", self.folder), NullProgress())
            assert again.scores["test"] == scores["test"], "eval has other scores"


def _join(category: str, cases: Sequence[Case]) -> Case | None:
    """Return one combination with the entries of all; None where they cannot stand together."""
    if len(cases) == 1:
        return cases[0]
    first, where, what = cases[0].config, cases[0].where, tuple(name for case in cases for name in case.what)
    joined = dict(first)
    if category in ("metrics", "callbacks", "augmentation"):
        key = "augment" if category == "augmentation" else category
        parts = [part for case in cases for part in case.config["training"][key]]
        joined["training"] = {**first["training"], key: parts}
    elif category == "layers":
        joined["model"] = branches(what)
    elif category == "outputs":
        joined["model"] = _with_all_metrics(cases)
    elif where.startswith("Dense."):
        joined["model"] = [*(case.config["model"][0] for case in cases), first["model"][-1]]
    else:
        return None
    return Case(what, where, joined)


def _with_all_metrics(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the model of several outputs whose output `kind` has the metrics of all combinations, each once."""
    model = cases[0].config["model"]
    kinds = [case.config["model"]["outputs"]["kind"] for case in cases]
    found = [part for kind in kinds for part in kind["metrics"]]
    metrics = [part for number, part in enumerate(found) if part not in found[:number]]
    return {**model, "outputs": {**model["outputs"], "kind": {**kinds[0], "metrics": metrics}}}


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
        for category in options.only.split(","):
            cases = (case for case in CASES[category]() if options.match in case.label)
            sweep.try_all(category, cases, once=options.sample)
            print_line(f"{category}: so far {sweep.tally.line()}")
    for label, what in sweep.tally.refused.items() if options.refused else ():
        print(f"refused  {label}: {what}")  # noqa: T201
    for label, what in sweep.tally.fallen.items():
        print(f"FELL     {label}: {what}\n")  # noqa: T201
    print(f"{sweep.tally.line()}, {time.monotonic() - start:.0f} s")  # noqa: T201
    return 1 if sweep.tally.fallen else 0


if __name__ == "__main__":
    sys.exit(main())
