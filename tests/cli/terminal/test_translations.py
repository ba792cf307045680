"""Texts in another language: templates found again in filled texts, names kept, and joined messages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tool_scripts import load_script

import nnrun
from nnrun.cli.terminal.translations import Template, Translations, split_help, split_margins

CATALOG = Path(nnrun.__file__).parent / "locale" / "es" / "LC_MESSAGES" / "nnrun.mo"
MESSAGES = {
    ("", "expected {0}, received {1}"): "se esperaba {0}, se recibió {1}",
    ("", "expected {0}"): "se esperaba {0}",
    ("", "a number of rows"): "un número de filas",
    ("", "{0} rows"): "{0} filas",
    ("", "the part '{0}' of {1} is empty"): "de {1} está vacía la parte '{0}'",
    ("", "write {{units: {0}}}"): "escribir {{units: {0}}}",
    ("", "this one; and that one"): "este; y aquel",
    ("", "Did you mean '{0}'?"): "¿Se quiso decir '{0}'?",
    ("", "{0} left"): "quedan {0}",
    ("", "a list of {0}, each {1}"): "una lista de {0}, cada elemento {1}",
    ("", "an integer"): "un entero",
    ("", "an hour"): "hora",
    ("", "{0} mixes {1}"): "{0} mezcla {1}",
    ("kind", "text"): "texto",
    ("label", "or"): "o",
    ("label", "and"): "y",
    ("label", "part"): "parte",
}


@pytest.fixture(scope="module")
def translations(tmp_path_factory) -> Translations:
    """A small catalog."""
    file = tmp_path_factory.mktemp("es") / "nnrun.mo"
    file.write_bytes(load_script("messages").mo_bytes(MESSAGES))
    return Translations(file)


@cache
def _shipped() -> tuple[Translations, list[tuple[Template, str]]]:
    """The catalog that is shipped, with its templates and their translations."""
    pairs = load_script("messages").Catalog.read().translations.items()
    templates = [(Template.of(text), translated) for (context, text), translated in pairs if not context]
    return Translations(CATALOG), [pair for pair in templates if len(pair[0].pieces) > 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a number of rows", "un número de filas"),
        ("a number of rows.", "un número de filas."),
        ("expected 3, received 4", "se esperaba 3, se recibió 4"),
        ("expected a number of rows, received my file", "se esperaba un número de filas, se recibió my file"),
        ("the part 'a number of rows' of x.csv is empty", "de x.csv está vacía la parte 'a number of rows'"),
        ("write {units: 4}", "escribir {units: 4}"),
        ("expected 3; this one; and that one", "se esperaba 3; este; y aquel"),
        ("runs/a: expected 60,000 rows. Did you mean 'b'?", "runs/a: se esperaba 60,000 filas. ¿Se quiso decir 'b'?"),
        ("expected 1\n   expected 2", "se esperaba 1\n   se esperaba 2"),
        ("2 min 05 s left", "quedan 2 min 05 s"),
        ("the seats that are left", "the seats that are left"),
        ("expected an integer or null", "se esperaba un entero o null"),
        ("an integer or a list of 2, each text or null", "un entero o una lista de 2, cada elemento texto o null"),
        ("an integer or an hour", "un entero u hora"),
        ("expected 'a', 'b' and 'c', received 7 or 8", "se esperaba 'a', 'b' y 'c', se recibió 7 u 8"),
        ("expected text, received text", "se esperaba texto, se recibió text"),
        ("expected the sky or null", "se esperaba the sky or null"),
        ("Research and Development: expected 3", "Research and Development: se esperaba 3"),
        ("model.yaml mixes an integer or null", "model.yaml mezcla un entero o null"),
        ("'a' mixes the colours of it", "'a' mixes the colours of it"),
        ("part", "part"),
        ("", ""),
    ],
)
def test_a_text_is_translated_as_far_as_it_is_known(translations: Translations, text: str, expected: str) -> None:
    """Templates give their filled translations, also inside each other and joined; names and the unknown stay."""
    assert translations.text(text) == expected


def test_only_a_label_may_be_a_single_word(translations: Translations) -> None:
    """A heading is translated, and the same word in a text is a name."""
    assert translations.label("part") == "parte"
    assert translations.label("accuracy") == "accuracy"
    assert translations.text("part") == "part"


NAMES = st.text("abcdefghijklmnopqrstuvwxyzñ0123456789_", min_size=1, max_size=9)


@given(data=st.data())
def test_a_filled_template_gives_the_filled_translation(data: st.DataObject) -> None:
    """Whatever names and numbers stand in a message, its translation has them in their places, as they are."""
    translations, templates = _shipped()
    template, translated = data.draw(st.sampled_from(templates))
    values = data.draw(st.lists(NAMES, min_size=len(template.pieces) - 1, max_size=len(template.pieces) - 1))
    text = template.text.format(*values)
    before, core, after = split_margins(text)
    assume(template.values_in(text) == values)  # not where a piece such as `x` stands in a name, too
    rivals = [other for other, _ in templates if other != template and other.values_in(core) is not None]
    assume(not any(rival.length >= template.length for rival in rivals))
    assert translations.text(text) == f"{before}{split_margins(translated.format(*values))[1]}{after}" or (
        translations.text(text) == translated.format(*values)
    )


@given(text=st.text(max_size=200))
def test_any_text_comes_back(text: str) -> None:
    """No text ends a command, and one without a known message is not changed."""
    translations, _ = _shipped()
    assert isinstance(translations.text(text), str)
    assert translations.text(text.replace(" ", "")) == text.replace(" ", "")


@given(pieces=st.lists(st.text("ab ,:", max_size=4), min_size=2, max_size=4), text=st.text("ab ,:", max_size=24))
def test_a_match_gives_the_text_again(pieces: list[str], text: str) -> None:
    """What a template finds in a text makes the same text of the template."""
    template = Template("", tuple(pieces))
    values = template.values_in(text)
    if values is not None:
        joined = [part for pair in zip(pieces, [*values, ""], strict=True) for part in pair]
        assert "".join(joined) == text


def test_a_long_text_of_many_joins_is_quick(translations: Translations) -> None:
    """A text of thousands of commas, as of a hostile file, is answered, and stays as it is."""
    text = "a b, " * 20_000
    assert translations.text(text) == text


def test_a_help_is_its_parts() -> None:
    """The messages of a command's help, with what stands before them, are the help with its paragraphs on one line."""
    text = "Do it.\n\nIn two\nlines.\n\n\b\nnnrun a    the first\nnnrun b"
    assert "".join(f"{before}{part}" for before, part in split_help(text)) == text.replace("two\nlines", "two lines")
    assert [part for _, part in split_help(text) if part] == ["Do it.", "In two lines.", "the first"]
