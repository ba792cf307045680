"""The report of a sweep: one page that needs nothing else, made from the folder alone, whatever is in it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from nnrun.errors import RunError
from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Trial
from nnrun.sweep.report import make_sweep_report, write_sweep_report

# Drawing plots imports matplotlib, and the forest scikit-learn.
pytestmark = pytest.mark.slow

HOSTILE = '<script>alert("x")</script>\x1b[31m\u202e{{ 7*7 }}'


def made(runs: Path, combinations: int = 24, seeds: int = 2, **replaced: Any) -> SweepFolder:
    """Create a sweep of three parameters, one of them not in every combination, with a trial that failed."""
    folder = SweepFolder.create(runs, "made")
    folder.config.write_text(f"name: made\n# {HOSTILE.replace(chr(27), '')}\n")
    listed = []
    for number in range(combinations * seeds):
        at = number // seeds
        values: dict[str, Any] = {
            "training.optimizer.Adam.learning_rate": [0.1, 0.01, 0.001, 0.0001][at % 4],
            "model.0": [{"Dense": {"units": 4}}, HOSTILE][at % 2],
        }
        if at % 3:
            values["model.1.Dropout.rate"] = at % 3 / 10
        listed.append(Trial(number, at, 1 + number % seeds, values))
    fields = {"name": HOSTILE, "start": "2026-01-01T00:00:00+00:00", "mode": "auto", "method": "grid", **replaced}
    ledger = folder.create_ledger("sqlite", fields, listed)
    while (trial := ledger.claim()) is not None:
        if trial.number == len(listed) - 1 > 0:
            ledger.fail(trial, HOSTILE)
            continue
        error = 10.0 + 3 * (trial.combination % 4) + trial.seed
        part = {"error_percent": error, "rows": 100}
        ledger.finish(trial, {"validation": part, "test": part})
        run = RunFolder.create_at(folder.run(trial.number).path)
        rows = [{"epoch": epoch, "val_loss": error / epoch, HOSTILE: 1.0} for epoch in (1, 2, 3)]
        metrics.append(run.metrics, *rows)
    first = folder.run(0)
    record = Record.begin(first, name="made", argv=["nnrun", "sweep", "made.yaml"], seed=1, executor="resident")
    record.finish("done")
    return folder


def parsed(page: str) -> ET.Element:
    """Parse a page as XML, HTML's void elements closed."""
    void = re.sub(r"<(meta|img)([^>]*)>", r"<\1\2/>", page.replace("<!DOCTYPE html>", ""))
    return ET.fromstring(void)  # noqa: S314 - the text is this package's own


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A sweep of 24 combinations and two seeds."""
    return made(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def page(sweep: SweepFolder) -> ET.Element:
    """Its page."""
    return parsed(make_sweep_report(sweep).page)


def texts(page: ET.Element, section: str) -> str:
    """Return the text of a section."""
    return " ".join(page.find(f".//section[@id='{section}']").itertext())  # type: ignore[union-attr]


def test_a_sweep_has_all_its_sections(page: ET.Element) -> None:
    """Combinations, curves, values, importance, failed trials, config and circumstances, each with a link to it."""
    sections = [section.attrib["id"] for section in page.iter("section")]
    assert sections == ["combinations", "learning", "parallel", "importance", "trials", "config", "sweep"]
    assert [link.attrib["href"] for link in page.iter("a")] == [f"#{name}" for name in sections]
    assert "validation.error_percent" in texts(page, "combinations")
    assert "95 % interval" in texts(page, "combinations")
    assert "chosen by all seeds but one" in texts(page, "combinations")
    assert "nnrun sweep made.yaml" in texts(page, "sweep")
    assert "Permutation importance" in texts(page, "importance")
    assert "TensorFlow" in texts(page, "sweep")


def test_the_test_part_stands_on_the_page_once(page: ET.Element) -> None:
    """As the result of the best combination: in a headline, and in the terms that the screen has too."""
    text = " ".join(page.itertext())
    assert text.count("test.error_percent") == 2
    assert "Result: test.error_percent" in text


def test_names_values_and_errors_of_a_sweep_are_shown_as_text(page: ET.Element) -> None:
    """None of them becomes markup, steers a terminal, turns the text around it or is run as a template."""
    assert list(page.iter("script")) == []
    text = "".join(page.itertext())
    assert '<script>alert("x")</script>' in text
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    for element in page.iter():
        assert not any(name.startswith("on") for name in element.attrib)
        assert not any(
            value.startswith(("http", "//")) for name, value in element.attrib.items() if name in ("src", "href")
        )


def test_the_plots_are_described(page: ET.Element) -> None:
    """Curves, parallel coordinates and importance have a text for readers who cannot see them, and unique ids."""
    pictures = list(page.iter("{http://www.w3.org/2000/svg}svg"))
    labels = [picture.attrib["aria-label"] for picture in pictures]
    assert len(labels) == 3
    assert "combination 0 ends at" in labels[0]
    assert labels[1].startswith("Each combination as a line over its values")
    assert labels[2].startswith("The importance of each parameter: learning_rate")
    ids = [element.attrib["id"] for element in page.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


def test_the_same_folder_gives_the_same_bytes(sweep: SweepFolder) -> None:
    """Also after a report was written into it."""
    first = make_sweep_report(sweep)
    written = write_sweep_report(sweep)
    assert written.page == sweep.path / "report.html"
    assert written.page.read_text(encoding="utf-8") == first.page
    assert {path.name for path in written.plots} == set(first.plots)
    assert make_sweep_report(sweep) == first


def test_few_trials_have_no_importance_and_say_so(tmp_path: Path) -> None:
    """Nor has a sweep of which nothing is done; one whose trials have no folders has a page, too."""
    few = texts(parsed(make_sweep_report(made(tmp_path, 4, 1)).page), "importance")
    assert "Not computed: it takes 20 combinations" in few
    folder = SweepFolder.create(tmp_path, "begun")
    folder.create_ledger("sqlite", {"name": "begun", "mode": "auto"}, [Trial(0, 0, 1, {"x": 1})])
    assert "No combination is done yet." in make_sweep_report(folder).page
    lost = SweepFolder.create(tmp_path, "lost")
    ledger = lost.create_ledger("sqlite", {"name": "lost", "mode": "auto"}, [Trial(0, 0, 1, {"x": 1})])
    claimed = ledger.claim()
    assert claimed is not None
    ledger.finish(claimed, {"validation": {"loss": 0.5}})
    assert "trial 0: " in make_sweep_report(lost).page


def test_a_page_elsewhere_leaves_the_folder_unchanged(tmp_path: Path) -> None:
    """With --out, the page is the only file that is written."""
    folder = made(tmp_path / "runs", 2, 1)
    before = sorted(folder.path.rglob("*"))
    write_sweep_report(folder, tmp_path / "page.html")
    assert sorted(folder.path.rglob("*")) == before
    assert (tmp_path / "page.html").is_file()


def test_links_in_a_sweeps_folder_lead_nowhere(tmp_path: Path) -> None:
    """Neither for reading nor for writing."""
    secret = tmp_path / "private.txt"
    secret.write_text("a diary of mine")
    for name in ("config.yaml", "log.txt", "report.html", "plots"):
        folder = made(tmp_path / name, 2, 1)
        (folder.path / name).unlink(missing_ok=True)
        (folder.path / name).symlink_to(tmp_path if name == "plots" else secret)
        with pytest.raises(RunError, match="symbolic link"):
            write_sweep_report(folder)
    assert secret.read_text() == "a diary of mine"
    folder = made(tmp_path / "metrics", 2, 1)
    folder.run(0).metrics.unlink()
    folder.run(0).metrics.symlink_to(secret)
    assert "diary" not in make_sweep_report(folder).page


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("trials", "parameters", "[1]"), ("trials", "scores", "[1]"), ("trials", "parameters", '"x"')],
)
def test_a_ledger_with_other_kinds_of_values_is_a_message(tmp_path: Path, table: str, column: str, value: str) -> None:
    """A ledger may come from other hands."""
    folder = made(tmp_path, 2, 1)
    with sqlite3.connect(folder.sqlite_ledger) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
    with pytest.raises(RunError, match="is damaged"):
        make_sweep_report(folder)


@pytest.mark.parametrize("value", [3, [1], {"x": HOSTILE}, HOSTILE])
def test_fields_of_other_kinds_make_a_page_or_a_message(tmp_path: Path, value: Any) -> None:
    """Never a traceback."""
    folder = made(tmp_path, 2, 1, parameters=value, data=value, name=value, method=value)
    assert "<script>" not in make_sweep_report(folder).page
    with pytest.raises(RunError):
        make_sweep_report(made(tmp_path, 2, 1, choose_by=value))
