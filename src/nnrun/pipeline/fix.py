"""`nnrun check --fix`: replace what a hint names exactly one value or key for, and nothing else of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from nnrun.config import document as documents
from nnrun.config import extends
from nnrun.config.dump import dump_inline
from nnrun.config.files import SourceText, read_text
from nnrun.config.parser import compose_value
from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.check import examine_document
from nnrun.runs.output_file import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path, Problem

_BOM = b"\xef\xbb\xbf"
#: A hint that is nothing but what to write.
_WRITE = re.compile(r"write (?P<quoted>`)?(?P<text>.+?)(?(quoted)`|(?: without (?:quotes|braces))?)")
#: What stands in quotes, and two words in a row outside of them, as in a sentence.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SENTENCE = re.compile(r"[\w.)\]}]\s+[\w$`(]")
#: Where a value or an item may begin in a line, and the words in it.
_BEGINNING = re.compile(r"(?<![^\s-])[^\s-]|-(?=\s*\S)")
_WORDS = re.compile(r"[\w.$'\"]+")
#: More findings than this are not mended in one go.
_MOST = 100


@dataclass(frozen=True)
class Edit:
    """A piece of a text and what replaces it.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        text: What stands there instead.
    """

    start: int
    end: int
    text: str

    def applied(self, text: str) -> str:
        """Return a text with the replacement."""
        return text[: self.start] + self.text + text[self.end :]


@dataclass
class FixedConfig:
    """A config and what was mended in it.

    Attributes:
        file: The file.
        before: Its text.
        after: Its text with all that was mended.
        mended: The findings that are gone.
        left: The findings that remain.
    """

    file: FilePath
    before: str
    after: str
    mended: list[Problem] = field(default_factory=list)
    left: tuple[Problem, ...] = ()

    def diff(self) -> list[str]:
        """Return the lines of a unified diff; none where nothing was mended."""
        before, after = self.before.splitlines(), self.after.splitlines()
        return list(unified_diff(before, after, str(self.file), f"{self.file} (mended)", lineterm=""))


def fix_config(file: FilePath, data_dir: FilePath | None = None, runs_dir: FilePath | None = None) -> FixedConfig:
    """Mend in a config what a hint of `check` names exactly one replacement for; nothing is written.

    Each replacement is kept only if `check` then finds what it is for no more, and nothing in its place.

    Raises:
        ConfigError: The file cannot be read.
    """

    def check(text: str) -> tuple[tuple[Problem, ...], bool]:
        try:
            return examine_document(extends.read(file, text), file, data_dir, runs_dir).problems, True
        except ConfigError as error:
            return error.problems, False

    text = read_text(file)
    left, is_examined = check(text)
    fixed = FixedConfig(file, text, text, left=left)
    refused: set[tuple[str, str | None]] = set()
    while len(fixed.mended) < _MOST:
        problem = next((one for one in fixed.left if one.hint and (one.text, one.hint) not in refused), None)
        if problem is None:
            return fixed
        for edit in edits_for(fixed.after, file, problem):
            changed = edit.applied(fixed.after)
            left, was_examined = check(changed)
            if _is_better(fixed.left, left, problem, None if is_examined else edit, changed):
                fixed.after, fixed.left, is_examined = changed, left, was_examined
                fixed.mended.append(problem)
                break
        else:
            refused.add((problem.text, problem.hint))
    return fixed


def write_fixed(fixed: FixedConfig) -> None:
    """Write a mended config over the file it was read from; a byte order mark at its beginning stays.

    Raises:
        RunError: The file was changed in the meantime, or cannot be written.
    """
    content = fixed.file.read_bytes()
    mark = _BOM if content.startswith(_BOM) else b""
    if content.removeprefix(_BOM) != fixed.before.encode("utf-8"):
        raise RunError(f"{fixed.file} was changed in the meantime, and is not overwritten", "run the command again")
    write_output(fixed.file, mark + fixed.after.encode("utf-8"))


def _is_better(
    before: tuple[Problem, ...], after: tuple[Problem, ...], mended: Problem, edit: Edit | None, changed: str
) -> bool:
    """Return whether a finding is gone and none has come.

    Behind errors of the language others become visible: then (`edit` is given) none may be about what was written.
    """
    if any((one.text, one.hint) == (mended.text, mended.hint) for one in after):
        return False
    known = {(one.name, one.text) for one in before}
    new = [one for one in after if (one.name, one.text) not in known and one.severity != "note"]
    if edit is None:
        return not new
    source = SourceText(changed, "")
    places = [_span(source, one.mark)[0] for one in new if one.mark is not None and one.mark.column]
    return not any(edit.start <= place <= edit.start + len(edit.text) for place in places)


def edits_for(text: str, file: FilePath, problem: Problem) -> Iterator[Edit]:
    """Yield the replacements that the hint of a problem may mean, the most exact first."""
    found = _WRITE.fullmatch(problem.hint or "")
    mark = problem.mark
    if found is None or mark is None or not mark.column or mark.file != str(file):
        return
    words = found["text"]
    if _SENTENCE.search(_QUOTED.sub("''", words)):
        return
    source = SourceText(text, str(file))
    try:
        document = documents.parse(text, file)
    except ConfigError:
        yield from _edits_of_line(source, mark, words)
        return
    try:
        meant = _parsed(words)
    except ConfigError:
        return
    for path, place in document.value_marks.items():
        if path and (place.line, place.column) == (mark.line, mark.column):
            yield from _edits_of_value(document, source, path, meant, words)
    for path, place in document.key_marks.items():
        if (place.line, place.column) == (mark.line, mark.column):
            yield from _edits_of_key(document, source, path, meant, words)


def _edits_of_line(source: SourceText, mark: Mark, words: str) -> Iterator[Edit]:
    """Yield what may replace the marked word, or the end of its line, in a text that is no YAML.

    Only marks and blanks may change, never a word, and the brackets of the line must then be in pairs.
    """
    start, end = source.line_span(mark.line)
    line = source.text[start:end].rstrip()
    first, last = mark.column - 1, min(mark.column - 1 + mark.length, len(line))
    begins = [found.start() for found in _BEGINNING.finditer(line)]
    for at, until in [(first, last), *((at, len(line)) for at in reversed(begins))]:
        changed = line[:at] + words + line[until:]
        is_dashed = words.startswith("-")
        keeps_dash = line[at:].startswith("-") == is_dashed or (is_dashed and not line[:at].strip())
        is_paired = all(changed.count(one) == changed.count(other) for one, other in ("{}", "[]"))
        if _WORDS.findall(line[at:until]) == _WORDS.findall(words) and is_paired and keeps_dash:
            yield Edit(start + at, start + until, words)


def _parsed(words: str) -> Any:
    """Return the value that a text of YAML is.

    Raises:
        ConfigError: It is none.
    """
    source = SourceText(words, "hint")
    node = compose_value(source)
    return None if node is None else documents.to_data(node, source, (), {}, {})


def _edits_of_value(document: Document, source: SourceText, path: Path, meant: Any, words: str) -> Iterator[Edit]:
    """Yield what may replace the value at a path: the whole of it, or the key of it that the hint names."""
    value = document.value_at(path)
    if isinstance(meant, dict) and len(meant) == 1 and not words.startswith("{"):
        ((key, inner),) = meant.items()
        inner_words = words.partition(":")[2].strip() if isinstance(key, str) else dump_inline(inner)
        if path[-1] == key:
            yield from _replaced(document, source, path, inner_words)
        elif isinstance(value, dict) and key in value:
            yield from _replaced(document, source, (*path, key), inner_words)
        elif isinstance(path[-1], int):
            yield from _replaced(document, source, path, words)
            yield from _replaced(document, source, path, f"{{{words}}}")
        return
    yield from _replaced(document, source, path, words)


def _edits_of_key(document: Document, source: SourceText, path: Path, meant: Any, words: str) -> Iterator[Edit]:
    """Yield what may replace the key at the end of a path, or the key with its value."""
    key_span = _span(source, document.key_marks[path])
    if isinstance(meant, str) and not words.startswith(("'", '"')):
        yield Edit(*key_span, words)
    if isinstance(meant, dict) and len(meant) == 1 and not words.startswith("{"):
        ((key, inner),) = meant.items()
        if document.value_at(path) == inner:
            yield Edit(*key_span, words.partition(":")[0])
            return
        if key == path[-1]:
            yield from _replaced(document, source, path, words.partition(":")[2].strip())
            return
        span = _exact_span(document, source, path)
        if span is not None:
            yield Edit(key_span[0], span[1], words)


def _replaced(document: Document, source: SourceText, path: Path, words: str) -> Iterator[Edit]:
    """Yield the replacement of a value that stands on one line."""
    span = _exact_span(document, source, path)
    if span is not None:
        yield Edit(*span, words)


def _exact_span(document: Document, source: SourceText, path: Path) -> tuple[int, int] | None:
    """Return where a value stands; None where it goes on over several lines."""
    mark = document.value_marks[path]
    start, end = _span(source, mark)
    try:
        found = _parsed(source.text[start:end])
    except ConfigError:
        return None
    value = document.value_at(path)
    return (start, end) if type(found) is type(value) and found == value else None


def _span(source: SourceText, mark: Mark) -> tuple[int, int]:
    start = source.line_span(mark.line)[0] + mark.column - 1
    return start, start + mark.length
