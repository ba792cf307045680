"""The source `orders`: made orders of pizzas in words, with a tag for each token, their toppings and their price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnrun.data.sources.made_table import MadeTable

_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4}
_SIZES = {"small": 7.0, "medium": 9.5, "large": 12.0}
#: Toppings, and what each costs on a small pizza; some have several words, and share words.
_TOPPINGS = {
    "ham": 1.2,
    "tuna": 1.8,
    "salami": 1.4,
    "corn": 0.6,
    "onions": 0.5,
    "red onions": 0.7,
    "olives": 0.8,
    "green olives": 0.9,
    "green peppers": 0.8,
    "hot peppers": 0.9,
    "mushrooms": 1.0,
    "blue cheese": 1.7,
    "goat cheese": 1.9,
    "sun dried tomatoes": 1.3,
}
_OPENINGS = ("i would like", "please send", "can i have", "we want", "hello ,", "bring me", "")
_STREETS = ("station", "mill", "green", "church", "goat", "north", "olive", "king", "corn")
_KINDS_OF_STREETS = ("street", "road", "lane", "square")
#: So many of 100 tokens are mistyped.
_MISTYPED = 4


class _Order(NamedTuple):
    """An order: its tokens, a tag for each, its toppings, and what it costs."""

    tokens: list[str]
    tags: list[str]
    toppings: list[str]
    size: str
    number: int
    price: float


class Orders(MadeTable):
    """Made orders of pizzas (`two large pizzas with ham and red onions but no olives to 12 mill lane`).

    The columns are `text`, its tokens with a blank between them; `tags`, a tag for each token (`B-TOPPING`,
    `I-TOPPING`, `B-NOT`, `B-SIZE`, `B-PLACE`, ..., `O`); `toppings`, the set of those that are wanted (`ham;red
    onions`); `size`, `count` and `price`. A few tokens are mistyped. The same options give the same orders.

    Args:
        rows: The number of orders.
        features: The feature columns by name or index; default: `text`.
        target: The target column by name or index, or a list of them.
        seed: The seed that they are drawn with.
    """

    name = "orders"
    prose = frozenset({"text", "tags", "toppings"})

    def __init__(
        self,
        rows: int = 3000,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] = "tags",
        seed: int = 0,
    ) -> None:
        super().__init__(["text"] if features is None else features, target, seed)
        self.require_at_least(1, rows=rows)
        self.rows = rows

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the orders."""
        orders = [_order(generator) for _ in range(self.rows)]
        return {
            "text": np.array([" ".join(one.tokens) for one in orders], dtype=object),
            "tags": np.array([" ".join(one.tags) for one in orders], dtype=object),
            "toppings": np.array([";".join(one.toppings) for one in orders], dtype=object),
            "size": np.array([one.size for one in orders], dtype=object),
            "count": np.array([one.number for one in orders], dtype="float64"),
            "price": np.array([one.price for one in orders], dtype="float64"),
        }


def _order(draw: np.random.Generator) -> _Order:
    count = list(_COUNTS)[draw.integers(len(_COUNTS))]
    size = list(_SIZES)[draw.integers(len(_SIZES))]
    known = draw.permutation(list(_TOPPINGS)).tolist()
    wanted, unwanted = known[: draw.integers(1, 5)], known[5 : 5 + draw.choice(3, p=(0.6, 0.3, 0.1))]
    pieces = [(_OPENINGS[draw.integers(len(_OPENINGS))], ""), (count, "COUNT"), (size, "SIZE")]
    pieces += [("pizza" if _COUNTS[count] == 1 else "pizzas", ""), ("with", ""), *_listed(wanted, "TOPPING")]
    if unwanted:
        pieces += [(("without", "but no", ", hold the")[draw.integers(3)], ""), *_listed(unwanted, "NOT")]
    if draw.random() < 0.5:
        street = f"{_STREETS[draw.integers(len(_STREETS))]} {_KINDS_OF_STREETS[draw.integers(4)]}"
        pieces += [("to", ""), (f"{draw.integers(1, 40)} {street}", "PLACE")]
    if draw.random() < 0.4:
        pieces += [("at", ""), (f"{draw.integers(1, 12)} {('pm', 'thirty', 'sharp')[draw.integers(3)]}", "TIME")]
    tokens, tags = [], []
    for text, tag in pieces:
        words = text.split()
        tokens += [_mistyped(word, draw) for word in words]
        tags += [f"{'I' if index else 'B'}-{tag}" if tag else "O" for index in range(len(words))]
    each = _SIZES[size] + sum(_TOPPINGS[one] for one in wanted) * _SIZES[size] / _SIZES["small"]
    price = round(_COUNTS[count] * each * (0.9 if _COUNTS[count] > 2 else 1.0), 2)
    return _Order(tokens, tags, sorted(wanted), size, _COUNTS[count], price)


def _listed(names: list[str], tag: str) -> list[tuple[str, str]]:
    """Return names as they are listed in a sentence: `ham , corn and tuna`, each with its tag."""
    pieces = [(names[0], tag)]
    for name in names[1:]:
        pieces += [(" and " if name == names[-1] else ",", ""), (name, tag)]
    return pieces


def _mistyped(word: str, draw: np.random.Generator) -> str:
    """Return a word, rarely with two letters in the wrong order."""
    if len(word) < 4 or draw.integers(100) >= _MISTYPED:
        return word
    at = draw.integers(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
