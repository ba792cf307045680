"""A PostgreSQL server of the tests' own, in a folder that goes away with it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "correct-horse/battery@staple"  # noqa: S105
#: The server refuses to run as the superuser.
_USERS = ("postgres", "nobody")


class NoPostgresError(Exception):
    """No server can be started here."""


@dataclass(frozen=True)
class PostgresServer:
    """A server on a socket (without a password) and on a port of this host (with one)."""

    folder: Path
    programs: Path
    port: int
    user: dict[str, Any]

    @property
    def url(self) -> str:
        """The address of its database on the socket."""
        return f"postgresql://owner@/nnrun?host={quote(str(self.folder), safe='')}&port={self.port}"

    @property
    def host_url(self) -> str:
        """The address on the port, without the password."""
        return f"postgresql://owner@127.0.0.1:{self.port}/nnrun"

    @property
    def secret_url(self) -> str:
        """The address on the port, with the password."""
        return self.host_url.replace("owner@", f"owner:{quote(PASSWORD, safe='')}@")

    def run(self, program: str, *words: str) -> None:
        """Run a program of PostgreSQL."""
        command = [str(self.programs / program), *words]
        # To a file: the server that `pg_ctl` starts would keep a pipe open.
        with (self.folder / "out.txt").open("ab") as out:
            subprocess.run(command, check=True, cwd=self.folder, stdout=out, stderr=out, timeout=240, **self.user)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        data, log = str(self.folder / "data"), str(self.folder / "log.txt")
        self.run("pg_ctl", "start", "-w", "-t", "240", "-D", data, "-l", log, "-o", options)

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return found[-1].parent if found else None if named is None else Path(named).parent


def _other_user() -> dict[str, Any] | None:
    """Return the user that the server runs as, for `subprocess`; None if there is none that may."""
    if os.geteuid():
        return {}
    for name in _USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    return None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server of its own for the `with` block.

    Raises:
        NoPostgresError: PostgreSQL is not installed, or no user may run it.
    """
    programs, user = _programs(), _other_user()
    if programs is None or user is None:
        raise NoPostgresError("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="nnrun-pg-"))
    if user:
        os.chown(folder, user["user"], user["group"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = PostgresServer(folder, programs, port, user)
    (folder / "password.txt").write_text(PASSWORD)
    try:
        files = ("-D", str(folder / "data"), "--pwfile", str(folder / "password.txt"))
        server.run("initdb", *files, "-U", "owner", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        server.start()
        server.run("createdb", "-h", str(folder), "-p", str(port), "-U", "owner", "nnrun")
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
