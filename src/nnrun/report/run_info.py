"""The sections of the model, the config and the circumstances of a run."""

from __future__ import annotations

import base64
import re
import shlex
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_bytes, format_count, format_duration
from nnrun.report.elements import EmbeddedImage, ReportSection, ReportTable, TextBlock, format_value
from nnrun.report.model_graph import shape_text
from nnrun.report.run_contents import as_mapping
from nnrun.runs.baselines import below_baseline
from nnrun.runs.json_files import as_number
from nnrun.runs.lineage import describe
from nnrun.runs.record import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.report.run_contents import RunContents

_PACKAGES = {"keras": "Keras", "tensorflow": "TensorFlow", "jax": "JAX", "numpy": "NumPy", "python": "Python"}
TOTAL_PARAMETERS = re.compile(r"Total params: ([\d,]+)")
#: Class names that are listed.
_MAX_CLASSES = 20


def warnings(run: RunContents) -> tuple[str, ...]:
    """Return the warnings at the start of the run, and what could not be read."""
    below = below_baseline(run.baselines, run.scores) if run.baselines else None
    return (*_recorded(run, "warnings"), *([below] if below else ()), *run.damaged)


def notes(run: RunContents) -> tuple[str, ...]:
    """Return the notes at the start of the run."""
    return _recorded(run, "notes")


def _recorded(run: RunContents, key: str) -> tuple[str, ...]:
    """Return a list of texts in the record."""
    recorded = run.record.get(key)
    return tuple(map(str, recorded if isinstance(recorded, list) else ()))


def date_and_duration(run: RunContents) -> str:
    """Return when the run started and how long it took."""
    start, seconds = _time(run.record.get("start")), duration(run.record)
    if start is None:
        return ""
    took = "" if seconds is None else f", took {format_duration(seconds)}"
    return f"{start:%Y-%m-%d %H:%M} UTC{took}"


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def model_section(run: RunContents) -> ReportSection:
    """Return the drawing of the model and the table of its layers."""
    total = TOTAL_PARAMETERS.search(run.summary)
    images: tuple[EmbeddedImage, ...] = ()
    if run.model_svg:
        # As an image it cannot apply its style sheet, or anything else, to the page.
        source = f"data:image/svg+xml;base64,{base64.b64encode(run.model_svg).decode()}"
        images = (EmbeddedImage(source, "The model's layers from input to output; the table below lists them."),)
    texts = (TextBlock("Layers, shapes and parameters", run.summary.strip("\n")),) if run.summary else ()
    terms = (("parameters", total[1]),) if total else ()
    return ReportSection("model", "Model", terms=terms, images=images, texts=texts)


def config_section(run: RunContents) -> ReportSection:
    """Return the config as the user wrote it, and with every default."""
    texts = []
    if run.config:
        texts.append(TextBlock("config.yaml, as written", run.config, collapsed=False))
    if run.resolved:
        texts.append(TextBlock("resolved.yaml, with every default", run.resolved))
    argv = run.record.get("argv")
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    changes = [word for before, word in pairwise(words) if before == "--set"]
    changes += [word.removeprefix("--set=") for word in words if word.startswith("--set=")]
    notes = (f"Changed on the command line: {', '.join(changes)}",) if changes else ()
    return ReportSection("config", "Config", notes, texts=tuple(texts))


def run_section(run: RunContents) -> ReportSection:
    """Return the command, seed, versions, machine, durations, digests, files and log of the run."""
    digests = tuple((str(name), str(digest)) for name, digest in as_mapping(run.record.get("digests")).items())
    seconds = {name: as_number(value) for name, value in as_mapping(run.record.get("seconds")).items()}
    durations = tuple((str(name), format_duration(value)) for name, value in seconds.items() if value is not None)
    files = tuple((name, format_bytes(size)) for name, size in run.files)
    tables = (
        ReportTable("Duration of each phase", ("phase", "duration"), durations),
        ReportTable("SHA-256 of config, files and arrays", ("name", "digest"), digests, collapsed=True),
        ReportTable("Files of the run folder", ("file", "size"), files, collapsed=True),
    )
    diff = as_mapping(run.record.get("git")).get("diff")
    texts = [TextBlock("git diff of the working directory", diff)] if isinstance(diff, str) and diff else []
    if run.log:
        texts.append(TextBlock("log.txt", run.log.rstrip("\n")))
    shown = tuple(table for table in tables if table.rows)
    return ReportSection("run", "Run", terms=tuple(run_terms(run.record)), tables=shown, texts=tuple(texts))


def run_terms(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the record of a run says of its circumstances: the command, data, versions, machine, and more."""
    argv = record.get("argv")
    if isinstance(argv, list) and argv:
        yield "command", shlex.join(["nnrun", *map(str, argv[1:])])
    yield "seed", format_value(record.get("seed"))
    if record.get("executor"):
        reason = f": {record['executor_why']}" if record.get("executor_why") else ""
        yield "executor", f"{record['executor']}{reason}"
    if record.get("init_from"):
        initial = as_mapping(record["init_from"])
        yield "initial weights from", str(initial.get("run") or initial.get("file"))
    if (parent := describe(record)) is not None:
        yield "forked from", parent
    yield from _data_terms(as_mapping(record.get("facts")))
    versions = as_mapping(record.get("versions"))
    known = (f"{_PACKAGES.get(name, name)} {version}" for name, version in versions.items() if version)
    yield "versions", ", ".join(known)
    yield "machine", ", ".join(str(record[key]) for key in ("host", "cpu", "system") if record.get(key))
    yield "cores and threads", f"{format_value(record.get('cores'))} and {format_value(record.get('threads'))}"
    peak = as_number(record.get("peak_memory_bytes"))
    if peak is not None:
        yield "peak memory", format_bytes(peak)
    git = as_mapping(record.get("git"))
    if git.get("commit"):
        yield "git commit", f"{git['commit']}{', with changes' if git.get('diff') else ''}"


def _data_terms(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rows = as_mapping(facts.get("rows"))
    if rows:
        yield "rows", ", ".join(f"{name} {format_value(count)}" for name, count in rows.items())
    shape, arrays = facts.get("input_shape"), as_mapping(facts.get("arrays"))
    if arrays:
        columns = [format_count(len(facts["columns"]), "column")] if facts.get("columns") else []
        shapes = [f"{name} {shape_text(one)}" for name, one in arrays.items()]
        yield "shape of an example", ", ".join([*shapes, *columns])
    elif isinstance(shape, list) and shape:
        yield "shape of an example", shape_text(shape)
    names = facts.get("class_names")
    if isinstance(names, list) and names and facts.get("vocabulary") is None:
        more = f", and {len(names) - _MAX_CLASSES} more" if len(names) > _MAX_CLASSES else ""
        yield "classes", f"{', '.join(map(str, names[:_MAX_CLASSES]))}{more}"
    if facts.get("vocabulary") is not None:
        yield "vocabulary", format_value(facts["vocabulary"])
