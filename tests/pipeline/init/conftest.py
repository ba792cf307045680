"""Fixtures of first configs: data of every kind in a folder of their own."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

TOWNS = ("Bern", "Basel", "Chur")


def _write(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a folder with tables, texts, arrays and pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNRUN_DATA_DIR", raising=False)
    numbers = np.random.default_rng(7).normal(size=(300, 3)).round(3)
    rows = [
        f"p{at},{TOWNS[at % 3]},{'' if at % 9 == 0 else a},2020-{at % 12 + 1:02d}-01,{1000 * (a + b):.0f},{at % 4}"
        for at, (a, b, _) in enumerate(numbers)
    ]
    _write(tmp_path / "houses.csv", "id,town,area,built,price,rooms", rows)
    months = [f"{1950 + at // 12}-{at % 12 + 1:02d},{200 + 20 * (at % 12) + at}" for at in range(120)]
    _write(tmp_path / "sales.csv", "month,sold", months)
    prose = [
        f"{'spam' if at % 3 == 0 else 'ham'},{' '.join(['word', *map(str, numbers[at])])} and more" for at in range(150)
    ]
    _write(tmp_path / "mail.csv", "kind,message", prose)
    (tmp_path / "book.txt").write_text(
        "The quick brown fox jumps over the lazy dog\nand again\n" * 60, encoding="utf-8"
    )
    np.savez(tmp_path / "arrays.npz", x=numbers, y=np.arange(300) % 3)
    np.savez(tmp_path / "digits.npz", x=np.zeros((60, 12, 12), "uint8"), y=np.arange(60) % 10)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for at in range(12):
            Image.new("RGB", (20 + at % 2, 16)).save(tmp_path / "pets" / name / f"{at}.png")
        (tmp_path / "sounds" / name).mkdir(parents=True)
        (tmp_path / "letters" / name).mkdir(parents=True)
        for at in range(12):
            (tmp_path / "letters" / name / f"{at}.txt").write_text(f"I have a {name} and {at} more", encoding="utf-8")
            with wave.open(str(tmp_path / "sounds" / name / f"{at}.wav"), "wb") as recording:
                recording.setparams((1, 2, 8000, 0, "NONE", ""))
                recording.writeframes(b"\0\1" * 4000)
    return tmp_path
