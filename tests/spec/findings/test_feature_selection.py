"""Check of the steps that select features by their score for the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.pipeline.check import examine

CONFIG = """
data: {{source: {{inline: {{rows: [[1, 2, 0.5], [3, 4, 1.5], [5, 6, 2.5]]}}}}, prepare: [{{STEP}}]}}
model: [{{Dense: {{units: 3}}}}]
training: {{loss: {loss}, optimizer: Adam, batch_size: 1}}
"""


@pytest.mark.parametrize(
    ("step", "loss", "hint"),
    [
        ("SelectKBest: {k: 1}", "mse", "f_regression"),
        ("SelectPercentile: {percentile: 50, score_func: mutual_info_classif}", "mae", "mutual_info_regression"),
        ("SelectKBest: {k: 1, score_func: f_regression}", "mse", None),
        ("SelectKBest: {k: 1, score_func: r_regression}", "sparse_categorical_crossentropy", "f_classif"),
        ("SelectKBest: {k: 1}", "sparse_categorical_crossentropy", None),
        ("PCA: {n_components: 1}", "mse", None),
    ],
)
def test_a_score_of_the_other_task_is_found(tmp_path: Path, step: str, loss: str, hint: str | None) -> None:
    """The default of scikit-learn is for classes; the hint names the score for the task."""
    config = CONFIG.format(loss=loss).replace("STEP", step)
    config = config.replace("0.5]", "0]").replace("1.5]", "1]").replace("2.5]", "2]") if "sparse" in loss else config
    (tmp_path / "x.yaml").write_text(config)
    found = [one for one in examine(tmp_path / "x.yaml", (), None).problems if one.name == "score-of-other-task"]
    assert [one.hint for one in found] == ([] if hint is None else [f"write score_func: {hint}"])
