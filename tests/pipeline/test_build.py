"""`check --build`: Keras decides what the rules cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.pipeline.check import check_with_keras, examine

#: A layer whose policy is quantised is decided by no rule.
TEXT = """
data: {source: digits}
model:
  - Flatten
  - Dense: {units: 8, dtype: int8_from_float32}
  - Reshape: {target_shape: [4, SIZE]}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam}
"""


@pytest.mark.keras
@pytest.mark.parametrize(("size", "severities"), [(2, []), (3, ["error"])])
def test_keras_decides_what_is_undecided(tmp_path: Path, size: int, severities: list[str]) -> None:
    """The note goes; what Keras refuses is an error at the part it refuses."""
    (tmp_path / "x.yaml").write_text(TEXT.replace("SIZE", str(size)))
    examined = examine(tmp_path / "x.yaml", (), None)
    assert [one.name for one in examined.problems] == ["undecided"]
    problems = check_with_keras(examined).problems
    assert [one.severity for one in problems] == severities
    assert [one.mark.line for one in problems] == [6] * len(severities)


def test_keras_sleeps_where_nothing_is_undecided(tmp_path: Path) -> None:
    """`--build` wakes TensorFlow only where there is something to decide."""
    (tmp_path / "x.yaml").write_text(TEXT.replace(", dtype: int8_from_float32", "").replace("SIZE", "2"))
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.check import examine; "
        "from nnrun.pipeline.check import check_with_keras; "
        f"assert check_with_keras(examine(Path({str(tmp_path / 'x.yaml')!r}), (), None)).problems == (); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
