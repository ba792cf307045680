"""The reference: its pages are up to date, complete, and say nothing that nnrun refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tool_scripts import load_script

from nnrun.catalog import lookup
from nnrun.cli.main import nnrun
from nnrun.config.document import parse
from nnrun.spec import json_schema
from nnrun.spec.constructs import CONSTRUCTS, EXPECTED
from nnrun.spec.experiment import Experiment
from nnrun.spec.findings.explanations import EXPLANATIONS
from nnrun.spec.part import read_part

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCRIPT = ROOT / "tools" / "generate_reference.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Import the script, which is not part of the package."""
    return load_script("generate_reference")


@pytest.fixture(scope="module")
def generated(generator: ModuleType) -> dict[str, str]:
    """Every page, generated once."""
    return generator.pages()


def headings(text: str) -> list[str]:
    """Return the headings of a page's sections."""
    return re.findall(r"^## (.+)$", text, flags=re.MULTILINE)


def test_no_page_is_stale(generated: dict[str, str]) -> None:
    """`python tools/generate_reference.py docs/reference` would change nothing and remove nothing."""
    written = {
        path.relative_to(REFERENCE).as_posix(): path.read_text(encoding="utf-8") for path in REFERENCE.rglob("*.md")
    }
    assert sorted(written) == sorted(generated)
    assert [name for name, text in generated.items() if written[name] != text] == []


def test_every_page_names_the_command_that_generates_it(generator: ModuleType, generated: dict[str, str]) -> None:
    """A reader who would edit a page by hand finds the command at its top."""
    assert all(text.startswith(f"{generator.HEADER}\n\n# ") for text in generated.values())
    assert "python tools/generate_reference.py docs/reference" in generator.HEADER


def test_the_command_writes_every_page_and_removes_old_ones(
    generator: ModuleType, generated: dict[str, str], tmp_path: Path
) -> None:
    """The script writes every page and removes those that are no longer generated."""
    (tmp_path / "old.md").write_text("gone", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    subprocess.run([sys.executable, SCRIPT, tmp_path], env=environment, check=True)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")}
    assert found == set(generated)
    generator.write(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")} == found


@pytest.mark.parametrize("category", lookup.CATEGORIES)
def test_every_part_has_a_section_with_a_valid_example(
    generator: ModuleType, generated: dict[str, str], category: str
) -> None:
    """Each entry that a config can use is there, and its example is YAML that nnrun reads without a problem."""
    text = generated[f"parts/{category}.md"]
    entries = [
        entry
        for name in lookup.names(category)
        if (entry := lookup.entry(category, name)) and generator.is_usable(entry)
    ]
    assert headings(text) == [entry.name for entry in entries]
    examples = re.findall(r"```yaml\n(.*?)\n```", text, flags=re.DOTALL)
    assert len(examples) == len(entries)
    for entry, example in zip(entries, examples, strict=True):
        value: Any = parse(example, entry.name).data
        for _ in range(len(re.findall(r"[:-] ?", generator.PLACES[category][0]))):
            value = value[0] if isinstance(value, list) else next(iter(value.values()))
        part, problems = read_part(category, value)
        assert problems == ()
        assert part is not None
        assert part.name == entry.name


def test_hardly_any_part_is_left_out(generator: ModuleType) -> None:
    """What no page shows is what no config can name: refused, or a function that cannot be given what it needs."""
    left = {
        entry.name
        for category in lookup.CATEGORIES
        for name in lookup.names(category)
        if (entry := lookup.entry(category, name)) and not generator.is_usable(entry)
    }
    assert left <= {"categorical_generalized_cross_entropy", "threshold"}


def test_the_language_page_has_every_key(generator: ModuleType, generated: dict[str, str]) -> None:
    """Every key of every section and form has a row with a meaning."""
    text = generated["language.md"]
    for name in Experiment.known_keys():
        assert re.search(rf"^\| `{name}` \| .+ \| .+ \| .+\. \|$", text, flags=re.MULTILINE), name
    for form in CONSTRUCTS.values():
        assert form.example in text
        for name, row in form.keys.items():
            assert f"| `{name}` | {generator.escape(EXPECTED[row.type])} |" in text


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("model", "model"),
        ("layer", "stack"),
        ("repeat", "stack"),
        ("residual", "stack"),
        ("use", "stack_with_define"),
        ("output", "output"),
    ],
)
def test_examples_of_forms_are_right(name: str, definition: str) -> None:
    """The example of each form is one that the schema accepts."""
    example = CONSTRUCTS[name].example
    value = parse(f"x:\n  {example}", name).data["x"]
    value = value[{"model": "model", "output": "price"}[name]] if name in ("model", "output") else value
    whole = json_schema.schema()
    wanted = Draft202012Validator({"$ref": f"#/$defs/{definition}", "$defs": whole["$defs"]})
    assert [error.message for error in wanted.iter_errors(value)] == []


def test_every_finding_and_command_has_a_section(generated: dict[str, str]) -> None:
    """Nothing that can be looked up or typed is missing."""
    assert headings(generated["findings.md"]) == list(EXPLANATIONS)
    found = headings(generated["commands.md"])
    assert {f"nnrun {name}" for name in nnrun.commands} < set(found)
    assert {"nnrun runs list", "nnrun data fetch"} < set(found)
    assert "`--format [text\\|json\\|github\\|sarif]`" in generated["commands.md"]


def test_links_lead_somewhere() -> None:
    """Relative links of all pages of the docs, and of the README, name files that are there."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a_b <c> [d] *e* | f", r"a\_b \<c\> \[d\] \*e\* \| f"), ("`a_b|c` and\n  x_y", r"`a_b\|c` and x\_y"), ("", "")],
)
def test_special_characters_are_escaped(generator: ModuleType, text: str, expected: str) -> None:
    """A docstring's characters have no effect as Markdown, and its text stays in its cell of a table."""
    assert generator.escape(text) == expected
    assert generator.code("a|b") == "`a\\|b`"
    assert generator.code("") == ""
