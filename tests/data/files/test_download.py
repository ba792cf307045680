"""Downloads against a server on this machine that stalls, truncates, redirects, lies and gives wrong bytes."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from nnrun.data.files.download import download
from nnrun.data.named.entry import Remote
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 1000


@dataclass
class Site:
    """A web server whose every path misbehaves in its own way."""

    port: int = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
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
            site.asked.append((self.path, self.headers.get("Range")))
            getattr(self, self.path.strip("/"))()

        def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
            self.send_response(code)
            said = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in ({"Content-Length": str(len(body))} | said).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def good(self) -> None:
            asked = self.headers.get("Range")
            if not asked:
                return self._send(CONTENT)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            return self._send(CONTENT[start:], 206, Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")

        def ignores_range(self) -> None:
            self._send(CONTENT)

        def other_range(self) -> None:
            self._send(CONTENT[5:], 206, Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")

        def wrong(self) -> None:
            self._send(bytes(len(CONTENT)))

        def missing(self) -> None:
            self.send_error(404)

        def cut(self) -> None:
            self._send(CONTENT[:1000], Content_Length=str(len(CONTENT)))

        def cut_once(self) -> None:
            if len(site.asked) == 1:
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
            if len(site.asked) == 1:
                return self.says_less()
            return self.good()

        def hangs_up(self) -> None:
            self.close_connection = True

        def hangs_up_once(self) -> None:
            if len(site.asked) > 1:
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

        def slow(self) -> None:
            time.sleep(0.3)
            self._send(CONTENT)

        def to_good(self) -> None:
            self._send(b"", 302, Location="/good")

        def to_file(self) -> None:
            self._send(b"", 302, Location="file:///etc/hostname")

        def to_ftp(self) -> None:
            self._send(b"", 302, Location="ftp://127.0.0.1/set.bin")

        def round_and_round(self) -> None:
            self._send(b"", 302, Location="/round_and_round")

        def too_far(self) -> None:
            if self.headers.get("Range"):
                return self.send_error(416)
            return self._send(CONTENT)

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


def _remote(site: Site, *paths: str) -> Remote:
    return Remote(
        "set.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), tuple(site.address(path) for path in paths)
    )


def _left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.name != ".set.bin.lock"}


@pytest.mark.parametrize(
    "path",
    [
        *("good", "ignores_range", "to_good", "cut_once", "too_far"),
        *("says_nonsense", "says_more", "says_less_once", "hangs_up_once"),
    ],
)
def test_a_mirror_that_can_be_brought_to_give_the_file_gives_it_whole(
    site: Site, tmp_path: Path, listener, path: str
) -> None:
    """A plain answer, an ignored range, a redirect and a connection that broke off once all end in the whole file."""
    file = download(_remote(site, path), tmp_path / "store", listener)
    assert file.read_bytes() == CONTENT
    assert _left(tmp_path / "store") == {"set.bin"}
    assert listener.bars[0] == ("Fetching set.bin", len(CONTENT))
    assert listener.advanced >= len(CONTENT)


@pytest.mark.parametrize("path", ["good", "ignores_range", "too_far", "other_range"])
def test_what_has_come_before_is_continued(site: Site, tmp_path: Path, listener, path: str) -> None:
    """A partial file is continued where the server can, and fetched anew where it cannot."""
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:7000])
    assert download(_remote(site, path, "good"), tmp_path, listener).read_bytes() == CONTENT
    assert site.asked[0] == (f"/{path}", "bytes=7000-")


def test_a_partial_file_with_other_bytes_is_thrown_away_and_fetched_anew(site: Site, tmp_path: Path, listener) -> None:
    """Bytes left by another mirror do not make a good mirror look bad."""
    (tmp_path / "set.bin.part").write_bytes(b"x" * 7000)
    assert download(_remote(site, "good"), tmp_path, listener).read_bytes() == CONTENT
    assert [asked for _, asked in site.asked] == ["bytes=7000-", None]


def test_a_partial_file_that_is_too_long_is_thrown_away(site: Site, tmp_path: Path, listener) -> None:
    """A partial file longer than the whole is no beginning of it."""
    (tmp_path / "set.bin.part").write_bytes(b"x" * (len(CONTENT) + 1))
    assert download(_remote(site, "good"), tmp_path, listener).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("wrong", "not the expected one"),
        ("missing", "404"),
        ("cut", "broke off"),
        ("unsized", "more than the expected"),
        ("stall", "sent nothing for 0.2 seconds"),
        ("to_file", "not allowed"),
        ("to_ftp", "not the web"),
        ("round_and_round", "302"),
        ("back_and_forth", "302"),
        ("to_data", "not allowed|not the web"),
        ("no_place", "302"),
        ("trickle", "sent only"),
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
    """Each kind of failure is said with its address, leaves nothing in place, and does not stop the next mirror."""
    # Only those that are to be given up for their silence are: a busy machine may be slow to answer.
    stall = 0.2 if path in ("stall", "trickle") else 20
    with pytest.raises(DataError, match=reason) as refused:
        download(_remote(site, path), tmp_path, listener, stall=stall)
    assert site.address(path) in refused.value.text
    assert str(tmp_path / "set.bin") in str(refused.value.hint)
    assert not (tmp_path / "set.bin").exists()
    assert download(_remote(site, path, "good"), tmp_path, listener, stall=stall).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("says_less", "not the expected one"),
        ("unsized", "more than the expected 255000"),
        ("good", "wants to send 256000 bytes, more than the expected 255000"),
    ],
)
def test_a_file_whose_size_nobody_knows_has_a_bound(
    site: Site, tmp_path: Path, listener, monkeypatch, path: str, reason: str
) -> None:
    """Where only the server says a size, it is believed up to a bound, and a stream without end is cut off there."""
    monkeypatch.setattr("nnrun.data.files.download.MOST_UNSTATED", 255_000)
    remote = Remote("set.bin", hashlib.sha256(CONTENT).hexdigest(), None, (site.address(path),))
    with pytest.raises(DataError, match=reason):
        download(remote, tmp_path, listener)
    assert not (tmp_path / "set.bin").exists()


def test_a_stalled_mirror_is_given_up(site: Site, tmp_path: Path, listener) -> None:
    """A server that sends nothing more is left after the limit, each of three times, and what it sent is kept."""
    with pytest.raises(DataError, match=r"sent nothing for 0\.2 seconds"):
        download(_remote(site, "stall"), tmp_path, listener, stall=0.2)
    assert len(site.asked) == 3
    assert (tmp_path / "set.bin.part").stat().st_size == 500


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x"])
def test_only_the_web_is_fetched_from(tmp_path: Path, listener, address: str) -> None:
    """Addresses of other schemes are refused before anything is opened."""
    with pytest.raises(DataError, match="only http and https"):
        download(Remote("set.bin", "0" * 64, 1, (address,)), tmp_path, listener)


def test_without_a_network_every_mirror_and_the_place_for_the_file_are_named(tmp_path: Path, listener) -> None:
    """A refused connection says each address, why, where to put the file by hand, and its digest."""
    addresses = ("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
    with pytest.raises(DataError, match="refused") as refused:
        download(Remote("set.bin", "0" * 64, 1, addresses), tmp_path, listener)
    assert all(address in refused.value.text for address in addresses)
    assert (
        refused.value.hint == f"without a network, put the file by hand at {tmp_path / 'set.bin'} (SHA-256 {'0' * 64})"
    )


def test_a_file_that_is_there_is_not_fetched_again(site: Site, tmp_path: Path, listener) -> None:
    """A file in place with the right digest is returned without asking anybody."""
    (tmp_path / "set.bin").write_bytes(CONTENT)
    assert download(_remote(site, "good"), tmp_path, listener) == tmp_path / "set.bin"
    assert site.asked == []


def test_another_file_of_the_same_name_is_never_overwritten(site: Site, tmp_path: Path, listener) -> None:
    """A file with other content is the user's: it is named and kept."""
    (tmp_path / "set.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match="another content") as refused:
        download(_remote(site, "good"), tmp_path, listener)
    assert str(refused.value.hint).startswith("move it away")
    assert (tmp_path / "set.bin").read_bytes() == b"mine"


def test_two_at_once_download_once(site: Site, tmp_path: Path, listener) -> None:
    """While one fetches, another waits, says so, and takes what the first one brought."""
    threads = [threading.Thread(target=download, args=(_remote(site, "slow"), tmp_path, listener)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.asked) == 1
    assert listener.said == ["Waiting for another process that fetches set.bin."]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_data_folder_that_cannot_be_made_is_named(site: Site, tmp_path: Path, listener) -> None:
    """A file where the data folder should be is a message with a way out, not a traceback."""
    (tmp_path / "store").write_text("a file")
    with pytest.raises(DataError, match="cannot write to the data folder") as refused:
        download(_remote(site, "good"), tmp_path / "store", listener)
    assert "--data-dir" in str(refused.value.hint)
