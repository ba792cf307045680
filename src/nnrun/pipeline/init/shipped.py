"""A config that comes with nnrun, as a file of one's own that depends on no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nnrun.config import extends
from nnrun.config.dump import dump
from nnrun.config.files import read_text, shipped_folder

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = re.compile(r"^# yaml-language-server: \$schema=.*\n", re.MULTILINE)
_SCHEMA_NAME = "nnrun.schema.json"


def copied_config(source: Path, out: Path) -> str:
    """Return the text of a config that comes with nnrun for another folder.

    What it extends is merged in, so that it needs no other file; else its text stays as it is. Its first line names
    the schema of the new folder, if there is one, and the command in its comment names the new file.

    Args:
        source: The config.
        out: The file to be written.

    Raises:
        ConfigError: It cannot be read.
    """
    text = _SCHEMA.sub("", read_text(source))
    document = extends.read(source)
    if document.sources:
        comments = [line for line in text.splitlines() if line.startswith("#")]
        text = "\n".join([*comments, dump(document.data)])
    name = source.relative_to(shipped_folder()).with_suffix("").as_posix()
    text = re.sub(rf"^(#.*\bnnrun train ){re.escape(name)}(?![\w/])", rf"\g<1>{out.name}", text, flags=re.MULTILINE)
    return schema_line(out) + text


def schema_line(out: Path) -> str:
    """Return the first line that connects a config with the schema next to it; nothing where there is none."""
    return (
        f"# yaml-language-server: $schema=./{_SCHEMA_NAME}\n"
        if (out.absolute().parent / _SCHEMA_NAME).is_file()
        else ""
    )
