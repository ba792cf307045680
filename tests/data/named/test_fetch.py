"""A named set from whichever container can be had."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.digests import file_sha256
from nnrun.data.files.idx import idx_sha256
from nnrun.data.named import fetch as fetching
from nnrun.data.named import pictures
from nnrun.data.named.entry import Remote
from nnrun.data.named.fetch import fetch
from nnrun.data.named.pictures import Mnist
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

ARRAYS = {
    "x_train": np.ones((3, 28, 28), dtype="uint8"),
    "y_train": np.arange(3, dtype="uint8"),
    "x_test": np.zeros((2, 28, 28), dtype="uint8"),
    "y_test": np.array([7, 2], dtype="uint8"),
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Path]:
    """A folder that a web server serves, with its address in `.address`."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    (folder / ".address").write_text(f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def _known(web: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    np.savez(web / "mnist.npz", **ARRAYS)
    good = Remote(
        "mnist.npz",
        file_sha256(web / "mnist.npz"),
        (web / "mnist.npz").stat().st_size,
        ((web / ".address").read_text() + "mnist.npz",),
    )
    gone = Remote("gone.gz", "0" * 64, 1, ("http://127.0.0.1:9/gone.gz",))
    known = replace(
        entry("mnist"),
        containers=((gone,), (good,)),
        identity=tuple((name, idx_sha256(array)) for name, array in ARRAYS.items()),
    )
    for module in (pictures, fetching):
        monkeypatch.setattr(module, "entry", lambda _: known)
    return good


def test_mnist_is_fetched_from_the_container_that_can_be_had(
    places: DataPaths, listener, web: Path, monkeypatch
) -> None:
    """A dead first container is told and passed over; training goes on with the second."""
    _known(web, monkeypatch)
    raw = Mnist().load(places, listener)
    assert len(raw.train) == 3
    assert "127.0.0.1:9" in listener.warned[0]
    assert (places.cache_dir() / "mnist.npz").is_file()


def test_without_a_network_everything_tried_is_named(places: DataPaths, listener, web: Path, monkeypatch) -> None:
    """Offline, every container's mirrors and the place for the file are said in one error."""
    good = _known(web, monkeypatch)
    (web / "mnist.npz").unlink()
    with pytest.raises(DataError, match="404") as refused:
        Mnist().load(places, listener)
    assert good.addresses[0] in refused.value.text
    assert "127.0.0.1:9" in refused.value.text
    assert "put the file by hand" in str(refused.value.hint)


def test_a_bundled_set_needs_no_fetching(places: DataPaths, listener) -> None:
    """What comes with scikit-learn has nothing to fetch."""
    assert fetch("digits", places, listener) == ()
