"""Addresses of Ray, and its nodes; Ray itself is in `tests/pipeline/test_sweep_ray.py`."""

from __future__ import annotations

import pytest

from nnrun.errors import RunError
from nnrun.sweep.ray_cluster import RayAddress, fitting_nodes


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (None, "local"),
        ("local", "local"),
        ("auto", "auto"),
        ("ray://head.example.org:10001", "client"),
        ("10.0.0.7:6379", "node"),
        ("ray://[fe80::1]:10001", "client"),
        ("my-host_2:1", "node"),
    ],
)
def test_an_address_says_how_ray_is_reached(text: str | None, kind: str) -> None:
    """As Ray takes it."""
    address = RayAddress.parse(text)
    assert (address.kind, address.text) == (kind, text or "local")


@pytest.mark.parametrize("text", ["--x:1", "ray://me:secret@head:1", "head:1\n", "head:1/x", "redis://head:1"])
def test_an_address_of_another_kind_is_an_error(text: str) -> None:
    """Also one with a name and a password, which Ray does not know."""
    with pytest.raises(RunError, match="expected ray://HOST:PORT"):
        RayAddress.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "head", "head:", ":6379", "head:0", "head:65536", "head:1x", "http://head:8265", "ray://head", "ray://a b:1"],
)
def test_what_is_no_address_is_an_error(text: str) -> None:
    """With examples of addresses; nothing of it is passed on."""
    with pytest.raises(RunError, match="expected ray://HOST:PORT") as caught:
        RayAddress.parse(text)
    assert "ray://head.example.org:10001" in str(caught.value.hint)


def test_nodes_are_counted_that_have_room_for_a_worker() -> None:
    """Only one node can have it, and a dead one cannot."""
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 1.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
        {"Alive": True, "Resources": None},
    ]
    assert [fitting_nodes(nodes, cpus, gpus) for cpus, gpus in ((1, 0), (4, 0), (4, 1), (4, 2))] == [2, 1, 1, 0]
