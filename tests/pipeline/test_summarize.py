"""Tests of the summary of a config's model, layer by layer."""

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
def summarize_text(tmp_path: Path):
    """Return a function that summarizes the text of a config."""

    def run(text: str) -> ModelSummary:
        (tmp_path / "x.yaml").write_text(text)
        return summarize(tmp_path / "x.yaml", (), None)

    return run


def test_layers_of_a_graph_have_their_inputs(summarize_text) -> None:
    """Each call of a layer has the layer's name, its inputs and its place in the config."""
    document = summarize_text(SIAMESE).as_json()
    assert [(layer["name"], layer["from"], layer["shared"], layer["path"]) for layer in document["layers"]] == [
        ("dense", ["left"], False, "define.tower.0.Dense"),
        ("dense", ["right"], True, "define.tower.0.Dense"),
        ("concatenate", ["dense", "dense"], False, "model.layers.2.Concatenate"),
        ("dense_1", ["concatenate"], False, "model.layers.3.Dense"),
    ]
    assert (document["inputs"], document["outputs"]) == ({"left": (1,), "right": (1,)}, {"output": (1,)})


def test_shared_weights_count_once(summarize_text) -> None:
    """As in Keras, the weights of a layer that is used twice are counted once."""
    summary = summarize_text(SIAMESE)
    assert (summary.parameters, summary.trainable) == (8 + 9, 8 + 9)
    assert summary.memory.weights == 4 * 17


def test_layers_before_an_error_have_their_shapes(summarize_text) -> None:
    """The layers before one with an error are in the summary, and the error is a problem at its place."""
    summary = summarize_text(
        SIAMESE.replace("- Dense: 1\n", "- Conv2D: {filters: 1, kernel_size: 3}\n    - Dense: 1\n")
    )
    assert summary.refused
    assert summary.parameters is None
    assert [row.name for row in summary.rows] == ["dense", "dense", "concatenate", "conv2d"]
    assert [(problem.name, problem.mark.line) for problem in summary.problems] == [("shape-impossible", 12)]
