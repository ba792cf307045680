"""A model layer by layer: what the command shows and the JSON holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.pipeline.summarize import ModelSummary, summarize

SIAMESE = """
data:
  source: {inline: {rows: [[0, 0, 0.5], [0, 1, 1.5], [1, 0, 1.5]]}}
define:
  tower: [{Dense: {units: 4, activation: relu}}]
model:
  inputs: {left: ["0"], right: ["1"]}
  layers:
    - use: {stack: tower, share: true, from: left, name: one}
    - use: {stack: tower, share: true, from: right, name: other}
    - Concatenate: {from: [one, other]}
    - Dense: 1
training: {loss: mse, optimizer: Adam, batch_size: 3}
"""


@pytest.fixture
def told(tmp_path: Path):
    """Summarise a config given as text."""

    def tell(text: str) -> ModelSummary:
        (tmp_path / "x.yaml").write_text(text)
        return summarize(tmp_path / "x.yaml", (), None)

    return tell


def test_a_graphs_layers_say_what_they_take(told) -> None:
    """Each application of a layer has its name, what it takes, and its place in the config."""
    said = told(SIAMESE).as_json()
    assert [(one["name"], one["from"], one["shared"], one["path"]) for one in said["layers"]] == [
        ("dense", ["left"], False, "define.tower.0.Dense"),
        ("dense", ["right"], True, "define.tower.0.Dense"),
        ("concatenate", ["dense", "dense"], False, "model.layers.2.Concatenate"),
        ("dense_1", ["concatenate"], False, "model.layers.3.Dense"),
    ]
    assert (said["inputs"], said["outputs"]) == ({"left": (1,), "right": (1,)}, {"output": (1,)})


def test_shared_weights_count_once(told) -> None:
    """The sums are Keras' sums: a layer that is used twice has its weights once."""
    said = told(SIAMESE)
    assert (said.parameters, said.trainable) == (8 + 9, 8 + 9)
    assert said.memory.weights == 4 * 17


def test_what_can_be_told_is_told_where_a_layer_is_refused(told) -> None:
    """Layers before a refused one keep their rows, and the refusal is a problem at its place."""
    said = told(SIAMESE.replace("- Dense: 1\n", "- Conv2D: {filters: 1, kernel_size: 3}\n    - Dense: 1\n"))
    assert said.refused
    assert said.parameters is None
    assert [row.name for row in said.rows] == ["dense", "dense", "concatenate", "conv2d"]
    assert [(problem.name, problem.mark.line) for problem in said.problems] == [("shape-impossible", 12)]
