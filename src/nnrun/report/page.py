"""The report of a run: one HTML page that needs no other file, and its plots as SVG files."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from nnrun.report import run_info, scores
from nnrun.report.classification import classification_section
from nnrun.report.elements import ReportSection
from nnrun.report.explanations import explanations_section
from nnrun.report.forecast import forecast_section
from nnrun.report.importance import importance_section
from nnrun.report.learning import learning_section, samples_section
from nnrun.report.pictures import pictures_section
from nnrun.report.predictions import is_cross_validated, read_predictions, scored_part, written_section
from nnrun.report.regression import regression_section
from nnrun.report.run_contents import as_mapping, read_run
from nnrun.report.style import plot_style, printable, to_inline_svg, to_svg
from nnrun.runs.disk import make_folder
from nnrun.runs.find import status_of
from nnrun.runs.output_file import write_output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.report.elements import Headline
    from nnrun.report.run_contents import RunContents
    from nnrun.report.style import Plot
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class PageHead:
    """What stands above and below the sections of a page.

    Attributes:
        kind: The command that makes such pages.
        id: The id of the run or sweep.
        name: Its name.
        status: How it stands.
        when: When it began, and how long it took.
        error: How it ended, if not well.
        headlines: The main scores.
        warnings: What the reader must know before.
        footer: What the page was made of.
        notes: What the reader may want to know.
    """

    kind: str
    id: str
    name: str
    status: str
    when: str
    error: str | None
    headlines: tuple[Headline, ...]
    warnings: tuple[str, ...]
    footer: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A report that is not written yet.

    Attributes:
        page: The HTML document.
        plots: Each plot's SVG document by its file name.
    """

    page: str
    plots: Mapping[str, bytes]


@dataclass(frozen=True)
class ReportFiles:
    """The files of a written report.

    Attributes:
        page: The HTML file.
        plots: The SVG files; empty if the page was written outside of the run folder.
    """

    page: Path
    plots: tuple[Path, ...] = ()


def write_report(folder: RunFolder, out: Path | None = None) -> ReportFiles:
    """Make the report of a run and write it.

    Args:
        folder: The run's folder.
        out: Where to write the page instead of into the run's folder, which is then left unchanged.

    Raises:
        RunError: The folder has no readable record, or a file cannot be written.
    """
    made = make_report(folder)
    if out is not None:
        make_folder(out.parent)
        write_output(out, made.page.encode())
        return ReportFiles(out)
    plots = tuple(folder.write_bytes(folder.plots / name, content) for name, content in made.plots.items())
    return ReportFiles(folder.write_text(folder.report, made.page), plots)


def make_report(folder: RunFolder) -> Report:
    """Make the report of a run from the files of its folder; equal files give equal bytes.

    Raises:
        RunError: The folder has no readable record.
    """
    run = read_run(folder)
    with plot_style():
        sections = report_sections(run)
        plots = {f"{plot.name}.svg": to_svg(plot.figure) for section in sections for plot in section.plots}
    return Report(render_page(_head(run), sections, plots), plots)


def report_sections(run: RunContents) -> list[ReportSection]:
    """Return the sections that have something to show, in the order of the page."""
    sections = [
        scores.folds_section(run),
        learning_section(run),
        scores.scores_section(run),
        scores.baselines_section(run),
        pictures_section(run),
        *prediction_sections(run),
        importance_section(run),
        explanations_section(run),
        written_section(run),
        samples_section(run),
        run_info.model_section(run),
        run_info.config_section(run),
        run_info.run_section(run),
    ]
    return [section for section in sections if not section.is_empty]


def prediction_sections(run: RunContents) -> list[ReportSection]:
    """Return a section for each output of the model."""
    note = f"Predictions for the {scores.PARTS.get(scored_part(run)[0], 'scored part')}."
    if is_cross_validated(run):
        note = (
            "Each row as predicted by the fold that was not trained on it, all folds together: areas and calibration "
            "of all rows differ from the means over the folds."
        )
    sections = []
    for number, output in enumerate(read_predictions(run)):
        title = f"Predictions of output {output.name}" if output.name else "Predictions"
        section = ReportSection(f"predictions-{number}" if output.name else "predictions", title, (note,))
        is_regression = output.kind == "numbers"
        if is_regression:
            sections.append(forecast_section(output, regression_section(output, section)))
        else:
            sections.append(classification_section(output, run, section))
    return sections


def render_page(head: PageHead, sections: Sequence[ReportSection], plots: Mapping[str, bytes]) -> str:
    """Return the HTML document of a report; everything that comes from the user is escaped here.

    Args:
        head: What stands above and below the sections.
        sections: The sections.
        plots: Each plot's SVG document by its file name.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def inline(plot: Plot) -> Markup:
        return Markup(to_inline_svg(plots[f"{plot.name}.svg"], plot.name, plot.alt))  # noqa: S704 - made by to_svg

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_resource("page.html.j2")).render(
        head=head,
        sections=sections,
        inline=inline,
        style=Markup(_resource("page.css")),  # noqa: S704 - part of this package
    )
    return f"{printable(page)}\n"


def _head(run: RunContents) -> PageHead:
    version = as_mapping(run.record.get("versions")).get("nnrun")
    made = f"; the run was made by nnrun {version}" if version else ""
    error = run.record.get("error")
    return PageHead(
        "nnrun report",
        run.folder.id,
        str(run.record.get("name") or run.folder.id),
        status_of(run.folder, run.record),
        run_info.date_and_duration(run),
        str(error) if error else None,
        tuple(scores.headlines(run)),
        run_info.warnings(run),
        f"Made by nnrun report from the files of the run folder{made}.",
        run_info.notes(run),
    )


def _resource(name: str) -> str:
    return resources.files("nnrun.report").joinpath(name).read_text(encoding="utf-8")
