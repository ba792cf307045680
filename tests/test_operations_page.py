"""The page on operations: its configs are accepted by `check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.config.files import find_config
from nnrun.pipeline.check import examine

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"


def _config(number: int) -> str:
    return PAGE.read_text(encoding="utf-8").split("```yaml\n")[number].split("```")[0]


def test_the_config_of_pairs_is_sound(tmp_path: Path) -> None:
    """The one whole config of the page has no problem, and its last layer is one distance."""
    (tmp_path / "pairs.yaml").write_text(_config(3))
    rows = [f"{row % 7},{row % 5},{row % 3},{row % 11},{row % 2}" for row in range(60)]
    (tmp_path / "pairs.csv").write_text("\n".join(["a1,a2,b1,b2,apart", *rows]) + "\n")
    examined = examine(tmp_path / "pairs.yaml", (), None)
    assert examined.problems == ()
    assert examined.context.rows[-1].output_shape == (1,)


@pytest.mark.parametrize("number", [1])
def test_the_operations_of_the_page_are_sound(tmp_path: Path, number: int) -> None:
    """In a model that has the tensors that they name."""
    layers = "".join(f"    {line}\n" for line in _config(number).splitlines())
    text = f"""\
name: page
data: {{source: digits, split: {{test: 0.2}}}}
model:
  inputs: {{picture: $image}}
  layers:
    - Reshape: {{target_shape: [8, 8, 1], from: picture}}
    - Conv2D: {{filters: 8, kernel_size: 1, name: first}}
    - Conv2D: {{filters: 8, kernel_size: 1, from: first, name: second}}
    - Reshape: {{target_shape: [8, 64], from: second, name: queries}}
    - Identity: {{name: keys}}
    - Conv2D: {{filters: 8, kernel_size: 1, from: first}}
{layers}    - Flatten
    - Dense: 10
training: {{loss: {{SparseCategoricalCrossentropy: {{from_logits: true}}}}, optimizer: Adam}}
"""
    (tmp_path / "page.yaml").write_text(text)
    examined = examine(find_config(str(tmp_path / "page.yaml")), (), None)
    errors = [one.text for one in examined.problems if one.severity == "error"]
    assert errors == []
    assert all(row.undecided is None for row in examined.context.rows)
