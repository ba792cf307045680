"""Text files of any encoding, detected or given in the config; a wrong byte is reported with its place."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


#: Byte order marks; the longer ones first, as UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Nearly all files without a mark that are not UTF-8 are Windows' Western European.
_OLD = "cp1252"
#: How much of a file without a mark is searched for the zeros of UTF-16.
_START = 4096


def read_text(file: Path, encoding: str | None) -> tuple[str, str]:
    """Return a text, with every line end as one character, and its encoding.

    Args:
        file: The file.
        encoding: Its encoding; None detects it: by its byte order mark, else UTF-8, else Windows' Western European.

    Raises:
        DataError: A byte is not of the encoding; its offset is named.
    """
    content = file.read_bytes()
    known = encoding or detect_encoding(content)
    try:
        return unix_line_ends(content.decode(known)), known
    except UnicodeDecodeError as error:
        # Decoded first, as a line end may be several bytes, or one byte of another character.
        before = unix_line_ends(content[: error.start].decode(known, "replace"))
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DataError(
            f"the byte 0x{content[error.start]:02X} at offset {error.start} (line {line}, column {column}) is not "
            f"{known}: {error.reason}",
            file=file,
            hint="write the file's `encoding`, such as cp1252, or correct that byte",
        ) from None
    except UnicodeError as error:
        raise DataError(f"the file is no {known} text: {error}", file=file, hint="write its `encoding`") from None
    except LookupError:
        hint = "write one that Python knows, such as utf-8, latin-1 or cp1252"
        raise DataError(f"there is no encoding {known!r}", file=file, hint=hint) from None


def unix_line_ends(text: str) -> str:
    """Return a text with every line end as one character."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def detect_encoding(content: bytes) -> str:
    """Return the encoding of a text: by its mark, by the zeros of UTF-16, as UTF-8, else as Windows' Western European.

    A file with more characters that only UTF-8 has than bytes that it cannot have is a damaged UTF-8 file: it stays
    UTF-8, so that the damage is reported and not read as odd letters.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        return marked
    start = content[:_START]
    if start.count(0) > len(start) // 4:
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    if _is_encoded(content, "utf-8"):
        return "utf-8"
    text = content.decode("utf-8", errors="replace")
    wrong = text.count("\N{REPLACEMENT CHARACTER}")
    valid = sum(not character.isascii() for character in text) - wrong
    return _OLD if wrong > valid and _is_encoded(content, _OLD) else "utf-8"


def _is_encoded(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
