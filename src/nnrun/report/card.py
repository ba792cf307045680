"""The model card of a finished run: Markdown with the metadata that Hugging Face's hub reads, from the folder alone.

The sections follow M. Mitchell et al., "Model cards for model reporting", FAT* 2019. What a run folder does not know
is left as a line to fill in.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.errors import RunError
from nnrun.regular_files import read_regular, require_regular
from nnrun.report import run_info, scores
from nnrun.report.card_data import (
    data_source,
    error_intervals,
    last_part,
    part_name,
    part_outputs,
    part_text,
    resolved_config,
)
from nnrun.report.card_limits import limits
from nnrun.report.card_metadata import UNKNOWN, card_metadata
from nnrun.report.card_use import use
from nnrun.report.classification import ClassScores, class_scores, class_table, confusion_matrix, label_scores
from nnrun.report.elements import score_name
from nnrun.report.markdown import (
    as_markdown,
    as_paragraph,
    code_block,
    front_matter,
    markdown_table,
    one_line,
    to_fill_in,
)
from nnrun.report.predictions import is_cross_validated, read_predictions, scored_part
from nnrun.report.run_contents import as_mapping, read_run
from nnrun.runs.find import unfinished
from nnrun.runs.json_files import as_number
from nnrun.runs.output_file import write_output
from nnrun.spec.facts import padded_class_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nnrun.report.card_data import DataSource
    from nnrun.report.elements import ReportTable
    from nnrun.report.run_contents import RunContents
    from nnrun.runs.folder import RunFolder

#: The last line of a card: the digest of all lines before it shows whether somebody edited them.
_MARK = re.compile(rb"<!-- written by nnrun card; sha256 of the lines above: ([0-9a-f]{64}) -->\n\Z")
#: The largest file that is taken for an earlier card, in bytes.
_MOST_BYTES = 16 * 1024 * 1024
#: Classes in a table, those with the lowest recall; and lines of the model's table.
_MOST_CLASSES, _MOST_LAYERS = 50, 120
#: What the record says of the circumstances that matters to a reader elsewhere: no host, no paths.
_TERMS = ("seed", "versions", "cores and threads", "peak memory", "git commit")
_DATA_TERMS = ("rows", "shape of an example", "classes", "vocabulary")


@dataclass(frozen=True)
class ModelCard:
    """A model card that is not written yet.

    Attributes:
        text: The Markdown file.
        metadata: The fields of its front matter.
        limits: The limits that were found.
        missing: What is left to be filled in.
    """

    text: str
    metadata: Mapping[str, Any]
    limits: tuple[str, ...]
    missing: tuple[str, ...]


def write_card(folder: RunFolder, out: Path | None = None, *, force: bool = False) -> tuple[Path, ModelCard]:
    """Make the model card of a run and write it.

    Args:
        folder: The run's folder.
        out: Where to write it instead of into the run's folder, which is then left unchanged.
        force: Whether a file that `nnrun card` did not write, or that somebody edited, is replaced.

    Raises:
        RunError: The run is not done, such a file stands there, or the card cannot be written.
    """
    card = make_card(folder)
    content = card.text.encode("utf-8", "backslashreplace")
    path = folder.card if out is None else out
    if not force and path.is_file() and not _is_unedited(path, follow=out is not None):
        raise RunError(
            f"{path} was edited, or nnrun card did not write it: it is left as it is",
            "choose another file with --out FILE, or replace it with --force",
        )
    if out is not None:
        write_output(out, content)
        return out, card
    return folder.write_bytes(path, content), card


def _is_unedited(path: Path, *, follow: bool) -> bool:
    """Return whether a file is a card as `nnrun card` wrote it; links are followed only where the user named them."""
    content = read_regular(path.resolve() if follow else path, _MOST_BYTES)
    mark = _MARK.search(content)
    return mark is not None and hashlib.sha256(content[: mark.start()]).hexdigest().encode() == mark[1]


def make_card(folder: RunFolder) -> ModelCard:
    """Make the model card of a finished run from the files of its folder; equal files give equal cards.

    Raises:
        RunError: The folder has no readable record, or the run is not done.
    """
    require_regular(folder.baselines)
    run = read_run(folder)
    text = unfinished(folder, run.record)
    if text is not None:
        hint = f"a card describes a finished model; what there is so far: nnrun report {shlex.quote(str(folder.path))}"
        raise RunError(text.rstrip("."), hint)
    config = resolved_config(run)
    source = data_source(config)
    classes = _classes(run)
    found = limits(run, config, source, classes)
    metadata = card_metadata(run, source)
    sections = (
        f"# {as_markdown(run.record.get('name') or folder.id)}",
        *_details(run, config),
        *_intended_use(),
        *_data(run, config, source),
        *_training(run, config),
        *_evaluation(run, classes),
        "## Limits",
        "\n".join(f"- {as_paragraph(limit)}" for limit in found),
        to_fill_in("ethical considerations, and groups of people for whom the model was not evaluated"),
        *use(run),
        *_reproduction(run),
    )
    body = "\n\n".join(section for section in sections if section)
    text = f"{front_matter(metadata, UNKNOWN)}\n{body}\n\n"
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    missing = (*UNKNOWN, *re.findall(r"^<!-- to fill in: (.*) -->$", body, re.MULTILINE))
    mark = f"<!-- written by nnrun card; sha256 of the lines above: {digest} -->\n"
    return ModelCard(text + mark, metadata, tuple(map(one_line, found)), missing)


def _classes(run: RunContents) -> dict[str, Sequence[ClassScores]]:
    """Return the scores of each class by output: those of the scores, else counted from the predictions."""
    found: dict[str, Sequence[ClassScores]] = {}
    for output, part in part_outputs(run).items():
        by_class = as_mapping(part.get("per_class"))
        if by_class:
            found[output] = [_class_scores(name, as_mapping(one)) for name, one in by_class.items()]
    if found:
        return found
    for predicted in read_predictions(run):
        if predicted.kind == "numbers":
            continue
        matrix = confusion_matrix(predicted)
        if matrix is None:
            found[predicted.name] = label_scores(predicted)
        else:
            found[predicted.name] = class_scores(matrix, padded_class_names(predicted.names, len(matrix)))
    return found


def _class_scores(name: str, known: Mapping[str, Any]) -> ClassScores:
    support = int(as_number(known.get("support")) or 0)
    precision, recall, f1 = (as_number(known.get(key)) for key in ("precision", "recall", "f1"))
    errors = min(support, max(0, support - round((recall or 0) * support)))
    interval = wilson_interval(errors, support) if support else None
    return ClassScores(name, support, errors, precision, recall, f1, interval)


def _terms(pairs: Sequence[tuple[str, object]]) -> str:
    return "\n".join(f"- **{term}**: {as_markdown(value)}" for term, value in pairs if value not in (None, "", "-"))


def _table(table: ReportTable) -> str:
    return f"{as_paragraph(table.caption)}:\n\n{markdown_table(table.headings, table.rows)}"


def _details(run: RunContents, config: Mapping[str, Any]) -> Iterator[str]:
    yield "## Model details"
    outputs = as_mapping(config.get("model")).get("outputs")
    yield to_fill_in("who developed the model, and whom to ask about it")
    total = run_info.TOTAL_PARAMETERS.search(run.summary)
    pairs = [
        ("task", as_mapping(run.record.get("facts")).get("task")),
        ("outputs", part_text(outputs) if outputs else None),
        ("parameters", total[1] if total else None),
        ("backend", config.get("backend")),
        ("precision", part_text(config["precision"]) if config.get("precision") else None),
        ("trained", run_info.date_and_duration(run)),
        ("run", run.folder.id),
    ]
    yield _terms(pairs)
    if run.summary:
        lines = run.summary.strip("\n").splitlines()
        yield code_block("\n".join((*lines[:_MOST_LAYERS], *(["..."] if len(lines) > _MOST_LAYERS else []))))
    yield to_fill_in("licence of the model")


def _intended_use() -> Iterator[str]:
    yield "## Intended use"
    yield to_fill_in("intended use, and by whom")
    yield to_fill_in("uses that are out of scope")


def _data(run: RunContents, config: Mapping[str, Any], source: DataSource) -> Iterator[str]:
    yield "## Data and licence"
    data = as_mapping(config.get("data"))
    named = source.named
    known = dict(run_info.run_terms(run.record))
    pairs: list[tuple[str, object]] = [("source", source.kind)]
    if named is not None:
        pairs += [("description", named.description), ("licence", named.licence), ("citation", named.citation)]
    elif source.name != source.kind:
        pairs.append(("file or folder", source.name))
    pairs += [(term, known.get(term)) for term in _DATA_TERMS]
    pairs.append(("split", part_text(data["split"]) if data.get("split") else None))
    steps = data.get("prepare")
    pairs += [("preparation", "; ".join(map(part_text, steps)))] if isinstance(steps, list) and steps else []
    yield _terms(pairs)
    if named is None:
        yield to_fill_in("licence of the data, how they were collected, and the consent of the people in them")
    rows = [(last_part(name), str(digest)) for name, digest in _digests(run)]
    if rows:
        yield f"SHA-256 of the data:\n\n{markdown_table(('file or array', 'SHA-256'), rows)}"


def _digests(run: RunContents) -> Iterator[tuple[str, object]]:
    """Yield the digests of data files and arrays: not those of the config and of code."""
    for name, digest in as_mapping(run.record.get("digests")).items():
        if name != "config" and not name.startswith("sources/"):
            yield name.removeprefix("file:"), digest


def _training(run: RunContents, config: Mapping[str, Any]) -> Iterator[str]:
    yield "## Training procedure"
    training = config.get("training")
    phases = training if isinstance(training, list) else [training]
    for number, phase in enumerate(map(as_mapping, phases), 1):
        keys = ("rule", "loss", "optimizer", "metrics", "epochs", "batch_size", "augment")
        pairs: list[tuple[str, object]] = [
            (key.replace("_", " "), part_text(phase[key])) for key in keys if phase.get(key)
        ]
        # Their arguments are names of files and addresses, which a card for others need not have.
        callbacks = phase.get("callbacks")
        names = ", ".join(map(part_name, callbacks)) if isinstance(callbacks, list) else None
        pairs.append(("callbacks", names))
        beginning = f"Phase {number}:\n\n" if len(phases) > 1 else ""
        yield f"{beginning}{_terms(pairs)}"
    known = dict(run_info.run_terms(run.record))
    done = run.record.get("epochs")
    yield _terms(
        [("epochs done", done), ("executor", run.record.get("executor")), *((term, known.get(term)) for term in _TERMS)]
    )


def _evaluation(run: RunContents, classes: Mapping[str, Sequence[ClassScores]]) -> Iterator[str]:
    yield "## Evaluation"
    summary = as_mapping(run.scores.get("cross_validation"))
    if not summary and not scored_part(run)[1]:
        yield to_fill_in("scores: the run has none")
        return
    rows = [(one.name, one.value, one.detail or "-") for one in scores.headlines(run)]
    yield markdown_table(("score", "value", "95 % interval and rows"), rows)
    if summary:
        yield as_paragraph(scores.folds_note(summary))
        yield _table(scores.mean_table(summary))
    section = scores.scores_section(run)
    tables = [*section.tables, *scores.baselines_section(run).tables]
    yield from map(as_paragraph, section.notes)
    yield from (_table(table) for table in tables if table.rows)
    yield _error_table(run)
    for output, found in classes.items():
        yield _classes_text(run, output, found)


def _error_table(run: RunContents) -> str:
    rows = []
    for output in read_predictions(run):
        if output.kind == "numbers":
            of = f" of {output.name}" if output.name else ""
            rows += [(f"{score_name(name)}{of}", *cells) for name, *cells in error_intervals(run, output)]
    if not rows:
        return ""
    note = "Errors with the t interval of their mean over the rows, on the log scale:"
    return f"{note}\n\n{markdown_table(('error', 'value', '95 % interval'), rows)}"


def _classes_text(run: RunContents, output: str, found: Sequence[ClassScores]) -> str:
    shown = sorted(found, key=lambda one: one.recall or 0)[:_MOST_CLASSES] if len(found) > _MOST_CLASSES else found
    table = class_table(shown)
    where = "all folds together" if is_cross_validated(run) else scores.PARTS.get(scored_part(run)[0], "scored part")
    of = f" of output {output}" if output else ""
    only = f", the {_MOST_CLASSES} with the lowest recall of {len(found):,}" if len(shown) < len(found) else ""
    caption = as_paragraph(f"Each class{of}, {where}{only}; error: the share of its examples that were not found")
    return f"{caption}:\n\n{markdown_table(table.headings, table.rows)}"


def _reproduction(run: RunContents) -> Iterator[str]:
    yield "## How to reproduce"
    codes = run.record.get("code")
    names = [str(as_mapping(one).get("file")) for one in codes] if isinstance(codes, list) else []
    digest = hashlib.sha256(run.resolved.encode()).hexdigest()
    yield (
        "`resolved.yaml` of the run folder has every setting with its default, and the command below trains the model "
        "again. In the run folder:"
    )
    words = ["nnrun", "train", "resolved.yaml", *(word for name in names for word in ("--code", name))]
    yield code_block(shlex.join(words), "sh")
    yield (
        f"`nnrun reproduce .{' --trust-run' if names else ''}` there compares the new run bit for bit with this one. "
        "With the same versions and number of threads the weights are the same."
    )
    version = as_mapping(run.record.get("versions")).get("nnrun")
    yield _terms([("nnrun", version), ("SHA-256 of resolved.yaml", digest if run.resolved else None)])
