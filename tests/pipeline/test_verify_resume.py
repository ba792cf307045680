"""`nnrun verify-resume`: processes that train a config are killed at random moments, resumed, and compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from held_training import living
from waiting import wait_for

from nnrun.errors import ConfigError, RunError
from nnrun.pipeline import verify_resume as module
from nnrun.pipeline.verify_resume import ResumeProof, VerifyResumeRequest, proof_as_json, verify_resume
from nnrun.progress import NullProgress

CONFIG = """name: proof
data: {source: digits, split: {test: 0.2}}
model: [Flatten, {Dense: {units: 4, activation: relu}}, {Dropout: 0.2}, {Dense: {units: 10, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 3, batch_size: 256}
"""


class Processes:
    """Stands for the processes: each call writes what a process would, and may be killed.

    Args:
        resumed_loss: The loss of the second epoch where a run is resumed.
        code: The exit code of a process that resumes a run.
    """

    def __init__(self, resumed_loss: float = 0.25, code: int = 0) -> None:
        self.commands: list[list[str]] = []
        self.moments: list[float | None] = []
        self._loss, self._code = resumed_loss, code

    def run(self, proof: object, words: list[str], moment: float | None) -> int | None:
        """Write a run folder; the first process of a killed run writes one epoch and is killed."""
        self.commands.append(words)
        self.moments.append(moment)
        runs_dir = Path(words[words.index("--runs-dir") + 1])
        folder = runs_dir / "20260101T000000Z_proof_abcdef"
        resumed = words[0] == "resume"
        folder.mkdir(parents=True, exist_ok=True)
        killed = moment is not None and not resumed
        rows = [{"epoch": 1, "fold": None, "loss": 0.5}]
        rows += [] if killed else [{"epoch": 2, "fold": None, "loss": self._loss if resumed else 0.25}]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        record = {"status": "running" if killed else "done", "seconds": {"train": 0.5, "score": 0.1}}
        (folder / "record.json").write_text(json.dumps(record))
        getattr(proof, "_folder").joinpath("output.txt").write_text("error: the disk is full\n")  # noqa: B009
        return None if killed else self._code if resumed else 0


def prove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes, **settings: object) -> ResumeProof:
    """Verify the config with processes that are not real."""
    (tmp_path / "proof.yaml").write_text(CONFIG, encoding="utf-8")

    def run(proof: object, words: list[str], moment: float | None) -> int | None:
        return processes.run(proof, words, moment)

    monkeypatch.setattr(module._Proof, "_run", run)
    return verify_resume(request(tmp_path, **settings), NullProgress())


def request(tmp_path: Path, **settings: object) -> VerifyResumeRequest:
    """Return a request for the config in a folder."""
    given = {"sets": (), "code": (), "data_dir": None, "runs_dir": None, "jobs": 1, "kills": 3, "seed": 7, **settings}
    return VerifyResumeRequest(tmp_path / "proof.yaml", **given)  # type: ignore[arg-type]


def test_every_killed_run_is_resumed_until_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kill counts, each run is resumed and compared, and the temporary folder is removed."""
    processes = Processes()
    proof = prove(tmp_path, monkeypatch, processes)
    assert (proof.problem, proof.runs, proof.identical, len(proof.kills)) == (None, 3, 3, 3)
    assert [words[0] for words in processes.commands] == ["train", *["train", "resume"] * 3]
    assert [kill.epoch for kill in proof.kills] == [1, 1, 1]
    assert proof.folder is None
    assert not Path(processes.commands[0][3]).exists()
    assert proof_as_json(request(tmp_path), proof)["identical"] is True


def test_without_jobs_the_commands_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`train` and `resume` choose the number of processes themselves."""
    for jobs, expected in ((None, False), (2, True)):
        processes = Processes()
        prove(tmp_path, monkeypatch, processes, jobs=jobs)
        assert {"--jobs" in words for words in processes.commands} == {expected}


def test_the_moments_follow_from_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed draws the same shares of the duration; another one draws others."""
    shares = []
    for seed in (7, 7, 8):
        processes = Processes()
        proof = prove(tmp_path, monkeypatch, processes, seed=seed)
        shares.append([round((moment or 0) / proof.seconds, 6) for moment in processes.moments])
    assert shares[0] == shares[1] != shares[2]
    assert all(0 <= share <= 1 for share in shares[0])


def test_the_first_difference_is_named_and_its_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run with another loss ends the proof, with epoch, figure and both values."""
    proof = prove(tmp_path, monkeypatch, Processes(resumed_loss=0.2500001))
    assert proof.problem == "run 1 differs: epoch 2: loss is 0.25 without a kill and 0.2500001 with kills"
    assert (proof.runs, proof.identical) == (1, 0)
    assert proof.folder is not None
    assert (proof.folder / "killed-01").is_dir()
    document = proof_as_json(request(tmp_path), proof)
    assert (document["identical"], document["difference"]["epoch"]) == (False, 2)


def test_a_run_that_does_not_continue_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resume that fails is named with what it has written; with `--runs-dir` all runs are there."""
    proof = prove(tmp_path, monkeypatch, Processes(code=1), runs_dir=tmp_path / "kept")
    assert proof.problem == "run 1 did not continue (exit code 1): error: the disk is full"
    assert proof.folder is not None
    assert proof.folder.parent == tmp_path / "kept"


def test_a_config_with_errors_is_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its findings are those of `check`; a config that does not train ends with what its process has written."""
    processes = Processes()
    with pytest.raises(ConfigError):
        prove(tmp_path, monkeypatch, processes, sets=("training.epochs=none",))
    assert processes.commands == []
    monkeypatch.setattr(processes, "run", lambda proof, *_: fail(proof))
    with pytest.raises(RunError, match="the config does not train: error: no data"):
        prove(tmp_path, monkeypatch, processes)


def fail(proof: object) -> int:
    """Stand for a process that fails."""
    getattr(proof, "_folder").joinpath("output.txt").write_text("error: no data\n")  # noqa: B009
    return 1


@pytest.mark.keras
@pytest.mark.slow
def test_real_processes_are_killed_and_continue_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL at random moments of a small config with Dropout: every run ends with the same bits."""
    (tmp_path / "proof.yaml").write_text(CONFIG, encoding="utf-8")
    proof = verify_resume(request(tmp_path, kills=2), NullProgress())
    assert proof.problem is None
    assert (len(proof.kills), proof.identical) == (2, proof.runs)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)])
def test_a_stop_leaves_no_process_and_no_folder(tmp_path: Path, number: int, code: int) -> None:
    """The process that trains is ended with the proof, and the temporary folder of its runs is removed."""
    (tmp_path / "proof.yaml").write_text(CONFIG, encoding="utf-8")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "nnrun", "verify-resume", "proof.yaml"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        children = wait_for(lambda: psutil.Process(process.pid).children(recursive=True))
        process.send_signal(number)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert living(children) == []
    assert not list(temporary.glob("nnrun-*"))
