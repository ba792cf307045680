"""`nnrun explain`: any word of a config or of results, a finding by its name, or a value of a config by its path."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.describe import Description
    from nnrun.cli.terminal.output import Output
    from nnrun.config.document import Document
    from nnrun.errors import Mark
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.findings.explanations import Explanation
    from nnrun.spec.origin import Origin
    from nnrun.spec.words import Word


_DEFAULTS = {
    "Keras": "Keras' default",
    "nnrun": "nnrun's default",
    "scikit-learn": "scikit-learn's default",
    "the user's code": "the default of your own code",
}
#: A longer list or mapping is shown by its size, because its contents follow line by line.
_MAX_VALUE = 60


@click.command()
@click.argument("name", shell_complete=completion.explained)
@options.sets
@options.registered_code
@options.as_json
def explain(name: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Explain a word, or where a value in a config comes from.

    NAME is any word of a config: a key (`epochs`, `split.test`), a layer, loss, optimizer, metric, callback, source or
    preparation step, one of their arguments (`Dense.units`), a fact of the data (`$classes`), a finding of `nnrun
    check`, a name in scores.json or predictions.csv, a file of the run folder, or FILE:PATH for a value of a config.

    \b
    nnrun explain Conv2D
    nnrun explain training.epochs
    nnrun explain split
    nnrun explain monitor-unknown
    nnrun explain roc_auc
    nnrun explain my.yaml:training.epochs
    nnrun explain MyLayer --code my_code.py
    """  # noqa: D301
    if ":" in name or sets:
        _explain_value(name, sets, as_json=as_json)
    # No other word has a hyphen, and all findings' names but one have.
    elif "-" in name or name == "undecided":
        _explain_finding(name, as_json=as_json)
    else:
        _explain_word(name, as_json=as_json)


def _explain_word(name: str, *, as_json: bool) -> None:
    from nnrun.catalog.describe import describe
    from nnrun.catalog.lookup import find
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.spec.words import find_words

    parts = [describe(entry) for entry in find(name)]
    words = [*find_words(name), *(word for word in file_words() if name == word.name)]
    words += [word for word in command_words(click.get_current_context()) if name == word.name]
    if not parts and not words:
        raise NnrunError(f"no word of a config is called '{name}'", _nearest_word(name))
    if as_json:
        print_json([*(part.as_json() for part in parts), *(word.as_json() for word in words)])
        return
    output = Output.stdout()
    shown = [partial(print_description, output, part) for part in parts]
    shown += [partial(print_word, output, word) for word in words]
    for number, show in enumerate(shown):
        if number:
            output.write_line()
        show()


def _nearest_word(name: str) -> str:
    """Return what to ask instead of an unknown word."""
    from nnrun.catalog.lookup import CATEGORIES, names_and_aliases
    from nnrun.catalog.other_names import fact, key_names, known_names
    from nnrun.config.hints import did_you_mean
    from nnrun.spec.findings.explanations import EXPLANATIONS
    from nnrun.spec.words import word_names, word_places

    others = dict.fromkeys(found for category in CATEGORIES for found in known_names(category, name))
    here = [*key_names(name), *others] or [one for one in (fact(name),) if one]
    if here:
        return "; ".join(f"nnrun explain {word}" for word in here[:3])
    parts = [word for category in CATEGORIES for word in names_and_aliases(category)]
    near = did_you_mean(name, word_places()) if "." in name else None
    near = near or did_you_mean(name.rpartition(".")[2], [*parts, *word_names(), *EXPLANATIONS])
    return near or "name a key of a config, a part of Keras such as Conv2D, or a finding of nnrun check"


def file_words() -> Iterator[Word]:
    """Yield the files of a run folder."""
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.words import Word

    root = Path("RUN")
    for attribute in vars(RunFolder).values():
        if isinstance(attribute, property) and attribute.fget is not None:
            path = attribute.fget(RunFolder(root))
            if isinstance(path, Path) and path != root:
                yield Word(path.name, str(path), "file of the run folder", meaning=attribute.__doc__ or "")


def command_words(context: click.Context) -> Iterator[Word]:
    """Yield nnrun's commands."""
    from nnrun.spec.words import Word

    root = context.find_root().command
    for name, command in root.commands.items() if isinstance(root, click.Group) else ():
        yield Word(
            name, f"nnrun {name}", "command", meaning=command.get_short_help_str(200), example=f"nnrun {name} --help"
        )


def print_word(output: Output, word: Word) -> None:
    """Print a word of the language: its place, what it takes, and what it means."""
    from nnrun.cli.terminal.output import print_paragraph

    output.write_line(f"{output.style(word.name, bold=True)}  ({word.what})")
    if word.place != word.name:
        print_paragraph(output, word.place)
    if word.expects:
        print_paragraph(output, f"{word.expects}{f'; default {word.default}' if word.default else ''}")
    if word.meaning:
        print_paragraph(output, word.meaning)
    if word.example:
        output.write_lines(["", f"  {word.example}"])


def print_description(output: Output, description: Description) -> None:
    """Print the description of one entry of the catalog."""
    from nnrun.cli.terminal.output import print_paragraph, print_terms

    origin = {"keras": "Keras", "sklearn": "scikit-learn", "user": "your own"}.get(
        description.origin, description.origin
    )
    output.write_line(f"{output.style(description.name, bold=True)}  ({description.category}, {origin})")
    print_paragraph(output, description.summary)
    if description.aliases:
        print_paragraph(output, f"also: {', '.join(description.aliases)}")
    if description.refused:
        print_paragraph(output, f"No config can use it: {description.refused}")
    if description.example:
        output.write_lines(["", f"  {description.example}"])
    arguments = []
    for row in description.arguments:
        default = "required" if row.required else f"default {row.default}"
        arguments.append((row.name, f"{row.expects}; {default}" + (f"\n{row.summary}" if row.summary else "")))
    if arguments:
        output.write_line()
        print_terms(output, arguments, "  ", are_names=True)
    if description.call:
        output.write_line()
        print_paragraph(output, "under call:")
        print_terms(output, description.call, "  ", are_names=True)


def _explain_finding(name: str, *, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.config.hints import did_you_mean
    from nnrun.spec.findings.explanations import EXPLANATIONS

    found = EXPLANATIONS.get(name)
    if found is None:
        names = f"the findings are: {', '.join(sorted(EXPLANATIONS))}"
        raise NnrunError(f"no finding is called '{name}'", did_you_mean(name, list(EXPLANATIONS)) or names)
    if as_json:
        print_json({"name": name, **found._asdict()})
    else:
        print_finding(Output.stdout(), name, found)


def print_finding(output: Output, name: str, explanation: Explanation) -> None:
    """Print what a finding means, with a wrong and a right example."""
    from nnrun.cli.terminal.language import label
    from nnrun.cli.terminal.output import print_paragraph

    output.write_line(f"{output.style(name, bold=True)}  ({explanation.severity})")
    print_paragraph(output, explanation.what)
    print_paragraph(output, explanation.why)
    if explanation.severity != "error":
        print_paragraph(output, f"To switch it off, write at the top of the config: silence: [{name}]")
    for heading, color, text in (("wrong", "red", explanation.wrong), ("right", "green", explanation.right)):
        if text.strip():
            output.write_lines(["", output.style(f"# {label(heading)}", fg=color), text.strip("\n")])


def _explain_value(question: str, sets: Sequence[str], *, as_json: bool) -> None:
    """Print where the value that `FILE:PATH` names comes from.

    Raises:
        ConfigError: The file is no config.
        NnrunError: There is no such value.
    """
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.config import extends, overrides
    from nnrun.config.dotted import join_path, split_path
    from nnrun.pipeline.user_code import register_code
    from nnrun.spec.origin import origin

    file, _, path = question.rpartition(":")
    words = split_path(path)
    if not file or not words:
        raise NnrunError(f"expected FILE:PATH, received '{question}'", "nnrun explain my.yaml:training.epochs")
    config = locate_config(file)
    document = overrides.apply(extends.read(config), sets)
    with register_code((), config, sets):
        found = origin(document, words)
    nested = list(_nested_values(document, found.path, found.value)) if found.default_of is None else []
    if not as_json:
        print_origin(Output.stdout(), found, nested)
        return
    document_json = {"path": join_path(found.path), "value": found.value, "default_of": found.default_of}
    places = [_mark_as_json(mark) for mark in found.places]
    below = [{"path": join_path(path), "value": value, **_mark_as_json(mark)} for path, value, mark in nested]
    print_json({**document_json, "note": found.note, "places": places, "below": below})


def print_origin(output: Output, origin: Origin, nested: Sequence[tuple[ConfigPath, Any, Mark]]) -> None:
    """Print a value, each place that sets it with the one in force last, and the values inside a list or mapping."""
    from nnrun.cli.terminal.output import print_paragraph
    from nnrun.config.dotted import join_path

    output.write_line(
        output.style(output.shown(f"{join_path(origin.path)}: {origin.note or _format_value(origin.value)}"), bold=True)
    )
    if origin.default_of is not None:
        print_paragraph(output, _DEFAULTS[origin.default_of], "  ")
    for mark in origin.places[:-1]:
        print_paragraph(output, f"{_format_place(mark)}: {text_at(mark)}", "  ")
    for mark in origin.places[-1:]:
        print_paragraph(output, f"{_format_place(mark)}: {_format_value(origin.value)}  (in force)", "  ")
    if nested:
        output.write_line()
    for path, value, mark in nested:
        print_paragraph(output, f"{join_path(path)}: {_format_value(value)}  ({_format_place(mark)})", "  ")


def _format_place(mark: Mark) -> str:
    return f"--set {mark.text}" if mark.file == "--set" else f"{mark.file} line {mark.line}"


def text_at(mark: Mark) -> str:
    """Return the value that stands at a mark; only its beginning where it continues on the next lines."""
    start = mark.column - 1
    word, after = mark.text[start : start + mark.length], mark.text[start + mark.length :].strip()
    continues = word[:1] in "[{" and word[-1:] not in "]}"
    if after[:1] in ("", ",", "]", "}", "#") and not continues and word != "-":
        return word
    return f"{mark.text[start:].strip()} ..."


def _format_value(value: Any) -> str:
    from nnrun.config.dump import dump_inline

    text = dump_inline(value)
    if len(text) <= _MAX_VALUE or not isinstance(value, (dict, list)):
        return text
    return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"


def _nested_values(document: Document, path: ConfigPath, value: Any) -> Iterator[tuple[ConfigPath, Any, Mark]]:
    """Yield every single value inside a list or mapping, with the place that sets it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        inner = (*path, key)
        if isinstance(item, (dict, list)) and item:
            yield from _nested_values(document, inner, item)
        else:
            yield inner, item, document.mark(inner)


def _mark_as_json(mark: Mark) -> dict[str, Any]:
    return {"file": mark.file, "line": mark.line, "column": mark.column, "said": text_at(mark)}
