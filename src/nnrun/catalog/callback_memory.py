"""What a callback keeps in `self` from one step or epoch to a later one: what an exact resume must restore."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The attributes that change while Keras' own callbacks work, by class; those of a subclass's bases belong to it too.
KERAS_ATTRIBUTES = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    "ReduceLROnPlateau": ("wait", "cooldown_counter", "best"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
    "TensorBoard": ("_global_train_batch", "_global_test_batch"),
    "CSVLogger": ("keys",),
    "History": ("epoch", "history"),
    "BackupAndRestore": ("_batches_seen_since_last_saving", "_last_batch_seen", "_current_epoch"),
}
#: The protocol by which a callback's memory is saved.
PROTOCOL = frozenset({"get_state", "set_state"})
#: Methods that a resumed training calls again before its first step, or that nothing follows.
_OUTSIDE = frozenset({"__init__", "set_model", "set_params", "on_train_begin", "on_train_end"}) | PROTOCOL
#: Attributes that are Keras' own: their changes are in the state of the model.
_OF_KERAS = frozenset({"model", "_model", "params"})
_CHANGING_METHODS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popleft", "remove", "setdefault"}
    | {"update"}
)


def kept_attributes(methods: list[ast.FunctionDef]) -> tuple[str, ...]:
    """Return the attributes of `self` that a callback's methods change, in the order of the file.

    What a method such as `on_epoch_begin` only assigns does not count, as it is assigned again on a resume; nor do
    attributes that nothing reads.

    Args:
        methods: The methods of one class.
    """
    read = {name for method in methods for name in _read(method)}
    found = [name for method in methods if method.name not in _OUTSIDE for name in _changed(method, read)]
    return tuple(dict.fromkeys(name for name in found if name not in _OF_KERAS))


def _changed(method: ast.FunctionDef, read: set[str]) -> Iterator[str]:
    own, begins = _own_name(method), method.name.startswith("on_") and method.name.endswith("_begin")
    added_to = {id(node.target) for node in ast.walk(method) if isinstance(node, ast.AugAssign)}
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del) and _is_own(node, own):
            if id(node) in added_to or (node.attr in read and not begins):
                yield node.attr
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from _root(node.value, own)
        elif isinstance(node, ast.Call) and _changes_its_object(node):
            yield from _root(node.func, own)


def _changes_its_object(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGING_METHODS


def _read(method: ast.FunctionDef) -> Iterator[str]:
    own = _own_name(method)
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _is_own(node, own):
            yield node.attr


def _own_name(method: ast.FunctionDef) -> str | None:
    arguments = [*method.args.posonlyargs, *method.args.args]
    return arguments[0].arg if arguments else None


def _is_own(node: ast.Attribute, own: str | None) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == own


def _root(node: ast.expr, own: str | None) -> Iterator[str]:
    """Yield the attribute of `self` that an expression such as `self.seen[0].times` is a part of."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and _is_own(node, own):
            yield node.attr
            return
        node = node.value
