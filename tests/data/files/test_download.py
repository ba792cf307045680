"""Downloads from a local server that is silent, truncates, redirects, states wrong sizes and sends wrong bytes."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from waiting import wait_for

from nnrun.data.files.download import RemoteFile, download
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 1000


@dataclass
class Site:
    """A web server whose every path misbehaves in its own way."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def address(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}/{path}"


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one method for each kind of misbehaviour
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            site.requests.append(self.path)
            getattr(self, self.path.strip("/"))()

        def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
            self.send_response(code)
            others = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in ({"Content-Length": str(len(body))} | others).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def good(self) -> None:
            self._send(CONTENT)

        def wrong(self) -> None:
            self._send(bytes(len(CONTENT)))

        def missing(self) -> None:
            self.send_error(404)

        def cut(self) -> None:
            self._send(CONTENT[:1000], Content_Length=str(len(CONTENT)))

        def cut_once(self) -> None:
            if len(site.requests) == 1:
                return self.cut()
            return self.good()

        def unsized(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CONTENT + b"more")

        def stall(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:500])
            self.wfile.flush()
            site.release.wait(10)

        def trickle(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            for byte in CONTENT:
                if site.release.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def says_less(self) -> None:
            self._send(CONTENT, Content_Length="1000")

        def says_more(self) -> None:
            self._send(CONTENT, Content_Length=str(len(CONTENT) + 5))

        def says_nonsense(self) -> None:
            self._send(CONTENT, Content_Length="many")

        def says_less_once(self) -> None:
            if len(site.requests) == 1:
                return self.says_less()
            return self.good()

        def hangs_up(self) -> None:
            self.close_connection = True

        def hangs_up_once(self) -> None:
            if len(site.requests) > 1:
                self.good()

        def no_http(self) -> None:
            self.wfile.write(b"220 this is a mail server\r\n")

        def nothing(self) -> None:
            self._send(b"")

        def no_place(self) -> None:
            self._send(b"moved", 302)

        def to_page(self) -> None:
            self._send(b"", 302, Location="/page")

        def page(self) -> None:
            self._send(b"<html>Please log in</html>", Content_Type="text/html")

        def to_data(self) -> None:
            self._send(b"", 302, Location="data:text/plain,x")

        def back_and_forth(self) -> None:
            self._send(b"", 302, Location="/forth_and_back")

        def forth_and_back(self) -> None:
            self._send(b"", 302, Location="/back_and_forth")

        def broken(self) -> None:
            self.send_error(503)

        def waits_for_release(self) -> None:
            site.release.wait(240)
            self._send(CONTENT)

        def to_good(self) -> None:
            self._send(b"", 302, Location="/good")

        def to_file(self) -> None:
            self._send(b"", 302, Location="file:///etc/hostname")

        def to_ftp(self) -> None:
            self._send(b"", 302, Location="ftp://127.0.0.1/set.bin")

        def round_and_round(self) -> None:
            self._send(b"", 302, Location="/round_and_round")

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """The server, up for one test."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _file(site: Site, *paths: str) -> RemoteFile:
    return RemoteFile(
        "set.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), tuple(site.address(path) for path in paths)
    )


@pytest.mark.parametrize("path", ["good", "to_good", "cut_once", "says_nonsense", "says_less_once", "hangs_up_once"])
def test_a_mirror_that_gives_the_file_in_one_of_its_tries_gives_it_whole(
    site: Site, tmp_path: Path, listener, path: str
) -> None:
    """A plain answer, a redirect and a connection that breaks once all end in the whole file, and its folder's mode."""
    file = download(_file(site, path), tmp_path / "store", listener)
    assert file.read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["set.bin"]
    assert file.stat().st_mode & 0o777 == (tmp_path / "store").stat().st_mode & 0o666
    assert listener.bars[0] == ("Fetching set.bin", len(CONTENT))
    assert listener.advanced >= len(CONTENT)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("wrong", "not the expected one"),
        ("missing", "404"),
        ("cut", r"IncompleteRead\(1000 bytes read, 255000 more expected\)"),
        ("unsized", "more than the expected"),
        ("stall", "sent nothing for 0.5 seconds"),
        ("to_file", r"redirects to an address that is neither http nor https .*file:///etc/hostname"),
        ("to_ftp", r"redirects to an address that is neither http nor https .*ftp://127\.0\.0\.1/set\.bin"),
        ("round_and_round", "Exceeded 30 redirects"),
        ("back_and_forth", "Exceeded 30 redirects"),
        ("to_data", r"redirects to an address that is neither http nor https .*data:text/plain,x"),
        ("no_place", "302"),
        ("trickle", "sent only"),
        ("says_more", r"IncompleteRead\(256000 bytes read, 5 more expected\)"),
        ("says_less", "broke off after 1000 of"),
        ("hangs_up", "closed connection without response"),
        ("no_http", "220 this is a mail server"),
        ("nothing", "broke off after 0 of"),
        ("to_page", "broke off after 26 of"),
        ("broken", "503"),
    ],
)
def test_a_bad_mirror_is_named_with_its_failure_and_the_next_one_serves(
    site: Site, tmp_path: Path, listener, path: str, reason: str
) -> None:
    """Each failure is reported with its address, leaves nothing behind, and the next mirror is asked."""
    # A short limit only for the servers that are silent: a busy machine may be slow to answer.
    timeout = 0.5 if path in ("stall", "trickle") else 20
    with pytest.raises(DataError, match=reason) as refused:
        download(_file(site, path), tmp_path / "store", listener, timeout=timeout)
    assert site.address(path) in refused.value.text
    assert str(tmp_path / "store" / "set.bin") in str(refused.value.hint)
    assert list(tmp_path.iterdir()) == []
    assert download(_file(site, path, "good"), tmp_path, listener, timeout=timeout).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("says_less", "not the expected one"),
        ("unsized", "more than the expected 255000"),
        ("good", "would send 256000 bytes, more than the expected 255000"),
    ],
)
def test_a_file_without_a_stated_size_has_a_limit(site: Site, tmp_path: Path, listener, path: str, reason: str) -> None:
    """Where only the server states a size, a larger one is refused, and an endless stream is cut off at the limit."""
    file = RemoteFile("set.bin", hashlib.sha256(CONTENT).hexdigest(), None, (site.address(path),), most=255_000)
    with pytest.raises(DataError, match=reason):
        download(file, tmp_path, listener)
    assert not (tmp_path / "set.bin").exists()


def test_a_silent_mirror_is_asked_three_times(site: Site, tmp_path: Path, listener) -> None:
    """A server that sends nothing more is given up after the limit, three times, and nothing of it stays."""
    with pytest.raises(DataError, match=r"sent nothing for 0\.2 seconds"):
        download(_file(site, "stall"), tmp_path, listener, timeout=0.2)
    assert len(site.requests) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_of_others_stays(site: Site, tmp_path: Path, listener) -> None:
    """A failed download removes only the folders that it created."""
    (tmp_path / "store").mkdir()
    with pytest.raises(DataError, match="404"):
        download(_file(site, "missing"), tmp_path / "store" / "a" / "b", listener)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x"])
def test_only_the_web_is_fetched_from(tmp_path: Path, listener, address: str) -> None:
    """Addresses of other schemes are refused before anything is opened."""
    with pytest.raises(DataError, match="neither an http nor an https address"):
        download(RemoteFile("set.bin", "0" * 64, 1, (address,)), tmp_path, listener)


def test_without_a_network_every_mirror_and_the_place_for_the_file_are_named(tmp_path: Path, listener) -> None:
    """A refused connection names each address, the reason, where to put the file by hand, and its digest."""
    addresses = ("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
    with pytest.raises(DataError, match="refused") as refused:
        download(RemoteFile("set.bin", "0" * 64, 1, addresses), tmp_path, listener)
    assert all(address in refused.value.text for address in addresses)
    assert (
        refused.value.hint == f"without a network, put the file by hand at {tmp_path / 'set.bin'} (SHA-256 {'0' * 64})"
    )


def test_a_file_that_exists_is_not_downloaded_again(site: Site, tmp_path: Path, listener) -> None:
    """A file in place with the right digest is returned without a request."""
    (tmp_path / "set.bin").write_bytes(CONTENT)
    assert download(_file(site, "good"), tmp_path, listener) == tmp_path / "set.bin"
    assert site.requests == []


def test_another_file_of_the_same_name_is_never_overwritten(site: Site, tmp_path: Path, listener) -> None:
    """A file with other content belongs to the user: it is named and kept."""
    (tmp_path / "set.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match="another content") as refused:
        download(_file(site, "good"), tmp_path, listener)
    assert str(refused.value.hint).startswith("move it away")
    assert (tmp_path / "set.bin").read_bytes() == b"mine"


def test_two_at_once_download_once(site: Site, tmp_path: Path, listener) -> None:
    """While one process downloads, another waits, says so, and uses the same file."""
    arguments = (_file(site, "waits_for_release"), tmp_path, listener)
    threads = [threading.Thread(target=download, args=arguments, kwargs={"timeout": 240}) for _ in range(2)]
    for thread in threads:
        thread.start()
    # The first one has its file when the second one waits for it.
    wait_for(lambda: listener.notes)
    site.release.set()
    for thread in threads:
        thread.join()
    assert len(site.requests) == 1
    assert listener.notes == ["Waiting for another process that fetches set.bin."]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_data_folder_that_cannot_be_created_is_named(site: Site, tmp_path: Path, listener) -> None:
    """A file in place of the data folder is a message with a way out, not a traceback."""
    (tmp_path / "store").write_text("a file")
    with pytest.raises(DataError, match="cannot write to the data folder") as refused:
        download(_file(site, "good"), tmp_path / "store", listener)
    assert "--data-dir" in str(refused.value.hint)
