"""The translation of what stands on the screen: whole texts, and texts that were made from a template.

Messages are f-strings in the code, so that a text comes here filled in. The catalog (`locale/*/LC_MESSAGES/nnrun.mo`)
has their templates, `expected {0}, received {1}`: of those whose fixed pieces stand in the text in their order, the one
with the most fixed characters gives the translation, and what stood between the pieces is put into it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from gettext import GNUTranslations
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: The context of single words: headings, terms, units, severities. Elsewhere a single word is a name, and stays.
LABEL = "label"
#: What joins messages to one text, from the loosest; a text may be several messages with these between them.
_SEPARATORS = ("\n", "; ", ". ", "? ", ": ", ", ", " (")
#: What joins messages and names to an expectation or a list: `a number or null`. Their translations are labels.
_CONJUNCTIONS = (" or ", " and ")
#: The form of Spanish conjunctions before a word that begins with their own sound.
_EUPHONY = {
    "o": ("u", re.compile(r"[oó8]|h[oó]|11\b", re.IGNORECASE)),
    "y": ("e", re.compile(r"h?[ií](?![aeo])", re.IGNORECASE)),
}
#: Names that cannot be words of a message, and any names.
_CERTAIN_NAME = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\[\]]*\]|\([^()]*\)|-?[\d.,]+|(?=\w*[a-z][A-Z]|\w*_)\w+|\$\w+|null|true|false"
)
_NAME = re.compile(rf"{_CERTAIN_NAME.pattern}|\w+")
#: Single words for a kind of value, and what stands before them.
KIND = "kind"
_BEFORE_KIND = ("expected ", "each ", "each value ")
#: Longer texts are taken line by line, and texts of so many parts are no list of messages.
_LONGEST, _MOST_PARTS = 2000, 24
#: Templates with fewer letters match by chance: what stands in them must be short, such as `60,000` or `2 min 05 s`.
_FEW_LETTERS = 8
_SHORT = re.compile(r"\S*(?: \d\S*|(?<=\d) \S+)*")
_MARGINS = re.compile(r"([\s,;:.]*)(.*?)([\s,;:.]*)", re.DOTALL)
_QUOTES = ("'", '"', "`")
#: A term with its gap, and its meaning.
_TERM = re.compile(r"(\s*\S.*?\s{2,})(\S.*)")
#: How many texts are remembered with their translations.
_MEMORY = 4096


def split_margins(text: str) -> tuple[str, str, str]:
    """Split a text into the blanks and punctuation at its start, itself, and those at its end."""
    found = _MARGINS.fullmatch(text)
    return (found[1], found[2], found[3]) if found else ("", text, "")


def split_help(text: str) -> Iterator[tuple[str, str]]:
    r"""Split a command's help into its messages, each with the text before it; together they are the help.

    Messages are paragraphs, on one line. In a paragraph that begins with `\b`, click's mark for lines that are not
    wrapped, what stands on a line after a gap is one.
    """
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        before = "\n\n" if number else ""
        if not paragraph.lstrip().startswith("\b"):
            yield before, " ".join(paragraph.split())
            continue
        for line in paragraph.split("\n"):
            found = _TERM.fullmatch(line)
            yield (f"{before}{found[1]}", found[2]) if found else (f"{before}{line}", "")
            before = "\n"


@dataclass(frozen=True)
class Template:
    """A message with placeholders.

    Attributes:
        text: The message, with `{0}`, `{1}`, ... and doubled braces.
        pieces: What stands before, between and after the placeholders.
    """

    text: str
    pieces: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        """Return the template of a message."""
        pieces = [""]
        for literal, field, _, _ in Formatter().parse(text):
            pieces[-1] += literal
            pieces += [""] if field is not None else []
        return cls(text, tuple(pieces))

    @property
    def length(self) -> int:
        """The number of fixed characters."""
        return sum(map(len, self.pieces))

    @property
    def is_strong(self) -> bool:
        """Whether it has letters enough that no text matches it by chance."""
        return sum(char.isalpha() for piece in self.pieces for char in piece) >= _FEW_LETTERS

    @property
    def has_whole_words(self) -> bool:
        """Whether it has a word of its own, and placeholders stand between words: never `{0}s`."""
        joined = "\0".join(self.pieces)
        return bool(re.search(r"(?<!\w)[A-Za-z]{4,}(?!\w)", joined)) and not re.search(r"\w\0|\0\w", joined)

    def values_in(self, text: str) -> list[str] | None:
        """Return what stands in a text at the placeholders; None where it was not made from this template."""
        first, *middle, last = self.pieces
        position, end = len(first), len(text) - len(last)
        if position > end or not text.startswith(first) or not text.endswith(last):
            return None
        values = []
        for piece in middle:
            found = text.find(piece, position, end)
            if found < 0:
                return None
            values.append(text[position:found])
            position = found + len(piece)
        return [*values, text[position:end]]

    def word(self, frequencies: Counter[str]) -> str | None:
        """Return the rarest of its words that no placeholder touches."""
        return min(self.words(), key=lambda word: frequencies[word], default=None)

    def words(self) -> list[str]:
        """Return its words that no placeholder touches."""
        return re.findall(r"(?<![\w\0])\w{2,}(?![\w\0])", "\0".join(self.pieces))


class _Messages(GNUTranslations):
    """A catalog that can be listed."""

    def texts(self) -> list[str]:
        """Return the messages without context."""
        return [text for text in vars(self)["_catalog"] if isinstance(text, str) and text and "\x04" not in text]


class Translations:
    """The translations of a language.

    Args:
        file: The catalog in gettext's binary format.
    """

    def __init__(self, file: Path) -> None:
        with file.open("rb") as stream:
            self._messages = _Messages(stream)
        self._templates: dict[str | None, list[Template]] = defaultdict(list)
        self._memory: dict[str, tuple[str, int]] = {}
        templates = [template for text in self._messages.texts() if len((template := Template.of(text)).pieces) > 1]
        frequencies = Counter(word for template in templates for word in template.words())
        for template in templates:
            self._templates[template.word(frequencies)].append(template)

    def label(self, word: str) -> str:
        """Translate a heading, a term or a unit; one that is unknown stays."""
        return self._messages.pgettext(LABEL, word)

    def text(self, text: str) -> str:
        """Translate a text as far as it is known."""
        return self._best(text)[0]

    def help(self, text: str) -> str:
        """Translate a command's help."""
        return "".join(f"{before}{self.text(part)}" for before, part in split_help(text))

    def _best(self, text: str) -> tuple[str, int]:
        """Return the translation of a text, and how many of its characters were those of messages."""
        if text not in self._memory:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            self._memory[text] = self._translate(text)
        return self._memory[text]

    def _translate(self, text: str) -> tuple[str, int]:
        before, core, after = split_margins(text)
        if " " not in core:
            return text, 0
        whole, known = self._whole(core)
        if known < len(core):
            others = (self._parts(core), *(self._alternatives(core, one) for one in _CONJUNCTIONS))
            whole, known = max((whole, known), *others, key=lambda found: found[1])
        return f"{before}{whole}{after}", known

    def _whole(self, core: str) -> tuple[str, int]:
        """Translate a text that is one message."""
        if len(core) > _LONGEST:
            return core, 0
        escaped = core.replace("{", "{{").replace("}", "}}")
        translated = self._messages.gettext(escaped)
        if translated != escaped:
            return translated.format(), len(core)
        weak = []
        for template in self._candidates(core):
            values = template.values_in(core)
            if values is not None and (template.is_strong or all(map(_SHORT.fullmatch, values))):
                return self._fill(template, values)
            if values is not None and template.has_whole_words:
                weak.append((template, values))
        return next((self._fill(*one) for one in weak if all(map(self._is_known, one[1]))), (core, 0))

    def _is_known(self, value: str) -> bool:
        """Return whether a text is names, or one message in which only names are unknown."""
        core = split_margins(value)[1]
        if _SHORT.fullmatch(core) or all(map(_CERTAIN_NAME.fullmatch, core.split(", "))):
            return True
        return self._whole(core)[1] > 0 and self._is_filled_with_known(core)

    def _is_filled_with_known(self, core: str) -> bool:
        found = ((one, one.values_in(core)) for one in self._candidates(core))
        match = next(((one, values) for one, values in found if values is not None), None)
        if match is None or self._whole(core)[1] == len(core):
            return self._whole(core)[1] > 0
        template, filled = match
        pairs = zip(template.pieces, filled, strict=False)
        return all(before.endswith(_QUOTES) or self._is_known(value) for before, value in pairs)

    def _candidates(self, text: str) -> list[Template]:
        """Return the templates that may have made a text, those with the most fixed characters first."""
        words: Iterable[str | None] = {*re.findall(r"\w{2,}", text), None}
        found = [template for word in words for template in self._templates.get(word, ())]
        return sorted(found, key=lambda template: (-template.length, template.text))

    def _fill(self, template: Template, values: list[str]) -> tuple[str, int]:
        known, filled = template.length, []
        for before, value in zip(template.pieces, values, strict=False):
            if before.endswith(_BEFORE_KIND) and " " not in value:
                shown, more = self._messages.pgettext(KIND, value), 0
            else:
                shown, more = (value, 0) if before.endswith(_QUOTES) else self._best(value)
            filled.append(shown)
            known += more
        return self._messages.gettext(template.text).format(*filled), known

    def _parts(self, core: str) -> tuple[str, int]:
        """Translate a text as several messages, split where most of it is known."""
        separator = next((one for one in _SEPARATORS if one in core), None)
        if separator is None:
            return core, 0
        parts = core.split(separator)
        if len(parts) > _MOST_PARTS or separator == "\n":
            found = [self._best(part) for part in parts]
            return separator.join(text for text, _ in found), sum(known for _, known in found)
        # best[n]: the first n parts, where parts side by side may also be one message that has the separator in it.
        best: list[tuple[str, int]] = [("", 0)]
        for end in range(1, len(parts) + 1):
            text, known = self._best(parts[end - 1])
            choices = [(end - 1, text, known)]
            choices += [
                (start, *self._whole(separator.join(parts[start:end])))
                for start in range(end - 1)
                if end - start < len(parts)
            ]
            joined = [
                (f"{best[start][0]}{separator if start else ''}{text}", best[start][1] + known)
                for start, text, known in choices
            ]
            best.append(max(joined, key=lambda choice: choice[1]))
        return best[-1]

    def _alternatives(self, core: str, conjunction: str) -> tuple[str, int]:
        """Translate messages and names that a conjunction joins: all of them, or nothing."""
        parts = core.split(conjunction)
        if not 1 < len(parts) <= _MOST_PARTS or len(core) > _LONGEST:
            return core, 0
        # best[n]: as in `_parts`; None where the first n parts are not all known.
        best: list[tuple[list[str], int] | None] = [([], 0)]
        for end in range(1, len(parts) + 1):
            choices = []
            for start in range(end):
                before = best[start]
                if before is not None and (start or end < len(parts)):
                    found = self._alternative(conjunction.join(parts[start:end]), is_one=end - start == 1)
                    choices += [(before[0] + [found[0]], before[1] + found[1])] if found else []
            best.append(max(choices, key=lambda choice: choice[1], default=None))
        if best[-1] is None or not (best[-1][1] or any(map(_CERTAIN_NAME.fullmatch, parts))):
            return core, 0
        joined, known = best[-1]
        return self._join(joined, self.label(conjunction.strip())), known + len(conjunction) * (len(joined) - 1)

    def _alternative(self, part: str, *, is_one: bool) -> tuple[str, int] | None:
        """Translate one of the parts that a conjunction joins; None for what is neither known nor names."""
        text, known = self._best(part) if is_one else self._whole(part)
        if known and self._is_filled_with_known(part):
            return text, known
        if is_one and all(map(_NAME.fullmatch, part.split(", "))):
            return self._messages.pgettext(KIND, part), 0
        return None

    @staticmethod
    def _join(parts: list[str], word: str) -> str:
        joined = parts[0]
        other, sound = _EUPHONY.get(word, (word, re.compile("(?!)")))
        for part in parts[1:]:
            joined += f" {other if sound.match(part) else word} {part}"
        return joined
