"""The report of a sweep: one HTML page that needs no other file, made from the sweep's folder alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.formatting import format_count
from nnrun.regular_files import read_regular, require_regular
from nnrun.report.elements import Headline, ReportSection, ReportTable, TextBlock, format_value
from nnrun.report.page import PageHead, Report, ReportFiles, render_page
from nnrun.report.run_info import run_terms
from nnrun.report.style import plot_style, short_label, to_svg
from nnrun.runs import record
from nnrun.runs.disk import make_folder
from nnrun.runs.folder import RunFolder
from nnrun.runs.output_file import write_output
from nnrun.sweep.conclusions import conclude_sweep, conclusion_terms
from nnrun.sweep.importance import FEWEST, parameter_importance
from nnrun.sweep.plots import MOST_CURVES, curve_plots, describe_values, importance_plot, parallel_plot, short_names
from nnrun.sweep.result import read_sweep
from nnrun.sweep.space import shown_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nnrun.sweep.conclusions import Conclusions
    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.importance import Importance
    from nnrun.sweep.result import SweepResult
    from nnrun.sweep.study import Group, Objective

#: Combinations that are listed, of which the first are shown, and trials that are listed.
_MOST_ROWS, _FIRST_ROWS, _MOST_TRIALS = 500, 20, 200
#: The largest config and log that are read, in bytes; of the log the end is shown.
_MOST_BYTES, _LOG_LENGTH = 16 * 1024 * 1024, 100_000
#: A forest that explains less says nothing of the parameters.
_LITTLE = 0.2
#: What of a trial's circumstances is not that of the sweep.
_OF_A_TRIAL = ("seed", "initial weights from", "forked from", "peak memory")
_OF_SEEDS = (
    "Of several seeds the mean counts; the standard deviation has ddof 1, the interval is Student's over the seeds. A "
    "combination with a seed that failed is not chosen."
)
_BANDS = (
    "Each line is the mean over the seeds, and its band the 95 % interval of that mean (Student's t over the seeds, at "
    "each epoch that all of them have); where it is wider than the seeds differ, it is cut off at the edge."
)
_METHOD = (
    "Permutation importance (Breiman 2001): a random forest predicts the rank of a combination from its values, and a "
    "bar says how much worse it predicts combinations that it has not seen when the values of a parameter are "
    "shuffled. It is half the loss of explained variance, which of an additive model is the parameter's share "
    "(Gregorutti et al. 2017)."
)
_LIMITS = (
    "Limits: it says what mattered within the ranges that were tried; parameters that act only together both have a "
    "share; of two that vary together one may hide the other; and where results led the search, its trials are no fair "
    "sample."
)


def write_sweep_report(folder: SweepFolder, out: Path | None = None) -> ReportFiles:
    """Make the report of a sweep and write it.

    Args:
        folder: The sweep's folder.
        out: Where to write the page instead of into the sweep's folder, which is then left unchanged.

    Raises:
        RunError: The ledger cannot be read, or a file cannot be written.
    """
    made = make_sweep_report(folder)
    if out is not None:
        make_folder(out.parent)
        write_output(out, made.page.encode())
        return ReportFiles(out)
    own = RunFolder(folder.path)
    plots = tuple(own.write_bytes(own.plots / name, content) for name, content in made.plots.items())
    return ReportFiles(own.write_text(own.report, made.page), plots)


def make_sweep_report(folder: SweepFolder) -> Report:
    """Make the report of a sweep from its folder; equal folders give equal bytes.

    Raises:
        RunError: The ledger cannot be read, or one of the files is a link, a pipe or a device.
    """
    result = read_sweep(folder)
    conclusions = conclude_sweep(result)
    damaged: list[str] = []
    with plot_style():
        sections = [
            _combinations_section(result, conclusions),
            *_plot_sections(result, damaged),
            _trials_section(result),
            _config_section(folder),
            _sweep_section(result, damaged),
        ]
        sections = [section for section in sections if not section.is_empty]
        plots = {f"{plot.name}.svg": to_svg(plot.figure) for section in sections for plot in section.plots}
    return Report(render_page(_head(result, conclusions, damaged), sections, plots), plots)


def _head(result: SweepResult, conclusions: Conclusions, damaged: Sequence[str]) -> PageHead:
    start = str(result.fields.get("start") or "")
    counts = Counter(trial.status for trial in result.trials)
    ended = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return PageHead(
        "nnrun sweep report",
        result.folder.id,
        str(result.fields.get("name") or result.folder.id),
        "unfinished" if result.left else "done",
        f"{start[:16].replace('T', ' ')} UTC, {format_count(len(result.trials), 'trial')}: {ended}",
        None,
        tuple(_headlines(result, conclusions)),
        tuple(damaged),
        "Made by nnrun sweep report from the files of the sweep's folder.",
    )


def _headlines(result: SweepResult, conclusions: Conclusions) -> Iterator[Headline]:
    goal, best = result.objective, result.best
    if goal is None or best is None:
        return
    seeds = format_count(len(best.trials), "seed")
    interval = f", 95 % interval {_interval(best.estimate)}, sd {best.sd:.2g}" if best.estimate else ""
    detail = f"combination {best.combination}, {seeds}{interval}"
    yield Headline(f"Best {goal.path}, by which it was chosen", f"{best.value:.4g}", detail)
    if (corrected := conclusions.corrected) is not None:
        value = "not known" if corrected.value is None else f"{corrected.value:.4g}"
        why = corrected.note if corrected.value is None else f"from the {corrected.by}; see below"
        yield Headline("The same, corrected for being the best of many", value, why)
    if conclusions.reported is not None:
        path, mean, estimate = conclusions.reported
        detail = f"95 % interval {_interval(estimate)}; " if estimate else ""
        yield Headline(f"Result: {path}", f"{mean:.4g}", f"{detail}of the best combination alone")


def _interval(estimate: Any) -> str:
    return f"{estimate.low:.4g} to {estimate.high:.4g}"


def _combinations_section(result: SweepResult, conclusions: Conclusions) -> ReportSection:
    goal, groups = result.objective, result.groups
    paths = list(dict.fromkeys(path for group in groups for path in group.parameters))
    several = max(len(group.trials) for group in groups) > 1
    score = (goal.path, *(("sd", "95 % interval") if several else ())) if goal is not None else ()
    headings = ("combination", *short_names(paths).values(), *score, "trials", "status")
    rows = tuple(_row(group, paths, goal, several=several) for group in groups[:_MOST_ROWS])
    tables = [ReportTable("Combinations, the best first", headings, rows[:_FIRST_ROWS])]
    if len(rows) > _FIRST_ROWS:
        count = f"{len(rows):,} of {len(groups):,}" if len(groups) > len(rows) else f"{len(rows):,}"
        tables.append(ReportTable(f"All combinations ({count})", headings, rows, collapsed=True))
    notes = ["No combination is done yet."] if result.best is None else []
    if several:
        notes.append(_OF_SEEDS)
    terms = tuple(conclusion_terms(result, conclusions))
    return ReportSection("combinations", "Combinations", tuple(notes), terms, tables=tuple(tables))


def _row(group: Group, paths: Sequence[str], goal: Objective | None, *, several: bool) -> tuple[str, ...]:
    cells = [str(group.combination)]
    cells += [
        short_label(shown_value(group.parameters[path]), 60) if path in group.parameters else "" for path in paths
    ]
    if goal is not None:
        cells.append("" if group.value is None else f"{group.value:.4g}")
        if several:
            cells += ["" if group.sd is None else f"{group.sd:.2g}"]
            cells += ["" if group.estimate is None else _interval(group.estimate)]
    counts = Counter(trial.status for trial in group.trials)
    cells.append(group.trial_numbers)
    return (*cells, ", ".join(f"{count} {status}" for status, count in counts.items()))


def _plot_sections(result: SweepResult, damaged: list[str]) -> Iterator[ReportSection]:
    goal = result.objective
    scored = [group for group in result.groups if group.value is not None]
    if goal is None or not scored:
        return
    yield _curves_section(result.folder, scored, goal, damaged)
    importance = parameter_importance(scored)
    if (plot := parallel_plot(scored, goal, list(importance.shares) if importance else ())) is not None:
        yield ReportSection("parallel", "Values and scores", plots=(plot,))
    yield _importance_section(importance, len(scored))


def _curves_section(folder: SweepFolder, scored: Sequence[Group], goal: Objective, damaged: list[str]) -> ReportSection:
    shown = scored[:MOST_CURVES]
    plots, unread = curve_plots(folder, shown, goal)
    damaged += unread
    names = short_names(list(dict.fromkeys(path for group in shown for path in group.parameters)))
    terms = tuple((f"combination {one.combination}", short_label(describe_values(one, names), 200)) for one in shown)
    notes = [
        f"The curves of the {len(shown)} best combinations." if len(shown) > 1 else "The curves of the combination."
    ]
    if max(len(group.trials) for group in shown) > 1:
        each = " Thin lines are the seeds." if len(shown) == 1 else ""
        notes.append(f"{_BANDS}{each}")
    return ReportSection("learning", "Learning curves", tuple(notes), terms if plots else (), tuple(plots))


def _importance_section(found: Importance | None, combinations: int) -> ReportSection:
    section_id, title = "importance", "Importance of the parameters"
    if found is None:
        text = (
            f"Not computed: it takes {FEWEST} combinations and two parameters that vary; "
            f"{format_count(combinations, 'combination')} with a score {'is' if combinations == 1 else 'are'} there."
        )
        return ReportSection(section_id, title, (text,))
    count, explained = found.combinations, 100 * max(0.0, found.explained)
    notes = [
        _METHOD,
        f"From {count:,} combinations; the forest explains {explained:.0f} % of the variance of ranks.",
        _LIMITS,
    ]
    if found.explained < _LITTLE:
        notes.insert(
            1, "That is little: the scores hardly depend on these values, or luck hides it. Do not trust the bars."
        )
    rows = tuple((path, f"{share:.3f}") for path, share in found.shares.items())
    table = ReportTable(
        "Share of each parameter", ("parameter", "share of the variance of ranks"), rows, collapsed=True
    )
    return ReportSection(section_id, title, tuple(notes), plots=(importance_plot(found),), tables=(table,))


def _trials_section(result: SweepResult) -> ReportSection:
    tables = []
    for status, caption in (("failed", "Failed trials"), ("pruned", "Pruned trials")):
        found = [trial for trial in result.trials if trial.status == status]
        rows = tuple(
            (str(one.number), str(one.seed), str(one.error or ""), short_label(" ".join(one.options[:-1]), 200))
            for one in found[:_MOST_TRIALS]
        )
        if rows:
            more = f" (the first {len(rows):,} of {len(found):,})" if len(found) > len(rows) else ""
            headings = ("trial", "seed", "why", "values")
            tables.append(ReportTable(f"{caption}{more}", headings, rows, collapsed=status == "pruned"))
    return ReportSection("trials", "Failed and pruned trials", tables=tuple(tables))


def _config_section(folder: SweepFolder) -> ReportSection:
    found = (
        ("config.yaml, as written", folder.config, False),
        ("resolved.yaml, with which every trial begins", folder.resolved, True),
    )
    texts = [(title, _text(path), collapsed) for title, path, collapsed in found]
    blocks = tuple(TextBlock(title, text, collapsed) for title, text, collapsed in texts if text)
    return ReportSection("config", "Config", texts=blocks)


def _sweep_section(result: SweepResult, damaged: list[str]) -> ReportSection:
    fields = result.fields
    terms = [
        (name, format_value(fields[name])) for name in ("method", "threads", "start") if fields.get(name) is not None
    ]
    terms.append(("chosen by", "nothing yet" if result.objective is None else result.objective.path))
    terms += _circumstances(result, damaged)
    digests = fields.get("data")
    rows = tuple((str(name), str(one)) for name, one in digests.items()) if isinstance(digests, dict) else ()
    tables = (
        (ReportTable("SHA-256 of the data at the start", ("name", "digest"), rows, collapsed=True),) if rows else ()
    )
    log = _text(result.folder.log)[-_LOG_LENGTH:].rstrip("\n")
    texts = (TextBlock("log.txt", log),) if log else ()
    return ReportSection("sweep", "Sweep", terms=tuple(terms), tables=tables, texts=texts)


def _circumstances(result: SweepResult, damaged: list[str]) -> list[tuple[str, str]]:
    """Return the versions and the machine of the first trial that is done, from its record."""
    trials: Sequence[Any] = result.best.trials if result.best is not None else result.trials
    first = next((trial for trial in trials if trial.status == "done"), None)
    if first is None:
        return []
    try:
        fields: Mapping[str, Any] = record.read(result.folder.run(first.number))
    except RunError as error:
        damaged.append(f"trial {first.number}: {error.text}")
        return []
    return [(term, meaning) for term, meaning in run_terms(fields) if term not in _OF_A_TRIAL]


def _text(path: Path) -> str:
    """Return a file of the sweep's folder as text; nothing of one that is not there.

    Raises:
        RunError: It is a link, a pipe or a device.
    """
    require_regular(path)
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
