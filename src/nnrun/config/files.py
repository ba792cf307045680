"""Files of the language: configs that come with nnrun, the text of any config, and nnrun's own tables."""

from __future__ import annotations

import re
import stat
from bisect import bisect_right
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import yaml

from nnrun.config.hints import did_you_mean
from nnrun.errors import ConfigError, Mark, Problem

#: libyaml reads 1 MB in under a second, PyYAML's own scanner in over ten.
YamlLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_FILE_SIZE = 1_000_000
_BOM = b"\xef\xbb\xbf"
_SUFFIXES = (".yaml", ".yml")

#: Line ends of editors. YAML 1.1 also breaks lines at U+0085 and U+2028, which editors do not count.
_LINE_END = re.compile(r"\r\n|\n|\r")
#: Characters that YAML does not allow; one class of all of them takes 10 ms to compile.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff\ufeff]|[\ufffe\uffff]")


def shipped_folder() -> FilePath:
    """Return the folder of the configs that come with nnrun: in the installed package, or in a checkout."""
    package = FilePath(__file__).resolve().parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def shipped_configs() -> dict[str, FilePath]:
    """Return the configs that come with nnrun by name: the path inside their folder, without suffix."""
    folder = shipped_folder()
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}


def find_config(name: str) -> FilePath:
    """Return the config of a command-line argument: an existing file, else the shipped config of that name."""
    path = FilePath(name)
    return path if path.exists() or path.suffix in _SUFFIXES else shipped_configs().get(name, path)


def load_package_data(file: FilePath) -> dict[str, Any]:
    """Load a YAML file that belongs to nnrun itself: quickly, without places and checks."""
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=YamlLoader)  # noqa: S506 (a safe loader)
    return loaded


def neighbouring_configs(folder: FilePath) -> list[str]:
    """Return the names of the YAML files in a folder.

    Raises:
        OSError: The folder cannot be read.
    """
    return sorted(entry.name for entry in folder.iterdir() if entry.suffix in _SUFFIXES)


def read_text(file: FilePath) -> str:
    """Return the text of a config file, without a byte order mark.

    Raises:
        ConfigError: The file is missing, a folder, unreadable, too large or not UTF-8.
    """
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refused(file, "expected a config file, received a folder", _other_files(file, ""))
        if status.st_size > MAX_FILE_SIZE:
            raise _too_large(file, status.st_size)
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError:
        raise _refused(file, "there is no such file", _other_files(file.parent, file.name)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(file, f"the file cannot be read ({reason})", "check its name and permissions") from None
    if len(raw) > MAX_FILE_SIZE:
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
    text = f"expected a config of at most {MAX_FILE_SIZE / 1e6:g} MB, received {size / 1e6:,.1f} MB or more"
    return _refused(file, text, "keep data in files of their own and name them under data:")


def _refused(file: FilePath, text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(None, f"{file}: {text}", hint)])


def _other_files(folder: FilePath, name: str) -> str | None:
    """Return a hint with the nearest name in a folder, or with some names where the folder itself was given."""
    try:
        names = neighbouring_configs(folder)
    except OSError:
        return f"there is no folder '{folder}' either"
    if name:
        return did_you_mean(name, names)
    return f"name one of its files: {', '.join(names[:5])}" if names else "it contains no *.yaml files"


class SourceText:
    """A text with the positions of its lines, which turns positions into marks.

    Args:
        text: The text, without a byte order mark.
        file: The file name for marks.
        shown: What marks show instead of the text, of the same length.
    """

    def __init__(self, text: str, file: str, shown: str | None = None) -> None:
        self.text = text
        self.shown = text if shown is None else shown
        self.file = file
        self._line_texts: dict[int, str] = {}

    @cached_property
    def _line_bounds(self) -> tuple[list[int], list[int]]:
        """The positions at which lines begin and end, line ends not included."""
        breaks = list(_LINE_END.finditer(self.text))
        return [0, *(found.end() for found in breaks)], [*(found.start() for found in breaks), len(self.text)]

    def mark(self, start: int, end: int) -> Mark:
        """Return the mark of the characters from `start` to before `end`, cut at the end of the first line."""
        starts, ends = self._line_bounds
        line = bisect_right(starts, start) - 1
        # Marks share their line: with a copy each, a config of 1 MB on one line would exhaust the memory.
        if line not in self._line_texts:
            self._line_texts[line] = self.shown[starts[line] : ends[line]]
        length = max(1, min(end, ends[line]) - start)
        return Mark(self.file, line + 1, start - starts[line] + 1, length, self._line_texts[line])

    def line_of(self, position: int) -> int:
        """Return the line of a position, counted from 1."""
        return bisect_right(self._line_bounds[0], position)

    def line_span(self, line: int) -> tuple[int, int]:
        """Return the positions at which a line (counted from 1) begins and ends."""
        return self._line_bounds[0][line - 1], self._line_bounds[1][line - 1]

    def refuse_unprintable(self) -> None:
        """Refuse characters that YAML does not allow.

        Raises:
            ConfigError: With the place of the first such character.
        """
        found = _UNPRINTABLE.search(self.shown)
        if not found:
            return
        if "\0" in self.shown:
            text, hint = "expected a text file, received binary data (with a NUL character)", "give a YAML file"
        else:
            text = f"expected printable text, received the control character U+{ord(found.group()):04X}"
            hint = "delete it, or write it as an escape in double quotes"
        raise ConfigError([Problem(self.mark(found.start(), found.end()), text, hint)])
