"""Plain data as YAML text that reads back as the same data, in the form a person would write."""

from __future__ import annotations

import math
import re
from typing import Any

from nnrun.config.parser import is_text

_WIDTH = 100
#: YAML allows longer keys only after a '?' (the limit is 1,024 characters).
_MAX_KEY_LENGTH = 1_000

_PLAIN = re.compile(r"(?:[^\W\d]|\$|\.{0,2}/)(?:[\w$./ +=@%()-]*[\w$./+=@%()-])?")
#: Characters that need an escape: control characters, and YAML's line ends and byte order marks. One class of all of
#: them takes 8 ms to compile.
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f]|[\u2028\u2029]|[\ud800-\udfff\ufeff]|[\ufffe\uffff]")
#: Text in YAML 1.2, but truth values for readers of YAML 1.1; written in quotes.
_YAML_1_1_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off"})


def dump(data: dict[str, Any]) -> str:
    """Return the YAML text of a mapping: sections as blocks, short parts on one line.

    Raises:
        TypeError: The data contain anything but text keys, text, numbers, truth values, None, lists and mappings.
    """
    return "\n".join(_block(data, 0, sections=True) if data else ["{}"]) + "\n"


def dump_inline(value: Any) -> str:
    """Return a value as YAML on one line (flow style): `{filters: 32, kernel_size: [5, 5]}`.

    Raises:
        TypeError: As for `dump`.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {dump_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(dump_inline(item) for item in value) + "]"
    return _scalar(value)


def _block(value: Any, indent: int, *, sections: bool = False) -> list[str]:
    """Return the lines of a mapping or list that is not empty."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _entry(_key(key), item, indent, section=sections)]
    return [line for item in value for line in _item(item, indent)]


def _entry(key: str, value: Any, indent: int, *, section: bool) -> list[str]:
    head = " " * indent + (f"? {key}\n{' ' * indent}:" if len(key) > _MAX_KEY_LENGTH else f"{key}:")
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
    """Return the value on one line, or None where a block reads better."""
    if not isinstance(value, (dict, list, tuple)):
        return _scalar(value)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if len(value) > room or _contains_parts(value):
        return None
    line = dump_inline(value)
    return line if len(line) <= room else None


def _contains_parts(value: Any) -> bool:
    """Return whether a list of mappings, that is of parts, is somewhere inside."""
    if isinstance(value, dict):
        return any(_contains_parts(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, dict) or _contains_parts(item) for item in value)
    return False


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"expected text as the key, received {key!r}")
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
    plain = _PLAIN.fullmatch(text) and is_text(text) and text.lower() not in _YAML_1_1_BOOLEANS
    # A bracket that is closed in another item would look like a tuple.
    if plain and text.count("(") == text.count(")"):
        return text
    return "'" + text.replace("'", "''") + "'"


def _escape(found: re.Match[str]) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    code = ord(found.group())
    return short.get(found.group()) or (f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}")
