"""A best value at the edge of what was tried is a finding with a wider range to type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.config.document import parse
from nnrun.spec.sweep import RangeSpec
from nnrun.sweep.edges import find_edges
from nnrun.sweep.study import Group


def found(domain: Any, best: Any, *, known: bool = True) -> str | None:
    """Return what to type where a value of a parameter is the best; None if there is no finding."""
    tried = [best, *(domain if isinstance(domain, list) else ())]
    groups = [Group(number, {"x.y": value}, [], 0.0, None, None) for number, value in enumerate(tried)]
    edges = find_edges(groups, {"x.y": domain} if known else None)
    return edges[0].hint.partition("x.y=")[2].rstrip("'") if edges else None


@pytest.mark.parametrize(
    ("domain", "best", "wider"),
    [
        ([8, 16, 32], 32, "16,32,64"),
        ([8, 16, 32], 8, "4,8,16"),
        ([8, 16, 32], 16, None),
        ([16, 32], 32, None),  # of two values, each is at an end
        ([1, 2, 3], 1, None),  # nothing whole and positive is smaller
        ([0.0, 0.2, 0.5], 0.0, None),
        ([0.1, 0.2, 0.3], 0.3, "0.2,0.3,0.4"),
        ([0.5, 0.7, 0.9], 0.9, "0.7,0.9,0.95"),  # of shares, a share
        ([0.1, 0.01, 0.001], 0.001, "0.0001,0.001,0.01"),
        ([0.0001, 0.001, 0.01, 0.1], 0.1, "0.01,0.1,1.0"),
        (["relu", "tanh", "gelu"], "relu", None),
        ([8, 16, "auto"], 8, None),
        ([True, False], True, None),
        ({"low": 1e-4, "high": 0.1, "log": True}, 0.09, "{low: 0.0001, high: 1.0, log: true}"),
        ({"low": 1e-4, "high": 0.1, "log": True}, 1.1e-4, "{low: 1e-05, high: 0.1, log: true}"),
        ({"low": 1e-4, "high": 0.1, "log": True}, 0.01, None),
        ({"low": 8, "high": 64, "step": 8}, 64, "{low: 8, high: 120, step: 8}"),
        ({"low": 8, "high": 64, "step": 8}, 8, "{low: 4, high: 64, step: 8}"),
        ({"low": 8, "high": 64, "step": 8}, 16, None),
        ({"low": -1.0, "high": 1.0}, -0.99, "{low: -3.0, high: 1.0}"),
        ({"low": 0.0, "high": 0.5}, 0.001, None),
    ],
)
def test_a_wider_range_follows_the_values(domain: Any, best: Any, wider: str | None) -> None:
    """By a factor or a distance, and never where no such value can be."""
    assert found(domain, best) == wider


def test_without_the_section_the_values_that_were_tried_count() -> None:
    """A ledger of an earlier version does not have it."""
    assert found([8, 16, 32], 32, known=False) == "16,32,64"


@given(some.floats(1e-6, 1e3), some.floats(1.01, 1e4), some.booleans(), some.booleans())
def test_what_is_to_be_typed_is_a_range(low: float, factor: float, log: bool, upper: bool) -> None:
    """That can be read again, and reaches farther at this end."""
    domain: dict[str, Any] = {"low": low, "high": low * factor, "log": log}
    text = found(domain, domain["high"] if upper else low)
    if text is None:
        assert upper
        assert domain["high"] == 1
        return
    wider = RangeSpec(**parse(f"range: {text}", "range").data["range"])
    assert wider.refusal() is None
    assert wider.high > domain["high"] * 0.99 if upper else wider.low < low * 1.01
