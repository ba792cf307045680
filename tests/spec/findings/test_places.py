"""The place of each finding: what the user must edit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.errors import Problem
from nnrun.pipeline.check import examine

TABLE = "a,b,kind,price\n1,4,x,0.5\n2,5,y,1.5\n3,6,z,2.5\n4,7,x,3.5\n5,8,y,4.5\n6,9,z,5.5\n"
DATA = "data: {source: {csv: {file: t.csv, features: [a, b], target: %s}}}\n"
DENSE = "model: [{Dense: {units: %s, activation: %s}}]\n"
GRAPH = """\
model:
  inputs: {x: $row}
  layers:
    - Dense: {from: x, units: 3, activation: softmax, name: what}
    - Dense: {from: x, units: 1, name: much}
  outputs:
    what: {target: %s, loss: %s}
    much: {target: price, loss: %s}
"""


def marked(problem: Problem) -> str:
    """Return the words at a problem's mark."""
    assert problem.mark is not None
    start = problem.mark.column - 1
    return problem.mark.text[start : start + problem.mark.length]


def found(text: str, folder: Path) -> dict[str, str]:
    """Return the marked words of all findings of a config by the findings' names."""
    (folder / "t.csv").write_text(TABLE)
    (folder / "it.yaml").write_text(text)
    return {str(one.name): marked(one) for one in examine(folder / "it.yaml", (), folder).problems}


SCC = "sparse_categorical_crossentropy"
TRAINING = "training: {loss: %s, optimizer: Adam}\n"
SEQUENCES = """\
data: {source: digits, prepare: [{Reshape: [8, 8]}]}
model: [{LSTM: 7}, {LSTM: 8}, {Dense: {units: 10, activation: softmax}}]
"""
EXPECTED = "expect: {test.r3: {at_least: 1}}\n"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (DATA % "price" + DENSE % (2, "softmax") + TRAINING % SCC, "loss-target-mismatch", SCC),
        (DATA % "kind" + DENSE % (1, "linear") + TRAINING % "mse", "loss-target-mismatch", "mse"),
        (DATA % "kind" + DENSE % (1, "sigmoid") + TRAINING % "bce", "loss-target-mismatch", "bce"),
        (DATA % "[kind, price]" + GRAPH % ("kind", SCC, "bce") + TRAINING % "mse", "loss-target-mismatch", "bce"),
        (DATA % "[kind, price]" + GRAPH % ("kindd", SCC, "mse") + TRAINING % "mse", "unknown-target", "kindd"),
        (DATA % "kind" + DENSE % (2, "softmax") + TRAINING % SCC, "too-few-outputs", "2"),
        (DATA % "price" + DENSE % (4, "linear") + TRAINING % "mse", "output-shape-mismatch", "4"),
        (SEQUENCES + TRAINING % SCC, "return-sequences-missing", "7"),
        (DATA % "price" + DENSE % (1, "linear") + TRAINING % "mse" + EXPECTED, "expect-path-unknown", "test.r3"),
    ],
)
def test_a_finding_is_where_the_user_must_edit(tmp_path: Path, text: str, name: str, words: str) -> None:
    """The mark is at the word that the hint replaces, whatever section is compared with it."""
    assert found(text, tmp_path)[name] == words


@pytest.mark.parametrize(
    ("layers", "absent"),
    [
        ("[{Conv2D: {filters: 1, kernel_size: 3}}]", ("last Dense", "return_sequences")),
        ("[Flatten, {Dense: 3}]", ("recurrent", "pooling")),
    ],
)
def test_hints_name_layers_that_there_are(tmp_path: Path, layers: str, absent: tuple[str, ...]) -> None:
    """A hint about an output's shape says nothing of layers that the model does not have."""
    y = np.zeros((6, 4, 4, 1) if "Flatten" in layers else (6,), "float32")
    np.savez(tmp_path / "d.npz", x=np.zeros((6, 8, 8, 1), "float32"), y=y)
    text = f"data: {{source: {{npz: {{file: d.npz}}}}}}\nmodel: {layers}\n{TRAINING % 'mse'}"
    (tmp_path / "it.yaml").write_text(text)
    problems = examine(tmp_path / "it.yaml", (), tmp_path).problems
    (hint,) = [str(one.hint) for one in problems if one.name == "output-shape-mismatch"]
    assert not [word for word in absent if word in hint]
