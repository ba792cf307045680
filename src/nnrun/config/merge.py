"""One config over another: mappings merge deeply, lists and single values replace, `null` removes a key.

A part is a name with arguments, and two different parts do not merge: `optimizer: {SGD: ...}` over
`optimizer: {Adam: ...}` is SGD, not a mapping with two names. Which mappings are parts cannot be told by their look:
`{csv: ...}` over `{npz: ...}` are parts, `{test: 0.1}` over `{validation: 0.2}` are settings, and a column of a table
may be called `Age`. It is told by the place, with the table `_PARTS`:

    the same part, both with a mapping of arguments     the arguments merge
    anything else over a part                           replaces it: another name, a bare word, a lone value

Names that differ only in case and underscores (`adam`, `Adam`) are the same part. Arguments of Keras' parts hold no
mappings but parts (`learning_rate: {ExponentialDecay: ...}`), so the rule holds inside them too; arguments of sources
hold plain mappings (`types: {Age: integer}`), which merge.

A `null` inside a mapping that the base does not have is a plain value, as `groups: null` is in a new `k_fold:`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.config.dotted import dotted, is_at
from nnrun.config.hints import did_you_mean
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

#: The places outside lists at which a part stands, and whether its arguments hold parts in turn; `*` is any key.
_PARTS: dict[Path, bool] = {
    ("data", "source"): False,
    ("training", "loss"): True,
    ("training", "optimizer"): True,
    ("model", "outputs", "*", "loss"): True,
}


@dataclass(frozen=True, slots=True)
class _Tree:
    """A value with its places.

    Attributes:
        value: A single value, a list of trees, or a dict of trees.
        key: The place of its key; None for the items of a list.
        places: Every place the value had, oldest first.
    """

    value: Any
    key: Mark | None
    places: tuple[Mark, ...]


def over(base: Document, top: Document, said: str) -> Document:
    """Lay `top` over `base`; neither is changed.

    Args:
        base: What is extended.
        top: What extends it; the result carries its file and text.
        said: The base's name, for messages.

    Raises:
        ConfigError: With every `null` that removes what the base does not have.
    """
    merge = _Merge(said)
    merged = merge.mapping(_tree(base, (), base.data), _tree(top, (), top.data), (), nested=False)
    if merge.problems:
        raise ConfigError(merge.problems)
    return _document(merged, top)


class _Merge:
    """One merge at work, collecting problems on the way."""

    def __init__(self, said: str) -> None:
        self.said = said
        self.problems: list[Problem] = []

    def mapping(self, base: _Tree, top: _Tree, path: Path, *, nested: bool) -> _Tree:
        """Merge two mappings; with `nested` they are arguments whose mappings are parts."""
        merged = dict(base.value)
        for key, item in top.value.items():
            inside = (*path, key)
            if item.value is None:
                self._remove(merged, item, inside)
            elif key not in base.value:
                merged[key] = item
            elif nested:
                merged[key] = self._part(base.value[key], item, inside, nested=True)
            else:
                merged[key] = self._value(base.value[key], item, inside)
        return _Tree(merged, top.key, _joined(base, top))

    def _remove(self, merged: dict[str, _Tree], item: _Tree, path: Path) -> None:
        if merged.pop(str(path[-1]), None) is None:
            where = f"'{dotted(path[:-1])}'" if path[:-1] else "the config"
            text = f"null removes what a base says, but {where} has no '{path[-1]}' in {self.said}"
            hint = did_you_mean(str(path[-1]), merged) or "leave the line out"
            self.problems.append(Problem(item.key, text, hint))

    def _value(self, base: _Tree, top: _Tree, path: Path) -> _Tree:
        nested = next((nested for place, nested in _PARTS.items() if is_at(place, path)), None)
        if nested is not None:
            return self._part(base, top, path, nested=nested)
        if isinstance(base.value, dict) and isinstance(top.value, dict):
            return self.mapping(base, top, path, nested=False)
        return _replaced(base, top)

    def _part(self, base: _Tree, top: _Tree, path: Path, *, nested: bool) -> _Tree:
        old, new = _name(base), _name(top)
        if old is None or new is None or _squeezed(old) != _squeezed(new):
            return _replaced(base, top)
        arguments = self.mapping(base.value[old], top.value[new], (*path, new), nested=nested)
        return _Tree({new: arguments}, top.key, _joined(base, top))


def _name(tree: _Tree) -> str | None:
    """The name of a part with a mapping of arguments; None for anything else."""
    if not isinstance(tree.value, dict) or len(tree.value) != 1:
        return None
    ((name, arguments),) = tree.value.items()
    return name if isinstance(arguments.value, dict) else None


def _squeezed(name: str) -> str:
    return name.replace("_", "").lower()


def _replaced(base: _Tree, top: _Tree) -> _Tree:
    """`top`, whose values remember what the base said in the same places."""
    value = top.value
    if isinstance(value, dict) and isinstance(base.value, dict):
        value = {key: _replaced(base.value[key], item) if key in base.value else item for key, item in value.items()}
    elif isinstance(value, list) and isinstance(base.value, list):
        both = [_replaced(old, new) for old, new in zip(base.value, value, strict=False)]
        value = [*both, *value[len(both) :]]
    return _Tree(value, top.key, _joined(base, top))


def _joined(base: _Tree, top: _Tree) -> tuple[Mark, ...]:
    """Every place once: a base reached by two ways counts where it was applied last."""
    return tuple(reversed(dict.fromkeys(reversed((*base.places, *top.places)))))


def _tree(document: Document, path: Path, value: Any) -> _Tree:
    if isinstance(value, dict):
        value = {key: _tree(document, (*path, key), item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_tree(document, (*path, index), item) for index, item in enumerate(value)]
    return _Tree(value, document.key_marks.get(path), document.history(path))


def _document(root: _Tree, top: Document) -> Document:
    value_marks: dict[Path, Mark] = {}
    key_marks: dict[Path, Mark] = {}
    provenance: dict[Path, tuple[Mark, ...]] = {}

    def plain(tree: _Tree, path: Path) -> Any:
        value_marks[path] = tree.places[-1]
        if tree.key is not None:
            key_marks[path] = tree.key
        if len(tree.places) > 1:
            provenance[path] = tree.places
        if isinstance(tree.value, dict):
            return {key: plain(item, (*path, key)) for key, item in tree.value.items()}
        if isinstance(tree.value, list):
            return [plain(item, (*path, index)) for index, item in enumerate(tree.value)]
        return tree.value

    data = plain(root, ())
    return replace(top, data=data, value_marks=value_marks, key_marks=key_marks, provenance=provenance)


def without(document: Document, key: str) -> Document:
    """The document without a key at its top, and without the places of it and all below."""
    tables: Iterable[dict[Path, Any]] = (
        {path: mark for path, mark in table.items() if path[:1] != (key,)}
        for table in (document.value_marks, document.key_marks, document.provenance)
    )
    value_marks, key_marks, provenance = tables
    data = {other: value for other, value in document.data.items() if other != key}
    return replace(document, data=data, value_marks=value_marks, key_marks=key_marks, provenance=provenance)
