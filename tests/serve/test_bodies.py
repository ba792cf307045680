"""Tests of the bodies of requests: forms whose rows name their pictures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from nnrun.config.document import read
from nnrun.data.data_paths import DataPaths
from nnrun.data.sources.flats import Flats
from nnrun.progress import NullProgress
from nnrun.serve.bodies import ServeLimits, read_examples
from nnrun.serve.inputs import ServedInput, served_input
from nnrun.serve.refusals import RefusedRequestError
from nnrun.spec.experiment import validate
from nnrun.spec.facts import Facts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FLAT = {"area": 50, "town": "Bern", "note": "old", "photo": "a.gif"}


@pytest.fixture(scope="module")
def flats() -> ServedInput:
    """Rows of numbers, words and a picture."""
    facts = Facts("regression", "numbers", None, arrays={"photo": (16, 16, 3)}, target_names=("price",))
    layout = dict(Flats().load(DataPaths(CONFIGS), NullProgress()).layout)
    return served_input(validate(read(CONFIGS / "flats.yaml")).data, [{"layout": layout}], facts)


def examples_of_form(served: ServedInput, rows: Any, files: list[tuple[str, bytes]], most: int = 9) -> list[Any]:
    """Return the examples of a form with a field of rows, if there are any, and with files."""
    parts = [('Content-Disposition: form-data; name="rows"', rows.encode())] if rows is not None else []
    parts += [(f'Content-Disposition: form-data; name="files"; filename="{name}"', one) for name, one in files]
    body = b"".join(b"--x\r\n" + head.encode() + b"\r\n\r\n" + one + b"\r\n" for head, one in parts) + b"--x--\r\n"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive)
    return asyncio.run(read_examples(request, served, ServeLimits(rows=most)))


def test_rows_of_a_form_name_its_files(flats: ServedInput) -> None:
    """The field `rows` holds JSON, more than a megabyte too, and its columns of pictures the names of files."""
    long = {**FLAT, "note": "old " * 300_000, "photo": "b.png"}
    files = [("b.png", b"\x89PNG\r\n\x1a\nb"), ("a.gif", b"GIF8a")]
    found = examples_of_form(flats, json.dumps([FLAT, FLAT, long]), files)
    assert [row[-1] for row in found] == [b"GIF8a", b"GIF8a", b"\x89PNG\r\n\x1a\nb"]
    assert found[0][:3] == ["50", "Bern", "old"]


@pytest.mark.parametrize(
    ("rows", "files", "status", "message"),
    [
        (None, ["a.gif"], 422, "expected the field `rows`, a list of objects in JSON, and files"),
        ("{}", ["a.gif"], 422, "expected a list of objects in the field `rows`"),
        ("[", ["a.gif"], 400, "the body is not JSON"),
        ("[]", ["a.gif"], 422, "expected at least one of rows, received none"),
        (json.dumps([FLAT]), ["b.gif"], 422, "row 0, column 'photo': expected the name of a file of the form"),
        (json.dumps([FLAT]), ["a.gif", "a.gif"], 422, "two files of the form have one name"),
        (json.dumps([{**FLAT, "photo": 1}]), ["a.gif"], 422, "row 0, column 'photo': expected the name of a file"),
        (json.dumps([FLAT] * 3), ["a.gif"], 413, "expected at most 2 rows in a request, received 3"),
        (json.dumps([FLAT]), ["a.gif", "b.gif", "c.gif", "d.gif"], 400, "Too many files"),
        (json.dumps([5]), ["a.gif"], 422, "row 0: expected an object of columns, received 5"),
    ],
)
def test_a_form_that_cannot_be_used_is_refused(
    flats: ServedInput, rows: str | None, files: list[str], status: int, message: str
) -> None:
    """What a form lacks is told with the row and column, and neither more rows nor files than the limits are taken."""
    with pytest.raises(RefusedRequestError) as caught:
        examples_of_form(flats, rows, [(name, b"GIF8a") for name in files], most=2)
    assert caught.value.status == status
    assert message in caught.value.message
