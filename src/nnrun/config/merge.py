"""One config merged over another: mappings merge deeply, lists and single values replace, `null` removes a key.

A part is a name with arguments, and two different parts do not merge: `optimizer: {SGD: ...}` over
`optimizer: {Adam: ...}` is SGD, not a mapping with two names. The form does not show which mappings are parts:
`{csv: ...}` over `{npz: ...}` are parts, `{test: 0.1}` over `{validation: 0.2}` are settings, and a column of a table
may be called `Age`. The place shows it (`_PART_PLACES`):

    the same part, both with a mapping of arguments     the arguments merge
    anything else over a part                           replaces it: another name, a bare word, a single value

Names that differ only in case and underscores (`adam`, `Adam`) are the same part. The only mappings in arguments of
Keras' parts are parts (`learning_rate: {ExponentialDecay: ...}`), so the rule applies inside them too; arguments of
sources hold plain mappings (`types: {Age: integer}`), which merge.

A `null` inside a mapping that the base does not have is a plain value, as `groups: null` is in a new `k_fold:`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.config.dotted import join_path, matches_pattern
from nnrun.config.hints import did_you_mean
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path

#: The places of parts outside lists, and whether their arguments contain parts; `*` is any key.
_PART_PLACES: dict[Path, bool] = {
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
        places: All its places, oldest first.
    """

    value: Any
    key: Mark | None
    places: tuple[Mark, ...]


def merge_documents(base: Document, top: Document, base_name: str) -> Document:
    """Merge `top` over `base`; neither is changed.

    Args:
        base: The document that is extended.
        top: The document that extends it; the result has its file and text.
        base_name: The base's name, for messages.

    Raises:
        ConfigError: With every `null` that removes a key that the base does not have.
    """
    merge = _Merge(base_name)
    merged = merge.mapping(_tree(base, (), base.data), _tree(top, (), top.data), (), nested=False)
    if merge.problems:
        raise ConfigError(merge.problems)
    return _document(merged, top)


class _Merge:
    """One merge, with the problems found."""

    def __init__(self, base_name: str) -> None:
        self._base_name = base_name
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
        return _Tree(merged, top.key, _joined_places(base, top))

    def _remove(self, merged: dict[str, _Tree], item: _Tree, path: Path) -> None:
        if merged.pop(str(path[-1]), None) is None:
            where = f"'{join_path(path[:-1])}'" if path[:-1] else "the config"
            text = f"null removes a key of a base, but {where} has no '{path[-1]}' in {self._base_name}"
            hint = did_you_mean(str(path[-1]), merged) or "delete this line"
            self.problems.append(Problem(item.key, text, hint))

    def _value(self, base: _Tree, top: _Tree, path: Path) -> _Tree:
        nested = next((nested for place, nested in _PART_PLACES.items() if matches_pattern(place, path)), None)
        if nested is not None:
            return self._part(base, top, path, nested=nested)
        if isinstance(base.value, dict) and isinstance(top.value, dict):
            return self.mapping(base, top, path, nested=False)
        return _replace(base, top)

    def _part(self, base: _Tree, top: _Tree, path: Path, *, nested: bool) -> _Tree:
        old, new = _part_name(base), _part_name(top)
        if old is None or new is None or _normalized(old) != _normalized(new):
            return _replace(base, top)
        arguments = self.mapping(base.value[old], top.value[new], (*path, new), nested=nested)
        return _Tree({new: arguments}, top.key, _joined_places(base, top))


def _part_name(tree: _Tree) -> str | None:
    """Return the name of a part with a mapping of arguments; None for anything else."""
    if not isinstance(tree.value, dict) or len(tree.value) != 1:
        return None
    ((name, arguments),) = tree.value.items()
    return name if isinstance(arguments.value, dict) else None


def _normalized(name: str) -> str:
    return name.replace("_", "").lower()


def _replace(base: _Tree, top: _Tree) -> _Tree:
    """Return `top`, with the places that its values had in the base."""
    value = top.value
    if isinstance(value, dict) and isinstance(base.value, dict):
        value = {key: _replace(base.value[key], item) if key in base.value else item for key, item in value.items()}
    elif isinstance(value, list) and isinstance(base.value, list):
        both = [_replace(old, new) for old, new in zip(base.value, value, strict=False)]
        value = [*both, *value[len(both) :]]
    return _Tree(value, top.key, _joined_places(base, top))


def _joined_places(base: _Tree, top: _Tree) -> tuple[Mark, ...]:
    """Return every place once: a base that is extended twice counts where it was applied last."""
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

    def to_data(tree: _Tree, path: Path) -> Any:
        value_marks[path] = tree.places[-1]
        if tree.key is not None:
            key_marks[path] = tree.key
        if len(tree.places) > 1:
            provenance[path] = tree.places
        if isinstance(tree.value, dict):
            return {key: to_data(item, (*path, key)) for key, item in tree.value.items()}
        if isinstance(tree.value, list):
            return [to_data(item, (*path, index)) for index, item in enumerate(tree.value)]
        return tree.value

    data = to_data(root, ())
    return replace(top, data=data, value_marks=value_marks, key_marks=key_marks, provenance=provenance)


def drop_key(document: Document, key: str) -> Document:
    """Return the document without a key at its top, and without all places inside it."""

    def kept(table: Any) -> dict[Path, Any]:
        return {path: mark for path, mark in table.items() if path[:1] != (key,)}

    return replace(
        document,
        data={other: value for other, value in document.data.items() if other != key},
        value_marks=kept(document.value_marks),
        key_marks=kept(document.key_marks),
        provenance=kept(document.provenance),
    )
