"""Requirements of `nnrun schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.spec import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_the_schema_is_printed_or_written(say: Callable[..., Result], place: Path) -> None:
    """It goes to the screen, or whole into a file."""
    assert json.loads(say("schema").stdout)["$id"] == json_schema.schema()["$id"]
    result = say("schema", "--out", "nnrun.schema.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (place / "nnrun.schema.json").read_text(encoding="utf-8") == say("schema").stdout


def test_a_place_that_cannot_be_written_is_refused(say: Callable[..., Result]) -> None:
    """What to type instead is said."""
    assert "mkdir -p no/such" in say("schema", "--out", "no/such/x.json").stderr
    assert "--out nnrun.schema.json" in say("schema", "--out", ".").stderr


def test_the_schema_knows_the_users_own_code(say: Callable[..., Result], place: Path) -> None:
    """With `--code` a layer of the user's is a layer as any other, with its arguments; without, it is unknown."""
    text = "import keras\n\nclass Scaled(keras.layers.Layer):\n    def __init__(self, factor: float = 2.0, **more):\n"
    (place / "mine.py").write_text(f"{text}        super().__init__(**more)\n        self.factor = factor\n", "utf-8")
    known = json.loads(say("schema", "--code", "mine.py").stdout)["$defs"]
    assert "factor" in json.dumps(known["layers.Scaled"])
    assert "layers.Scaled" not in json.loads(say("schema").stdout)["$defs"]
