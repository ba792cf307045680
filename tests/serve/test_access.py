"""Tests of who may ask a server."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.serve.access import AccessRules
from nnrun.serve.refusals import RefusedRequestError

TOKEN = "t0ken-of-sixteen-letters"  # noqa: S105 - it opens nothing
RULES = AccessRules(TOKEN, frozenset({"models.example"}))
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


def status(rules: AccessRules, path: str = "/predict", **headers: str) -> int:
    """Return the status of a refusal; 200 where there is none."""
    try:
        rules.check(path, headers)
    except RefusedRequestError as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("[::1]:8000", 200),
        ("[fe80::1%25eth0]:80", 200),
        ("192.168.1.5", 200),
        ("models.example", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("[", 403),
        ("a b", 403),
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str, expected: int) -> None:
    """Only addresses, localhost and the names that the user gave are names of the server."""
    assert status(RULES, host=host, **AUTHORIZED) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8000", 200),
        ("https://localhost:8000", 200),
        ("http://localhost:9000", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str, expected: int) -> None:
    """A browser names the origin of the page that asks: it must be the server's own."""
    assert status(AccessRules(), host="localhost:8000", origin=origin) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (f"Basic {base64.b64encode(f'me:{TOKEN}'.encode()).decode()}", 200),
        (f"Basic {base64.b64encode(TOKEN.encode()).decode()}", 401),
        ("Basic !", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer", 401),
        ("Bearer tökén", 401),
        (TOKEN, 401),
        ("", 401),
    ],
)
def test_the_token_is_asked_for(authorization: str, expected: int) -> None:
    """Requests bring the token as that of `Bearer`, or, as browsers do, as a password."""
    assert status(RULES, host="localhost", authorization=authorization) == expected


def test_health_needs_no_token() -> None:
    """What watches the server does not have the token; everything else asks for it."""
    assert [status(RULES, path, host="localhost") for path in ("/health", "/", "/metrics", "/openapi.json", "/x")] == [
        200,
        401,
        401,
        401,
        401,
    ]


@given(st.text(max_size=40))
def test_no_other_text_is_the_token(text: str) -> None:
    """Whatever a header holds is refused, and raises nothing else."""
    assert status(RULES, host="localhost", authorization=f"Bearer {text}") == (200 if text.strip() == TOKEN else 401)
    assert status(RULES, host="localhost", authorization=text) == 401


def test_the_token_is_not_shown() -> None:
    """The rules do not show their token where they are printed."""
    assert TOKEN not in repr(RULES)
