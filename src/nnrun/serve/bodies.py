"""The bodies of requests: read with limits of size and time, as JSON, as files, or as options of a text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from nnrun.serve.inputs import from_base64
from nnrun.serve.refusals import RefusedRequestError, WrongValue, refused_values

if TYPE_CHECKING:
    from starlette.requests import Request

    from nnrun.serve.inputs import ServedInput

#: A body that is too large is read to its end up to so many times the limit: a client that writes reads no answer.
_DRAINED = 8


@dataclass(frozen=True)
class ServeLimits:
    """What a server takes on.

    Attributes:
        body_bytes: The size of a body.
        rows: The number of examples of a request.
        requests: The number of requests that are answered at the same time.
        client_seconds: How long a client may take for the head of a request, for its body, and for reading a piece of
            the answer.
        model_seconds: How long a request waits for the model.
        characters: The length of a generated text.
    """

    body_bytes: int = 10_000_000
    rows: int = 1000
    requests: int = 100
    client_seconds: float = 10.0
    model_seconds: float = 30.0
    characters: int = 10_000


async def read_body(request: Request, limits: ServeLimits) -> bytes:
    """Return the body of a request.

    Raises:
        RefusedRequestError: It is too large, or does not come in time.
    """
    found = bytearray()
    size = 0
    try:
        async with asyncio.timeout(limits.client_seconds):
            async for piece in request.stream():
                size += len(piece)
                if size <= limits.body_bytes:
                    found += piece
                elif size > _DRAINED * limits.body_bytes:
                    break
    except TimeoutError:
        text = f"the body did not come within {limits.client_seconds:g} s"
        raise RefusedRequestError(408, text, headers={"Connection": "close"}) from None
    if size > limits.body_bytes:
        text = f"expected a body of at most {limits.body_bytes} bytes, received more"
        raise RefusedRequestError(413, text, hint="send less at once", headers={"Connection": "close"})
    return bytes(found)


def read_json(body: bytes, content_type: str) -> dict[str, Any]:
    """Return a body that is a JSON object.

    Raises:
        RefusedRequestError: It is something else.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        text = f"expected the header Content-Type: application/json, received {content_type[:100]!r}"
        raise RefusedRequestError(415, text)
    found = _parsed(body)
    if not isinstance(found, dict):
        raise RefusedRequestError(422, "expected a JSON object")
    return found


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise RefusedRequestError(400, "the JSON is nested too deeply") from None
    except ValueError as error:
        raise RefusedRequestError(400, f"the body is not JSON: {str(error)[:200]}") from None


async def read_examples(request: Request, served: ServedInput, limits: ServeLimits) -> list[Any]:
    """Return the examples of a request, checked.

    Raises:
        RefusedRequestError: The body is too large or broken, has too many examples, or wrong ones.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    word = served.words[0]
    body = await read_body(request, limits)
    if served.takes_files and kind == "multipart/form-data":
        examples = await _examples_of_form(request, body, served, limits)
    elif word in ("pictures", "recordings") and kind.startswith(("image/", "audio/", "application/octet-stream")):
        examples = [body]
    else:
        word, examples = _examples_of_json(read_json(body, content_type), served)
    if not examples:
        raise RefusedRequestError(422, f"expected at least one of {word}, received none")
    if len(examples) > limits.rows:
        text = f"expected at most {limits.rows} {word} in a request, received {len(examples)}"
        raise RefusedRequestError(413, text, hint="send several requests")
    if word in ("pictures", "recordings"):
        examples = [_decoded(row, one) for row, one in enumerate(examples)]
    return served.checked(word, examples)


def _examples_of_json(body: dict[str, Any], served: ServedInput) -> tuple[str, list[Any]]:
    """Return the key under which examples stand, and these."""
    expected = " or ".join(f'{{"{word}": [...]}}' for word in served.words)
    if len(body) != 1 or next(iter(body)) not in served.words:
        received = ", ".join(map(repr, list(body)[:5])) or "nothing"
        raise RefusedRequestError(422, f"expected {expected}, received the keys {received[:200]}")
    word, examples = next(iter(body.items()))
    if not isinstance(examples, list):
        raise RefusedRequestError(422, f"expected a list of {word}")
    return word, examples


def _decoded(row: int, example: Any) -> bytes:
    """Return the bytes of a file, which JSON holds as Base64."""
    if isinstance(example, bytes):
        return example
    content = from_base64(example)
    if content is None:
        raise refused_values([WrongValue(row, None, "expected a file in Base64")])
    return content


async def _examples_of_form(request: Request, body: bytes, served: ServedInput, limits: ServeLimits) -> list[Any]:
    """Return the files of a form; of rows, the field `rows` with the files that its columns of pictures name.

    Raises:
        RefusedRequestError: It is broken, or lacks a file.
    """
    parts = await _parts_of_form(request, body, limits.rows * max(len(served.pictures), 1) + 1, limits)
    if served.kind != "rows":
        return [content for _, file, content in parts if file is not None]
    rows = next((content for name, _, content in parts if name == "rows"), None)
    if rows is None:
        raise RefusedRequestError(422, "expected the field `rows`, a list of objects in JSON, and files")
    found = _parsed(rows)
    if not isinstance(found, list):
        raise RefusedRequestError(422, "expected a list of objects in the field `rows`")
    files = {file: content for name, file, content in parts if file is not None and name != "rows"}
    if len(files) < sum(file is not None and name != "rows" for name, file, _ in parts):
        raise RefusedRequestError(422, "two files of the form have one name", hint="give each file a name of its own")
    wrong = []
    for number, row in enumerate(found):
        for name in served.pictures if isinstance(row, dict) else ():
            if isinstance(row.get(name), str) and row[name] in files:
                row[name] = files[row[name]]
            elif name in row:
                wrong.append(WrongValue(number, name, "expected the name of a file of the form"))
    if wrong:
        raise refused_values(wrong)
    return found


async def _parts_of_form(
    request: Request, body: bytes, files: int, limits: ServeLimits
) -> list[tuple[str, str | None, bytes]]:
    """Return the name of each field of a form, the name of its file, None where it is none, and its content.

    Args:
        request: The request.
        body: Its body.
        files: The most files that are taken.
        limits: What a server takes on.

    Raises:
        RefusedRequestError: It is broken.
    """
    from starlette.datastructures import UploadFile
    from starlette.exceptions import HTTPException
    from starlette.formparsers import MultiPartException
    from starlette.requests import Request as NewRequest

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        known = {"max_files": files, "max_fields": 10, "max_part_size": limits.body_bytes}
        async with NewRequest(request.scope, receive).form(**known) as form:
            return [
                (name, one.filename or "", await one.read())
                if isinstance(one, UploadFile)
                else (name, None, str(one).encode())
                for name, one in form.multi_items()
            ]
    except (MultiPartException, HTTPException, KeyError) as error:
        raise RefusedRequestError(400, f"the form cannot be read: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
