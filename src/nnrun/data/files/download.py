"""Downloads of files that several mirrors hold: pooch checks the digest, and size and time have limits."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nnrun.atomic_files import make_folder, sync_files
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import Response

    from nnrun.progress import Progress

#: Seconds without a byte after which a mirror is given up.
TIMEOUT = 20.0
#: The slowest average in bytes a second: a server that sends a byte now and then never times out.
_SLOWEST = 100
#: How often a mirror is asked whose connection breaks.
_TRIES = 3
_CHUNK = 1 << 16
#: The largest file in bytes where the data set states no size.
MOST_UNSTATED = 1 << 26


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        name: The file's name in the data folder.
        sha256: The SHA-256 of its bytes; None where its publisher changes it now and then.
        size: Its size in bytes; None where it changes.
        addresses: The mirrors of the same bytes, best first.
        md5: The MD5 of its bytes, where its publisher states no SHA-256; None elsewhere.
        most: The most bytes that are taken where no size is stated.
    """

    name: str
    sha256: str | None
    size: int | None
    addresses: tuple[str, ...]
    md5: str | None = None
    most: int = MOST_UNSTATED

    @property
    def known_hash(self) -> str | None:
        """The digest as pooch takes it; None where there is none."""
        return f"sha256:{self.sha256}" if self.sha256 else f"md5:{self.md5}" if self.md5 else None


class _MirrorError(Exception):
    """Why a mirror did not give the file; `retry` where asking once more may help."""

    def __init__(self, reason: str, *, retry: bool = False) -> None:
        super().__init__(reason)
        self.retry = retry


def download(file: RemoteFile, folder: Path, progress: Progress, *, timeout: float = TIMEOUT) -> Path:
    """Download a file from the first mirror that gives the right bytes; one process at a time.

    Args:
        file: The file, its digest and its mirrors.
        folder: The folder to write to; created where it does not exist.
        progress: Shows a progress bar.
        timeout: Seconds without a byte after which a mirror is given up.

    Returns:
        The path of the file; one that is there already is not downloaded again.

    Raises:
        DataError: No mirror gave the file, with each mirror's reason; or the folder cannot be written to.
    """
    from nnrun.data.files.lock import exclusive_lock

    target = folder / file.name
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        make_folder(folder)
        with exclusive_lock(folder / f".{file.name}.lock", f"fetches {file.name}", progress):
            if target.exists():
                _require_digest(target, file)
            else:
                _download_from_mirrors(target, file, progress, timeout)
    except OSError as error:
        raise DataError(
            f"cannot write to the data folder: {error}",
            file=folder,
            hint="name another folder with --data-dir or NNRUN_DATA_DIR",
        ) from None
    finally:
        # Only empty folders can be removed: after a success this does nothing.
        with suppress(OSError):
            for path in created:
                path.rmdir()
    return target


def _require_digest(target: Path, file: RemoteFile) -> None:
    from nnrun.data.files.digests import file_digest, file_sha256

    if file.sha256 is not None and file_sha256(target) != file.sha256:
        expected = f"SHA-256 {file.sha256}"
    elif file.md5 is not None and file_digest(target, "md5") != file.md5:
        expected = f"MD5 {file.md5}"
    else:
        return
    raise DataError(
        f"there is already a file of that name with another content (expected {expected})",
        file=target,
        hint=f"move it away and type the command again: {target}",
    )


def _download_from_mirrors(target: Path, file: RemoteFile, progress: Progress, timeout: float) -> None:
    reasons = []
    for address in file.addresses:
        for tries_left in reversed(range(_TRIES)):
            try:
                return _download_from(address, target, _Downloader(file, progress, timeout))
            except _MirrorError as failure:
                if tries_left and failure.retry:
                    continue
                reasons.append(f"{address}: {failure}")
                break
    raise DataError(
        f"{file.name} could not be downloaded ({'; '.join(reasons)})",
        hint=f"without a network, put the file by hand at {target}"
        + (f" (SHA-256 {file.sha256})" if file.sha256 else f" (MD5 {file.md5})" if file.md5 else ""),
    )


def _download_from(address: str, target: Path, downloader: _Downloader) -> None:
    """Download the file from one mirror; it appears under its name only once its digest is right."""
    import pooch
    from requests import RequestException
    from requests.exceptions import InvalidSchema
    from urllib3.exceptions import HTTPError

    file = downloader.file
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(address, file.known_hash, target.name, target.parent, downloader=downloader)
    except InvalidSchema as error:
        raise _MirrorError(f"redirects to an address that is neither http nor https ({error})") from None
    except (RequestException, HTTPError) as error:
        raise _connection_failure(error, downloader.timeout) from None
    except ValueError:
        kind, _, digest = str(file.known_hash).partition(":")
        kind = {"sha256": "SHA-256", "md5": "MD5"}.get(kind, kind)
        raise _MirrorError(f"its content is not the expected one ({kind} {digest[:16]}...)") from None
    # Temporary files can be read by their owner alone; this one is read by whoever can read its folder.
    target.chmod(target.parent.stat().st_mode & 0o666)
    sync_files([target])


def _connection_failure(error: BaseException, timeout: float) -> _MirrorError:
    """Return the reason at the root of what requests and urllib3 wrap into each other."""
    # Slow to import (it brings email and ssl), while `check` needs this module for the names of files.
    from http.client import HTTPException

    while cause := error.__cause__ or error.__context__:
        error = cause
    reason = f"sent nothing for {timeout:g} seconds" if isinstance(error, TimeoutError) else str(error)
    return _MirrorError(
        reason or type(error).__name__, retry=isinstance(error, TimeoutError | ConnectionResetError | HTTPException)
    )


@dataclass(frozen=True)
class _Downloader:
    """Writes what an address sends to a file, within limits of size and time; pooch calls it."""

    file: RemoteFile
    progress: Progress
    timeout: float

    def __call__(self, url: str, output_file: str, _: object) -> None:
        import requests

        if urlsplit(url).scheme not in ("http", "https"):
            raise _MirrorError("is neither an http nor an https address")
        headers = {"User-Agent": "nnrun", "Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=self.timeout, headers=headers) as response:
            if response.status_code != 200:
                raise _MirrorError(f"answers {response.status_code} {response.reason}")
            size = self.file.size
            if size is None:
                size = _content_length(response.headers, self.file.most)
            received, limit = 0, self.file.most if size is None else size
            with (
                Path(output_file).open("wb") as out,
                self.progress.bar(f"Fetching {self.file.name}", size, "B") as bar,
            ):
                for chunk in self._chunks(response):
                    received += len(chunk)
                    if received > limit:
                        raise _MirrorError(f"sends more than the expected {limit} bytes")
                    out.write(chunk)
                    bar.advance(len(chunk))
                out.flush()
                # Before pooch gives it its name.
                os.fsync(out.fileno())
            if size is not None and received < size:
                raise _MirrorError(f"broke off after {received} of {size} bytes", retry=True)

    def _chunks(self, response: Response) -> Iterator[bytes]:
        """Yield what the server sends as it arrives: a whole chunk of a slow server could take hours."""
        start, received = time.monotonic(), 0
        while chunk := response.raw.read1(_CHUNK):
            received += len(chunk)
            seconds = time.monotonic() - start
            if seconds > self.timeout and received < _SLOWEST * seconds:
                raise _MirrorError(f"sent only {received} bytes in {seconds:.3g} seconds", retry=True)
            yield chunk


def _content_length(headers: Mapping[str, str], most: int) -> int | None:
    """Return the size that an answer states, if it does.

    Raises:
        _MirrorError: It is larger than any file without a stated size may be.
    """
    stated = headers.get("Content-Length", "")
    size = int(stated) if stated.isdigit() else None
    if size is not None and size > most:
        raise _MirrorError(f"would send {size} bytes, more than the expected {most}")
    return size
