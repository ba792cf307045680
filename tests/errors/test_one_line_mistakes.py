"""Tests of mistakes of one line, with the exact answer of `check`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from nnrun.pipeline.check import examine

_SPEC = importlib.util.spec_from_file_location("one_line_mistakes", Path(__file__).parent / "one_line_mistakes.py")
one_line_mistakes = importlib.util.module_from_spec(_SPEC)
sys.modules["one_line_mistakes"] = one_line_mistakes
_SPEC.loader.exec_module(one_line_mistakes)
MISTAKES = list(one_line_mistakes.mistakes())
#: Mistakes whose problem stands at another line by right, and why.
ELSEWHERE = {
    "loss:": "the section lacks the key, whose value is missing",
    "lr: 0.1": "the section lacks the key that was replaced",
    "seed: 1\nepochs: 4": "the mistake is the line that was added",
    "optimizer: Adam\n  optimizer: SGD": "the mistake is the line that was added",
    "epochs: 2\n  callbacks:\n    - ModelCheckpoint: {monitor: val_price_loss, save_best_only: true}": "as above",
    "epochs: 2\n  best: {monitor: sold_acc}": "the mistake is the line that was added",
    "target: price, types: {town: number}}": "the line of the data that is no number",
    "Reshape: [8, 8]": "the layer that cannot take this shape",
    "loss: mean_squared_error": "the word that a target of numbers does not have",
    "loss: {SparseCategoricalCrossentropy: {from_logits: true}}": "either the activation or the loss may be meant",
    "encode: one_hot": "the layer that cannot take what is encoded so",
    "predict: every": "the output that does not have a prediction for every step",
    "- LSTM: {units: 16, return_sequences: true}": "the output whose shape results",
    "sold: {loss: categorical_crossentropy, weight: 2.0": "the output has one unit; the hint names both ways out",
    "target: price": "the output that is compared with a target that is no more",
    "name: big": "the layer that takes the name that is no more",
}


@pytest.mark.parametrize("config", ["houses", "digits", "text", "graph"])
def test_the_configs_are_right(config: str) -> None:
    """Without its mistakes each config has no problem at all."""
    assert examine(one_line_mistakes.FOLDER / f"{config}.yaml", (), Path("no-data-here")).problems == ()


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{one.config}: {one.wrong}" for one in MISTAKES])
def test_a_mistake_is_answered_at_its_line(mistake: Any) -> None:
    """The first problem is the one that was reviewed, and stands at the line of the mistake."""
    found = mistake.found()
    assert found == mistake.answer
    if mistake.wrong not in ELSEWHERE:
        assert found.split(":")[1] == str(mistake.line)


def test_the_list_is_long() -> None:
    """There are at least 150 mistakes."""
    assert len(MISTAKES) >= 150
