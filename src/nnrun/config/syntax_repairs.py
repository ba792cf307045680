"""Where broken YAML must be edited, and the line to write: the common slips of hand-written configs.

A parser reports where it could not go on, which is often lines below the slip: a bracket that is never closed, a key
without a colon, a line that is indented differently from its neighbours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nnrun.config.files import SourceText

_CLOSING = {"{": "}", "[": "]"}
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\'\'|[^\'])*\'')
#: A line with a key and a value, but without the colon and the space between them.
_KEY_AND_VALUE = re.compile(r"(-\s+)?([A-Za-z_][\w.]*)\s*(?::|=|\s)\s*(\S.*)")
#: A line with two keys, in which the first has no braces.
_TWO_KEYS = re.compile(r"\s*(?:-\s+)?([\w.$]+):\s+([^\s'\"{\[|>&*!][^'\"{\[]*: .*)")
#: The end of a text at which a word stands that lacks a comma before it.
_WORD_AT_END = re.compile(r"[^\s,{\[]\s+([\w$.]+)\s*$")
_DOLLAR_BRACES = re.compile(r"\$\{\s*(\w+)\s*\}")
#: The entry of a flow mapping at the end of a text.
_ENTRY_AT_END = re.compile(r"([\w$.]+): ([^\s,{}\[\]]+),\s*$")
#: A decimal comma in a flow mapping, which YAML takes for the end of an entry.
_DECIMAL_COMMA = re.compile(r"(?<![\w.])(\d+),(\d+)$")
_TUPLE = re.compile(r"\((\s*[\w.+-]+(?:\s*,\s*[\w.+-]+)*\s*,?\s*)\)$")
#: A plain key that holds the beginning of a flow collection: `Dense:{units`.
_BRACKET_IN_KEY = re.compile(r"([A-Za-z_][\w.$]*)(?::\s*|\s+)([{\[])\w.*")


class Repair(NamedTuple):
    """Where a text must be edited.

    Attributes:
        start: The position of the first character to blame.
        end: The position after the last one.
        text: What is wrong.
        hint: What to write.
    """

    start: int
    end: int
    text: str
    hint: str | None


def repair(source: SourceText, position: int, context: int | None, message: str) -> Repair | None:
    """Return where to edit a text that the parser could not read; None where its own place is the best.

    Args:
        source: The text.
        position: Where the parser stopped.
        context: Where what it was reading begins, or None.
        message: The parser's message, with its context, in lower case.
    """
    if re.match(r":[{\[]", source.text[position:]) and "expected ':'" in message:
        return Repair(position, position + 1, "expected a space after ':'", "write a space after the ':'")
    if "flow" in message and context is not None and "',' or" in message:
        return _flow(source, position, context)
    if "simple key" in message and context is not None:
        return _no_colon(source, context)
    if "'-' indicator" in message or "<block end>" in message or "expected key" in message:
        return _after_quote(source, position) or _closes_nothing(source, position) or _in_block(source, position)
    if "mapping values are not allowed" in message:
        return _line_before(source, position) or _several_on_line(source, position) or _in_block(source, position)
    return None


def _flow(source: SourceText, position: int, opening: int) -> Repair | None:
    """An unclosed bracket, a missing comma, or a fact in braces."""
    found = next(
        (one for one in _DOLLAR_BRACES.finditer(source.text, opening) if one.start() < position <= one.end()), None
    )
    if found is not None:
        return Repair(*found.span(), f"expected a fact of the data, received {found[0]}", f"write ${found[1]}")
    line = _line(source, source.line_of(opening))
    first = source.text[opening : source.line_span(source.line_of(opening))[1]].split(" #")[0].rstrip()
    on_one_line, goes_on = source.line_of(position) == source.line_of(opening), first[-1] in "{[,"
    if not on_one_line and (not goes_on or _indent(_line(source, source.line_of(position))) <= _indent(line)):
        text = f"this '{source.text[opening]}' is never closed"
        whole = f"write {line.split(' #')[0].strip()}{_missing_brackets(first)}"
        hint = f"close it with '{_CLOSING[source.text[opening]]}'" if goes_on else whole
        return Repair(opening, opening + 1, text, hint)
    word = _WORD_AT_END.search(source.text[opening:position])
    if word is not None and source.text[position : position + 1] == ":":
        start = opening + word.start(1)
        before = source.text[opening:start].rstrip()
        same = f"write {before}, {source.text[start : source.line_span(source.line_of(start))[1]]}"
        hint = same if on_one_line else "put a ',' at the end of the line above"
        return Repair(start, start + len(word[1]), f"expected ',' before '{word[1]}'", hint)
    return None


def _missing_brackets(text: str) -> str:
    """Return the brackets that close what a text opens."""
    open_brackets: list[str] = []
    for letter in _QUOTED.sub("", text):
        if letter in _CLOSING:
            open_brackets.append(_CLOSING[letter])
        elif open_brackets and letter == open_brackets[-1]:
            open_brackets.pop()
    return "".join(reversed(open_brackets))


def _no_colon(source: SourceText, start: int) -> Repair | None:
    """A line without a colon, or with one that no space follows."""
    first, last = source.line_span(source.line_of(start))
    line = source.text[start:last].split(" #")[0].rstrip()
    dash = re.fullmatch(r"-([^\s-].*)", line)
    if dash is not None:
        return Repair(start, start + 1, "expected a space after '-'", f"write - {dash[1]}")
    found = _KEY_AND_VALUE.fullmatch(line)
    hint = f"write {found[1] or ''}{found[2]}: {found[3]}" if found else "write it as key: value"
    return Repair(start, min(start + len(line), last), "expected ': ' after the key", hint) if first <= start else None


def _after_quote(source: SourceText, position: int) -> Repair | None:
    """A quote inside a quoted text, as in 'it's'."""
    before = source.text[:position]
    if before[-1:] not in ("'", '"') or source.text[position : position + 1].isspace():
        return None
    text = "this quote ends the text, but more follows"
    hint = "double a quote inside single quotes ('it''s'), or write the text in double quotes"
    return Repair(position - 1, position, text, hint)


def _closes_nothing(source: SourceText, position: int) -> Repair | None:
    letter = source.text[position : position + 1]
    if letter not in ("}", "]"):
        return None
    return Repair(position, position + 1, f"this '{letter}' closes nothing", "delete it")


def _line_before(source: SourceText, position: int) -> Repair | None:
    """A key without a colon on the line before, which YAML reads as text that goes on here."""
    here = source.line_of(position)
    above = _filled_line_above(source, here)
    if above is None or _indent(_line(source, above)) != _indent(_line(source, here)):
        return None
    line = _line(source, above)
    content = line.split(" #")[0].strip()
    if ": " in content or content.endswith(":") or content.startswith("-"):
        return None
    return _no_colon(source, source.line_span(above)[0] + _indent(line))


def _several_on_line(source: SourceText, position: int) -> Repair | None:
    """Two keys on one line, or a text with ': ' in it."""
    number = source.line_of(position)
    found = _TWO_KEYS.fullmatch(_line(source, number).split(" #")[0].rstrip())
    if found is None or source.line_span(number)[0] + found.start(2) > position:
        return None
    key, rest = found[1], found[2]
    text = "a ': ' is not allowed here"
    if ", " in rest:
        hint = f"put several arguments in braces, each behind its name: {key}: {{name: value, ...}}"
    else:
        hint = f"write {key}: '{rest}' if it is text, or {key}: {{{rest}}}"
    return Repair(position, position + 1, text, hint)


def _in_block(source: SourceText, position: int) -> Repair | None:
    """A line that does not fit its neighbours: an item without its dash, or another indentation."""
    number = source.line_of(position)
    line, start = _line(source, number), source.line_span(number)[0]
    indent, content = _indent(line), line.strip()
    # A line that itself begins well has something wrong inside it.
    is_inside = position > start + indent and not content.startswith("-")
    if is_inside and (": " in source.text[start + indent : position] or ":" not in content):
        return None
    dash = re.match(r"-[^\s-]", content)
    above = _filled_line_above(source, number)
    if dash is not None:
        return Repair(start + indent, start + indent + 1, "expected a space after '-'", f"write - {content[1:]}")
    if above is None:
        return None
    neighbour = _line(source, above)
    if _indent(neighbour) == indent and neighbour.lstrip().startswith("- "):
        return Repair(
            start + indent, start + indent + 1, "expected '- ' before an item of the list", f"write - {content}"
        )
    nearest = _nearest_indent(source, number, indent)
    if nearest is None or nearest[0] == indent:
        return None
    columns, like = nearest
    text = "the indentation of this line does not match the lines above it"
    spaces = "no spaces" if columns == 0 else f"{columns} space{'s' * (columns != 1)}"
    return Repair(start + indent, start + indent + 1, text, f"begin it with {spaces}, as line {like}")


def _nearest_indent(source: SourceText, number: int, indent: int) -> tuple[int, int] | None:
    """Return the indentation among the lines above that is nearest to one, and the number of the last such line."""
    seen: dict[int, int] = {}
    above: int | None = number
    while above is not None and len(seen) < 20:
        above = _filled_line_above(source, above)
        if above is not None:
            here = _indent(_line(source, above))
            # A deeper block that has ended is none of its neighbours.
            if all(here <= one for one in seen):
                seen.setdefault(here, above)
            if here == 0:
                break
    ordered = sorted(seen.items(), key=lambda one: (abs(one[0] - indent), -one[1]))
    return ordered[0] if ordered else None


def _filled_line_above(source: SourceText, number: int) -> int | None:
    for above in range(number - 1, 0, -1):
        content = _line(source, above).strip()
        if content and not content.startswith("#"):
            return above
    return None


def _line(source: SourceText, number: int) -> str:
    first, last = source.line_span(number)
    return source.text[first:last]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


# What a parser reads, but not as it was meant ------------------------------------------------------------------------


def misread_number(source: SourceText, start: int, end: int, mapping: int) -> Repair | None:
    """Return where to edit a number that a flow mapping takes for a key: `{rate: 0,001}`, `{0.2}`.

    Args:
        source: The text.
        start: The position of the number.
        end: The position after it.
        mapping: The position of the mapping.
    """
    comma = _DECIMAL_COMMA.search(source.text, mapping, end)
    if comma is not None and comma.end(2) == end and comma.start(2) == start:
        text = f"expected a number, received {comma[0]} with a decimal comma"
        return Repair(*comma.span(), text, f"write {comma[1]}.{comma[2]}")
    alone = source.text[mapping + 1 : start].isspace() or mapping + 1 == start
    if source.text[mapping] == "{" and alone and source.text[end:].lstrip()[:1] == "}":
        number = source.text[start:end]
        return Repair(mapping, end, f"expected a value, received {number} in braces", f"write {number} without braces")
    if source.text[mapping] == "{" and source.text[end:].lstrip()[:1] in (",", "}"):
        number, before = source.text[start:end], _ENTRY_AT_END.search(source.text[mapping:start])
        hint = f"write {before[1]}: [{before[2]}, {number}]" if before else f"write the key, as in units: {number}"
        return Repair(start, end, f"expected a key and a value, received {number}", hint)
    return None


def misread_word(source: SourceText, start: int, end: int, collection: int) -> Repair | None:
    """Return where to edit a plain word that holds a bracket: the end of a tuple, or a key without its colon.

    Args:
        source: The text.
        start: The position of the word.
        end: The position after it.
        collection: The position of the mapping or list that it is in.
    """
    word = source.text[start:end]
    found = _TUPLE.search(source.text, collection, end) if word.endswith(")") and "(" not in word else None
    if found is not None and found.start() < start:
        if source.text[found.start() - 1].isalnum():
            hint = "write the name with its arguments inside: {Name: {argument: value}}"
            return Repair(*found.span(), f"expected plain values, received a call with {found[0]}", hint)
        text = f"expected a list in brackets, received {found[0]}"
        return Repair(*found.span(), text, f"write [{found[1].strip().rstrip(',')}]")
    bracket = _BRACKET_IN_KEY.fullmatch(word)
    if bracket is None:
        return None
    rest = source.text[start + bracket.start(2) : source.line_span(source.line_of(start))[1]].split(" #")[0].rstrip()
    if _CLOSING[bracket[2]] in word or not rest.endswith(_CLOSING[bracket[2]]) or _missing_brackets(rest):
        return None
    text = f"expected ': ' between '{bracket[1]}' and '{bracket[2]}'"
    return Repair(start, end, text, f"write {bracket[1]}: {rest}")
