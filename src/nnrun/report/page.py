"""The page: every section of a run folder in one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from nnrun.report import answered, facts, scored
from nnrun.report.contents import read
from nnrun.report.headlines import headlines
from nnrun.report.style import drawing, to_inline, to_svg
from nnrun.report.words import writable

if TYPE_CHECKING:
    from nnrun.report.contents import Contents
    from nnrun.report.section import Section
    from nnrun.report.style import Plot
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class Report:
    """A report, ready to be written.

    Attributes:
        page: The HTML document.
        plots: Each plot's SVG document by its file's name.
    """

    page: str
    plots: dict[str, bytes]


def report(folder: RunFolder) -> Report:
    """Make the report of a run from its folder alone; the same folder gives the same bytes.

    Raises:
        RunError: The folder has no readable record.
    """
    contents = read(folder)
    with drawing():
        sections = sections_of(contents)
        plots = [plot for section in sections for plot in section.plots]
        drawn = {f"{plot.name}.svg": to_svg(plot.figure) for plot in plots}
    return Report(_page(contents, sections, drawn), drawn)


def sections_of(contents: Contents) -> list[Section]:
    """Every section that has something to show, in the order of the page."""
    made = [
        scored.folds(contents),
        scored.learning(contents),
        scored.scores(contents),
        *answered.answers(contents),
        answered.samples(contents),
        facts.model(contents),
        facts.config(contents),
        facts.run(contents),
    ]
    return [section for section in made if not section.is_empty]


def _page(contents: Contents, sections: list[Section], drawn: dict[str, bytes]) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def inline(plot: Plot) -> Markup:
        return Markup(to_inline(drawn[f"{plot.name}.svg"], plot.name, plot.alt))  # noqa: S704 - a document of to_svg

    # Whatever comes from the user passes through here, and is escaped.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_shipped("page.html.j2"))
    page = template.render(
        record=contents.record,
        id=contents.folder.id,
        name=str(contents.record.get("name") or contents.folder.id),
        status=facts.status(contents),
        when=facts.when(contents),
        headlines=headlines(contents),
        warnings=facts.warnings(contents),
        sections=sections,
        inline=inline,
        style=Markup(_shipped("page.css")),  # noqa: S704 - part of this package
    )
    return f"{writable(page)}\n"


def _shipped(name: str) -> str:
    return resources.files("nnrun.report").joinpath(name).read_text(encoding="utf-8")
