"""Plain data as YAML text that reads back as the same data, in the shape a person would write it."""

from __future__ import annotations

import math
import re
from typing import Any

from nnrun.config.parser import is_text

_WIDTH = 100
#: YAML refuses a longer key unless a '?' introduces it (the limit is 1,024 characters).
_LONGEST_KEY = 1_000

_PLAIN = re.compile(r"(?:[^\W\d]|\$|\.{0,2}/)(?:[\w$./ +=@%()-]*[\w$./+=@%()-])?")
#: What must be written as an escape: control characters, and what YAML takes for a line end or a byte order mark.
_ESCAPED = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
#: Plain text in YAML 1.2 but truth values to readers of YAML 1.1, so quoted for their sake.
_WORDS_OF_1_1 = frozenset({"y", "n", "yes", "no", "on", "off"})


def dump(data: dict[str, Any]) -> str:
    """The YAML text of a mapping: sections as blocks, short parts on one line.

    Raises:
        TypeError: The data hold something else than text keys, text, numbers, truth values, None, lists and mappings.
    """
    return "\n".join(_block(data, 0, sections=True) if data else ["{}"]) + "\n"


def flow(value: Any) -> str:
    """A value as YAML on one line: `{filters: 32, kernel_size: [5, 5]}`.

    Raises:
        TypeError: As for `dump`.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _scalar(value)


def _block(value: Any, indent: int, *, sections: bool = False) -> list[str]:
    """The lines of a mapping or list that is not empty."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _entry(_key(key), item, indent, section=sections)]
    return [line for item in value for line in _item(item, indent)]


def _entry(key: str, value: Any, indent: int, *, section: bool) -> list[str]:
    head = " " * indent + (f"? {key}\n{' ' * indent}:" if len(key) > _LONGEST_KEY else f"{key}:")
    inline = None if section and isinstance(value, dict) and value else _inline(value, _WIDTH - len(head) - 1)
    return [f"{head} {inline}"] if inline is not None else [head, *_block(value, indent + 2)]


def _item(value: Any, indent: int) -> list[str]:
    head = f"{' ' * indent}- "
    is_part = isinstance(value, dict) and len(value) == 1
    inline = None if is_part else _inline(value, _WIDTH - len(head))
    if inline is not None:
        return [head + inline]
    first, *rest = _block(value, indent + 2)
    return [head + first[indent + 2 :], *rest]


def _inline(value: Any, room: int) -> str | None:
    """The value on one line, or None where it is better written as a block."""
    if not isinstance(value, (dict, list, tuple)):
        return _scalar(value)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if len(value) > room or _holds_parts(value):
        return None
    written = flow(value)
    return written if len(written) <= room else None


def _holds_parts(value: Any) -> bool:
    """Whether there is a list of mappings (of parts, that is) somewhere inside."""
    if isinstance(value, dict):
        return any(_holds_parts(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, dict) or _holds_parts(item) for item in value)
    return False


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"expected a text as the key, received {key!r}")
    return _text(key)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"expected plain data, received {value!r} of type {type(value).__name__}")


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return float.__repr__(value)


def _text(text: str) -> str:
    if _ESCAPED.search(text):
        return '"' + _ESCAPED.sub(_escape, text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    if _PLAIN.fullmatch(text) and is_text(text) and text.lower() not in _WORDS_OF_1_1:
        return text
    return "'" + text.replace("'", "''") + "'"


def _escape(found: re.Match[str]) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    code = ord(found.group())
    return short.get(found.group()) or (f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}")
