"""Hostile data files: arrays, tables, pictures, texts, and what is no file at all."""

# ruff: noqa: E501 - one line for each input, as a table

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from hostile_inputs import MARKER, Hostile

_TRAINING = "training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1}\n"
_MODEL = "model: [Flatten, {Dense: {units: $classes, activation: softmax}}]\n"


def _config(source: str, model: str = _MODEL, training: str = _TRAINING, more: str = "") -> str:
    return f"name: hostile\ndata: {{source: {source}{more}}}\n{model}{training}"


def npy(header: bytes, body: bytes = b"\0" * 64, version: bytes = b"\x01\x00") -> bytes:
    """Return an npy file with any header."""
    size = struct.pack("<H", len(header) & 0xFFFF) if version == b"\x01\x00" else struct.pack("<I", len(header))
    return b"\x93NUMPY" + version + size + header + body


def array(shape: str, kind: str = "<f4") -> bytes:
    """Return the header of an array."""
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()


def npz(members: dict[str, bytes]) -> bytes:
    """Return an npz file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _npz(members: Callable[[], bytes]) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_config("{npz: {file: d.npz}}"))
        (folder / "d.npz").write_bytes(members())

    return prepare


def _arrays(x: bytes, y: bytes | None = None) -> Callable[[Path], object]:
    return _npz(lambda: npz({"x.npy": x, "y.npy": y or npy(array("(4,)", "<i4"), b"\0" * 16)}))


def _flipped() -> bytes:
    good = bytearray(npz({"x.npy": npy(array("(4, 4)"), bytes(64)), "y.npy": npy(array("(4,)", "<i4"), bytes(16))}))
    at = good.index(b"x.npy") + len(b"x.npy")
    good[at + 4 : at + 20] = b"\xff" * 16
    return bytes(good)


def _text_bomb() -> bytes:
    """Return a picture with a comment of 200 MB in 200 KB."""
    content = b"Comment\0\0" + zlib.compress(bytes(200_000_000))
    chunk = struct.pack(">I", len(content)) + b"zTXt" + content + struct.pack(">I", zlib.crc32(b"zTXt" + content))
    good = png()
    return good[:33] + chunk + good[33:]


def _bomb() -> bytes:
    """Return an array of 40 TB in an archive that says so, of which the first 40 MB are there."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(array("(10000000000, 1000)"), bytes(40_000_000)))
        archive.writestr("y.npy", npy(array("(10000000000,)", "<i4"), b""))
    # The size in the directory is wrong, too: that of the local header does not count.
    content = stream.getvalue()
    at = content.index(b"PK\x01\x02") + 24
    return content[:at] + struct.pack("<I", 0xFFFFFFF0) + content[at + 4 :]


class _Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {MARKER}",)


def _pickle() -> bytes:
    import pickle

    return npy(array("(1,)", "|O"), pickle.dumps([_Runs()]))


def _write(name: str, content: bytes | str, source: str, **config: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_config(source, **config))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            (folder / name).write_text(content)
        else:
            (folder / name).write_bytes(content)

    return prepare


def _link(name: str, target: str, source: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_config(source))
        (folder / name).symlink_to(target)

    return prepare


def _fifo(name: str, source: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_config(source))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / name)

    return prepare


def png(width: int = 2, height: int = 2, kind: int = 0, body: bytes | None = None) -> bytes:
    """Return a picture in grey whose header says any size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = body if body is not None else zlib.compress((b"\0" + b"\0" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _pictures(**special: object) -> Callable[[Path], object]:
    """Prepare two folders of pictures; `special` replaces files by name with `__` for a slash."""

    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_text(_config("{images: {folder: p, colour: grey}}", more=", split: {test: 0.25}"))
        for name in ("a", "b"):
            (folder / "p" / name).mkdir(parents=True)
            for number in range(4):
                (folder / "p" / name / f"{number}.png").write_bytes(png())
        for name, content in special.items():
            file = folder / "p" / f"{name.replace('__', '/')}.png"
            if callable(content):
                content(file)
            else:
                file.write_bytes(content)

    return prepare


def _csv(text: str | bytes, target: str = "t", more: str = "") -> Callable[[Path], object]:
    return _write("d.csv", text, f"{{csv: {{file: d.csv, target: {target}}}}}", more=more)


_NPZ, _CSV = "{npz: {file: d.npz}}", "{csv: {file: d.csv, target: t}}"
_CHECK, _TRAIN = ("check c.yaml",), ("train c.yaml --runs-dir runs -q",)

# fmt: off
INPUTS = [
    Hostile(name, tries, run, prepare, code, says, **more)
    for name, tries, run, prepare, code, says, more in [
        ("npz-open-brackets", "a header of 4,000 open brackets", _CHECK, _arrays(npy(array("(" * 4000))), 2, "cannot be read", {}),
        ("npz-deep-list", "a header of a list in lists, too deep to parse", _CHECK, _arrays(npy(array("[" * 300 + "]" * 300))), 2, "cannot be read", {}),
        ("npz-deep-minus", "a header of 5,000 minus signs before a number", _CHECK, _arrays(npy(array("(" + "-" * 5000 + "1,)"))), 2, "cannot be read", {}),
        ("npz-header-4gb", "a header that says it is 4 GB long", _CHECK, _arrays(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100), 2, "cannot be read", {}),
        ("npz-header-1mb", "a header of 1 MB of blanks", _CHECK, _arrays(npy(array("(4, 4)") + b" " * 1_000_000, version=b"\x02\x00")), 2, "cannot be read", {}),
        ("npz-header-call", "a header that is Python code", _CHECK, _arrays(npy(f"__import__('os').system('touch {MARKER}')\n".encode())), 2, "cannot be read", {}),
        ("npz-flipped-bytes", "deflated bytes that were changed", _CHECK, _npz(_flipped), 2, "cannot be read", {}),
        ("npz-negative-shape", "an array of shape (-4, 4)", _CHECK, _arrays(npy(array("(-4, 4)"))), 2, "cannot be read", {}),
        ("npz-huge-shape", "an array that says it has 2^62 rows", _CHECK, _arrays(npy(array("(4611686018427387904, 4)"))), 2, "", {}),
        ("npz-shape-of-text", "a shape with text in it", _CHECK, _arrays(npy(array("('a', 4)"))), 2, "cannot be read", {}),
        ("npz-true-shape", "a shape of True", _CHECK, _arrays(npy(array("(True, 4)"))), 2, "", {}),
        ("npz-short-body", "an array of which only the start is there", _TRAIN, _arrays(npy(array("(4, 4000)"))), 2, "", {}),
        ("npz-pickle", "an array of Python objects that run code when read", _CHECK, _npz(lambda: npz({"x.npy": _pickle(), "y.npy": _pickle()})), 2, "could run code", {}),
        ("npz-bomb", "40 TB in 40 KB: neither the header nor the directory tells the truth", _TRAIN, _npz(_bomb), 2, "", {}),
        ("npz-many-members", "an archive of 20,000 arrays", _CHECK, _npz(lambda: npz({f"a{n}.npy": b"" for n in range(20000)})), 2, "", {}),
        ("npz-escaping-member", "an array whose name leads out of the folder", _CHECK, _npz(lambda: npz({"../../victim/x.npy": npy(array("(4, 4)")), "y.npy": npy(array("(4,)", "<i4"))})), 2, "", {}),
        ("npz-encrypted", "an encrypted array", _CHECK, _npz(lambda: npz({"x.npy": npy(array("(4, 4)"))}).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")), 2, "", {}),
        ("npy-of-nothing", "an empty npy file", _CHECK, _write("x.npy", b"", "{npz: {arrays: {x: x.npy, y: x.npy}}}"), 2, "cannot be read", {}),
        ("npy-pickle", "an npy file of Python objects", _CHECK, _write("x.npy", _pickle(), "{npz: {arrays: {x: x.npy, y: x.npy}}}"), 2, "could run code", {}),
        ("pickle-as-csv", "a pickle that is called csv", _CHECK, _csv(__import__("pickle").dumps(_Runs(), protocol=4)), 2, "", {}),
        ("csv-fifo", "a named pipe in place of a table, which nobody writes", _CHECK, _fifo("d.csv", _CSV), 2, "", {}),
        ("csv-dev-zero", "a link to /dev/zero in place of a table", _CHECK, _link("d.csv", "/dev/zero", _CSV), 2, "", {}),
        ("npz-dev-zero", "a link to /dev/zero in place of arrays", _CHECK, _link("d.npz", "/dev/zero", _NPZ), 2, "", {}),
        ("text-fifo", "a named pipe in place of a text", _CHECK, _fifo("d.txt", "{text: {file: d.txt, window: 4}}"), 2, "", {}),
        ("text-dev-zero", "a link to /dev/zero in place of a text", _CHECK, _link("d.txt", "/dev/zero", "{text: {file: d.txt, window: 4}}"), 2, "", {}),
        ("csv-nul-bytes", "a table of 100,000 NUL bytes", _CHECK, _csv(b"\0" * 100_000), 2, "", {}),
        ("csv-one-line", "a table of one line of 30 MB", _CHECK, _csv("a,t\n" + "1" * 30_000_000), 2, "", {}),
        ("csv-open-quote", "a quote that is never closed before 10 MB", _CHECK, _csv('a,t\n"' + "1,2\n" * 2_500_000), 2, "", {}),
        ("csv-many-columns", "a table of 20,000 columns", _CHECK, _csv(",".join(f"c{n}" for n in range(20_000)) + ",t\n" + "1," * 20_000 + "1\n"), 2, "", {}),
        ("csv-huge-number", "numbers of 100,000 digits", _CHECK, _csv("a,t\n" + f"{'9' * 100_000},0\n{'9' * 100_000},1\n" * 3), 2, "", {}),
        ("csv-1e39", "a number that float32 cannot hold", _TRAIN, _csv("a,t\n" + "1e39,0\n2,1\n" * 20, more=", split: {test: 0.25}"), 2, "beyond float32", {}),
        ("csv-formulas-in-header", "names of columns that a spreadsheet runs", _CHECK, _csv("=cmd|' /C calc'!A0,t\n" + "1,0\n2,1\n" * 20), 0, "", {}),
        ("picture-fifo", "a named pipe among pictures", _CHECK, _pictures(a__9=os.mkfifo), 2, "", {}),
        ("picture-dev-zero", "a link to /dev/zero among pictures", _CHECK, _pictures(a__9=lambda file: file.symlink_to("/dev/zero")), 2, "", {}),
        ("picture-bomb", "a picture of 60,000 x 60,000 pixels in 100 bytes", _CHECK, _pictures(a__0=png(60_000, 60_000, body=b"x")), 2, "", {}),
        ("picture-first-bomb", "a size of 3.6 gigapixels that all pictures state", _CHECK, _pictures(**{f"{c}__{n}": png(60_000, 60_000, body=b"x") for c in "ab" for n in range(4)}), 2, "", {}),
        ("picture-text-bomb", "a picture whose compressed comment is 200 MB", _CHECK, _pictures(a__0=_text_bomb()), 2, "", {}),
        ("picture-of-nothing", "an empty picture", _CHECK, _pictures(a__0=b""), 2, "", {}),
        ("picture-script", "an SVG with a script, called PNG", _CHECK, _pictures(a__0=b"<svg onload='alert(1)'/>"), 2, "", {}),
        ("picture-loop", "a link among pictures that leads to its own folder", _CHECK, _pictures(a__9=lambda file: file.with_suffix("").symlink_to("..")), 0, "", {}),
        ("gz-bomb", "a compressed line of 100 MB in 100 KB", _CHECK, _write("d.csv.gz", __import__("gzip").compress(b"a,t\n" + b"0" * 100_000_000), "{csv: {file: d.csv.gz, target: t}}"), 2, "", {}),
        ("parquet-of-nothing", "a parquet file of its mark only", _CHECK, _write("d.parquet", b"PAR1" + b"\xff" * 64 + b"PAR1", "{parquet: {file: d.parquet, target: t}}"), 2, "", {}),
        ("idx-huge", "an IDX file that says it has 2^96 values", _CHECK, _write("x.idx", b"\0\0\x08\x03" + b"\xff" * 12, "{idx: {images: x.idx, labels: x.idx}}"), 2, "", {}),
    ]
]
