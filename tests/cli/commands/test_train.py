"""The commands `nnrun train`, `eval` and `predict`, in processes of their own where silence or signals count."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Invoke = Callable[..., Result]
    Process = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.keras


def test_train_eval_and_predict_agree_to_the_last_digit(process: Process, workdir: Path) -> None:
    """`train --json` prints one document, `eval last` the same scores, `predict` the rows; TensorFlow is silent."""
    trained = process("train", "tiny.yaml", "--json")
    assert (trained.returncode, trained.stderr) == (0, "")
    document = json.loads(trained.stdout)
    assert document["status"] == "done"
    assert (workdir / document["folder"] / "scores.json").is_file()

    again = process("eval", "last", "--json", "--show", "2")
    assert (again.returncode, again.stderr) == (0, "")
    scored = json.loads(again.stdout)
    assert scored["run"] == document["run"]
    assert scored["scores"]["test"] == document["scores"]["test"]
    assert [set(row) for row in scored["predictions"]] == [
        {"row", "line", "truth", "prediction", "output_猫", "output_犬", "output_鳥"}
    ] * 2

    (workdir / "new.csv").write_text("length,width\n0.5,0.1\n2.5,3.0\n", encoding="utf-8")
    predicted = process("predict", "last", "new.csv", "--out", "out.csv", "--quiet")
    assert (predicted.returncode, predicted.stdout, predicted.stderr) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO((workdir / "out.csv").read_text(encoding="utf-8"))))
    assert [row["row"] for row in rows] == ["0", "1"]
    assert all(row["prediction"] == max("猫犬鳥", key=lambda name: float(row[f"output_{name}"])) for row in rows)


def test_a_log_gets_plain_lines_and_results_go_to_stdout(process: Process, workdir: Path) -> None:
    """Without a terminal warnings and a plain line per epoch go to stderr, the table and the next command to stdout."""
    done = process("train", "tiny.yaml", "--runs-dir", "my runs", "--set", "training.batch_size=5000")
    (folder,) = (workdir / "my runs").iterdir()
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0].startswith("--set:1:21: warning: ")
    assert f"Run {folder.name}" in lines
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert "\x1b" not in done.stderr + done.stdout
    assert re.search(r"^part +error +95 % interval +errors +loss +accuracy +rows$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-3:] == [
        f"run   my runs/{folder.name}",
        f"next  nnrun report {folder.name[-6:]} --runs-dir 'my runs'",
        f"      nnrun predict {folder.name[-6:]} FILE --runs-dir 'my runs'",
    ]


def test_the_end_says_what_callbacks_did_and_what_is_next(invoke: Invoke, workdir: Path) -> None:
    """The last lines name the callback and the weights that are kept, and a comparison with the run before, if any."""
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8")
    stop = "  callbacks: [{EarlyStopping: {monitor: loss, min_delta: 9, patience: 1, restore_best_weights: true}}]\n"
    (workdir / "tiny.yaml").write_text(text.replace("epochs: 2", "epochs: 9") + stop, encoding="utf-8")
    first = invoke("train", "tiny.yaml")
    why = "loss had not improved by more than 9 since epoch 1; the weights of epoch 1 are kept."
    assert f"training  EarlyStopping stopped training after epoch 2 of 9: {why}\n" in first.stdout
    document = json.loads(invoke("train", "tiny.yaml", "--json").stdout)
    assert document["callbacks"][0]["text"].endswith(why)
    assert (document["callbacks"][0]["epoch"], document["callbacks"][0]["kept_epoch"]) == (2, 1)
    before, after = (path.name[-6:] for path in sorted((workdir / "runs").iterdir()))
    following = [f"nnrun report {after}", f"nnrun predict {after} FILE"]
    assert document["next"] == [f"nnrun compare {before} {after}", *following]
    compared = invoke("compare", before, after)
    assert "Both runs have the same error." in compared.stdout
    log = (workdir / document["folder"] / "log.txt").read_text(encoding="utf-8")
    assert why in log


def test_a_run_that_fails_has_a_report(invoke: Invoke, workdir: Path) -> None:
    """`--report` writes and names the report of a failed run that finished an epoch; of another, none."""
    failing = ("training.optimizer={SGD: {learning_rate: 1.0e+30}}", "training.epochs=3")
    done = invoke("train", "tiny.yaml", "--report", *(word for one in failing for word in ("--set", one)))
    (folder,) = (workdir / "runs").iterdir()
    assert done.exit_code == 1
    assert "error: training diverged in epoch" in done.stderr
    assert f"Its report up to this point: runs/{folder.name}/report.html" in done.stderr.splitlines()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "training diverged in epoch" in page
    (workdir / "tiny.csv").write_text("length,width,kind\n", encoding="utf-8")
    refused = invoke("train", "tiny.yaml", "--report", "--runs-dir", "other", "--json")
    assert refused.exit_code != 0
    assert "Its report" not in refused.stdout + refused.stderr
    assert not list((workdir / "other").glob("*/report.html"))


def test_a_terminal_gets_a_live_bar(workdir: Path, environment: dict[str, str]) -> None:
    """On a terminal a bar moves within the epoch, though the engine redirects descriptor 2, and is then removed."""
    (workdir / "tiny.csv").write_text(
        "length,width,kind\n" + "".join(f"{row % 7},{row % 5},{'abc'[row % 3]}\n" for row in range(4_000)),
        encoding="utf-8",
    )
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "nnrun", "train", "tiny.yaml", "--set", "training.batch_size=4"]
    with subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=inner, stdin=inner
    ) as run:
        os.close(inner)
        seen = b""
        while True:
            try:
                part = os.read(outer, 4096)
            except OSError:
                break
            if not part:
                break
            seen += part
    os.close(outer)
    text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", seen.decode())
    assert run.returncode == 0
    assert re.search(r"epoch 1/2 [━╸╺]+ +\d+ %", text)
    assert re.search("epoch 1/2 [━╸╺]", text).start() < text.index("epoch 1/2  loss") < text.index("epoch 2/2  loss")
