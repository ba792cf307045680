"""Text files of any encoding: detected or stated, and a bad byte named with its place."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


#: Marks at the start of a file that say its encoding; the longer ones first, as UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What files without a mark that are not UTF-8 are nearly always in: Windows' Western European.
_OLD = "cp1252"
#: How much of a file without a mark is searched for the zeros of UTF-16.
_START = 4096


def read_text(file: Path, encoding: str | None) -> tuple[str, str]:
    """Read a text, with every line end as one character, and say its encoding.

    Args:
        file: The file.
        encoding: Its encoding; None: by its byte order mark, else UTF-8, else Windows' Western European.

    Raises:
        DataError: A byte is not of the encoding; its offset is named.
    """
    content = file.read_bytes()
    known = encoding or detect(content)
    try:
        text = content.decode(known)
    except UnicodeError as error:
        raise _bad_byte(file, content, known, error) from None
    except LookupError:
        hint = "write one that Python knows, such as utf-8, latin-1 or cp1252"
        raise DataError(f"there is no encoding {known!r}", file=file, hint=hint) from None
    return _one_line_end(text), known


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def detect(content: bytes) -> str:
    """Tell the encoding of a text: by its mark, by the zeros of UTF-16, as UTF-8, else as Windows' Western European.

    A file with more characters that only UTF-8 has than bytes that it cannot have is a damaged UTF-8 file: it stays
    UTF-8, so that the damage is named and not read as odd letters.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        return marked
    start = content[:_START]
    if start.count(0) > len(start) // 4:
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        read = content.decode("utf-8", errors="replace")
        bad = read.count("\N{REPLACEMENT CHARACTER}")
        whole = sum(not character.isascii() for character in read) - bad
        return _OLD if bad > whole and _decodes(content, _OLD) else "utf-8"
    return "utf-8"


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _bad_byte(file: Path, content: bytes, encoding: str, error: UnicodeError) -> DataError:
    if not isinstance(error, UnicodeDecodeError):
        return DataError(f"the file is no {encoding} text: {error}", file=file, hint="state its `encoding`")
    # Decoded first, as a line end may be several bytes, or one byte of another character.
    before = _one_line_end(content[: error.start].decode(encoding, "replace"))
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return DataError(
        f"the byte 0x{content[error.start]:02X} at offset {error.start} (line {line}, column {column}) is not "
        f"{encoding}: {error.reason}",
        file=file,
        hint="state the file's `encoding`, such as cp1252, or correct that byte",
    )
