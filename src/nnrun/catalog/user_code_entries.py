"""Entries of the catalog from the classes and functions of a Python file."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from nnrun.catalog import docstrings, lookup
from nnrun.catalog.annotations import kind_of_annotation
from nnrun.catalog.callback_memory import KERAS_ATTRIBUTES, PROTOCOL, kept_attributes
from nnrun.catalog.kinds import AnyValue, Kind, PartOf, PythonOnly, nested_kinds, or_null
from nnrun.catalog.lookup import Entry, Parameter, Targets
from nnrun.catalog.python_source import NotLiteralError
from nnrun.catalog.rules import BY_NAME, ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.catalog.python_source import PythonSource

    #: The parameters of a class, and those that all classes of its category have.
    _OwnAndInherited = tuple[Mapping[str, Parameter], Mapping[str, Parameter]]

#: The methods by which a preparation step keeps what it learned; the second pair are earlier names.
_STATES = (frozenset(("get_state", "set_state")), frozenset(("state", "restore")))
#: Arguments of a reading function that nnrun passes, not the config.
PASSED_BY_NNRUN = ("places", "progress")
_READER_PREFIXES = ("read_", "load_")
_TARGETS: tuple[Targets, ...] = get_args(Targets)
#: Losses of Keras by the form of targets that they expect, where it is not plain numbers.
_TARGETS_OF_LOSSES: dict[Targets, str] = {
    "one_hot": "CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge KLDivergence "
    "CategoricalGeneralizedCrossEntropy",
    "integer": "SparseCategoricalCrossentropy",
    "binary": "BinaryCrossentropy BinaryFocalCrossentropy Hinge SquaredHinge",
}
#: Parameters of SGD that the base class of all optimizers does not have.
_OF_SGD = ("momentum", "nesterov")


def read_entries(source: PythonSource) -> dict[tuple[str, str], tuple[Entry, ast.stmt]]:
    """Return the entries of a file by category and name, each with its statement.

    As in Python, the last definition of a name counts. What is wrong is added to the source's problems.
    """
    found: dict[tuple[str, str], tuple[Entry, ast.stmt]] = {}
    classes = _ClassReader(source)
    for statement in source.statements():
        entries: Sequence[Entry] = ()
        if isinstance(statement, ast.ClassDef):
            entries = classes.read(statement)
        elif isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
            entries = _read_function(statement, source)
        found |= {(entry.category, entry.name): (entry, statement) for entry in entries}
    return found


# Functions ----------------------------------------------------------------------------------------------------------


def _read_function(function: ast.FunctionDef, source: PythonSource) -> Sequence[Entry]:
    """Return the entries of a function: a source, a loss and a metric, an activation, or nothing."""
    positional = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    required = {argument.arg for argument, default in _arguments(function.args) if default is None}
    if function.name.startswith(_READER_PREFIXES):
        return [_entry("sources", function, _parameters(function, source, skip=PASSED_BY_NNRUN))]
    if positional[:2] == ["y_true", "y_pred"] and required <= {"y_true", "y_pred"}:
        value = source.assigned_attribute(function.name, "targets")
        targets = None if value is None else _read_targets(value, source)
        return [_entry(category, function, {}, targets=targets) for category in ("losses", "metrics")]
    if positional == ["x"] == sorted(required):
        return [_entry("activations", function, {})]
    return []


def _entry(
    category: str,
    node: ast.FunctionDef | ast.ClassDef,
    own: Mapping[str, Parameter],
    inherited: Mapping[str, Parameter] = MappingProxyType({}),
    *,
    call: Mapping[str, str] = MappingProxyType({}),
    base: str | None = None,
    targets: Targets | None = None,
    unsaved: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        category=category,
        name=node.name,
        summary=docstrings.summary(ast.get_docstring(node)),
        origin="user",
        parameters=MappingProxyType({**own, **inherited}),
        call=MappingProxyType(dict(call)),
        aliases=(),
        is_function=isinstance(node, ast.FunctionDef),
        positional=next(iter(own), None),
        base=base,
        targets=targets,
        unsaved=unsaved,
    )


def _read_targets(value: ast.expr, source: PythonSource) -> Targets | None:
    """Return the form of targets that `targets = ...` names; anything else is a problem."""
    form = value.value if isinstance(value, ast.Constant) else None
    found = next((each for each in _TARGETS if each == form), None)
    if found is None:
        expected = ", ".join(repr(each) for each in _TARGETS)
        source.complain(
            source.mark(value), f"expected one of {expected} for 'targets', received {source.excerpt(value)}"
        )
    return found


# Parameters ---------------------------------------------------------------------------------------------------------


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Return the named arguments of a function with their defaults."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults]
    yield from zip(positional, defaults, strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _parameters(
    function: ast.FunctionDef, source: PythonSource, *, skip: Sequence[str], class_docstring: str = ""
) -> dict[str, Parameter]:
    """Return the parameters of a function; a default that is not written out is a problem."""
    descriptions = {
        **docstrings.arguments(class_docstring, "Args", "Arguments"),
        **docstrings.arguments(ast.get_docstring(function), "Args", "Arguments"),
    }
    return {
        argument.arg: _parameter(argument, default, descriptions.get(argument.arg, ""), source)
        for argument, default in _arguments(function.args)
        if argument.arg not in skip
    }


def _parameter(argument: ast.arg, default: ast.expr | None, summary: str, source: PythonSource) -> Parameter:
    kind = _kind_of(argument, source)
    if default is None:
        return Parameter(argument.arg, True, None, summary, kind)
    value = None
    if isinstance(kind, PythonOnly):
        kind = PythonOnly(kind.reason, None)
    else:
        try:
            value = source.literal(default)
        except NotLiteralError:
            source.complain(
                source.mark(default),
                f"expected a default that is written out for '{argument.arg}', received {source.excerpt(default)}",
                f"write {argument.arg}=None and replace None inside the function: a config cannot write this default",
            )
    return Parameter(argument.arg, False, value, summary, or_null(kind) if value is None else kind)


def _kind_of(argument: ast.arg, source: PythonSource) -> Kind:
    """Return the kind of an argument: by its annotation, else as Keras' where its name is that of a part."""
    if argument.annotation is not None:
        return kind_of_annotation(argument.annotation, source.keras_category)
    name = argument.arg
    known = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), BY_NAME.get(name))
    is_part = known is not None and any(isinstance(each, PartOf) for each in nested_kinds(known))
    return or_null(known) if known is not None and is_part else AnyValue()


# Classes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Class:
    """One class of a file.

    Attributes:
        category: Its category, or None for a class that a config cannot use.
        base: The Keras class that it descends from.
        methods: The names of its methods, those inherited inside the file included.
        own: Its parameters, without those that it inherits through `**kwargs`.
        inherited: Those.
        call: The arguments of its call other than its inputs, with their descriptions.
        targets: The form of targets that it expects.
        memory: The attributes of a callback that its methods change, those inherited inside the file included.
    """

    category: str | None
    base: Entry | None
    methods: frozenset[str]
    own: Mapping[str, Parameter]
    inherited: Mapping[str, Parameter]
    call: Mapping[str, str]
    targets: Targets | None
    memory: tuple[str, ...] = ()

    @property
    def unsaved(self) -> tuple[str, ...]:
        """What a callback remembers that no saved state has."""
        if self.category != "callbacks" or self.methods >= PROTOCOL:
            return ()
        saved = KERAS_ATTRIBUTES.get(self.base.name, ()) if self.base else ()
        return tuple(name for name in self.memory if name not in saved)


_NO_CLASS = _Class(None, None, frozenset(), {}, {}, {}, None)


class _ClassReader:
    """Reads the classes of one file in order, so that bases come before the classes that descend from them."""

    def __init__(self, source: PythonSource) -> None:
        self._source = source
        self._classes: dict[str, _Class] = {}

    def read(self, node: ast.ClassDef) -> Sequence[Entry]:
        """Return the entry of a class, or nothing."""
        found = self._classes[node.name] = self._read(node)
        if found.category is None or node.name.startswith("_"):
            return ()
        is_kept = any(pair <= found.methods for pair in _STATES)
        if found.category == "preparation" and "fit" in found.methods and not is_kept:
            self._source.complain(
                self._source.mark_name(node, node.name),
                f"{node.name} learns with 'fit', but what it learned is not kept: it needs 'get_state' and 'set_state'",
                "get_state(self) returns what was learned as a dict, set_state(self, state) sets it again",
            )
        base = None if found.base is None else found.base.name
        return [
            _entry(
                found.category,
                node,
                found.own,
                found.inherited,
                call=found.call,
                base=base,
                targets=found.targets,
                unsaved=found.unsaved,
            )
        ]

    def _read(self, node: ast.ClassDef) -> _Class:
        base, parent = self._keras_base(node), self._parent(node)
        own_methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        methods = frozenset(own_methods) | parent.methods
        category = parent.category or (base.category if base else None)
        if category is None:
            category = "sources" if "load" in methods else "preparation" if "apply" in methods else None
        is_derived = parent.category is not None
        parameters = (parent.own, parent.inherited) if is_derived else _parameters_of_base(base)
        if "__init__" in own_methods:
            parameters = self._own_parameters(node, own_methods["__init__"], parameters) if category else ({}, {})
        call = parent.call if is_derived else base.call if base else {}
        if "call" in own_methods and category == "layers":
            call = _call_arguments(own_methods["call"])
        keras_base = base or parent.base
        targets = self._targets(node) or parent.targets or _targets_of(keras_base)
        memory = tuple(dict.fromkeys((*parent.memory, *kept_attributes(list(own_methods.values())))))
        return _Class(category, keras_base, methods, *parameters, call, targets, memory)

    def _parent(self, node: ast.ClassDef) -> _Class:
        """Return the first base in this file, preferably one that a config can use."""
        ids = [base.id for base in node.bases if isinstance(base, ast.Name)]
        known = [self._classes[name] for name in ids if name in self._classes]
        return next((each for each in known if each.category is not None), next(iter(known), _NO_CLASS))

    def _keras_base(self, node: ast.ClassDef) -> Entry | None:
        for base in node.bases:
            name = self._source.other_keras(base)
            if name is not None:
                self._source.complain(
                    self._source.mark(base),
                    f"expected a class of Keras 3, received {self._source.excerpt(base)}, which may be another Keras",
                    f"import keras, and write {name}",
                )
        return next((entry for base in node.bases if (entry := self._source.keras_entry(base))), None)

    def _own_parameters(self, node: ast.ClassDef, init: ast.FunctionDef, bases: _OwnAndInherited) -> _OwnAndInherited:
        """Return the parameters of `__init__`, and those of the bases that its `**kwargs` accepts."""
        first = [each.arg for each in init.args.args[:1]]
        doc = ast.get_docstring(node) or ""
        parameters = _parameters(init, self._source, skip=first, class_docstring=doc)
        if init.args.kwarg is None:
            return parameters, {}
        fixed = _passed_to_base(init, list(bases[0]))
        rest = {**bases[0], **bases[1]}
        return parameters, {name: rest[name] for name in rest if name not in parameters and name not in fixed}

    def _targets(self, node: ast.ClassDef) -> Targets | None:
        for statement in node.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id == "targets":
                return _read_targets(statement.value, self._source)
        return None


def _call_arguments(call: ast.FunctionDef) -> dict[str, str]:
    descriptions = docstrings.arguments(ast.get_docstring(call), "Args", "Arguments", "Call arguments")
    arguments = call.args.args[1:]
    inputs = max(1, len(arguments) - len(call.args.defaults))
    return {each.arg: descriptions.get(each.arg, "") for each in (*arguments[inputs:], *call.args.kwonlyargs)}


def _parameters_of_base(base: Entry | None) -> _OwnAndInherited:
    """Return the parameters of a Keras class, and those that all classes of its category have."""
    if base is None:
        return {}, {}
    if (base.category, base.name) == ("optimizers", "Optimizer"):
        # Keras' base class passes its arguments on; SGD lists them.
        sgd = lookup.entry("optimizers", "SGD")
        return {}, {key: one for key, one in sgd.parameters.items() if key not in _OF_SGD} if sgd else {}
    own = dict(base.parameters)
    layer = lookup.entry("layers", "Layer") if base.category == "layers" else None
    shared = {key: own.pop(key) for key in (layer.parameters if layer else ()) if key in own}
    return ({}, {**own, **shared}) if base.refused is not None else (own, shared)


def _passed_to_base(init: ast.FunctionDef, order: Sequence[str]) -> set[str]:
    """Return the arguments that the class itself passes to `super().__init__(...)`."""
    passed: set[str] = set()
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            passed |= {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            passed |= set(order[: sum(not isinstance(each, ast.Starred) for each in node.args)])
    return passed


def _targets_of(base: Entry | None) -> Targets | None:
    if base is None or base.category != "losses":
        return None
    return next((form for form, names in _TARGETS_OF_LOSSES.items() if base.name in names.split()), None)
