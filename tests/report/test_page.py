"""The page as a whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from nnrun.report.page import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from nnrun.runs.folder import RunFolder

    Page = Callable[[RunFolder], Element]


def _sections(page: Element) -> list[str]:
    return [section.attrib["id"] for section in page.iter("section")]


@pytest.mark.parametrize(("names", "wanted"), [(("a", "b"), "roc"), ((), "residuals")])
def test_a_finished_run_has_all_its_sections(
    names: tuple[str, ...], wanted: str, finished: Callable[..., RunFolder], page: Page
) -> None:
    """Curves, scores, answers, config and run, each under a heading that the contents link to."""
    folder = finished(names=names)
    read = page(folder)
    assert _sections(read) == ["learning", "scores", "answers", "config", "run"]
    assert [link.attrib["href"] for link in read.iter("a")] == [f"#{name}" for name in _sections(read)]
    assert f"{wanted}.svg" in report(folder).plots
    value = json.loads(folder.scores.read_bytes())["test"]
    shown = f"{value['error_percent']:.2f} %" if names else f"{value['mean_squared_error']:.4f}"
    assert read.find(".//dd[@class='value']").text == shown


def test_a_cross_validation_begins_with_its_folds(crossed: Callable[..., RunFolder], page: Page) -> None:
    """What folds say together is what one looks for first."""
    assert _sections(page(crossed())) == ["folds", "learning", "answers", "config", "run"]


@pytest.mark.parametrize(
    ("status", "error"), [("failed", "DataError: row 3, column b"), ("interrupted", "stopped by the user")]
)
def test_a_run_that_did_not_end_has_a_page(
    status: str, error: str, finished: Callable[..., RunFolder], page: Page
) -> None:
    """The page says how it ended and shows what there is."""
    read = page(finished(status=status, error=error))
    assert read.find(".//span[@class='status " + status + "']").text == status
    assert error in "".join(read.find(".//p[@class='trouble']").itertext())
    assert _sections(read) == ["learning", "config", "run"]


def test_a_hostile_name_is_only_text(finished: Callable[..., RunFolder], page: Page, hostile: str) -> None:
    """Names of classes, the config and errors are shown to the letter, and none of them becomes markup."""
    folder = finished("<img src=x onerror=alert(1)>", names=(hostile, "b"), status="failed", error=hostile)
    read = page(folder)
    assert list(read.iter("script")) == []
    assert list(read.iter("img")) == []
    cells = [cell.text for cell in read.iter("th")]
    assert hostile in cells
    assert hostile in "".join(read.find(".//p[@class='trouble']").itertext())
    assert any(hostile in (text.text or "") for text in read.iter("pre"))
    assert read.find(".//h1").text == "<img src=x onerror=alert(1)>"


def test_the_page_needs_nothing_but_itself(finished: Callable[..., RunFolder], page: Page) -> None:
    """No script, no address, no file beside it; and a policy that forbids them all."""
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


def test_everything_seen_can_be_heard(finished: Callable[..., RunFolder], page: Page) -> None:
    """Every picture says in words what it shows, every table has a caption and headings, every id is there once."""
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
    """A report is a function of the folder: made again, even over itself, it is the same."""
    folder = finished(names=("a", "b"))
    first = report(folder)
    page(folder)
    assert report(folder) == first


def test_template_and_style_are_part_of_the_package() -> None:
    """What the page is made from lies beside the code, where every way of installing finds it."""
    files = {file.name for file in resources.files("nnrun.report").iterdir()}
    assert {"page.html.j2", "page.css"} <= files


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\u2028 \U0001f431"])
def test_any_text_makes_a_page(text: str, finished: Callable[..., RunFolder], page: Page) -> None:
    """Control characters of a log or a config do not break the page they are shown in."""
    folder = finished()
    folder.write_bytes(folder.log, f"a{text}b".encode("utf-8", "surrogatepass"))
    assert any("a" in (shown.text or "") and "b" in (shown.text or "") for shown in page(folder).iter("pre"))
