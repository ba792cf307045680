"""Functions of the user's own as entries of the catalog, and the arguments that any function takes."""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from nnrun.catalog import docstrings
from nnrun.catalog.kinds import Kind, PythonOnly, or_null
from nnrun.catalog.lookup import Entry, Parameter, Targets
from nnrun.catalog.usercode_kinds import kind_of_argument
from nnrun.catalog.usercode_text import UnsaidError, constants, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.catalog.usercode_names import Names
    from nnrun.catalog.usercode_text import Text

#: How losses can say that they take targets: `targets = "one_hot"` in a class, `my_loss.targets = "one_hot"` below a
#: function.
TARGETS: tuple[Targets, ...] = get_args(Targets)
#: What a reader gets from nnrun, not from the config.
FED = ("places", "progress")
_READERS = ("read_", "load_")


def function_entries(function: ast.FunctionDef, names: Names, text: Text, tree: ast.Module) -> Sequence[Entry]:
    """What a config can call a function: a source, a loss and a metric, an activation, or nothing."""
    taken = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    needed = _needed(function)
    summary = docstrings.summary(ast.get_docstring(function))
    if function.name.startswith(_READERS):
        own = parameters(function, names, text, constants(tree), skip=FED)
        return [_entry("sources", function.name, summary, own)]
    if taken[:2] == ["y_true", "y_pred"] and needed <= {"y_true", "y_pred"}:
        said = _targets_of(function.name, tree, text)
        return [_entry(category, function.name, summary, {}, said) for category in ("losses", "metrics")]
    if taken[:1] == ["x"] and needed == {"x"} and len(taken) == 1:
        return [_entry("activations", function.name, summary, {})]
    return []


def _entry(
    category: str, name: str, summary: str, own: Mapping[str, Parameter], targets: Targets | None = None
) -> Entry:
    return Entry(
        category,
        name,
        summary,
        "user",
        MappingProxyType(dict(own)),
        MappingProxyType({}),
        (),
        is_function=True,
        positional=next(iter(own), None),
        targets=targets,
    )


def _needed(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    keyword = [one for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return {each.arg for each in (*needed, *keyword)}


def parameters(
    function: ast.FunctionDef, names: Names, text: Text, known: dict[str, Any], *, skip: Sequence[str], doc: str = ""
) -> dict[str, Parameter]:
    """The arguments of a function that a config gives; those whose default cannot be said are complained of.

    Args:
        function: The function.
        names: What the module's names stand for.
        text: The module's text, which takes the complaints.
        known: The module's constants.
        skip: Arguments that are not the config's.
        doc: A further docstring that may tell of the arguments.
    """
    said = {**_told(doc), **_told(ast.get_docstring(function) or "")}
    found = {}
    for argument, default in _arguments(function.args):
        if argument.arg not in skip:
            kind = kind_of_argument(argument.arg, argument.annotation, names.category)
            found[argument.arg] = _parameter(argument, default, kind, said.get(argument.arg, ""), text, known)
    return found


def _told(docstring: str) -> dict[str, str]:
    return docstrings.arguments(docstring, "Args", "Arguments")


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from zip(
        positional, [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults], strict=True
    )
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _parameter(
    argument: ast.arg, default: ast.expr | None, kind: Kind, summary: str, text: Text, known: dict[str, Any]
) -> Parameter:
    if default is None:
        return Parameter(argument.arg, True, None, summary, kind)
    try:
        value = None if isinstance(kind, PythonOnly) else written(default, known)
    except UnsaidError:
        text.complain(
            text.mark_of(default),
            f"expected a default that is written out for '{argument.arg}', received {text.said(default)}",
            f"write {argument.arg}=None and put the value in where it is None; a config could not say this default",
        )
        value = None
    if isinstance(kind, PythonOnly):
        kind = PythonOnly(kind.reason, None)
    return Parameter(argument.arg, False, value, summary, or_null(kind) if value is None else kind)


def _targets_of(name: str, tree: ast.Module, text: Text) -> Targets | None:
    """What `my_loss.targets = "one_hot"` says."""
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        holder = target.value if isinstance(target, ast.Attribute) and target.attr == "targets" else None
        if isinstance(statement, ast.Assign) and isinstance(holder, ast.Name) and holder.id == name:
            return targets(statement.value, text)
    return None


def targets(value: ast.expr, text: Text) -> Targets | None:
    """How a loss says that it takes targets; anything else is complained of."""
    written_out = value.value if isinstance(value, ast.Constant) else None
    said = next((one for one in TARGETS if one == written_out), None)
    if said is not None:
        return said
    wanted = ", ".join(repr(one) for one in TARGETS)
    text.complain(text.mark_of(value), f"expected one of {wanted} for 'targets', received {text.said(value)}", None)
    return None
