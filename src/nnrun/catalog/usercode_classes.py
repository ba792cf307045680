"""Classes of the user's own as entries of the catalog: what they are by their base, what they take by `__init__`."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nnrun.catalog import docstrings, lookup
from nnrun.catalog.lookup import Entry, Parameter, Targets
from nnrun.catalog.usercode_functions import parameters, targets
from nnrun.catalog.usercode_text import constants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.catalog.usercode_names import Names
    from nnrun.catalog.usercode_text import Text

#: What `keras.optimizers.Optimizer` passes on to its own base is what SGD takes beside these.
_OF_SGD = ("momentum", "nesterov")
_TARGETS_OF: dict[Targets, str] = {
    "one_hot": "CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge KLDivergence "
    "CategoricalGeneralizedCrossEntropy",
    "integer": "SparseCategoricalCrossentropy",
    "binary": "BinaryCrossentropy BinaryFocalCrossentropy Hinge SquaredHinge",
}


@dataclass(frozen=True)
class _Class:
    """What is known of one class.

    Attributes:
        category: Its category, or None for a class that is nothing to a config.
        base: The entry of Keras' that it descends from.
        methods: The names of its methods, inherited ones of this file included.
        own: Its arguments, without those of its bases that `**kwargs` lets through.
        further: Those.
        call: The arguments of its call other than its inputs, and what they mean.
        targets: How it says that it takes targets.
    """

    category: str | None
    base: Entry | None
    methods: frozenset[str]
    own: Mapping[str, Parameter]
    further: Mapping[str, Parameter]
    call: Mapping[str, str]
    targets: Targets | None


class Classes:
    """The classes of one file, each read after those that it may descend from.

    Args:
        names: What the file's names stand for.
        text: The file's text, which takes complaints.
        tree: The file's syntax tree.
    """

    def __init__(self, names: Names, text: Text, tree: ast.Module) -> None:
        self._names, self._text = names, text
        self._constants = constants(tree)
        self._known: dict[str, _Class] = {}

    def entries(self, node: ast.ClassDef) -> Sequence[Entry]:
        """The entry that a class is, or none."""
        read = self._read(node)
        self._known[node.name] = read
        if read.category is None or node.name.startswith("_"):
            return ()
        if read.category == "preparation" and "fit" in read.methods and not {"state", "restore"} <= read.methods:
            self._text.complain(
                self._text.name_mark(node, node.name),
                f"{node.name} learns with 'fit', but what it learned cannot be kept: it needs 'state' and 'restore'",
                "state(self) gives what was learned as JSON, restore(self, state) takes it again",
            )
        both = {**read.own, **read.further}
        return [
            Entry(
                read.category,
                node.name,
                docstrings.summary(ast.get_docstring(node)),
                "user",
                MappingProxyType(both),
                MappingProxyType(dict(read.call)),
                (),
                is_function=False,
                positional=next(iter(read.own), None),
                base=None if read.base is None else read.base.name,
                targets=read.targets,
            )
        ]

    def _read(self, node: ast.ClassDef) -> _Class:
        parent, base = self._parent(node), self._base(node)
        own_methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        methods = frozenset(own_methods) | (parent.methods if parent else frozenset())
        category = parent.category if parent else base.category if base else None
        if category is None:
            category = "sources" if "load" in methods else "preparation" if "apply" in methods else None
        own, further = self._parameters(node, own_methods.get("__init__"), parent, base, used=category is not None)
        call = self._call(own_methods["call"]) if "call" in own_methods and category == "layers" else None
        inherited = parent.call if parent else base.call if base else {}
        entry = base or (parent.base if parent else None)
        return _Class(
            category,
            entry,
            methods,
            own,
            further,
            inherited if call is None else call,
            self._targets(node) or (parent.targets if parent else None) or _targets_of(entry),
        )

    def _parent(self, node: ast.ClassDef) -> _Class | None:
        """The first base of this file that is something to a config."""
        known = [self._known[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in self._known]
        return next((one for one in known if one.category is not None), next(iter(known), None))

    def _base(self, node: ast.ClassDef) -> Entry | None:
        for base in node.bases:
            other = self._names.other_keras(base)
            if other is not None:
                self._text.complain(
                    self._text.mark_of(base),
                    f"expected a class of Keras 3, received {self._text.said(base)}, which may be of another Keras",
                    f"import keras, and write {other}",
                )
        return next((entry for base in node.bases if (entry := self._names.entry(base))), None)

    def _parameters(
        self, node: ast.ClassDef, init: ast.FunctionDef | None, parent: _Class | None, base: Entry | None, *, used: bool
    ) -> tuple[Mapping[str, Parameter], Mapping[str, Parameter]]:
        own, further = _of_bases(parent, base)
        if init is None:
            return own, further
        if not used:
            return {}, {}
        doc, first = ast.get_docstring(node) or "", [each.arg for each in init.args.args[:1]]
        written = parameters(init, self._names, self._text, self._constants, skip=first, doc=doc)
        if init.args.kwarg is None:
            return written, {}
        given = _given_to_base(init, list(own))
        passed = {name: one for name, one in {**own, **further}.items() if name not in written and name not in given}
        return written, passed

    def _call(self, call: ast.FunctionDef) -> dict[str, str]:
        told = docstrings.arguments(ast.get_docstring(call), "Args", "Arguments", "Call arguments")
        arguments = call.args.args[1:]
        inputs = max(1, len(arguments) - len(call.args.defaults))
        named = [*arguments[inputs:], *call.args.kwonlyargs]
        return {each.arg: told.get(each.arg, "") for each in named}

    def _targets(self, node: ast.ClassDef) -> Targets | None:
        for statement in node.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id == "targets":
                return targets(statement.value, self._text)
        return None


def _of_bases(parent: _Class | None, base: Entry | None) -> tuple[Mapping[str, Parameter], Mapping[str, Parameter]]:
    """What a class takes that says nothing else: its base's own arguments, and those that all such things take."""
    if parent is not None:
        return parent.own, parent.further
    if base is None:
        return {}, {}
    if (base.category, base.name) == ("optimizers", "Optimizer"):
        like = lookup.entry("optimizers", "SGD")
        return {}, {key: one for key, one in like.parameters.items() if key not in _OF_SGD} if like else {}
    everything = dict(base.parameters)
    layer = lookup.entry("layers", "Layer") if base.category == "layers" else None
    shared = {key: everything.pop(key) for key in (layer.parameters if layer else ()) if key in everything}
    if base.refused is not None:
        return {}, {**everything, **shared}
    return everything, shared


def _given_to_base(init: ast.FunctionDef, order: Sequence[str]) -> set[str]:
    """The arguments that `super().__init__(...)` is given by the class itself, so that a config does not give them."""
    given: set[str] = set()
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            given |= {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            positional = [one for one in node.args if not isinstance(one, ast.Starred)]
            given |= set(order[: len(positional)])
    return given


def _targets_of(base: Entry | None) -> Targets | None:
    if base is None or base.category != "losses":
        return None
    return next((form for form, names in _TARGETS_OF.items() if base.name in names.split()), None)
