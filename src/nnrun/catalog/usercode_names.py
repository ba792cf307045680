"""What the names of a Python file stand for, as far as its imports say: `L.Layer` is `keras.layers.Layer`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.lookup import Entry

#: Base classes that Keras exports at its top, too, with their category and name.
_AT_THE_TOP = {
    "Initializer": "initializers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
}
#: A model is a layer to Keras.
_MODELS = frozenset({"keras.Model", "keras.Sequential", "keras.models.Model", "keras.models.Sequential"})
#: Where another Keras than the one that runs may hide.
_OTHER_KERAS = ("tensorflow.keras", "tensorflow.python.keras", "tf_keras")


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those inside its `if` and `try` included, functions' and classes' own not."""
    for statement in body:
        yield statement
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                yield from statements(getattr(statement, inner, []))
        for handler in getattr(statement, "handlers", []):
            yield from statements(handler.body)


class Names:
    """The names that a module's imports give.

    Args:
        body: The module's statements.
    """

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self._known: dict[str, str] = {}
        for statement in statements(body):
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    whole = alias.asname is not None
                    name = alias.name if whole else alias.name.partition(".")[0]
                    self._known[alias.asname or name] = name
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                for alias in statement.names:
                    self._known[alias.asname or alias.name] = f"{statement.module}.{alias.name}"

    def dotted(self, node: ast.expr) -> str | None:
        """The whole name that an expression means: `keras.layers.Layer`; None where no import says so."""
        if isinstance(node, ast.Name):
            return self._known.get(node.id)
        if isinstance(node, ast.Attribute):
            holder = self.dotted(node.value)
            return None if holder is None else f"{holder}.{node.attr}"
        return None

    def entry(self, node: ast.expr) -> Entry | None:
        """The entry of the catalog that an expression means; a model counts as the base class of layers."""
        dotted = self.dotted(node)
        if dotted is None or not dotted.startswith("keras."):
            return None
        if dotted in _MODELS:
            return lookup.entry("layers", "Layer")
        holder, _, name = dotted.rpartition(".")
        category = holder.rpartition(".")[2] if holder != "keras" else _AT_THE_TOP.get(name)
        return lookup.entry(category, name) if category in lookup.CATEGORIES else None

    def category(self, node: ast.expr) -> str | None:
        """The category of a class of Keras'."""
        found = self.entry(node)
        return None if found is None else found.category

    def other_keras(self, node: ast.expr) -> str | None:
        """How Keras itself calls what an expression takes from TensorFlow's Keras; None where it does not."""
        dotted = self.dotted(node) or ""
        prefix = next((prefix for prefix in _OTHER_KERAS if dotted.startswith(f"{prefix}.")), None)
        return None if prefix is None else f"keras{dotted.removeprefix(prefix)}"
