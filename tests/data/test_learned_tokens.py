"""`check` knows the tokens of a target of text as training learns them, and says which of its texts are cut."""

from __future__ import annotations

import random

import pytest

from nnrun.data import learned_tokens
from nnrun.pipeline.check import examine

TAGGER = """name: tags
data:
  source: {{csv: {{file: t.csv, target: tags}}}}
  prepare: [{{TextVectorization: {{columns: [words], standardize: null, output_sequence_length: {tokens}}}}}]
  prepare_target: [{{TextVectorization: {{standardize: null, output_sequence_length: {tags}{more}}}}}]
  split: {split}
model:
  - Embedding: {{input_dim: 50, output_dim: 4, mask_zero: true}}
  - Dense: {{units: $classes, activation: softmax}}
training: {{loss: {loss}, optimizer: Adam, batch_size: 4, epochs: 1}}
"""


@pytest.fixture
def tagger(tmp_path):
    """Return a function that examines the config of a tagger, whose rarest tags stand in a few rows alone."""
    draw = random.Random(4)  # noqa: S311 - made-up tags
    rows = [
        [draw.choice(["O", "PER", "LOC", "RARE"] if row < 6 else ["O", "PER"]) for _ in range(3)] for row in range(40)
    ]
    lines = [f"{' '.join(f'w{row}{at}' for at in range(3))},{' '.join(tags)}" for row, tags in enumerate(rows)]
    (tmp_path / "t.csv").write_text("\n".join(["words,tags", *lines]) + "\n", encoding="utf-8")

    def examined(**changes: object):
        given = {"tokens": 3, "tags": 3, "more": "", "split": "{test: 0.5}", "loss": "sparse_categorical_crossentropy"}
        (tmp_path / "a.yaml").write_text(TAGGER.format(**{**given, **changes}), encoding="utf-8")
        return examine(tmp_path / "a.yaml", [], None)

    return examined


def _names(examined) -> list[str | None]:
    return [problem.name for problem in examined.problems]


@pytest.mark.parametrize("split", ["{test: 0.5}", "{test: 0.5, shuffle: false}", "{test: 0.3, validation: 0.4}"])
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("more", ["", ", max_tokens: 4"])
def test_the_tokens_are_those_of_training(tagger, split, loss, more) -> None:
    """Whatever the split and the loss: learned from the training part, in the order of their numbers."""
    from nnrun.data.load import load
    from nnrun.progress import NullProgress

    found = tagger(split=split, loss=loss, more=more)
    data, seed = found.experiment.data, found.experiment.seed
    done = load(data, form=found.form, seed=seed, paths=found.places, progress=NullProgress())
    assert found.facts.class_names == done.facts.class_names
    assert (found.facts.classes, found.facts.targets) == (done.facts.classes, done.facts.targets)
    assert _names(found) == []
    assert found.context.rows[-1].output_shape == (3, done.facts.classes)


def test_outputs_of_another_length_are_refused_before_training(tagger) -> None:
    """A tag for each of five tokens is compared with three tags."""
    assert _names(tagger(tokens=5)) == ["output-shape-mismatch"]


def test_texts_of_a_target_that_are_cut_are_a_finding(tagger) -> None:
    """It counts those of all parts, and says which length cuts none; the texts of features may be cut."""
    (problem,) = tagger(tokens=2, tags=2).problems
    assert problem.name == "target-text-cut"
    assert problem.severity == "warning"
    assert "40 of 40 target texts are longer than 2 tokens" in problem.text
    assert "output_sequence_length: 3" in problem.hint


def test_what_each_fold_learns_is_not_known(tagger) -> None:
    """`$classes` may differ from fold to fold."""
    assert _names(tagger(split="{k_fold: {folds: 2}}")) == ["undecided"]


def test_very_many_texts_are_left_to_training(tagger, monkeypatch) -> None:
    """`check` learns no tokens of more rows than it does quickly."""
    monkeypatch.setattr(learned_tokens, "_MOST_ROWS", 39)
    assert _names(tagger()) == ["undecided"]
    monkeypatch.setattr(learned_tokens, "_MOST_ROWS", 40)
    assert _names(tagger()) == []


def test_a_loss_that_does_not_suit_is_the_one_error(tagger) -> None:
    """At the loss, which is what must change, without what follows from it."""
    (problem,) = tagger(loss="mean_squared_error").problems
    assert problem.name == "loss-target-mismatch"
    assert problem.mark.text[problem.mark.column - 1 :].startswith("mean_squared_error")


@pytest.mark.parametrize("more", [", max_tokens: 1", ", split: bpe, max_tokens: 100", ", ngrams: 0"])
def test_a_step_that_cannot_be_made_is_the_one_error(tagger, more) -> None:
    """Of the target or of the features; what the data would be without it is no error of the user's."""
    (problem,) = tagger(more=more).problems
    assert problem.name == "unusable-arguments"
    (problem,) = tagger(tokens="3" + more).problems
    assert problem.name == "unusable-arguments"
