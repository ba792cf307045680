"""The sections of the model, the config, and what the run ran on."""

from __future__ import annotations

import base64
import re
import shlex
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_bytes, format_duration
from nnrun.report.contents import mapping, number
from nnrun.report.model_graph import TIMES
from nnrun.report.section import Picture, Section, Table, Terms, Text
from nnrun.report.words import figure
from nnrun.runs.find import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.report.contents import Contents

_PACKAGES = {
    "nnrun": "nnrun",
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "numpy": "NumPy",
    "python": "Python",
}
_TOTAL = re.compile(r"Total params: ([\d,]+)")
#: Classes that are named.
_MOST_CLASSES = 20


def status(contents: Contents) -> str:
    """How the run ended, in a word."""
    return status_of(contents.record)


def warnings(contents: Contents) -> tuple[str, ...]:
    """What the user was warned of before the run began, and what could not be read."""
    told = contents.record.get("warnings")
    return (*(str(one) for one in (told if isinstance(told, list) else [])), *contents.notes)


def when(contents: Contents) -> str:
    """When the run began and how long it took."""
    begin = _time(contents.record.get("start"))
    if begin is None:
        return ""
    end = _time(contents.record.get("end"))
    took = f", took {format_duration((end - begin).total_seconds())}" if end is not None else ""
    return f"{begin:%Y-%m-%d %H:%M} UTC{took}"


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def model(contents: Contents) -> Section:
    """The model's picture and table."""
    total = _TOTAL.search(contents.summary)
    terms = Terms((("parameters", total[1]),)) if total else None
    pictures: tuple[Picture, ...] = ()
    if contents.model:
        # As a picture it cannot bring its style sheet, or anything else, into the page.
        source = f"data:image/svg+xml;base64,{base64.b64encode(contents.model).decode()}"
        pictures = (Picture(source, "The model's layers from input to output; the table says the same in words."),)
    texts = (Text("Layers, shapes and parameters", contents.summary.strip("\n")),) if contents.summary else ()
    return Section("model", "Model", terms=terms, pictures=pictures, texts=texts)


def config(contents: Contents) -> Section:
    """The config as its user wrote it, and said out in full."""
    texts = []
    if contents.config:
        texts.append(Text("config.yaml, as written", contents.config, folded=False))
    if contents.resolved:
        texts.append(Text("resolved.yaml: every default said out", contents.resolved))
    sets = _sets(contents.record.get("argv"))
    notes = (f"Changed on the command line: {', '.join(sets)}",) if sets else ()
    return Section("config", "Config", notes, texts=tuple(texts))


def _sets(argv: object) -> list[str]:
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    after = [word for before, word in pairwise(words) if before == "--set"]
    return after + [word.removeprefix("--set=") for word in words if word.startswith("--set=")]


def run(contents: Contents) -> Section:
    """What the run ran on, with what, and how long each part of it took."""
    digests = mapping(contents.record.get("digests"))
    seconds = mapping(contents.record.get("seconds"))
    tables = [
        Table(
            "Seconds by phase",
            ("phase", "took"),
            tuple(
                (str(name), format_duration(float(told))) for name, told in seconds.items() if number(told) is not None
            ),
        ),
        Table(
            "SHA-256 of config, files and arrays",
            ("what", "digest"),
            tuple((str(name), str(told)) for name, told in digests.items()),
            folded=True,
        ),
        Table(
            "Files of the run folder",
            ("file", "size"),
            tuple((name, format_bytes(count)) for name, count in contents.files),
            folded=True,
        ),
    ]
    diff = mapping(contents.record.get("git")).get("diff")
    texts = [Text("git diff of the folder that nnrun was called in", diff)] if isinstance(diff, str) and diff else []
    if contents.log:
        texts.append(Text("log.txt", contents.log.rstrip("\n")))
    return Section(
        "run",
        "Run",
        terms=Terms(tuple(_terms(contents.record))),
        tables=tuple(table for table in tables if table.rows),
        texts=tuple(texts),
    )


def _terms(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    argv = record.get("argv")
    if isinstance(argv, list) and argv:
        yield "command", shlex.join(["nnrun", *map(str, argv[1:])])
    yield "seed", figure(record.get("seed"))
    if record.get("executor"):
        why = f": {record['executor_why']}" if record.get("executor_why") else ""
        yield "executor", f"{record['executor']}{why}"
    if record.get("init_from"):
        yield "started from", str(mapping(record["init_from"]).get("run"))
    yield from _data(mapping(record.get("facts")))
    versions = mapping(record.get("versions"))
    yield "versions", ", ".join(f"{_PACKAGES.get(name, name)} {told}" for name, told in versions.items() if told)
    yield "machine", ", ".join(str(record[key]) for key in ("host", "cpu", "system") if record.get(key))
    yield "cores and threads", f"{figure(record.get('cores'))} and {figure(record.get('threads'))}"
    if number(record.get("peak_memory_bytes")) is not None:
        yield "memory", f"{format_bytes(int(record['peak_memory_bytes']))} at most"
    git = mapping(record.get("git"))
    if git.get("commit"):
        yield "git commit", f"{git['commit']}{', with changes' if git.get('diff') else ''}"


def _data(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rows = mapping(facts.get("rows"))
    if rows:
        yield "rows", ", ".join(f"{name} {figure(count)}" for name, count in rows.items())
    shape = facts.get("input_shape")
    if isinstance(shape, list) and shape:
        yield "shape of an example", f" {TIMES} ".join("any" if size is None else str(size) for size in shape)
    names = facts.get("class_names")
    if isinstance(names, list) and names and facts.get("vocabulary") is None:
        more = f", and {len(names) - _MOST_CLASSES} more" if len(names) > _MOST_CLASSES else ""
        yield "classes", f"{', '.join(map(str, names[:_MOST_CLASSES]))}{more}"
    if facts.get("vocabulary") is not None:
        yield "vocabulary", figure(facts["vocabulary"])
