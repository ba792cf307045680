"""The messages of `src/nnrun`, read from its syntax trees: which strings they are, and their templates.

A template is the text of a string with `{0}`, `{1}`, ... where an f-string has expressions; braces of the text itself
are doubled. A choice between two texts (`'is' if one else 'are'`) gives a template for each. Blanks around a text and
the punctuation at its ends are no part of it, as texts are joined by them (docs/decisions/0080-spanish.md says which
strings are messages, and why).
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.kinds import PartOf
from nnrun.cli.terminal.translations import KIND, LABEL, split_help, split_margins
from nnrun.config.files import load_package_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCE = Path(__file__).parents[1] / "src" / "nnrun"

#: Rooms and files that write other things than the screen (pages, cards, code, HTTP, comments of YAML files) or data of
#: the catalog: only what they raise and say is a message.
RAISED_ONLY = (
    "api.py",
    "cli/completion.py",
    "cli/json_documents.py",
    "cli/mcp_server.py",
    "cli/terminal/formats.py",
    "data/named/",
    "export/",
    "pipeline/init/",
    "report/",
    "runs/git_state.py",
    "serve/",
    "sklearn.py",
    "sweep/plots.py",
    "sweep/report.py",
)
#: Functions whose arguments are no text for a reader.
NOT_SHOWN = {
    "compile",
    "execute",
    "executescript",
    "findall",
    "finditer",
    "fullmatch",
    "match",
    "search",
    "sub",
    "split",
    "write",
    "TypeVar",
    "cast",
}
#: Functions and methods by which a text is raised or said.
SAID = {"say", "warn", "note", "fail", "add", "bar", "workers", "Problem", "Finding"}
#: Tables of errors, and whether their texts are formats: `{name}` is filled in.
TABLES = {"catalog/catalog.json": False, "config/syntax_errors.yaml": False, "data/csv/defects.yaml": True}
#: What click says itself, and nnrun's users see.
OF_CLICK = (
    "Invalid value: {0}",
    "Invalid value for {0}: {1}",
    "Invalid value for {0} (env var: {1}): {2}",
    "Missing argument {0}",
    "Missing option {0}",
    "Missing parameter: {0}",
    "No such option: {0}",
    "No such option {0}",
    "No such command {0}",
    "Option {0} requires an argument",
    "Option {0} does not take a value",
    "Got unexpected extra argument ({0})",
    "Got unexpected extra arguments ({0})",
    "{0} is not in the range {1}",
    "{0} is not a valid {1}",
    "{0} is not one of {1}",
    "Did you mean {0}?",
    "Did you mean one of: {0}?",
    "(Possible options: {0})",
    "Path {0} does not exist",
    "File {0} does not exist",
    "Show this message and exit",
    "Show the version and exit",
)
LABELS_OF_CLICK = ("Usage", "Options", "Commands", "default", "required")
#: Words that come from variables: severities, and what the help of an option may say of its variable.
OTHER_LABELS = ("error", "warning", "note", "hint", "interrupted", "wrong", "right", "env var", "or", "and")
#: Single words for a kind of value.
KINDS = ("text", "nothing")
COUNTED = ("error", "warning", "note")

#: At most so many templates are made of the choices in one string.
_MOST_CHOICES = 32
_WORDS = re.compile(r"[A-Za-z]{2,}[,.;:)]* \(?[A-Za-z]{2,}")
_WORD_AND_PLACEHOLDER = re.compile(r"(?<![\w.\-/])[A-Za-z]{2,}[:,]? \S*\0|\0\S* [A-Za-z]{3,}(?![\w./])")
_ARTICLE_AND_NOUN = re.compile(r"(a|an|1) [a-z]{3,}")
_LABEL = re.compile(r"[A-Za-z][A-Za-z%-]*")
#: Code and data that look like words: SQL, HTML, YAML, CSS, command lines without text.
_OTHER = re.compile(
    r"(SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN|PRAGMA|COMMIT|DROP|ALTER|WITH|WHERE|COPY|AND status) "
    r"|.*( = \?| CASE WHEN )|[<#]"
    r"|import |from \w+ import|def |nnrun [a-z{]|pip install|mkdir |- |\{\{|git |--|if \["
    r"|\w+=\d+\n"
)


@dataclass(frozen=True, order=True)
class Message:
    """A message.

    Attributes:
        file: The first file that has it, relative to `src/nnrun`; `click` for those of click.
        text: Its template.
        context: `label` for a single word such as a heading, else empty.
    """

    file: str
    text: str
    context: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The context and the text: what makes it another message."""
        return self.context, self.text

    @property
    def room(self) -> str:
        """The folder of the file, `top` for a file outside of folders; what click says belongs to `cli`."""
        first, slash, _ = self.file.partition("/")
        return "cli" if first == "click" else first if slash else "top"


@cache
def messages(source: Path = SOURCE) -> tuple[Message, ...]:
    """Return all messages, each once: in the order of files, and in each in that of the source."""
    found = {message.key: message for message in _of_click()}
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).as_posix()
        for context, text in of_module(ast.parse(path.read_text(encoding="utf-8")), name):
            found.setdefault((context, text), Message(name, text, context))
    for name, are_formats in TABLES.items():
        for text in _of_table(load_package_data(source / name), are_formats=are_formats):
            found.setdefault(("", text), Message(name, text))
    return tuple(found.values())


def _of_click() -> Iterator[Message]:
    for text in OF_CLICK:
        yield Message("click", split_margins(text)[1])
    for word in (*LABELS_OF_CLICK, *OTHER_LABELS):
        yield Message("click", word, LABEL)
    for word in KINDS:
        yield Message("catalog/kinds.py", word, KIND)
    yield Message("catalog/kinds.py", "of {0}")
    for category in lookup.CATEGORIES:
        expects = PartOf((category,)).expects
        yield Message("catalog/kinds.py", expects)
        yield Message("catalog/kinds.py", f"{{0}} is {expects}")
    for word in COUNTED:
        yield Message("click", f"{{0}} {word}")
        yield Message("click", f"{{0}} {word}s")


def _of_table(node: object, *, are_formats: bool) -> Iterator[str]:
    """Yield the templates of the texts, hints and refusals in a table."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if key not in ("text", "hint", "refused") or not isinstance(value, str):
            yield from _of_table(value, are_formats=are_formats)
            continue
        parsed = Formatter().parse(value) if are_formats else [(value, None, None, None)]
        text = _numbered("".join(literal + ("\0" if field else "") for literal, field, _, _ in parsed))
        if is_message(text):
            yield split_margins(text)[1]


def of_module(tree: ast.Module, name: str) -> Iterator[tuple[str, str]]:
    """Yield context and template of each message of a module; `name` is its path below `src/nnrun`."""
    raised_only = name.startswith(RAISED_ONLY)
    for text in _texts(ast.Module([*_statements(tree)], []), shown=not raised_only):
        yield "", text
    if not raised_only:
        for label in _labels(tree):
            yield LABEL, label


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements of a module without the strings that are only split into their words: these are names."""
    words = {side: set(_split_words(tree, side)) for side in (None, 0, 1)}
    used = {word for each in words.values() for word in each}
    loads = [one for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)]
    others = {one.id for one in loads if one not in used}
    side_of = {word.id: side for side, each in words.items() for word in each if word.id not in others}
    for node in tree.body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        name = next((one.id for one in targets if isinstance(one, ast.Name) and one.id in side_of), None)
        if name is None:
            yield node
        elif side_of[name] is not None and isinstance(node.value, ast.Dict):
            kept = node.value.values if side_of[name] == 0 else node.value.keys
            yield ast.Expr(ast.List([one for one in kept if one]))


def _split_words(tree: ast.AST, side: int | None) -> Iterator[ast.Name]:
    """Yield the names of what is split: itself, or (`side`) the keys (0) or values (1) of a dict."""
    if side is None:
        for one in ast.walk(tree):
            if isinstance(one, ast.Call) and _name(one) == "split" and isinstance(one.func, ast.Attribute):
                yield from [one.func.value] if isinstance(one.func.value, ast.Name) else []
        return
    for one in ast.walk(tree):
        if not isinstance(one, ast.DictComp | ast.ListComp | ast.SetComp | ast.GeneratorExp):
            continue
        split = {word.id for word in _split_words(one, None)}
        for each in one.generators:
            pair, source = each.target, each.iter
            is_items = isinstance(source, ast.Call) and _name(source) == "items" and isinstance(pair, ast.Tuple)
            if is_items and getattr(pair.elts[side], "id", None) in split:
                yield from [source.func.value] if isinstance(source.func.value, ast.Name) else []


def _texts(node: ast.AST, *, shown: bool) -> Iterator[str]:
    """Yield the templates below a node; `shown`: whether texts here reach the screen."""
    if isinstance(node, ast.FunctionDef) and any(_is_command(one) for one in node.decorator_list):
        yield from _of_help(ast.get_docstring(node) or "")
    if isinstance(node, ast.Raise) or (
        isinstance(node, ast.Call) and (_name(node) in SAID or _name(node).endswith("Error"))
    ):
        shown = True
    if isinstance(node, ast.Call) and _name(node) in {"format_count", "count"}:
        yield from _of_count(node)
    if shown and isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n\n" in node.value:
        yield from _of_help(node.value)
    elif shown and _is_text(node):
        for text in templates(node):
            if is_message(text):
                yield split_margins(text)[1]
    for child in _children(node):
        yield from _texts(child, shown=shown)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may hold texts: no docstrings, annotations, comparisons or keys; of a text only its expressions."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _name(node) in NOT_SHOWN):
        return
    if isinstance(node, ast.Compare | ast.Subscript):
        yield from (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.Constant))
        return
    if isinstance(node, ast.AnnAssign):
        yield from [node.value] if node.value else []
        return
    if isinstance(node, ast.arguments):
        yield from (one for one in (*node.defaults, *node.kw_defaults) if one)
        return
    if _is_text(node):
        yield from _expressions(node)
        return
    yield from ast.iter_child_nodes(node)


def _is_text(node: ast.AST | None) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions in a text that are no choice between texts."""
    if isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            yield from _expressions(side) if _is_text(side) else [side]
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _of_choice(part.value)


def _of_choice(node: ast.expr) -> Iterator[ast.AST]:
    if isinstance(node, ast.IfExp) and (_is_text(node.body) or _is_text(node.orelse)):
        for branch in (node.body, node.orelse):
            yield from _expressions(branch) if _is_text(branch) else _of_choice(branch)
    else:
        yield node


def templates(node: ast.AST) -> list[str]:
    """Return the templates of a text: one, or several where it has choices; a text without expressions is one, too."""
    return list(dict.fromkeys(_numbered(text) for text in _variants(node)))


def _variants(node: ast.AST) -> list[str]:
    """Return the texts of a string expression with NUL for each expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.BinOp) and _is_text(node):
        return [left + right for left, right in product(_variants(node.left), _variants(node.right))]
    if isinstance(node, ast.IfExp) and (_is_text(node.body) or _is_text(node.orelse)):
        return [*_variants(node.body), *_variants(node.orelse)]
    if not isinstance(node, ast.JoinedStr):
        return ["\0"]
    parts = [_variants(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values]
    while _count(parts) > _MOST_CHOICES:
        longest = max(range(len(parts)), key=lambda at: len(parts[at]))
        parts[longest] = ["\0"]
    return ["".join(chosen) for chosen in product(*parts)]


def _count(parts: Iterable[list[str]]) -> int:
    count = 1
    for part in parts:
        count *= len(part)
    return count


def _numbered(text: str) -> str:
    """Return the template of a text with NULs; expressions side by side are one placeholder."""
    pieces = re.sub("\0+", "\0", text).split("\0")
    doubled = [piece.replace("{", "{{").replace("}", "}}") for piece in pieces]
    return "".join(
        piece + (f"{{{number}}}" if number < len(doubled) - 1 else "") for number, piece in enumerate(doubled)
    )


def is_message(text: str) -> bool:
    """Return whether a template is a text for a reader: words that stand side by side, or a word at a placeholder."""
    core = split_margins(text)[1]
    marked = re.sub(r"(?<!\{)\{\d+\}", "\0", core)
    if _OTHER.match(core) or core != split_margins(core)[1] or not re.search("[A-Za-z]{3,}", marked):
        return False
    return bool(_ARTICLE_AND_NOUN.fullmatch(core) or _WORDS.search(marked) or _WORD_AND_PLACEHOLDER.search(marked))


def _of_help(docstring: str) -> Iterator[str]:
    """Yield the messages of a command's help."""
    for _, part in split_help(inspect.cleandoc(docstring)):
        text = part.replace("{", "{{").replace("}", "}}")
        if is_message(text):
            yield split_margins(text)[1]


def _of_count(node: ast.Call) -> Iterator[str]:
    """Yield singular and plural of what `format_count` counts: `{0} row` and `{0} rows`."""
    nouns = [text for one in node.args[1:2] if _is_text(one) for text in templates(one)]
    plurals = [text for one in node.args[2:3] if _is_text(one) for text in templates(one)] or [
        f"{noun}s" for noun in nouns
    ]
    for noun in (*nouns, *plurals):
        yield "{0} " + re.sub(r"\{(\d)\}", lambda found: f"{{{int(found[1]) + 1}}}", noun)


def _labels(tree: ast.AST) -> Iterator[str]:
    """Yield the single words of headings, of lists of terms, of units and those given to `label`."""
    for node in ast.walk(tree):
        for place in _label_places(node):
            for one in ast.walk(place):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and _LABEL.fullmatch(one.value):
                    yield one.value


def _label_places(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call):
        name = _name(node)
        yield from node.args[:1] if name in {"Table", "label"} else ()
        yield from node.args[2:3] if name in {"bar", "workers"} else ()
        yield from _first_elements(node) if name == "print_terms" else ()
    if isinstance(node, ast.Assign | ast.AugAssign) and node.value:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.id.lower().strip("_") for target in targets if isinstance(target, ast.Name)}
        yield from [node.value] if names & {"headings"} else ()
        yield from _first_elements(node.value) if names & {"terms", "details"} else ()
    if isinstance(node, ast.FunctionDef) and node.name.endswith("_terms"):
        yield from _first_elements(node)


def _first_elements(node: ast.AST) -> Iterator[ast.AST]:
    for one in ast.walk(node):
        if isinstance(one, ast.Tuple) and len(one.elts) == 2:
            yield one.elts[0]


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _name(decorator) in {"command", "group"}
