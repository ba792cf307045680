"""Starts `nnrun serve` as a process, and asks it as a client does."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from json_documents import violations_of


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What a refused request is told."""
        found: dict[str, Any] = self.json["error"]
        return found


class RunningServer:
    """A server in a process of its own.

    Args:
        process: The process.
        log: Its standard error.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log

    @cached_property
    def address(self) -> tuple[str, int]:
        """The host and port, once the server answers."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text(encoding="utf-8")
        document = json.loads(line)
        assert violations_of("serve", document) == []
        url = urlsplit(document["url"])
        return str(url.hostname), int(url.port or 0)

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Answer:
        """Send a request on a connection of its own; a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection(*self.address, timeout=240)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {} if body is None else {"Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, data, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask the server to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(240)


@contextmanager
def running_server(run: Path, folder: Path, *options: str, **environment: str) -> Iterator[RunningServer]:
    """Start `nnrun serve` on a free port without waiting for it, and kill it after the `with` block.

    Args:
        run: The run folder.
        folder: Where the log is written.
        options: Options of the command.
        environment: Environment variables.
    """
    log = folder / f"{run.name}.log"
    command = [sys.executable, "-m", "nnrun", "serve", str(run), "--port", "0", "--json", *options]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, env=known, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield RunningServer(process, log)
        finally:
            process.kill()
            process.wait(240)
