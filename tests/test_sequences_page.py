"""The page docs/sequences.md does what it shows: its configs are valid, and its translation is trained and used."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "sequences.md").read_text(encoding="utf-8")
CONFIGS = {re.findall("name: (.*)", one)[0]: one for one in re.findall(r"```yaml\n(name:.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the page's tables, each with the rows of the page and more of their kind."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(5)  # noqa: S311 - made-up rows
    for name, table in zip(CONFIGS, re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL), strict=True):
        head, *rows = table.splitlines()
        if name == "sums":
            pairs = [(draw.randrange(60), draw.randrange(60)) for _ in range(200)]
            rows += [f"{a}+{b},{a + b}" for a, b in pairs]
        Path(f"{name}.csv").write_text(
            "\n".join([head, *rows * (1 if name == "sums" else 30)]) + "\n", encoding="utf-8"
        )
        Path(f"{name}.yaml").write_text(CONFIGS[name], encoding="utf-8")
    return tmp_path


def test_the_configs_of_the_page_are_valid(folder: Path) -> None:
    """`check` finds no error and no warning in them."""
    done = CliRunner().invoke(nnrun, ["check", "--strict", *(f"{name}.yaml" for name in CONFIGS)])
    assert done.exit_code == 0, done.output
    assert sorted(path.stem for path in folder.glob("*.yaml")) == ["films", "names", "sums"]


@pytest.mark.keras
def test_the_commands_of_the_page_run(folder: Path) -> None:
    """The model is trained, scored with beams, and writes the results of new sums."""
    (folder / "new.csv").write_text("sum\n1+2\n30+4\n", encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    output = ""
    for command in commands.splitlines():
        done = CliRunner().invoke(nnrun, command.split()[1:])
        assert done.exit_code == 0, done.output
        output += done.output
    assert "exact_match" in output
    assert re.search(r"row,line,prediction\n0,2,\d*\n1,3,\d*\n", output)
