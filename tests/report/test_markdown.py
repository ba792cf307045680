"""Texts of a run folder in Markdown and in YAML front matter."""

from __future__ import annotations

import re
from itertools import pairwise

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nnrun.report.markdown import as_markdown, as_paragraph, code_block, front_matter, markdown_table, one_line

TEXTS = st.text() | st.text("|\\`*_[]()<>&#-+=.!~$1\n\t \r:@^{}'\"ax\u2028\u202e\x85", max_size=12)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _shown(markdown: str) -> tuple[list[str], str]:
    """Return the elements that Markdown becomes, and the text that a reader sees."""
    kinds: list[str] = []
    text = ""
    for token in MARKDOWN.parse(markdown):
        if token.type != "inline":
            kinds.append(token.type)
        for child in token.children or ():
            kinds += [] if child.type in ("text", "text_special") else [child.type]
            text += child.content
    return kinds, text


def _spaces(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@given(TEXTS)
@example("<script>alert(1)</script>")
@example("![x](https://example.org/x.png)")
@example("<!-- a")
@example("<?x")
@example("<pre")
@example("--> | `a` **b**")
@example("1. a")
@example("- a")
@example("---")
@example("===")
@example("    a")
def test_any_text_stays_text(text: str) -> None:
    """A paragraph, an item of a list and a heading show any text as it is, and have no other elements."""
    shown = _spaces(one_line(text))
    for before, written in (("", as_paragraph(text)), ("- ", as_paragraph(text)), ("- **a**: ", as_markdown(text))):
        kinds, found = _shown(f"{before}{written}\n")
        extra = {"- ": {"bullet_list_open", "list_item_open", "list_item_close", "bullet_list_close"}}
        allowed = {"paragraph_open", "paragraph_close"} | extra.get(before[:2], set())
        allowed |= {"strong_open", "strong_close"} if "*" in before else set()
        assert set(kinds) <= allowed, written
        assert _spaces(found) == _spaces(("a: " if "*" in before else "") + shown)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
@example([("", "0\xa00")])
def test_any_texts_leave_a_table_intact(rows: list[tuple[str, str]]) -> None:
    """A table has as many rows and cells as were given, each with its text, and nothing else."""
    tokens = MARKDOWN.parse(markdown_table(("a", "b"), rows) + "\n\nafter")
    cells = [token.content for before, token in pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 2 * len(rows)
    assert sum(token.type == "table_open" for token in tokens) == 1
    kinds, text = _shown(markdown_table(("a", "b"), rows))
    assert not [kind for kind in kinds if not re.match(r"(table|thead|tbody|tr|th|td)_", kind)]
    expected = _spaces("".join(map(one_line, sum(rows, ()))))
    assert _spaces(text).replace(" ", "") == "ab" + expected.replace(" ", "")


@given(TEXTS)
@example("```\n<script>\n~~~~")
def test_any_text_stays_in_a_block_of_code(text: str) -> None:
    """A block of code ends where it should."""
    tokens = MARKDOWN.parse(f"{code_block(text)}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(TEXTS, TEXTS)
@example("a\n---\nb: c", "# x")
def test_any_text_leaves_the_front_matter_valid(name: str, other: str) -> None:
    """The front matter is YAML that gives every text back on one line, and ends where it should."""
    written = front_matter({"name": name, "list": [{"name": other, "value": 0.5}]}, ("license",))
    # As huggingface_hub finds it.
    match = re.match(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\r|\n|$))", written)
    assert match is not None
    assert match.end() == len(written)
    assert yaml.safe_load(match[2]) == {"name": one_line(name), "list": [{"name": one_line(other), "value": 0.5}]}
