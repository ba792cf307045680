"""The page as a whole, and its files."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from nnrun.errors import RunError
from nnrun.report.page import make_report, prediction_sections, write_report
from nnrun.report.run_contents import read_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from nnrun.runs.folder import RunFolder

    Page = Callable[[RunFolder], Element]

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow


def _sections(page: Element) -> list[str]:
    return [section.attrib["id"] for section in page.iter("section")]


@pytest.mark.parametrize(("names", "wanted"), [(("a", "b"), "roc"), ((), "residuals")])
def test_a_finished_run_has_all_its_sections(
    names: tuple[str, ...], wanted: str, finished: Callable[..., RunFolder], page: Page
) -> None:
    """Learning curves, scores, predictions, config and run each have a heading with a link to it."""
    folder = finished(names=names)
    read = page(folder)
    assert _sections(read) == ["learning", "scores", "predictions", "config", "run"]
    assert [link.attrib["href"] for link in read.iter("a")] == [f"#{name}" for name in _sections(read)]
    assert f"{wanted}.svg" in make_report(folder).plots
    value = json.loads(folder.scores.read_bytes())["test"]
    shown = f"{value['error_percent']:.2f} %" if names else f"{value['mean_squared_error']:.4f}"
    assert read.find(".//dd[@class='value']").text == shown


def test_a_cross_validation_begins_with_its_folds(crossed: Callable[..., RunFolder], page: Page) -> None:
    """The folds of a cross-validation are the first section."""
    assert _sections(page(crossed())) == ["folds", "learning", "predictions", "config", "run"]


@pytest.mark.parametrize(
    ("status", "error"), [("failed", "DataError: line 3, column b"), ("interrupted", "stopped by the user")]
)
def test_a_run_that_did_not_end_has_a_page(
    status: str, error: str, finished: Callable[..., RunFolder], page: Page
) -> None:
    """The page of an unfinished run has its status, its error and the sections that have content."""
    read = page(finished(status=status, error=error))
    assert read.find(".//span[@class='status " + status + "']").text == status
    assert error in "".join(read.find(".//p[@class='trouble']").itertext())
    assert _sections(read) == ["learning", "config", "run"]


def test_notes_stand_under_their_own_name(finished: Callable[..., RunFolder], page: Page) -> None:
    """Warnings and notes of a run stand at the top, each under its severity."""
    folder = finished()
    record = json.loads(folder.record.read_bytes())
    folder.write_json(folder.record, {**record, "warnings": ["one", "two"], "notes": ["three"]})
    read = page(folder)
    shown = [(one.attrib["class"], "".join(one.itertext())) for one in read.iterfind(".//header/p[strong]")]
    assert shown == [("warning", "Warning: one"), ("warning", "Warning: two"), ("note", "Note: three")]


def test_markup_in_a_name_is_shown_as_text(finished: Callable[..., RunFolder], page: Page, hostile: str) -> None:
    """Class names, the config and errors are shown literally, and none of them becomes markup."""
    folder = finished("<img src=x onerror=alert(1)>", names=(hostile, "b"), status="failed", error=hostile)
    read = page(folder)
    assert list(read.iter("script")) == []
    assert list(read.iter("img")) == []
    cells = [cell.text for cell in read.iter("th")]
    assert hostile in cells
    assert hostile in "".join(read.find(".//p[@class='trouble']").itertext())
    assert any(hostile in (text.text or "") for text in read.iter("pre"))
    assert read.find(".//h1").text == "<img src=x onerror=alert(1)>"


def test_the_page_needs_no_other_file(finished: Callable[..., RunFolder], page: Page) -> None:
    """The page has no script, no external address or file, and a policy that forbids them."""
    folder = finished(names=("a", "b"))
    folder.write_text(folder.model_svg, '<svg xmlns="http://www.w3.org/2000/svg"/>')
    read = page(folder)
    for element in read.iter():
        for name, value in element.attrib.items():
            if name.endswith(("href", "src")):
                assert value.startswith(("#", "data:")), (element.tag, value)
            assert not name.startswith("on")
    policy = next(one.attrib["content"] for one in read.iter("meta") if "http-equiv" in one.attrib)
    assert policy.startswith("default-src 'none'")
    assert "url(" not in read.find(".//style").text


def test_the_page_is_accessible(finished: Callable[..., RunFolder], page: Page) -> None:
    """Every image has a description, every table a caption and headings, and every id is unique."""
    folder = finished(names=("a", "b", "c"))
    folder.write_text(folder.model_svg, "<svg/>")
    read = page(folder)
    pictures = list(read.iter("{http://www.w3.org/2000/svg}svg"))
    assert len(pictures) == 6
    assert all(len(picture.attrib["aria-label"]) > 20 for picture in pictures)
    assert all(picture.attrib["alt"] for picture in read.iter("img"))
    for table in read.iter("table"):
        assert table.find("caption").text
        assert all(cell.attrib["scope"] for cell in table.iter("th"))
        assert all(len(row) == len(table.find("thead/tr")) for row in table.iter("tr"))
    ids = Counter(element.attrib["id"] for element in read.iter() if "id" in element.attrib)
    assert [name for name, count in ids.items() if count > 1] == []
    assert {name for element in read.iter() for name in re.findall(r"url\(#(.+?)\)", str(element.attrib))} <= set(ids)


def test_the_same_folder_gives_the_same_bytes(finished: Callable[..., RunFolder], page: Page) -> None:
    """A report depends on the folder alone: made again, even over an earlier one, it has the same bytes."""
    folder = finished(names=("a", "b"))
    first = make_report(folder)
    page(folder)
    assert make_report(folder) == first


def test_template_and_style_are_part_of_the_package() -> None:
    """The page's template, its style sheet and the settings of its plots are installed with the package."""
    files = {file.name for file in resources.files("nnrun.report").iterdir()}
    assert {"page.html.j2", "page.css", "plots.mplstyle"} <= files


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\u2028 \U0001f431"])
def test_any_text_makes_a_page(text: str, finished: Callable[..., RunFolder], page: Page) -> None:
    """Control characters of a log do not break the page."""
    folder = finished()
    folder.write_bytes(folder.log, f"a{text}b".encode("utf-8", "surrogatepass"))
    assert any("a" in (shown.text or "") and "b" in (shown.text or "") for shown in page(folder).iter("pre"))


def test_page_and_plots_are_written_to_the_run_folder(finished: Callable[..., RunFolder]) -> None:
    """The page is `report.html`, and each plot an SVG file in `plots/`."""
    folder = finished(names=("a", "b"))
    made, written = make_report(folder), write_report(folder)
    assert written.page == folder.report
    assert folder.report.read_text(encoding="utf-8") == made.page
    assert {path.name: path.read_bytes() for path in written.plots} == made.plots
    assert all(path.parent == folder.plots for path in written.plots)


def test_a_page_elsewhere_leaves_the_run_folder_unchanged(finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    """With an output path, the page is the only file that is written."""
    folder = finished(names=("a", "b"))
    written = write_report(folder, tmp_path / "new" / "page.html")
    assert written.plots == ()
    assert written.page.read_text(encoding="utf-8") == make_report(folder).page
    assert not folder.report.exists()
    assert not folder.plots.exists()


def test_a_path_that_cannot_be_written_is_an_error(finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    """A file in place of a parent folder is an error with a fix."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="Cannot write"):
        write_report(finished(), tmp_path / "file" / "page.html")


def test_a_run_without_predictions_has_no_section_of_them(finished: Callable[..., RunFolder]) -> None:
    """A run without predictions has no section of them."""
    assert prediction_sections(read_run(finished())) == []
