"""Reading a config file's text: what is missing, too large or no text at all is said before anything is parsed."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.config.source import Source
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path as FilePath

LARGEST = 1_000_000
_BOM = b"\xef\xbb\xbf"


def read_text(file: FilePath) -> str:
    """The text of a config file, without a byte order mark.

    Raises:
        ConfigError: The file is missing, a folder, unreadable, too large or not UTF-8.
    """
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refused(file, "expected a config file, received a folder", _neighbours(file, ""))
        if status.st_size > LARGEST:
            raise _too_large(file, status.st_size)
        with file.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise _refused(file, "there is no such file", _neighbours(file.parent, file.name)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(file, f"the file cannot be read ({reason})", "check its name and permissions") from None
    if len(raw) > LARGEST:
        raise _too_large(file, len(raw))
    return _decode(raw.removeprefix(_BOM), file, len(_BOM) if raw.startswith(_BOM) else 0)


def _decode(raw: bytes, file: FilePath, skipped: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(raw.decode("utf-8", errors="replace"), str(file))
        start = len(raw[: error.start].decode("utf-8"))
        text = f"expected UTF-8 text, received the byte 0x{raw[error.start]:02X} at offset {error.start + skipped}"
        raise ConfigError([Problem(source.mark(start, start + 1), text, "save the file as UTF-8")]) from None


def _too_large(file: FilePath, size: int) -> ConfigError:
    return _refused(
        file,
        f"expected a config of at most {LARGEST / 1e6:g} MB, received {size / 1e6:,.1f} MB or more",
        "keep data in files of their own and name them under data:",
    )


def _refused(file: FilePath, text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(None, f"{file}: {text}", hint)])


def _neighbours(folder: FilePath, name: str) -> str | None:
    """What lies in the folder instead: the nearest name, or some names where the folder itself was given."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in {".yaml", ".yml"})
    except OSError:
        return f"there is no folder '{folder}' either"
    if name:
        return did_you_mean(name, names)
    return f"name one of its files: {', '.join(names[:5])}" if names else "it holds no *.yaml files"
