"""Reading a config file's text: what is missing, too large or no text at all is said before anything is parsed."""

from __future__ import annotations

import re
import stat
from bisect import bisect_right
from functools import cached_property
from pathlib import Path as FilePath

from nnrun.config.hints import did_you_mean
from nnrun.errors import ConfigError, Mark, Problem

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
        source = SourceText(raw.decode("utf-8", errors="replace"), str(file))
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


#: An editor's line ends. YAML 1.1 also breaks lines at U+0085 and U+2028, which editors do not count.
_LINE_END = re.compile(r"\r\n|\n|\r")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class SourceText:
    """A text that knows where its lines begin.

    Args:
        text: The text, without a byte order mark.
        file: The name that marks carry.
        shown: What marks show instead of the text, of the same length.
    """

    def __init__(self, text: str, file: str, shown: str | None = None) -> None:
        self.text = text
        self.shown = text if shown is None else shown
        self._cut: dict[int, str] = {}
        self.file = file

    @cached_property
    def _lines(self) -> tuple[list[int], list[int]]:
        """Where each line begins, and where it ends before its line end."""
        breaks = list(_LINE_END.finditer(self.text))
        return [0, *(found.end() for found in breaks)], [*(found.start() for found in breaks), len(self.text)]

    def mark(self, start: int, end: int) -> Mark:
        """The mark of the characters from `start` up to `end`, cut at the end of the first line."""
        begins, ends = self._lines
        line = bisect_right(begins, start) - 1
        # Marks share their line: with a copy each, a config of 1 MB on one line would take more memory than there is.
        if line not in self._cut:
            self._cut[line] = self.shown[begins[line] : ends[line]]
        length = max(1, min(end, ends[line]) - start)
        return Mark(self.file, line + 1, start - begins[line] + 1, length, self._cut[line])

    def line_of(self, position: int) -> int:
        """The line of a position, counted from 1."""
        return bisect_right(self._lines[0], position)

    def line_span(self, line: int) -> tuple[int, int]:
        """Where a line (counted from 1) begins and ends."""
        return self._lines[0][line - 1], self._lines[1][line - 1]

    def refuse_unprintable(self) -> None:
        """Raise where the text holds a character that YAML does not allow.

        Raises:
            ConfigError: With the place of the first such character.
        """
        found = _UNPRINTABLE.search(self.shown)
        if not found:
            return
        if "\0" in self.shown:
            text, hint = "expected a text file, received binary data (it holds a NUL character)", "give a YAML file"
        else:
            text = f"expected printable text, received the control character U+{ord(found.group()):04X}"
            hint = "delete it, or write it as an escape in double quotes"
        raise ConfigError([Problem(self.mark(found.start(), found.end()), text, hint)])


def shipped_folder() -> FilePath:
    """Give the folder of shipped configs: inside the installed package, or at the top of a checkout."""
    package = FilePath(__file__).resolve().parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def shipped_configs() -> dict[str, FilePath]:
    """Give every shipped config by the name it goes by: its path below the folder, without its ending."""
    return {
        path.relative_to(shipped_folder()).with_suffix("").as_posix(): path
        for path in sorted(shipped_folder().rglob("*.yaml"))
    }


def find_config(word: str) -> FilePath:
    """Turn what a user typed into a config's path: a file that is there, else a shipped config of that name."""
    path = FilePath(word)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    return shipped_configs().get(word, path)
