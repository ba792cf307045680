"""The code that the user has allowed to run, by its content."""

from __future__ import annotations

import json
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.runs import trusted_code


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is allowed in a folder of the test."""
    monkeypatch.setattr(trusted_code, "folder", lambda: tmp_path / "data" / "trusted-code")
    monkeypatch.delenv(trusted_code.VARIABLE, raising=False)
    return tmp_path / "data" / "trusted-code"


@given(some.binary(max_size=200), some.binary(max_size=200))
def test_a_content_is_allowed_and_no_other(content: bytes, other: bytes) -> None:
    """Whatever its bytes are; a digest of another content says nothing."""
    with tempfile.TemporaryDirectory() as name:
        kept = trusted_code.folder
        trusted_code.folder = lambda: Path(name, "store")
        try:
            trusted_code.allow(Path(name, "my.py"), content)
            assert trusted_code.is_trusted(sha256(content).hexdigest(), {})
            assert trusted_code.is_trusted(sha256(other).hexdigest(), {}) == (other == content)
        finally:
            trusted_code.folder = kept


def test_what_is_kept_is_for_this_user_alone(store: Path, tmp_path: Path) -> None:
    """The folder is closed to others, who could allow code in the user's name."""
    trusted_code.allow(tmp_path / "my.py", b"x = 1\n")
    assert stat.S_IMODE(store.stat().st_mode) == 0o700


def test_the_last_content_of_a_file_is_known_and_removed_with_it(tmp_path: Path) -> None:
    """`--remove` takes a file or the beginning of a digest, and says where nothing is called so."""
    file = tmp_path / "my.py"
    file.write_bytes(b"x = 2\n")
    one, two = trusted_code.allow(file, b"x = 1\n"), trusted_code.allow(file, b"x = 2\n")
    last = trusted_code.last_of(file)
    assert last is not None
    assert {one.state(), two.state()} == {"changed", "unchanged"}
    assert [one.text for one in trusted_code.list_trusted()].count("x = 2\n") == 1
    assert [each.sha256 for each in trusted_code.remove(one.sha256[:8])] == [one.sha256]
    assert not trusted_code.is_trusted(one.sha256, {})
    file.unlink()
    assert trusted_code.list_trusted()[0].state() == "missing"
    assert [each.sha256 for each in trusted_code.remove(str(file))] == [two.sha256]
    for word in (str(file), "abc", one.sha256):
        with pytest.raises(RunError, match="nothing that is allowed"):
            trusted_code.remove(word)


def test_a_damaged_or_made_up_entry_allows_nothing(store: Path, tmp_path: Path) -> None:
    """An entry counts only under the digest that it states, and only as a regular file."""
    true = trusted_code.allow(tmp_path / "my.py", b"x = 1\n")
    entry = store / f"{true.sha256}.json"
    for number, text in enumerate(("", "[]", "{}", "[" * 5000, entry.read_text().replace("my.py", "\\ud800"))):
        name = f"{number:064x}"
        (store / f"{name}.json").write_text(text)
        assert not trusted_code.is_trusted(name, {})
    (store / f"{9:064x}.json").symlink_to(entry)
    assert not trusted_code.is_trusted(f"{9:064x}", {})
    assert not trusted_code.is_trusted(f"../trusted-code/{true.sha256}", {})
    assert [one.sha256 for one in trusted_code.list_trusted()] == [true.sha256]
    assert json.loads(entry.read_text())["text"] == "x = 1\n"


@pytest.mark.parametrize(
    ("value", "allowed"), [("all", True), ("{0}", True), ("ab, {0}", True), ("", False), ("1", False)]
)
def test_the_environment_allows_contents_by_digest(value: str, allowed: bool) -> None:
    """For scripts, which have no folder of the user's."""
    digest = sha256(b"x").hexdigest()
    assert trusted_code.is_trusted(digest, {trusted_code.VARIABLE: value.format(digest)}) is allowed
