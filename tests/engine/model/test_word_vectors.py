"""Tests of the initializer WordVectors: a run begins with the file's vectors, and its model needs the file no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.errors import BuildError, ConfigError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

pytestmark = pytest.mark.keras

CONFIG = """name: vectors
data:
  source: {csv: {file: t.csv, target: kind}}
  prepare: [{TextVectorization: {columns: [note], output_sequence_length: 2}}]
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 2, embeddings_initializer: {WordVectors: {file: v.txt, oov: ones}}, trainable: false}
  - GlobalAveragePooling1D
  - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: Adam, epochs: 1, batch_size: 4}
"""  # noqa: E501


def test_a_run_begins_with_the_vectors_of_the_file(tmp_path: Path) -> None:
    """Words of the file have its vectors, others what `oov` gives; the saved model loads as plain Keras does."""
    (tmp_path / "t.csv").write_text("note,kind\nred hat,a\nblue hat,b\nred sky,a\nblue sky,b\n", encoding="utf-8")
    (tmp_path / "v.txt").write_text("red 0.5 -1\nblue 2 3\nzebra 7 7\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(CONFIG, encoding="utf-8")
    request = TrainRequest(str(tmp_path / "a.yaml"), (), tmp_path / "runs", tmp_path)
    done = train(request, NullProgress())
    log = done.folder.log.read_text(encoding="utf-8")
    assert "WordVectors: 2 of 4 words of the vocabulary are in v.txt." in log
    (tmp_path / "v.txt").unlink()
    import keras

    model = keras.models.load_model(done.folder.last)
    assert model.layers[1].get_config()["embeddings_initializer"]["class_name"] == "Ones"
    (vectors,) = model.layers[1].get_weights()
    import json

    words = json.loads(done.folder.prepare.read_text(encoding="utf-8"))[-1]["learned"]["vocabulary"]
    expected = {"": [0, 0], "red": [0.5, -1], "blue": [2, 3]}
    np.testing.assert_array_equal(vectors, [expected.get(word, [1, 1]) for word in words])
    with pytest.raises(ConfigError, match=r"there is no file 'v\.txt' for WordVectors"):
        train(request, NullProgress())
    (tmp_path / "v.txt").write_text("red 0.5 -1\n", encoding="utf-8")
    folds = TrainRequest(str(tmp_path / "a.yaml"), ("data.split={k_fold: {folds: 2}}",), tmp_path / "runs", tmp_path)
    with pytest.raises(BuildError, match="needs the vocabulary of one TextVectorization"):
        train(folds, NullProgress())


def test_vectors_of_none_of_the_words_are_refused_at_their_file(tmp_path: Path) -> None:
    """They would leave the layer at random numbers."""
    (tmp_path / "t.csv").write_text("note,kind\nred hat,a\nblue hat,b\nred sky,a\nblue sky,b\n", encoding="utf-8")
    (tmp_path / "v.txt").write_text("rouge 1 2\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(CONFIG, encoding="utf-8")
    with pytest.raises(BuildError, match=r"none of the 4 words of the vocabulary \(.*\) is in the file") as raised:
        train(TrainRequest(str(tmp_path / "a.yaml"), (), tmp_path / "runs", tmp_path), NullProgress())
    (problem,) = raised.value.problems
    assert CONFIG.splitlines()[problem.mark.line - 1][problem.mark.column - 1 :].startswith(("file", "v.txt"))
