"""Attention layers, with and without heads."""

from __future__ import annotations

from math import prod

from nnrun.catalog.kinds import is_integer
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Output, Rule, Shape, ShapeError


def _query_value_key(call: LayerCall, rank: int | None = None, minimum: int = 1) -> tuple[Shape, Shape, Shape]:
    """Return the shapes of query, value and key; without a key, the value is the key."""
    count = len(call.inputs)
    if count not in (2, 3):
        raise ShapeError(
            f"{call.name} expects a query and a value (and perhaps a key), received {count} input{'s' * (count != 1)}.",
            f"Name them, as in {{{call.name}: {{from: [query, value], ...}}}}; both may be the same.",
        )
    query, value, *key = call.inputs
    for shape in call.inputs:
        if len(shape) < minimum or (rank is not None and len(shape) != rank):
            raise call.wrong_rank(shape, rank, minimum, "(steps, features)" if rank or minimum > 1 else "")
    return query, value, key[0] if key else value


def _differ(first: int | None, second: int | None) -> bool:
    return first is not None and second is not None and first != second


def _with_scores(call: LayerCall, output: Shape, scores: Shape) -> Output:
    return (output, scores) if call.call_argument("return_attention_scores") else output


def _error(call: LayerCall, expected: str) -> ShapeError:
    return ShapeError(f"{call.name} expects {expected}, received {call.received()}.")


def _dot_product(call: LayerCall) -> LayerShape:
    query, value, key = _query_value_key(call)
    if not len(query) == len(value) == len(key):
        raise _error(call, "inputs with the same number of dimensions")
    if _differ(query[-1], key[-1]):
        raise _error(call, "a query and a key of the same last dimension")
    if len(value) > 1 and _differ(value[-2], key[-2]):
        raise _error(call, "a value and a key with the same number of steps")
    trained = int(bool(call["use_scale"]))
    if call.name == "AdditiveAttention":
        trained *= call.known(query[-1], "a last dimension")
    else:
        trained += call["score_mode"] == "concat"
    scores = (*query[:-1], key[-2] if len(key) > 1 else None)
    return call.result(_with_scores(call, (*query[:-1], value[-1]), scores), trained)


def _multi_head(call: LayerCall) -> LayerShape:
    # Keras builds it for single rows, too, and then cannot call it.
    query, value, key = _query_value_key(call, minimum=2)
    if value[:-1] != key[:-1]:
        raise _error(call, "a value and a key that differ only in their last dimension")
    if len(query) != len(value):
        raise _error(call, "a query and a value with the same number of dimensions")
    heads, width = call.positive("num_heads"), call.positive("key_dim")
    value_width = call.positive("value_dim") if call["value_dim"] else width
    given = call["output_shape"]
    last = call.known(query[-1], "a query's last dimension")
    sides: tuple[int, ...] = (given,) if is_integer(given) else tuple(given or (last,))
    bias = bool(call["use_bias"])
    projections = [
        (last, width),
        (call.known(key[-1], "a key's last dimension"), width),
        (call.known(value[-1], "a value's last dimension"), value_width),
    ]
    projections += [(last, value_width)] if call["use_gate"] else []
    trained = sum(heads * size * (features + bias) for features, size in projections)
    trained += (heads * value_width + bias) * prod(sides)
    steps = query[0] if len(query) > 1 else last
    return call.result(_with_scores(call, (*query[:-1], *sides), (heads, steps, steps)), trained)


def _grouped(call: LayerCall) -> LayerShape:
    query, value, key = _query_value_key(call, 2)
    if query[-1] != value[-1]:
        raise _error(call, "a query and a value of the same last dimension")
    if value[:-1] != key[:-1]:
        raise _error(call, "a value and a key that differ only in their last dimension")
    heads, groups = call.positive("num_query_heads"), call.positive("num_key_value_heads")
    width = call.positive("head_dim")
    if heads % groups:
        raise ShapeError(
            "GroupQueryAttention expects `num_query_heads` divisible by `num_key_value_heads`, received "
            f"{heads} and {groups}."
        )
    last, bias = call.known(query[-1], "a last dimension"), bool(call["use_bias"])
    projections = [(last, heads), (call.known(key[-1], "a key's last dimension"), groups), (last, groups)]
    projections += [(last, heads)] if call["use_gate"] else []
    trained = (
        sum(number * width * (features + bias) for features, number in projections) + (heads * width + bias) * last
    )
    return call.result(_with_scores(call, query, (heads, query[0], key[0])), trained)


RULES: dict[str, Rule] = {
    "Attention": _dot_product,
    "AdditiveAttention": _dot_product,
    "MultiHeadAttention": _multi_head,
    "GroupedQueryAttention": _grouped,
}
