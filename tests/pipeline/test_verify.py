"""Tests of the verification of a config's claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from nnrun.pipeline.verify import Claim, SeedRun, VerifyRequest, satisfies, verify
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder
from nnrun.spec.experiment import Expectation

GATE = """name: gate
seed: 7
data:
  source: {inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}}
  split: {test: train}
model:
  - Dense: {units: 1, activation: binary_step, kernel_initializer: zeros}
training: {rule: perceptron, metrics: [accuracy], epochs: 30, batch_size: 4}
"""


def verify_text(folder: Path, config: str, **options: Any) -> Any:
    """Verify the text of a config in a folder."""
    file = folder / "gate.yaml"
    file.write_text(config, encoding="utf-8")
    return verify(file, VerifyRequest(folder / "runs", folder, **options), NullProgress())


def only_short_id(folder: Path) -> str:
    """Return the short id of the only run in a test's folder."""
    (run,) = (folder / "runs").iterdir()
    return RunFolder(run).short_id


@given(some.floats(-1e6, 1e6), some.floats(0, 1e3))
def test_limits_are_included(value: float, within: float) -> None:
    """A figure at the limit of a claim satisfies it; one beyond the limit does not."""
    both = Expectation(value=value, within=within)
    assert satisfies(value + within, both)
    assert satisfies(value - within, both)
    assert not satisfies(value + within + 1, both)
    assert satisfies(value, Expectation(at_most=value))
    assert not satisfies(value + 1, Expectation(at_most=value))
    assert satisfies(value, Expectation(at_least=value))
    assert not satisfies(value - 1, Expectation(at_least=value))


def test_claims_over_several_seeds_are_about_the_mean() -> None:
    """Mean and spread are over seeds, and a claim fails if a seed has no such figure."""
    claim = Claim("test.errors", Expectation(at_most=2), (1.0, 2.0, 3.0))
    assert (claim.mean, claim.spread, claim.holds) == (2, 1, True)
    missing = Claim("test.errors", Expectation(at_most=2), (1.0, None))
    assert (missing.mean, missing.spread, missing.holds) == (None, None, False)
    assert Claim("test.errors", Expectation(at_most=2), (1.0,)).spread is None


def test_the_reason_is_given_if_nothing_is_verified(tmp_path: Path) -> None:
    """A config without claims, one with errors and one with missing data differ in status, and nothing is trained."""
    assert verify_text(tmp_path, GATE).status == "silent"
    wrong = verify_text(tmp_path, GATE.replace("epochs: 30", "epochs: 0"))
    assert (wrong.status, len(wrong.problems)) == ("refused", 1)
    table = GATE.replace("inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}", "csv: {file: away.csv}")
    missing = verify_text(tmp_path, table + "expect: {test.errors: {at_most: 0}}\n")
    assert missing.status == "skipped"
    assert "away.csv" in missing.reason
    assert not (tmp_path / "runs").exists()


@pytest.mark.keras
def test_a_finished_run_of_the_same_experiment_is_reused(tmp_path: Path) -> None:
    """Comments and claims may change, seeds and settings may not; `fresh` trains in any case."""
    text = GATE + "expect: {test.errors: {at_most: 0}}\n"
    first = verify_text(tmp_path, text)
    assert (first.status, first.trained) == ("holds", 1)
    claimed = verify_text(tmp_path, "# A comment.\n" + GATE + "expect: {test.accuracy: {at_most: 0.5}}\n")
    assert (claimed.status, claimed.trained, claimed.runs) == ("fails", 0, first.runs)
    assert verify_text(tmp_path, text, fresh=True).trained == 1
    seeds = verify_text(tmp_path, text, seeds=3)
    assert (seeds.status, seeds.trained) == ("holds", 2)
    assert [json.loads(run.record.read_text())["seed"] for run in seeds.runs] == [7, 8, 9]
    assert verify_text(tmp_path, text.replace("epochs: 30", "epochs: 31")).trained == 1
    assert verify_text(tmp_path, text.replace("[0, 1, 0]", "[0, 1, 1]")).trained == 1


@pytest.mark.keras
def test_a_changed_data_file_is_another_experiment(tmp_path: Path) -> None:
    """A finished run is not reused if its data file changed."""
    text = GATE.replace("inline: {rows: [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]}", "csv: {file: and.csv}")
    text += "expect: {test.errors: {at_most: 0}}\n"
    (tmp_path / "and.csv").write_text("a,b,both\n0,0,0\n0,1,0\n1,0,0\n1,1,1\n")
    assert [verify_text(tmp_path, text).trained for _ in range(2)] == [1, 0]
    before = only_short_id(tmp_path)
    (tmp_path / "and.csv").write_text("a,b,both\n0,0,0\n0,1,1\n1,0,0\n1,1,1\n")
    again = verify_text(tmp_path, text)
    assert (again.trained, again.changed) == (1, f"and.csv changed since run {before}")
    assert verify_text(tmp_path, text).changed is None


PETS = """name: pets
seed: 7
data:
  source: {images: {folder: pets, colour: grey}}
  prepare: [{Rescale: {divide_by: 255}}]
  split: {test: train}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1}
expect: {test.loss: {at_most: 100}}
"""


@pytest.mark.keras
def test_a_run_on_images_is_reused_until_an_image_changes(tmp_path: Path) -> None:
    """Images in folders are identified by names and contents; the result states which of them changed."""
    for number in range(6):
        file = tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 40 * number, dtype="uint8")).save(file)
    assert [verify_text(tmp_path, PETS).trained for _ in range(2)] == [1, 0]
    first = only_short_id(tmp_path)
    Image.fromarray(np.full((4, 4), 99, dtype="uint8")).save(file)
    other = verify_text(tmp_path, PETS)
    assert (other.trained, other.changed) == (1, f"pictures of pets (contents) changed since run {first}")
    file.unlink()
    fewer = verify_text(tmp_path, PETS)
    changed = "pictures of pets (names), pictures of pets (contents) changed since run "
    assert (fewer.trained, fewer.changed) == (1, changed + other.runs[0].short_id)


TEXT = """name: rhyme
seed: 7
data:
  source: {text: {file: rhyme.txt, window: 8, stride: 4, encode: one_hot}}
  split: {validation: 0.2}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 1, batch_size: 32}
expect: {validation.loss: {at_most: 100}}
"""


@pytest.mark.keras
def test_a_run_on_a_text_is_reused_until_the_text_changes(tmp_path: Path) -> None:
    """A text is identified by its file's digest: a new run is trained only after the file changed."""
    (tmp_path / "rhyme.txt").write_text("Hickory dickory dock, the mouse ran up the clock.\n" * 40)
    assert [(found.status, found.trained) for found in (verify_text(tmp_path, TEXT), verify_text(tmp_path, TEXT))] == [
        ("holds", 1),
        ("holds", 0),
    ]
    (tmp_path / "rhyme.txt").write_text("The clock struck one, the mouse ran down.\n" * 40)
    assert verify_text(tmp_path, TEXT).trained == 1


@pytest.mark.parametrize("content", [b"[1]", b"{", b'{"test": 5}', b"\xff", b"[" * 100_000])
def test_broken_scores_fail_the_claims(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of an earlier run that were damaged since are a failure that names the file."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.scores.write_bytes(content)
    monkeypatch.setattr("nnrun.pipeline.verify.find_or_train", lambda *_: SeedRun(folder, trained=False, changed=None))
    result = verify_text(tmp_path, GATE + "expect: {test.errors: {at_most: 0}}\n")
    assert result.status == "failed"
    assert "scores.json" in str(result.reason)
