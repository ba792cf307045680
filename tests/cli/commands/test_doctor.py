"""The command `nnrun doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_exit_code_says_whether_anything_is_wrong(process, workdir: Path) -> None:
    """0 and `nothing is wrong`; 1 and a line to type for a broken run; `--json` has the same."""
    done = process("doctor", "--data-dir", workdir / "data")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "nothing is wrong"
    assert done.stdout.startswith("ok      Python: ")
    broken = workdir / "runs" / "20260101T000000Z_x_abcdef"
    broken.mkdir(parents=True)
    done = process("doctor", "--data-dir", workdir / "data")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["        rm -r runs/20260101T000000Z_x_abcdef", "1 thing is wrong"]
    done = process("doctor", "--json", "--data-dir", workdir / "data")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert [item["area"] for item in document["items"] if item["status"] == "wrong"] == ["run"]


def test_no_heavy_package_is_imported(environment: dict[str, str], workdir: Path) -> None:
    """What is installed is known without importing it: the answer comes at once."""
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.doctor import examine_all\n"
        "list(examine_all(Path('runs'), Path('data'), fix=False))\n"
        "print([name for name in ('keras', 'tensorflow', 'pandas', 'sklearn') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=workdir, env=environment)
    assert done.stdout == "[]\n"
