"""The config of docs/text.md is valid."""

from __future__ import annotations

import re
from pathlib import Path

from nnrun.pipeline.check import examine

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "text.md").read_text(encoding="utf-8")
REST = """
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 8}
  - GRU: {units: 8, return_sequences: true}
  - Dense: {units: $classes, activation: softmax}
"""


def test_the_config_of_the_page_is_valid(tmp_path: Path) -> None:
    """The snippet of the page passes the check and reads a text in its encoding with its alphabet."""
    (snippet,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "letters.txt").write_bytes(("Dear Käthe, it rains, it snows.\n" * 500).encode("cp1252"))
    text = snippet + "  loss: sparse_categorical_crossentropy\n  optimizer: Adam\n" + REST
    (tmp_path / "letters.yaml").write_text(text, encoding="utf-8")
    found = examine(tmp_path / "letters.yaml", (), None)
    assert found.problems == ()
    assert found.facts is not None
    assert "".join(found.facts.class_names) == "\n _adehiknorstw"
