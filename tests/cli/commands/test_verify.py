"""The command `nnrun verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.cli.commands.verify import _explanation, format_expectation, result_as_json
from nnrun.pipeline.verify import VerifyResult
from nnrun.runs.folder import RunFolder
from nnrun.spec.experiment import Expectation

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Invoke = Callable[..., Result]


def test_missing_data_are_skipped_and_invalid_configs_fail(invoke: Invoke, workdir: Path) -> None:
    """Folders are searched; a config with missing data is skipped, and one with errors fails."""
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    folder = workdir / "claims"
    folder.mkdir()
    (folder / "away.yaml").write_text(text.replace("tiny.csv", "away.csv"), encoding="utf-8")
    result = invoke("verify", folder)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{folder / 'away.yaml'}: skipped (")
    (folder / "broken.yaml").write_text(text.replace("epochs: 2", "epochs: none"), encoding="utf-8")
    result = invoke("verify", folder, "nowhere.yaml")
    assert result.exit_code == 1
    assert "epochs" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 configs: 1 skipped, 2 refused"
    document = json.loads(invoke("verify", folder, "--json").stdout)
    assert document["ok"] is False
    assert [one["status"] for one in document["configs"]] == ["skipped", "refused"]


@pytest.mark.keras
def test_claims_are_shown_with_the_scores(invoke: Invoke, workdir: Path) -> None:
    """With a claim that fails the exit code is 1; several seeds have a mean and a spread."""
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    claims = "expect:\n  test.rows: {value: 15, within: 0}\n  test.errors: {at_most: -1}\n"
    (workdir / "tiny.yaml").write_text(text + claims, encoding="utf-8")
    result = invoke("verify", "tiny.yaml", "--seeds", "2")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("tiny.yaml: fails (runs ")
    assert lines[1].split() == ["claim", "expected", "mean", "sd", "min", "max"]
    assert lines[2].split() == ["test.rows", "15", "within", "0", "15", "0", "15", "15"]
    assert lines[3].endswith("fails")
    document = json.loads(invoke("verify", "tiny.yaml", "--json").stdout)["configs"][0]
    assert (document["trained"], document["claims"][0]["figures"], document["claims"][1]["holds"]) == (0, [15], False)


def test_changed_data_are_named() -> None:
    """If a run was trained because the data changed, its line names them."""
    run = RunFolder(Path("runs/20260102T030405Z_pets_1a2b3c"))
    one = VerifyResult(Path("pets.yaml"), "holds", runs=(run,), trained=1, changed="pets.csv changed since run 9f8e7d")
    assert _explanation(one) == " (run 1a2b3c, trained: pets.csv changed since run 9f8e7d)"
    assert result_as_json(one)["changed"] == "pets.csv changed since run 9f8e7d"


def test_expectations_are_formatted() -> None:
    """Each of the three forms of an expectation has its text."""
    assert format_expectation(Expectation(value=1.1, within=0.35)) == "1.1 within 0.35"
    assert format_expectation(Expectation(at_most=3)) == "at most 3"
    assert format_expectation(Expectation(at_least=0.5)) == "at least 0.5"
