"""A secret that `--set` gives stands nowhere in a run folder, and is given again where the run goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.main import nnrun
from nnrun.config import overrides
from nnrun.config.document import parse
from nnrun.config.dump import dump, dump_inline
from nnrun.pipeline.given_secrets import find_given

#: Not real. The shorter one is found by its name alone.
PASSWORD, SHORT, IN_ADDRESS, TOKEN = "correct-horse-9", "hunter2", "battery-staple-7", "s3cr3t-0123456789"
ADDRESS = f"https://me:{IN_ADDRESS}@example.org/rows?token={TOKEN}&page=2"
CODE = """
import numpy as np

def read_rows(rows=40, login=None, address="", headers=None):
    if (login or {}).get("password") != "hunter2" or "battery-staple-7" not in address:
        raise ValueError(f"cannot log in at {address} with {login}")
    if (headers or {}).get("Authorization") != "correct-horse-9":
        raise ValueError("no header")
    print("connected")
    values = np.random.default_rng(0).normal(size=(rows, 2)).astype("float32")
    return values, (values.sum(axis=1) > 0).astype("int64")
"""
CONFIG = """name: secret
data:
  source: {read_rows: {rows: 40, address: http://localhost}}
  split: {test: 0.25}
model:
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: SGD, epochs: 2, batch_size: 8}
"""
SETS = (
    f"data.source.read_rows.login={{user: me, password: {SHORT}}}",
    f"data.source.read_rows.address={ADDRESS}",
    f"data.source.read_rows.headers.Authorization={PASSWORD}",
)
GIVEN = [word for one in SETS for word in ("--set", one)]


def run(folder: Path, *words: str, sets: bool = True) -> Result:
    """Run a command with the user's code, and with the secrets."""
    line = [*words, "--runs-dir", str(folder / "runs"), "--code", str(folder / "rows.py"), *(GIVEN if sets else [])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nnrun", *line])
        return CliRunner().invoke(nnrun, line)


def write(folder: Path) -> str:
    """Write the config and the code; return the config's path."""
    (folder / "rows.py").write_text(CODE)
    (folder / "secret.yaml").write_text(CONFIG)
    return str(folder / "secret.yaml")


def secrets_in(folder: Path) -> list[tuple[str, str]]:
    """Return which secrets stand in which files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and "sources" not in path.parts]
    # The user's own code, which is kept as it is, has two of them.
    return [
        (path.name, secret)
        for path in files
        for secret in (PASSWORD, SHORT, IN_ADDRESS, TOKEN)
        if secret.encode() in path.read_bytes()
    ]


@pytest.mark.keras
def test_no_file_of_a_run_has_a_secret_of_the_command_line(tmp_path: Path) -> None:
    """Trained, reported, resumed, extended, forked, scored and reproduced, no file has a secret; each can be done."""
    config = write(tmp_path)
    done = run(tmp_path, "train", config, "--report")
    assert done.exit_code == 0, done.output
    assert secrets_in(tmp_path / "runs") == []
    (path,) = (tmp_path / "runs").iterdir()
    kept = (path / "resolved.yaml").read_text()
    assert "user: me" in kept
    assert "password: '[left out]'" in kept
    assert "https://[left out]@example.org/rows?[left out]&page=2" in kept
    for words in (
        ("resume", str(path), "--set", "training.epochs=3"),
        ("fork", str(path), "--set", "training.epochs=4"),
        ("eval", str(path)),
        ("reproduce", str(path)),
        ("train", config, "--auto-resume"),
    ):
        refused = run(tmp_path, *words, sets=False)
        if words[0] != "train":
            assert refused.exit_code != 0, words
            assert "run folders keep no secrets" in " ".join(refused.output.split()), refused.output
            assert "--set 'data.source.read_rows.login.password=...'" in " ".join(refused.output.split())
        done = run(tmp_path, *words)
        assert done.exit_code == 0, done.output
        assert secrets_in(tmp_path / "runs") == []
    lineages = [json.loads(file.read_text()).get("lineage") for file in (tmp_path / "runs").glob("*/record.json")]
    assert [set(one["changed"]) for one in lineages if one] == [{"training.epochs"}]


def test_an_error_of_the_users_code_is_kept_without_its_secrets(tmp_path: Path) -> None:
    """The message and the traceback of code that quotes what it was given stay without it."""
    config = write(tmp_path)
    wrong = run(tmp_path, "train", config, "--set", "data.source.read_rows.rows=41", "--set", SETS[1], sets=False)
    assert wrong.exit_code not in (0, 3), wrong.output
    (path,) = (tmp_path / "runs").iterdir()
    assert "cannot log in" in (path / "record.json").read_text()
    assert secrets_in(path) == []


@pytest.mark.parametrize("command", ["eval", "reproduce"])
@pytest.mark.keras
def test_only_secrets_can_be_set_where_a_run_is_not_to_change(tmp_path: Path, command: str) -> None:
    """`--set` of `eval` and `reproduce` gives back what was left out, and refuses to change anything else."""
    assert run(tmp_path, "train", write(tmp_path)).exit_code == 0
    refused = run(tmp_path, command, "last", "--set", "training.batch_size=4")
    assert refused.exit_code == 1
    text = " ".join(refused.output.split())
    assert "--set training.batch_size=4: only a secret can be set here that the run folder does not keep" in text
    assert "nnrun fork" in text


NAMES = st.sampled_from(["password", "api_key", "secret", "access_token", "Authorization", "db_passwd"])
OTHER_NAMES = st.sampled_from(["rows", "user", "tokens", "file", "max_tokens"])
WORDS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789:{}[]'\"#, \n\\é"), min_size=6, max_size=20)


@given(st.data())
def test_no_secret_is_in_what_is_kept(data: st.DataObject) -> None:
    """Whatever stands below the name of a secret or has the form of one is left out; all else stays as it was."""
    plain = data.draw(st.dictionaries(OTHER_NAMES, st.integers(0, 9) | WORDS, min_size=1))
    marked = "Zq" + data.draw(WORDS)
    inside = "Zk" + data.draw(st.text(st.sampled_from("abcdef0123456789"), min_size=8, max_size=12))
    secret: Any = data.draw(st.sampled_from([marked, [marked], {"value": marked}, {"a": [marked, {"b": marked}]}]))
    address = data.draw(st.sampled_from([f"https://me:{inside}@host/a", f"http://host/?token={inside}"]))
    document = parse("source: {read: {}}\n", "x.yaml")
    given_data = plain | {data.draw(NAMES): secret, "address": address}
    changed = overrides.apply(document, [f"source.read={dump_inline(given_data)}"])
    assert changed.data == {"source": {"read": given_data}}
    kept = find_given(changed).leave_out(changed.data)
    text = dump(kept)
    assert "Zq" not in text
    assert "Zk" not in text
    assert {name: kept["source"]["read"][name] for name in plain} == plain


def test_what_the_config_says_itself_stays(tmp_path: Path) -> None:
    """A password in the user's own file is the user's text: the resolved config can be run as it is."""
    document = parse("source: {read: {password: correct-horse}}\n", tmp_path / "x.yaml")
    assert find_given(document).leave_out(document.data) == document.data
