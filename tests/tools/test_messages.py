"""The translations of the messages: complete, with the placeholders of their messages, and fresh in the catalog."""

from __future__ import annotations

import ast
import gettext
import json
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_scripts import load_script

#: The rooms of `src/nnrun` whose messages are all translated; the others are translated in part.
TRANSLATED = (
    "catalog",
    "cli",
    "config",
    "data",
    "engine",
    "export",
    "pipeline",
    "report",
    "runs",
    "serve",
    "spec",
    "sweep",
    "top",
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script."""
    return load_script("messages")


@pytest.fixture(scope="module")
def found(script: ModuleType) -> tuple:
    """All messages."""
    return script.messages()


@pytest.fixture(scope="module")
def catalog(script: ModuleType):
    """The translations in the `.po` files."""
    return script.Catalog.read()


@pytest.mark.parametrize("room", TRANSLATED)
def test_every_message_has_a_translation(room, found, catalog) -> None:
    """No message of a translated room is without one: python tools/messages.py pending ROOM FILE lists them."""
    of_room = [message for message in found if message.room == room]
    assert of_room
    assert [(message.file, message.text) for message in catalog.missing(of_room)] == []


def test_a_translation_has_the_placeholders_of_its_message(script, catalog) -> None:
    """Nothing that a message says of a name or number is lost, and nothing else is asked for."""
    assert len(catalog.translations) > 200
    wrong = [
        text
        for (_, text), translated in catalog.translations.items()
        if script.placeholders(text) != script.placeholders(translated)
    ]
    assert wrong == []


def test_the_files_are_those_that_the_script_writes(script, found, catalog) -> None:
    """All files of translations are fresh: python tools/messages.py writes them."""
    written = {file.name: file.read_bytes() for file in script.FOLDER.iterdir()}
    assert set(written) == set(expected := catalog.files(found))
    assert [name for name in written if written[name] != expected[name]] == []


def test_the_standard_library_reads_the_catalog(script, catalog) -> None:
    """The catalog is one of gettext's: its own reader gives every translation."""
    with script.CATALOG.open("rb") as stream:
        read = gettext.GNUTranslations(stream)
    for (context, text), translated in catalog.translations.items():
        assert (read.pgettext(context, text) if context else read.gettext(text)) == translated


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x04{}"), min_size=1)


@given(translations=st.dictionaries(st.tuples(st.sampled_from(["", "label"]), TEXTS), TEXTS, max_size=8))
def test_translations_survive_both_formats(script, tmp_path_factory, translations) -> None:
    """What is written into a `.po` file and into the catalog is read again as it was, whatever its characters."""
    each = [script.Message("config/x.py", text, context) for context, text in translations]
    assert script.read_po(script.po_text(each, translations)) == translations
    file = tmp_path_factory.mktemp("mo") / "nnrun.mo"
    file.write_bytes(script.mo_bytes(translations))
    with file.open("rb") as stream:
        read = gettext.GNUTranslations(stream)
    for (context, text), translated in translations.items():
        assert (read.pgettext(context, text) if context else read.gettext(text)) == translated


def test_a_translator_fills_the_pending_lines(script, found) -> None:
    """What is pending is written as lines, and those with a translation of the same placeholders are taken."""
    lines = list(script.pending_lines([found[0], next(one for one in found if "{1}" in one.text)]))
    named = [json.loads(line) for line in lines if not line.startswith("#")]
    empty = script.Catalog()
    right = json.dumps([named[0][0], "así {0}" if "{0}" in named[0][1] else "así"])
    without = json.dumps([named[1][0], "sin nada"])
    wrong = script.fill(["# a comment", "", right, without, '["no such key", "x"]', "no line"], empty)
    assert len(empty.translations) == 1
    assert [line.partition(": ")[2].split(" ")[0] for line in wrong] == ["expected", "KeyError:", "JSONDecodeError:"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise RunError(f'{path} has no row {row!r}')", ["{0} has no row {1}"]),
        ("text = 'expected a number, ' f'received {value:.3f}'", ["expected a number, received {0}"]),
        ('text = f\'{n} {"row is" if n == 1 else "rows are"} empty\'', ["{0} row is empty", "{0} rows are empty"]),
        ("text = f'there is no {{name}} under {file}'", ["there is no {{name}} under {0}"]),
        ("text = f'{a}{b} and more.'", ["{0} and more"]),
        ("text = 'a first line' + other", ["a first line{0}"]),
        ("text = format_count(n, 'row')", ["{0} row", "{0} rows"]),
        ("text = f'under {f\"{a} of the parts\" if a else b}'", ["under {0} of the parts", "under {0}"]),
        ("def f() -> None:\n    'What it does.'", []),
        ("key = 'batch_size'; path = f'{folder}/record.json'; pattern = re.compile('a b c')", []),
        ("table.execute('SELECT a FROM b'); log.write(f'a line of the log {x}')", []),
        ("run(\"WHERE a = 1 AND b\", 'COPY table FROM it'); script = 'stop=0\\ntrap it and go'", []),
        ("assert found, 'called before'", []),
        ("WORDS = 'some such words'\nfound = WORDS.split()", []),
        ("WORDS = 'some such words'\nfound = WORDS.split()\nprint(WORDS)", ["some such words"]),
        ("W = {'one of these': 'x y'}\n{a: k for k, names in W.items() for a in names.split()}", ["one of these"]),
        ("expects = 'a number'", ["a number"]),
        ("@click.command()\ndef f():\n    '''Do it all.\n\n    \\b\n    it   the way'''", ["Do it all", "the way"]),
    ],
)
def test_messages_are_found_by_their_form(script, code, expected) -> None:
    """Texts for a reader are messages, each as its template; names, patterns, SQL, logs and docstrings are none."""
    module = load_script("extract_messages")
    assert [text for context, text in module.of_module(ast.parse(code), "spec/x.py") if not context] == expected


def test_rooms_that_write_pages_give_only_what_they_raise_and_say(script) -> None:
    """The report, the card, exports and HTTP answers are English, and their errors are messages."""
    module = load_script("extract_messages")
    tree = ast.parse("title = 'The curves of a run'\nraise RunError('the page cannot be written')")
    assert [text for _, text in module.of_module(tree, "report/x.py")] == ["the page cannot be written"]


def test_texts_of_tables_are_messages(script, found) -> None:
    """What the tables of errors say is a message, with a placeholder for each word in braces where they are formats."""
    texts = {(message.file, message.text) for message in found}
    assert ("data/csv/defects.yaml", "expected {0} fields, received {1}: the row is a comment") in texts
    assert ("config/syntax_errors.yaml", "separate its entries with ',' and close it with '}}'") in texts
    assert ("catalog/catalog.json", "It wraps a Python function; name the metric itself") in texts


def test_headings_terms_and_units_are_labels(script) -> None:
    """Single words are messages where they are headings, terms or units, and names elsewhere."""
    module = load_script("extract_messages")
    code = "headings = ('part', 'rows'); terms = [('sweep', x)]; progress.bar('Reading it', n, 'lines'); name = 'part'"
    found = [text for context, text in module.of_module(ast.parse(code), "cli/x.py") if context == "label"]
    assert sorted(found) == ["lines", "part", "rows", "sweep"]
