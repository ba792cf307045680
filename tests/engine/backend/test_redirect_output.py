"""What libraries print stays off the screen and is kept."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from pathlib import Path

import pytest

from nnrun.engine.backend.redirect_output import redirect_output


def _say_everywhere(word: str) -> None:
    """Say a word in each of the ways that libraries have."""
    print(f"{word} by print")  # noqa: T201
    sys.stderr.write(f"{word} by sys.stderr\n")
    os.write(2, f"{word} by descriptor\n".encode())
    warnings.warn(f"{word} by warning", UserWarning, stacklevel=1)


def test_everything_goes_to_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Python's print, standard error, warnings and C code's descriptor 2 all land in the file, none on the screen."""
    log = tmp_path / "log.txt"
    with redirect_output(log):
        _say_everywhere("hidden")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    for way in ("print", "sys.stderr", "descriptor", "warning"):
        assert f"hidden by {way}" in log.read_text()
    assert "UserWarning" in log.read_text()


def test_the_file_grows_at_its_end(tmp_path: Path) -> None:
    """What stood in the log before still stands there, and a second block adds to the first."""
    log = tmp_path / "log.txt"
    log.write_text("earlier\n")
    for word in ("one", "two"):
        with redirect_output(log):
            os.write(2, f"{word}\n".encode())
    assert log.read_text() == "earlier\none\ntwo\n"


@pytest.mark.parametrize("failing", [None, RuntimeError, KeyboardInterrupt])
def test_the_screen_is_back_afterwards(
    failing: type[BaseException] | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After the block, also one left by an exception, everything reaches the screen and warnings act as before."""
    log, filters = tmp_path / "log.txt", list(warnings.filters)
    if failing is None:
        with redirect_output(log):
            pass
    else:
        with pytest.raises(failing), redirect_output(log):
            raise failing
    print("seen")  # noqa: T201
    os.write(2, b"seen too\n")
    assert capfd.readouterr() == ("seen\n", "seen too\n")
    assert log.read_text() == ""
    assert warnings.filters == filters


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """A thousand runs in one process do not run out of descriptors."""
    # What earlier tests have left open is not closed in between.
    gc.collect()
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        with redirect_output(tmp_path / "log.txt"):
            pass
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_log_that_cannot_be_opened_costs_only_what_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a read-only disk the work goes on, still without output."""
    with redirect_output(tmp_path / "no such folder" / "log.txt"):
        os.write(2, b"lost\n")
    assert capfd.readouterr() == ("", "")


NUMPY_SAYS = "__array__ implementation doesn't accept a copy keyword, so passing copy=False failed."


@pytest.mark.parametrize(
    ("text", "category", "module", "kept"),
    [
        (NUMPY_SAYS, DeprecationWarning, "keras.src.backend.tensorflow.core", False),
        (NUMPY_SAYS, DeprecationWarning, "my_code", True),
        (NUMPY_SAYS, UserWarning, "keras.src.backend.tensorflow.core", True),
        ("something else is deprecated", DeprecationWarning, "keras.src.backend.tensorflow.core", True),
    ],
)
def test_what_keras_cannot_help_is_not_kept(
    tmp_path: Path, text: str, category: type[Warning], module: str, kept: bool
) -> None:
    """Of all warnings only the one that comes with every saved weight is left out of the log."""
    log = tmp_path / "log.txt"
    with redirect_output(log):
        warnings.warn_explicit(text, category, "core.py", 172, module)
    assert (text in log.read_text()) == kept


@pytest.mark.keras
def test_saving_a_model_prints_nothing(tmp_path: Path, keras) -> None:
    """A model that is saved leaves a log without a line, whatever TensorFlow's variables make NumPy say."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    model.compile("adam", "mse")
    with redirect_output(tmp_path / "log.txt"):
        model.save(tmp_path / "model.keras")
    assert (tmp_path / "log.txt").read_text() == ""
