"""Model configs written by Keras (`fixtures/make_models.py`), and run folders as written by a run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from nnrun.engine.scoring.evaluate import detailed_scores, error_scores
from nnrun.engine.scoring.predictions import Predictions
from nnrun.engine.scoring.predictions_table import predictions_table
from nnrun.formatting import csv_text
from nnrun.report.page import write_report
from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record
from nnrun.runs.statistics import summarize_folds
from nnrun.spec.facts import Facts
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def sample() -> Callable[[str], dict[str, Any]]:
    """Return a function that reads a model config by its name: `model` and `rows`."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


HOSTILE = '<script>alert("x")</script> & $\\frac$'


@pytest.fixture
def hostile() -> str:
    """A class name that is markup, a formula and a script."""
    return HOSTILE


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., RunFolder]:
    """Return a function that makes a finished run, its files written by the code of a run."""

    def make(name: str = "made", *, status: str = "done", error: str | None = None, **answers: Any) -> RunFolder:
        folder = RunFolder.create(tmp_path / "runs", name)
        folder.write_text(folder.config, f"name: {name}\n# {HOSTILE}\n")
        folder.write_text(folder.resolved, f"name: {name}\nseed: 7\n")
        record = Record.begin(
            folder,
            name=name,
            argv=["nnrun", "train", name, "--set", "seed=7"],
            seed=7,
            executor="resident",
            executor_why="the data fit in memory",
            warnings=["watch out"],
        )
        if answers:
            scores, text = scores_and_predictions(**answers)
            folder.write_json(folder.scores, scores)
            folder.write_text(folder.predictions, text)
        record.finish(status, error)
        return folder

    return make


def scores_and_predictions(
    names: Sequence[str], rows: int = 60, *, logits: bool = False, seed: int = 0
) -> tuple[dict[str, Any], str]:
    """Return scores and predictions of a model that is often right: of classes, or of numbers if there are no names."""
    random = np.random.default_rng(seed)
    if not names:
        truth = random.normal(20, 5, (rows, 1))
        facts = Facts("regression", "number", (3,), target_names=("price",))
        answers = Predictions("", facts, truth + random.normal(0, 2, truth.shape), truth, truth)
        loss = Part("losses", "mean_squared_error", {})
    else:
        true = np.arange(rows) % len(names)
        outputs = random.normal(0, 1, (rows, len(names))) + 2 * np.eye(len(names))[true]
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        facts = Facts("classification", "integer", (3,), classes=len(names), class_names=tuple(names))
        raw = (outputs if logits else shares).astype("float32")
        answers = Predictions("", facts, raw, raw.argmax(axis=1), true)
        loss = Part("losses", "sparse_categorical_crossentropy", {"from_logits": logits})
    part: dict[str, Any] = {"rows": rows, "loss": 0.5}
    if names:
        part |= error_scores(int((answers.predicted != answers.truth).sum()), rows)
    part |= detailed_scores(answers, loss, np.arange(rows) + 100)
    scores = {"task": facts.task, "checkpoint": "last", "test": part}
    return scores, csv_text(*predictions_table((answers,), np.arange(rows) + 100))


@pytest.fixture
def crossed(finished: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """Return a function that makes a finished cross-validation; without names, of numbers."""

    def make(names: Sequence[str] = ("no", "yes"), folds: int = 4) -> RunFolder:
        folder = finished("crossed")
        each, text = [], ""
        for number in range(folds):
            scores, lines = scores_and_predictions(names, 20, seed=number)
            place = folder.fold(number)
            place.restart()
            place.write_json(place.scores, scores)
            each.append({"fold": number, "repeat": 0, **scores["test"]})
            for epoch in (1, 2, 3):
                metrics.append(folder.metrics, {"epoch": epoch, "fold": number, "loss": number + 1 / epoch})
            heading, _, rest = lines.partition("\n")
            text += f"fold,{heading}\n" if number == 0 else ""
            text += "".join(f"{number},{line}\n" for line in rest.splitlines())
        together = summarize_folds(each, repeats=1, share=1 / 3)
        folder.write_json(folder.scores, {"task": scores["task"], "checkpoint": "last", "cross_validation": together})
        folder.write_text(folder.predictions, text)
        return folder

    return make


@pytest.fixture
def page() -> Callable[[RunFolder], ET.Element]:
    """Return a function that makes the report of a folder and parses its page as XML, HTML's void elements closed."""

    def read(folder: RunFolder) -> ET.Element:
        text = write_report(folder).page.read_text(encoding="utf-8")
        void = re.sub(r"<(meta|img)([^>]*)>", r"<\1\2/>", text.replace("<!DOCTYPE html>", ""))
        return ET.fromstring(void)  # noqa: S314 - the text is this package's own

    return read
