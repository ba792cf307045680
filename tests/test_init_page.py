"""The page docs/init.md does what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "init.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands run one after the other on a table with the columns that it shows."""
    monkeypatch.chdir(tmp_path)
    (table,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    header, *_ = table.splitlines()
    assert header == "id,species,length,width,picked"
    kinds = ("rose", "tulip")
    rows = [f"{at},{kinds[at % 2]},{at % 7 + at % 2}.5,{'' if at % 9 == 0 else at % 5},2024-0{at % 8 + 1}-11"
            for at in range(1, 61)]  # fmt: skip
    Path("flowers.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for command in commands.splitlines():
        done = CliRunner().invoke(nnrun, command.split()[1:])
        assert done.exit_code == 0, done.output
    assert "length.yaml: ok" in done.output
    assert "mine.yaml: ok" in done.output
