"""The page docs/sound.md does what it shows, from recordings to predictions of new ones."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from nnrun.cli.main import nnrun
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "sound.md").read_text(encoding="utf-8")
PITCH = {"no": 500, "yes": 1200}


def _record(folder: Path, count: int, seed: int, rates: tuple[int, ...]) -> list[str]:
    """Write tones of the pitch of their word in noise, of several rates and lengths, and return the words."""
    draw = np.random.default_rng(seed)
    words = [("no", "yes")[number % 2] for number in range(count)]
    for number, word in enumerate(words):
        rate = rates[number % len(rates)]
        times = np.arange(int(rate * draw.uniform(0.3, 0.7))) / rate
        tone = 0.4 * np.sin(2 * np.pi * PITCH[word] * draw.uniform(0.8, 1.2) * times) + draw.normal(0, 0.05, len(times))
        file = folder / (word if len(rates) > 1 else "") / f"{number:02}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(file, rate, (tone * 32767).clip(-32768, 32767).astype("int16"))
    return words


@pytest.mark.keras
def test_the_page_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config is checked, trained and predicts new recordings; `eval` and streaming agree."""
    monkeypatch.chdir(tmp_path)
    (config,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    Path("words.yaml").write_text(config, encoding="utf-8")
    _record(Path("words"), 60, 1, (8000, 16000))
    truth = _record(Path("new"), 10, 2, (8000,))
    _record(Path("others"), 10, 2, (8000, 11025))
    outputs = []
    for command in commands.splitlines():
        done = CliRunner().invoke(nnrun, command.partition("#")[0].split()[1:])
        assert done.exit_code == 0, done.output
        outputs.append(done.output)
    assert "warning" not in outputs[0]
    rows = list(csv.DictReader(outputs[-1][outputs[-1].index("row,") :].splitlines()))
    assert [row["prediction"] for row in rows] == truth
    assert [row["file"] for row in rows] == [f"{number:02}.wav" for number in range(10)]
    assert evaluate(EvaluateRequest("last", data=Path("others")), NullProgress()).scores["data"]["errors"] == 0
    first = max(Path("runs").iterdir())
    streamed = CliRunner().invoke(nnrun, ["train", "words.yaml", "--set", "data.source.audio.stream=true"])
    assert streamed.exit_code == 0, streamed.output
    second = max(Path("runs").iterdir(), key=lambda one: one.stat().st_mtime_ns)
    assert first != second
    assert RunFolder(first).scores.read_bytes() == RunFolder(second).scores.read_bytes()
