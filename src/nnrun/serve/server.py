"""The HTTP server: uvicorn in a thread of its own, on a socket that is bound before a model is loaded."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nnrun.errors import RunError

if TYPE_CHECKING:
    from nnrun.serve.application import Application
    from nnrun.serve.bodies import ServeLimits

#: Connections beyond those of requests: idle ones of clients that ask again, and ones that hang.
_IDLE_CONNECTIONS = 900
#: Between two looks at connections that hang, in seconds.
_LOOK_SECONDS = 0.5
#: How long a stop waits for answers, in seconds.
_GRACE_SECONDS = 30


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host's name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; port 0 takes a free one.

    Raises:
        RunError: The port is in use, or the address is not one of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise RunError(f"--host {host}: {error.strerror}", "--host 127.0.0.1") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Another server that has bound the address without listening yet is in use, too.
        bound.listen(2048)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} at {host} is in use by another program"
            raise RunError(text, f"--port {port + 1 if port < 65535 else 0}, or --port 0 for any free one") from None
        raise RunError(f"{host}, port {port}: {error.strerror}", "name another --host or --port") from None
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address of a bound socket as a browser takes it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Protocol(H11Protocol):  # type: ignore[misc]
    """HTTP of one connection, which knows since when a head is incomplete, or a close is not done."""

    idle_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.idle_since = self.loop.time()

    def is_overdue(self, seconds: float) -> bool:
        """Return whether the client has let the server wait for so long."""
        now: float = self.loop.time()
        in_request = self.cycle is not None and not self.cycle.response_complete
        has_begun = self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])
        is_waiting = self.transport.is_closing() or (not in_request and (has_begun or self.cycle is None))
        if not is_waiting:
            self.idle_since = None
            return False
        self.idle_since = self.idle_since or now
        return now - self.idle_since > seconds


class HttpServer:
    """An HTTP server in a thread of its own.

    Args:
        application: What answers.
        bound: The socket.
        limits: What is taken on.
    """

    def __init__(self, application: Application, bound: socket.socket, limits: ServeLimits) -> None:
        self._socket, self._seconds = bound, limits.client_seconds
        settings = uvicorn.Config(
            application.asgi,
            interface="asgi3",
            http=_Protocol,
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=limits.requests + _IDLE_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._run, name="nnrun-serve", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether requests are being answered."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections, and end once requests that have come are answered."""
        self._server.should_exit = True

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        watching = asyncio.create_task(self._watch())
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """Close connections whose client sends no complete head, or does not read to the end."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for connection in list(self._server.server_state.connections):
                if connection.is_overdue(self._seconds):
                    connection.transport.abort()
