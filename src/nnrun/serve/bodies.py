"""The bodies of requests: read with limits of size and time, as JSON, as files, or as options of a text."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

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
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise RefusedRequestError(400, "the JSON is nested too deeply") from None
    except ValueError as error:
        raise RefusedRequestError(400, f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise RefusedRequestError(422, "expected a JSON object")
    return found


async def read_examples(request: Request, served: ServedInput, limits: ServeLimits) -> list[Any]:
    """Return the examples of a request, checked.

    Raises:
        RefusedRequestError: The body is too large or broken, has too many examples, or wrong ones.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    word = served.words[0]
    takes_files = word in ("pictures", "recordings")
    body = await read_body(request, limits)
    if takes_files and kind == "multipart/form-data":
        examples: list[Any] = await _files_of_form(request, body, limits)
    elif takes_files and (kind.startswith(("image/", "audio/")) or kind == "application/octet-stream"):
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
    try:
        text = example.partition("base64,")[2] or example if example.startswith("data:") else example
        return base64.b64decode(text, validate=True)
    except (AttributeError, binascii.Error, ValueError):
        raise refused_values([WrongValue(row, None, "expected a file in Base64")]) from None


async def _files_of_form(request: Request, body: bytes, limits: ServeLimits) -> list[bytes]:
    """Return the files of a form.

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
        async with NewRequest(request.scope, receive).form(max_files=limits.rows + 1, max_fields=10) as form:
            return [await one.read() for _, one in form.multi_items() if isinstance(one, UploadFile)]
    except (MultiPartException, HTTPException, KeyError) as error:
        raise RefusedRequestError(400, f"the form cannot be read: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
