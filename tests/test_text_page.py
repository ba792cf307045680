"""docs/text.md: what it shows of a config is a config."""

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


def test_the_config_of_the_page_is_one(tmp_path: Path) -> None:
    """Every argument of the page's text is known, suits the others, and reads a text in the encoding it states."""
    (said,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "letters.txt").write_bytes(("Dear Käthe, it rains, it snows.\n" * 500).encode("cp1252"))
    text = said + "  loss: sparse_categorical_crossentropy\n  optimizer: Adam\n" + REST
    (tmp_path / "letters.yaml").write_text(text, encoding="utf-8")
    found = examine(tmp_path / "letters.yaml", (), None)
    assert found.problems == ()
    assert found.facts is not None
    assert "".join(found.facts.class_names) == "\n _adehiknorstw"
