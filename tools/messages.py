"""Keep the translations of nnrun's messages: `ROOM.po` in `src/nnrun/locale/es/LC_MESSAGES`, and `nnrun.mo` of them.

    python tools/messages.py                    read the messages of src/nnrun, keep their translations, write all files
    python tools/messages.py pending ROOM FILE  write what ROOM lacks: a line `["KEY", "text", "translation"]` for each
    python tools/messages.py fill FILE          read such lines with their translations, and write all files

Run it from a checkout. A translation has the placeholders of its message, `{0}`, `{1}`, ..., in any order.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
from extract_messages import SOURCE, Message, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FOLDER = SOURCE / "locale" / "es" / "LC_MESSAGES"
CATALOG = FOLDER / "nnrun.mo"
COMMAND = "python tools/messages.py"
#: Whole messages, one catalog: nnrun forms plurals as messages of their own.
HEADER = "Content-Type: text/plain; charset=UTF-8\nLanguage: es\nMIME-Version: 1.0\nProject-Id-Version: nnrun\n"
_FIELD = re.compile(r'^(msgctxt|msgid|msgstr) ("(?:[^"\\]|\\.)*")$')


@dataclass
class Catalog:
    """Translations by context and text.

    Attributes:
        translations: The translation of each message; messages without one are absent.
    """

    translations: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Catalog:
        """Read the `.po` files of a folder."""
        catalog = cls()
        for file in sorted(folder.glob("*.po")):
            catalog.translations |= read_po(file.read_text(encoding="utf-8"))
        return catalog

    def missing(self, found: Iterable[Message]) -> list[Message]:
        """Return the messages without a translation."""
        return [message for message in found if message.key not in self.translations]

    def files(self, found: Iterable[Message]) -> dict[str, bytes]:
        """Return the content of each file by its name: a `.po` file for each room, and the catalog that nnrun reads."""
        rooms: dict[str, list[Message]] = defaultdict(list)
        for message in found:
            rooms[message.room].append(message)
        content = {f"{room}.po": po_text(each, self.translations).encode() for room, each in rooms.items()}
        known = {key for each in rooms.values() for message in each if (key := message.key) in self.translations}
        content[CATALOG.name] = mo_bytes({key: self.translations[key] for key in known})
        return content

    def write(self, folder: Path = FOLDER) -> None:
        """Write all files; translations of messages that are gone are dropped."""
        content = self.files(messages())
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.po"):
            if file.name not in content:
                file.unlink()
        for name, each in content.items():
            (folder / name).write_bytes(each)


def read_po(text: str) -> dict[tuple[str, str], str]:
    """Return the translations in a `.po` file; those that are empty are left out."""
    found: dict[tuple[str, str], str] = {}
    for entry in text.split("\n\n"):
        joined = re.sub(r'"\n"', "", entry)
        fields = {match[1]: json.loads(match[2]) for line in joined.split("\n") if (match := _FIELD.match(line))}
        if fields.get("msgid") and fields.get("msgstr"):
            found[fields.get("msgctxt", ""), fields["msgid"]] = fields["msgstr"]
    return found


def po_text(each: Iterable[Message], translations: Mapping[tuple[str, str], str]) -> str:
    """Return the text of a `.po` file: messages in the order of files, without numbers of lines, which change often."""
    header = "".join(f'"{line}\\n"\n' for line in HEADER.splitlines())
    entries = [f'# Read by {COMMAND}, which keeps the translations.\nmsgid ""\nmsgstr ""\n{header}']
    for message in each:
        lines = [f"#: {message.file}", *(["#, python-brace-format"] if placeholders(message.text) else [])]
        lines += [f"msgctxt {_quoted(message.context)}"] if message.context else []
        lines += [f"msgid {_quoted(message.text)}", f"msgstr {_quoted(translations.get(message.key, ''))}"]
        entries.append("\n".join(lines) + "\n")
    return "\n".join(entries)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def mo_bytes(translations: Mapping[tuple[str, str], str]) -> bytes:
    """Return a catalog in gettext's binary format (GNU gettext manual, "The Format of GNU MO Files")."""
    texts = {
        (f"{context}\x04{text}" if context else text): translated
        for (context, text), translated in translations.items()
    }
    pairs = [
        (text.encode(), translated.encode())
        for text, translated in sorted({"": HEADER, **texts}.items(), key=lambda pair: pair[0].encode())
    ]
    count, start = len(pairs), 28
    position, strings, tables = start + 16 * count, b"", (b"", b"")
    for side in (0, 1):
        table = b""
        for pair in pairs:
            table += struct.pack("<II", len(pair[side]), position + len(strings))
            strings += pair[side] + b"\0"
        tables = (table, tables[1]) if side == 0 else (tables[0], table)
    head = struct.pack("<7I", 0x950412DE, 0, count, start, start + 8 * count, 0, start + 16 * count)
    return head + tables[0] + tables[1] + strings


def placeholders(text: str) -> list[str]:
    """Return the placeholders of a template, sorted.

    Raises:
        ValueError: A brace of the text is not doubled.
    """
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def key(message: Message) -> str:
    """Return the short name of a message in the lines for a translator."""
    return hashlib.sha256("\0".join(message.key).encode()).hexdigest()[:8]


def pending_lines(missing: Iterable[Message]) -> Iterator[str]:
    """Yield the lines for a translator, with a comment before those of each file."""
    file = ""
    for message in missing:
        if message.file != file:
            file = message.file
            yield f"# {file}"
        yield json.dumps([key(message), message.text, ""], ensure_ascii=False)


def fill(lines: Iterable[str], catalog: Catalog) -> list[str]:
    """Add the translations of such lines (first and last element count), and return what is wrong with others."""
    known, wrong = {key(message): message for message in messages()}, []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, *_, translated = json.loads(line)
            message = known[name]
            matches = placeholders(translated) == placeholders(message.text)
        except (ValueError, KeyError) as error:
            wrong.append(f"{line}: {type(error).__name__}: {error}")
            continue
        if not matches:
            wrong.append(f"{line}: expected the placeholders {placeholders(message.text)}")
        elif translated:
            catalog.translations[message.key] = translated
    return wrong


def main(words: list[str]) -> int:
    """Run the command line; return the exit code."""
    catalog = Catalog.read()
    if words[:1] == ["pending"]:
        missing = [message for message in catalog.missing(messages()) if message.room == words[1]]
        Path(words[2]).write_text("".join(f"{line}\n" for line in pending_lines(missing)), encoding="utf-8")
        print(f"{len(missing)} messages of {words[1]} have no translation")
        return 0
    wrong = fill(Path(words[1]).read_text(encoding="utf-8").splitlines(), catalog) if words[:1] == ["fill"] else []
    catalog.write()
    for line in wrong:
        print(f"not taken: {line}")
    rooms: dict[str, int] = defaultdict(int)
    for message in catalog.missing(messages()):
        rooms[message.room] += 1
    print(f"without a translation: {', '.join(f'{room} {count}' for room, count in sorted(rooms.items())) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
