"""The command `nnrun schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.spec import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_the_schema_is_printed_or_written(invoke: Callable[..., Result], workdir: Path) -> None:
    """The schema is printed, or written into a file as a whole."""
    assert json.loads(invoke("schema").stdout)["$id"] == json_schema.schema()["$id"]
    result = invoke("schema", "--out", "nnrun.schema.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (workdir / "nnrun.schema.json").read_text(encoding="utf-8") == invoke("schema").stdout


def test_an_unwritable_file_is_refused(invoke: Callable[..., Result]) -> None:
    """The hint names a command that helps."""
    assert "mkdir -p no/such" in invoke("schema", "--out", "no/such/x.json").stderr
    assert "--out nnrun.schema.json" in invoke("schema", "--out", ".").stderr


def test_the_schema_holds_the_users_own_layers(invoke: Callable[..., Result], workdir: Path) -> None:
    """With `--code` a layer of the user's is in the schema with its arguments; without it is unknown."""
    text = "import keras\n\nclass Scaled(keras.layers.Layer):\n    def __init__(self, factor: float = 2.0, **more):\n"
    (workdir / "mine.py").write_text(f"{text}        super().__init__(**more)\n        self.factor = factor\n", "utf-8")
    known = json.loads(invoke("schema", "--code", "mine.py").stdout)["$defs"]
    assert "factor" in json.dumps(known["layers.Scaled"])
    assert "layers.Scaled" not in json.loads(invoke("schema").stdout)["$defs"]
