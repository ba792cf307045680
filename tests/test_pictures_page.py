"""The page docs/pictures.md does what it shows, from photos and masks to predicted masks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from page_commands import blocks, commands
from PIL import Image

from nnrun.cli.main import nnrun

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "pictures.md").read_text(encoding="utf-8")
CONFIGS = {
    text.partition("\n")[0].removeprefix("name: "): text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
}


def _discs(photos: Path, masks: Path, count: int, seed: int) -> None:
    """Write photos of a red disc on blue noise, and their masks."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    for folder in (photos, masks):
        folder.mkdir()
    for number in range(count):
        row, column = random.integers(4, 12, 2)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < 12
        photo = np.where(disc[..., None], [200, 60, 60], random.integers(0, 90, (16, 16, 3))).astype("uint8")
        Image.fromarray(photo).save(photos / f"{number:02}.jpg", quality=95)
        Image.fromarray(disc.astype("uint8")).save(masks / f"{number:02}.png")


@pytest.mark.keras
def test_the_page_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config is checked, trained and predicts the masks of new photos, by the commands of the page."""
    monkeypatch.chdir(tmp_path)
    config = CONFIGS["discs"]
    Path("discs.yaml").write_text(config, encoding="utf-8")
    _discs(Path("photos"), Path("masks"), 40, 0)
    _discs(Path("new"), Path("truth"), 5, 1)
    # The commands that come later explain runs that predict no pictures.
    for words in commands(blocks(PAGE, "sh")[0]):
        done = CliRunner().invoke(nnrun, words)
        assert done.exit_code == 0, done.output
    pairs = [
        [np.asarray(Image.open(Path(name, f"{row:02}.png"))) for name in ("truth", "predicted")] for row in range(5)
    ]
    assert np.mean([truth == predicted for truth, predicted in pairs]) > 0.97
    assert Path("shares.csv").read_text().startswith("row,file,share_background,share_disc\n")


def test_the_config_of_boxes_is_accepted(tmp_path: Path) -> None:
    """`check` finds nothing to warn of in the page's config for the corners of boxes, on a list of pictures."""
    (tmp_path / "boxes.yaml").write_text(CONFIGS["boxes"], encoding="utf-8")
    random = np.random.default_rng(0)
    rows = ["picture,x1,y1,x2,y2"]
    for number in range(60):
        Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype="uint8")).save(tmp_path / f"{number}.png")
        rows.append(",".join([f"{number}.png", *map(str, random.integers(0, 64, 4))]))
    (tmp_path / "boxes.csv").write_text("\n".join(rows) + "\n")
    done = CliRunner().invoke(nnrun, ["check", str(tmp_path / "boxes.yaml"), "--strict"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("name", "header"), [("houses", "photo,area,town,note,price"), ("pairs", "left,right,same")])
def test_the_configs_of_several_columns_are_accepted(tmp_path: Path, name: str, header: str) -> None:
    """`check` finds nothing to warn of in the page's configs for pictures with columns, and for pairs of pictures."""
    (tmp_path / f"{name}.yaml").write_text(CONFIGS[name], encoding="utf-8")
    rows = [header]
    for number in range(200):
        Image.fromarray(np.full((8, 8, 3), number, dtype="uint8")).save(tmp_path / f"{number}.png")
        cells = {"area": 40 + number, "town": ("Bern", "Chur")[number % 2], "note": "old, small"[: 3 + number % 8]}
        cells |= {"photo": f"{number}.png", "price": 7 * number + number % 3, "same": number % 2}
        cells |= {"left": f"{number}.png", "right": f"{number // 2}.png"}
        rows.append(",".join(f'"{cells[column]}"' for column in header.split(",")))
    (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    done = CliRunner().invoke(nnrun, ["check", str(tmp_path / f"{name}.yaml"), "--strict"])
    assert done.exit_code == 0, done.output
