"""Tests of runs whose target is text: trained once, scored, decoded, and used on raw rows."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import make_report

pytestmark = pytest.mark.keras

FILMS = """name: films
data:
  source: {csv: {file: films.csv, target: genres}}
  prepare: [{MultiLabelBinarizer: {columns: [cast], separator: '|'}}]
  prepare_target: [{MultiLabelBinarizer: {separator: ';'}}]
  split: {test: 0.25}
model: [{Dense: {units: $targets, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: {Adam: 0.1}, metrics: [binary_accuracy], epochs: 15, batch_size: 16}
"""
TAGS = """name: tags
data:
  source: {csv: {file: tags.csv, target: tags}}
  prepare: [{TextVectorization: {columns: [words], standardize: null, output_sequence_length: 5}}]
  prepare_target: [{TextVectorization: {standardize: null, output_sequence_length: 5}}]
  split: {test: 0.25}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 8, mask_zero: true}
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 0.1}, epochs: 6, batch_size: 16}
"""
COPY = """name: copy
data:
  source: {csv: {file: copy.csv, target: twice}}
  prepare: [{TextVectorization: {columns: [word], split: character, output_sequence_length: 2}}]
  prepare_target:
    - TextVectorization: {split: character, standardize: null, output_sequence_length: 2}
    - StartEndPacker
  split: {test: 0.25}
model:
  inputs: {word: [word], so_far: [twice]}
  layers:
    - Embedding: {from: word, input_dim: $vocabulary, output_dim: 8, mask_zero: true, name: source}
    - PositionEmbedding: {from: source, sequence_length: 2, name: encoded}
    - Embedding: {from: so_far, input_dim: $classes, output_dim: 8, mask_zero: true}
    - PositionEmbedding: {sequence_length: 3, name: tokens}
    - MultiHeadAttention: {from: [tokens, tokens], num_heads: 1, key_dim: 8, call: {use_causal_mask: true}, name: own}
    - Add: {from: [tokens, own], name: seen}
    - MultiHeadAttention: {from: [seen, encoded], num_heads: 2, key_dim: 8, name: read}
    - Add: {from: [seen, read]}
    - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 0.05}, epochs: 12, batch_size: 16}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three tables and their configs."""
    folder, draw = tmp_path_factory.mktemp("tokens"), random.Random(3)  # noqa: S311 - made-up rows
    films, tags, copies = ["cast,genres"], ["words,tags"], ["word,twice"]
    of_word = {"Anna": "PER", "Rome": "LOC", "sees": "O", "likes": "O"}
    for _ in range(80):
        stars = draw.sample(["ann", "bob", "cid"], draw.randint(0, 3))
        films.append(
            f"{'|'.join(stars)},{';'.join({'ann': 'war', 'bob': 'love', 'cid': 'space'}[one] for one in stars)}"
        )
        words = draw.choices(list(of_word), k=draw.randint(1, 5))
        tags.append(f"{' '.join(words)},{' '.join(of_word[one] for one in words)}")
        word = "".join(draw.choices("abc", k=draw.randint(1, 2)))
        copies.append(f"{word},{word.upper()}")
    for name, rows, text in (("films", films, FILMS), ("tags", tags, TAGS), ("copy", copies, COPY)):
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def _train(folder: Path, name: str):
    done = train(TrainRequest(str(folder / f"{name}.yaml"), (), folder / "runs", folder), NullProgress())
    return done, EvaluateRequest(str(done.folder.path), data_dir=folder)


def test_sets_of_labels_are_predicted(folder: Path) -> None:
    """Scores are per label, predictions are sets of names, `eval` finds them again, and raw rows need no target."""
    done, request = _train(folder, "films")
    test = done.scores["test"]
    assert list(test["per_class"]) == ["love", "space", "war"]
    assert test["error_rate"] < 0.05
    again = evaluate(request, NullProgress())
    assert again.scores["test"] == test
    assert again.columns[:4] == ("row", "line", "labels", "predicted_labels")
    assert sum(row[2] == row[3] for row in again.rows) >= 18
    assert "space" in make_report(done.folder).page
    (folder / "new.csv").write_text("cast\nann|cid\nbob|unknown\n", encoding="utf-8")
    found = predict(request, folder / "new.csv")
    assert [row[found.columns.index("predicted_labels")] for row in found.rows] == ["space;war", "love"]


def test_a_tag_is_predicted_for_each_token(folder: Path) -> None:
    """Padding counts in no figure, and predictions have a tag for each token of a raw row."""
    done, request = _train(folder, "tags")
    test = done.scores["test"]
    assert test["errors"] == 0
    part = evaluate(request, NullProgress())
    tokens = sum(len(row[part.columns.index("truth")].split()) for row in part.rows)
    assert test["error_percent_interval_95"][1] > 100 * 3 / (tokens + 4) > 0
    assert (part.columns, part.scores["test"]) == (("row", "line", "truth", "prediction"), test)
    (folder / "new.csv").write_text("words\nRome likes Anna\nsees\n", encoding="utf-8")
    assert [row[-1] for row in predict(request, folder / "new.csv").rows] == ["LOC O PER", "O"]


def test_a_text_is_written(folder: Path) -> None:
    """A Transformer writes what it reads in capitals: greedily and by beams, for raw rows and for the report."""
    done, request = _train(folder, "copy")
    test = done.scores["test"]
    assert test["exact_match"] >= 0.9
    assert test["token_error_rate"] <= 0.1
    again = evaluate(request, NullProgress())
    assert again.scores["test"] == test
    right = sum(truth == prediction for *_, truth, prediction in again.rows)
    assert test["exact_match"] == right / len(again.rows)
    (folder / "new.csv").write_text("word\nab\nc\nba\n", encoding="utf-8")
    assert [row[-1] for row in predict(request, folder / "new.csv").rows] == ["AB", "C", "BA"]
    beams = EvaluateRequest(str(done.folder.path), data_dir=folder, beam_width=3)
    assert evaluate(beams, NullProgress()).scores["test"]["exact_match"] >= test["exact_match"]
    page = make_report(done.folder).page
    assert "Written texts" in page


def test_wide_beams_find_the_likeliest_text() -> None:
    """With as many beams as there are texts, the text is the likeliest of all; with one, each token is."""
    import keras
    import tensorflow as tf

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.generation.sequence_decoding import SequenceDecoder

    class Target:
        length, start, end = 3, 4, 5  # tokens 2 and 3; 1 is the unknown one

    source, so_far = keras.Input((2,), name="source"), keras.Input((3,), name="so_far")
    keras.utils.set_random_seed(3)
    tokens = keras.layers.GRU(6, return_sequences=True)(
        keras.layers.Embedding(6, 4, embeddings_initializer="normal")(so_far),
        initial_state=keras.layers.Dense(6)(source),
    )
    outputs = keras.layers.Dense(6, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(0, 2))(
        tokens
    )
    model = keras.Model({"source": source, "so_far": so_far}, {"text": outputs})
    x = np.random.default_rng(1).normal(size=(5, 2)).astype("float32") * 3
    texts = [one for one in itertools.product(range(6), repeat=3) if _is_text(one)]

    def probability(row: np.ndarray, text: tuple[int, ...]) -> float:
        shifted = np.array([[Target.start, *(0 if one == Target.end else one for one in text[:-1])]], dtype="float32")
        given = model({"source": row[None], "so_far": shifted})["text"].numpy()[0]
        return sum(np.log(given[at, token]) for at, token in enumerate(text) if token)

    fields = {"source": tf.constant(x), "so_far": tf.zeros((5, 3))}
    tensors = Tensors((fields, tf.zeros((5, 3))), 5)
    for width in (1, len(texts)):
        decoder = SequenceDecoder(keras, tf, model, Target(), "so_far", logits=False, beam_width=width)
        written = decoder.decode(tensors, 2)
        for row, found in zip(x, written.tolist(), strict=True):
            assert tuple(found) in texts
            if width > 1:
                assert probability(row, tuple(found)) == pytest.approx(
                    max(probability(row, one) for one in texts), abs=1e-4
                )
            else:
                likeliest = max((probability(row, (one, 0, 0)), one) for one in (2, 3, 5))
                assert found[0] == likeliest[1]


def _is_text(tokens: tuple[int, ...]) -> bool:
    """Return whether tokens are a text: padding after an end alone, and no start."""
    end = tokens.index(5) if 5 in tokens else 3
    return not {1, 4} & set(tokens) and all(tokens[:end]) and not any(tokens[end + 1 :])
