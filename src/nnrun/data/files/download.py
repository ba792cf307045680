"""A lock that one process at a time holds, and that the system itself opens when its holder dies."""

from __future__ import annotations

import http.client
import ssl
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from nnrun.data.named.entry import Remote
    from nnrun.progress import Bar, Progress


if sys.platform == "win32":
    import msvcrt

    def _take(stream: IO[bytes]) -> None:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_one(path: Path, what: str, progress: Progress, every: float = 0.1) -> Iterator[None]:
    """Hold the lock file `path` during the `with` block; wait while another process holds it.

    The file itself stays: to remove it would let two waiting processes lock two different files of one name.

    Args:
        path: The lock file.
        what: What is waited for, as told to the user.
        progress: Who is told.
        every: Seconds between two tries.
    """
    with path.open("ab") as stream:
        told = False
        while True:
            try:
                _take(stream)
                break
            except OSError:
                if not told:
                    progress.say(f"Waiting for another process that fetches {what}.")
                told = True
                time.sleep(every)
        yield


#: Seconds without a byte after which a mirror counts as stalled.
STALL = 20.0
#: Bytes a second below which a mirror that does send something counts as stalled too.
_SLOWEST = 100
#: A mirror that breaks off is asked this often to go on before the next one is tried.
_TRIES = 3
_CHUNK = 1 << 16
#: The most bytes of a file whose size nobody states.
MOST_UNSTATED = 1 << 26


class _MirrorError(Exception):
    """Why one mirror could not give the file; `again` where asking once more may help."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


class _WebOnly(request.HTTPRedirectHandler):
    """Follow redirects to http and https only: `file:` would read this machine's own files."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> request.Request | None:
        """Refuse every other scheme."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise _MirrorError(f"redirects to {newurl}, which is not the web")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(remote: Remote, folder: Path, progress: Progress, *, stall: float = STALL) -> Path:
    """Fetch one file into `folder`, from the first mirror that gives the right bytes.

    What has come so far stays in `NAME.part` and is continued by the next call. Two processes never fetch at once.

    Args:
        remote: The file, its digest and its mirrors.
        folder: Where it goes; made where it is missing.
        progress: Who is told.
        stall: Seconds without a byte after which a mirror is given up.

    Raises:
        DataError: No mirror gave it; the text names each mirror and its failure.
    """
    target = folder / remote.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder / f".{remote.name}.lock", remote.name, progress):
            if target.exists():
                return _existing(target, remote)
            return _from_mirrors(remote, target, progress, stall)
    except OSError as error:
        raise DataError(
            f"cannot write to the data folder: {error}",
            file=folder,
            hint="name another folder with --data-dir or NNRUN_DATA_DIR",
        ) from None


def _existing(target: Path, remote: Remote) -> Path:
    if remote.sha256 is not None and _digest(target) != remote.sha256:
        raise DataError(
            f"there is already a file of that name, with another content (expected SHA-256 {remote.sha256})",
            file=target,
            hint=f"move it away and type the command again: {target}",
        )
    return target


def _from_mirrors(remote: Remote, target: Path, progress: Progress, stall: float) -> Path:
    part = target.with_name(f"{target.name}.part")
    failures = {}
    for address in remote.addresses:
        try:
            _whole(address, remote, part, progress, stall)
        except _MirrorError as failure:
            failures[address] = str(failure)
            continue
        part.replace(target)
        return target
    raise _gave_up(remote, target, failures)


def _gave_up(remote: Remote, target: Path, failures: Mapping[str, str]) -> DataError:
    tried = "; ".join(f"{address}: {reason}" for address, reason in failures.items())
    return DataError(
        f"{remote.name} could not be downloaded ({tried})",
        hint=f"without a network, put the file by hand at {target}"
        + (f" (SHA-256 {remote.sha256})" if remote.sha256 else ""),
    )


def _whole(address: str, remote: Remote, part: Path, progress: Progress, stall: float) -> None:
    """Bring `part` to its full length from one mirror, and check its digest."""
    for left in reversed(range(_TRIES)):
        resumed = part.exists() and part.stat().st_size > 0
        try:
            _more(address, remote, part, progress, stall)
            _check(remote, part, resumed=resumed)
        except _MirrorError as failure:
            if not left or not failure.again:
                raise
        else:
            return


def _check(remote: Remote, part: Path, *, resumed: bool) -> None:
    """Throw the file away where it is not the expected one."""
    if remote.sha256 is not None and _digest(part) != remote.sha256:
        part.unlink()
        # Bytes of another mirror may lie under a continued file: only one fetched in one go convicts this mirror.
        raise _MirrorError(f"its content is not the expected one (SHA-256 {remote.sha256[:16]}...)", again=resumed)


def _more(address: str, remote: Remote, part: Path, progress: Progress, stall: float) -> None:
    """Fetch what `part` still lacks."""
    have = part.stat().st_size if part.exists() else 0
    if remote.size is None or have > remote.size:
        # A file that its publisher changes cannot be continued: the two halves may not belong together.
        part.unlink(missing_ok=True)
        have = 0
    if have == remote.size:
        return
    if urlsplit(address).scheme not in ("http", "https"):
        raise _MirrorError("only http and https are fetched from")
    asked = request.Request(address, headers={"User-Agent": "nnrun"})  # noqa: S310 - the scheme was checked above
    if have:
        asked.add_header("Range", f"bytes={have}-")
    try:
        with _opener().open(asked, timeout=stall) as answer:
            have = _agreed_start(answer, have)
            size = _said_size(answer) if remote.size is None else remote.size
            with (
                part.open("r+b" if have else "wb") as out,
                progress.bar(f"Fetching {remote.name}", size, "B") as bar,
            ):
                out.seek(have)
                bar.advance(have)
                _copy(_paced(answer, stall), out, None if size is None else size - have, bar)
    except HTTPError as error:
        _refused(error, part)
    except (TimeoutError, URLError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise _MirrorError(_reason(error, stall), again=not isinstance(error, URLError)) from None


def _opener() -> request.OpenerDirector:
    """An opener that knows the web and nothing else (`urlopen` would also open `file:`, `ftp:` and `data:`)."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        _WebOnly(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _agreed_start(answer: http.client.HTTPResponse, have: int) -> int:
    """The byte that the answer begins with: servers may ignore that only a rest was asked for."""
    if answer.status != 206:
        return 0
    if not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
        raise _MirrorError("answers with another range than the one asked for")
    return have


def _said_size(answer: http.client.HTTPResponse) -> int | None:
    """The size that the answer states, where nobody else does."""
    said = answer.headers.get("Content-Length", "")
    size = int(said) if said.isdigit() else None
    if size is not None and size > MOST_UNSTATED:
        raise _MirrorError(f"wants to send {size} bytes, more than the expected {MOST_UNSTATED}")
    return size


def _paced(answer: http.client.HTTPResponse, stall: float) -> Iterator[bytes]:
    """What the mirror sends, as long as it does not trickle: a byte now and then would never time out."""
    since, got = time.monotonic(), 0
    while chunk := answer.read1(_CHUNK):
        got += len(chunk)
        passed = time.monotonic() - since
        if passed > stall:
            if got < _SLOWEST * passed:
                raise _MirrorError(f"sent only {got} bytes in {passed:.3g} seconds", again=True)
            since, got = time.monotonic(), 0
        yield chunk


def _copy(chunks: Iterable[bytes], out: IO[bytes], expected: int | None, bar: Bar) -> None:
    got, most = 0, MOST_UNSTATED if expected is None else expected
    for chunk in chunks:
        got += len(chunk)
        if got > most:
            raise _MirrorError(f"sends more than the expected {most} bytes")
        out.write(chunk)
        bar.advance(len(chunk))
    if expected is not None and got < expected:
        raise _MirrorError(f"broke off after {got} of {expected} bytes", again=True)


def _refused(error: HTTPError, part: Path) -> NoReturn:
    with error:
        if error.code == 416:
            part.unlink(missing_ok=True)
        raise _MirrorError(f"answers {error.code} {error.reason}", again=error.code == 416)


def _reason(error: Exception, stall: float) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"sent nothing for {stall:g} seconds"
    return str(cause) or type(cause).__name__


def _digest(file: Path) -> str:
    from nnrun.data.files.digests import file_sha256

    return file_sha256(file)
