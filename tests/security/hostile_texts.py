"""Hostile names and texts: what steers a terminal, runs in a page, or runs in a spreadsheet."""

# ruff: noqa: E501, RUF001 - one line for each input, as a table
# fmt: off

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostile_inputs import Hostile

TABLE = """\
name: "{name}"
data: {{source: {{csv: {{file: d.csv, target: t}}}}, split: {{test: 0.25}}}}
model: [{{Dense: {{units: $classes, activation: softmax}}}}]
training: {{loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1, batch_size: 8}}
"""


def _classes(first: str, second: str = "other", column: str = "a", name: str = "hostile") -> Callable[[Path], object]:
    """Prepare a table of two classes."""

    def prepare(folder: Path) -> None:
        quoted = [f'"{one}"' for one in (column, first, second)]
        (folder / "c.yaml").write_text(TABLE.format(name=name))
        rows = "".join(f"{n % 2},{quoted[1 + n % 2]}\n" for n in range(40))
        (folder / "d.csv").write_text(f"{quoted[0]},t\n{rows}", encoding="utf-8")

    return prepare


def _page(unwanted: str, wanted: str = "") -> Callable[[Path, str], str | None]:
    """Require of the pages and of what is printed that they show a text, and do not hold another."""

    def holds(folder: Path, output: str) -> str | None:
        pages = [file.read_text(encoding="utf-8") for file in folder.rglob("*.html")]
        if not pages:
            return "no page was made"
        if any(unwanted in page for page in pages):
            return f"a page holds {unwanted!r}"
        return None if all(wanted in page for page in pages) else f"a page lacks {wanted!r}"

    return holds


def _predictions(folder: Path, _output: str) -> str | None:
    (file,) = folder.rglob("predictions.csv")
    cells = [cell for line in file.read_text(encoding="utf-8").splitlines() for cell in line.split(",")]
    return next((f"the cell {cell!r} is run" for cell in cells if cell.strip('"')[:1] in ("=", "@", "+")), None)


TRAIN = ("train c.yaml --runs-dir runs -q --report",)
INPUTS = [
    Hostile(name, tries, TRAIN, prepare, 0, keras=True, holds=holds)
    for name, tries, prepare, holds in [
        ("class-html", "a class that is a script", _classes("<script>alert(1)</script>"), _page("<script>alert(1)", "&lt;script&gt;alert(1)")),
        ("class-svg", "a class that closes the picture that it is drawn in", _classes("</svg><img src=x onerror=alert(1)>"), _page("<img src=x")),
        ("class-jinja", "a class that is a template", _classes("{{7*7}}{% raw %}"), _page(">49{")),
        ("class-joiner", "a class with U+200C and U+200D, which are letters", _classes("می\u200cخواهم", "न\u200dक"), _page("\u202e", "می\u200cخواهم")),
        ("class-formula", "a class that a spreadsheet runs", _classes("=cmd|' /C calc'!A0", "@SUM(A1)"), _predictions),
        ("class-mathtext", "a class that is a formula of plots", _classes("$\\\\frac{a}{$"), _page("<script")),
        ("column-html", "a column that is HTML", _classes("x", column="<b onclick=x>"), _page("<b onclick")),
    ]
]
INPUTS.append(Hostile("class-direction", "a class that turns the text after it", ("check c.yaml",), _classes("abc\u202edef"), 2, "invisible character U+202E"))
