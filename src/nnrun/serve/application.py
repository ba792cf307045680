"""The HTTP application: its paths, and what all requests have in common."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from nnrun.errors import NnrunError
from nnrun.serve.bodies import read_body, read_examples, read_json
from nnrun.serve.metrics import ServerFigures
from nnrun.serve.model_queue import TextStream
from nnrun.serve.page import page
from nnrun.serve.refusals import RefusedRequestError
from nnrun.serve.text_options import text_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping

    from nnrun.serve.access import AccessRules
    from nnrun.serve.bodies import ServeLimits
    from nnrun.serve.model_queue import ModelQueue
    from nnrun.serve.openapi import ServedRun

    Message = MutableMapping[str, Any]

LOGGER = logging.getLogger("nnrun.serve")
#: What a client may choose as the name of its request in the log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@dataclass(frozen=True)
class ServedModel:
    """What answers requests.

    Attributes:
        run: What is served, for its description.
        queue: The requests that wait for the model.
        writer: Begins a text by the options of a request; None for other runs.
    """

    run: ServedRun
    queue: ModelQueue
    writer: Callable[[dict[str, Any]], Iterator[str]] | None = None


class Application:
    """The application of a served run; `asgi` is what a server calls.

    Args:
        model: What answers.
        access: Who may ask.
        limits: What is taken on.
    """

    def __init__(self, model: ServedModel, access: AccessRules, limits: ServeLimits) -> None:
        self._model, self._access, self._limits = model, access, limits
        routes = [
            Route("/", self._page),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
            Route("/openapi.json", self._openapi),
        ]
        if model.writer is None:
            routes.append(Route("/predict", self._predict, methods=["POST"]))
        else:
            routes.append(Route("/generate", self._generate, methods=["POST"]))
        self.figures = ServerFigures(frozenset(route.path for route in routes))
        self._document = model.run.openapi(limits)
        self._process = psutil.Process()
        refused = {RefusedRequestError: _refused, HTTPException: _not_found, NnrunError: _failed, Exception: _broken}
        self._routes = Starlette(routes=routes, exception_handlers=refused)

    async def asgi(self, scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answer a request: check who asks, name it, count it, and write a line about it."""
        if scope["type"] != "http":
            await self._routes(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(6)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_in_time(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = {**_HEADERS, "X-Request-ID": request_id}
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in more.items())]
            async with asyncio.timeout(self._limits.client_seconds):
                await send(message)

        self.figures.in_flight += 1
        try:
            await self._checked(scope, headers, receive, send_in_time)
        except (ClientDisconnect, TimeoutError):
            # The client has gone, or reads no more: nobody is left to answer, and the server closes the connection.
            status = status or 499
        except Exception:
            # The answer, or what there is of it, is sent: `_broken` has made it.
            LOGGER.exception("%s", request_id)
            status = status or 500
        finally:
            self.figures.in_flight -= 1
            seconds = time.perf_counter() - started
            self.figures.add(scope["path"], status, seconds)
            client = (scope.get("client") or ("-",))[0]
            line = "%s %s %s %s %d %.1f ms"
            LOGGER.info(line, request_id, client, scope["method"], _printable(scope["path"]), status, 1000 * seconds)

    async def _checked(self, scope: Message, headers: Headers, receive: Any, send: Any) -> None:
        """Let a request through that may be answered."""
        is_full = scope["method"] == "POST" and self.figures.in_flight > self._limits.requests
        try:
            self._access.check(scope["path"], headers)
        except RefusedRequestError as error:
            refusal = error
        else:
            if not is_full:
                await self._routes(scope, receive, send)
                return
            text = f"{self._limits.requests} requests are being answered already"
            refusal = RefusedRequestError(503, text, hint="ask again later", headers={"Retry-After": "1"})
        await (await _refused(Request(scope), refusal))(scope, receive, send)

    async def _page(self, request: Request) -> Response:  # noqa: ARG002
        html, policy = page(self._model.run)
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    async def _health(self, request: Request) -> Response:  # noqa: ARG002
        return _as_json(200, {"status": "ok"})

    async def _openapi(self, request: Request) -> Response:  # noqa: ARG002
        return _as_json(200, self._document)

    async def _metrics(self, request: Request) -> Response:  # noqa: ARG002
        text = self.figures.text(self._model.queue.figures, self._process.memory_info().rss)
        return Response(text, media_type="text/plain; version=0.0.4")

    async def _predict(self, request: Request) -> Response:
        examples = await read_examples(request, self._model.run.input, self._limits)
        answer = asyncio.wrap_future(self._model.queue.submit(examples))
        try:
            async with asyncio.timeout(self._limits.model_seconds):
                predictions = await answer
        except TimeoutError:
            text = f"the model did not answer within {self._limits.model_seconds:g} s"
            raise RefusedRequestError(503, text, headers={"Retry-After": "5"}) from None
        return _as_json(200, {**self._model.run.about, "predictions": predictions})

    async def _generate(self, request: Request) -> Response:
        assert self._model.writer is not None, "only runs of texts have this path"  # noqa: S101
        body = await read_body(request, self._limits)
        given = read_json(body, request.headers.get("content-type", ""))
        options = text_options(given, self._limits.characters)
        pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def on_piece(piece: str | Exception | None) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        stream = TextStream(self._model.writer(options), on_piece)
        self._model.queue.submit_text(stream)
        try:
            # What is wrong with the options is known with the first piece, before the status is sent.
            first = await self._next_piece(pieces)
        except BaseException:
            stream.cancel()
            raise
        if "text/event-stream" in request.headers.get("accept", ""):
            events = _events(self._pieces(first, pieces, stream))
            return StreamingResponse(events, media_type="text/event-stream")
        return StreamingResponse(self._pieces(first, pieces, stream), media_type="text/plain; charset=utf-8")

    async def _next_piece(self, pieces: asyncio.Queue[str | Exception | None]) -> str | None:
        """Return the next piece of a text, or None at its end."""
        try:
            async with asyncio.timeout(self._limits.model_seconds):
                piece = await pieces.get()
        except TimeoutError:
            text = f"the model did not write within {self._limits.model_seconds:g} s"
            raise RefusedRequestError(503, text, headers={"Retry-After": "5"}) from None
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def _pieces(
        self, first: str | None, pieces: asyncio.Queue[str | Exception | None], stream: TextStream
    ) -> AsyncIterator[str]:
        """Yield the pieces of a text; a client that goes ends it."""
        piece = first
        try:
            while piece is not None:
                if piece:
                    yield piece
                piece = await self._next_piece(pieces)
        finally:
            stream.cancel()


async def _events(pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield pieces as events, each a JSON text, and an event `end`."""
    async with aclosing(pieces) as found:  # type: ignore[type-var]
        async for piece in found:
            yield f"data: {json.dumps(piece)}\n\n"
    yield "event: end\ndata: \n\n"


def _as_json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return Response(text, status, headers, media_type="application/json")


async def _refused(request: Request, error: Any) -> Response:
    return _as_json(error.status, error.as_json(request.scope["state"]["request_id"]), error.headers)


async def _not_found(request: Request, error: Any) -> Response:
    text = "there is no such path; / describes those that there are" if error.status_code == 404 else error.detail
    return await _refused(request, RefusedRequestError(error.status_code, text, headers=error.headers))


async def _failed(request: Request, error: Any) -> Response:
    return await _refused(request, RefusedRequestError(500, error.text, hint=error.hint))


async def _broken(request: Request, error: Any) -> Response:  # noqa: ARG001
    return await _refused(request, RefusedRequestError(500, "a fault of the server; its log has the details"))


def _printable(path: str) -> str:
    """Return a path as the log shows it: no line ends, and nothing that steers a terminal."""
    return path[:200].encode("unicode_escape").decode("ascii")
