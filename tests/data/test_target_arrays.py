"""Arrays of any rank as targets: pictures, masks, classes of every step; `check` and `train` know the same of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.spec.facts import TargetForm

DRAW = np.random.default_rng(0)
CLASSES = DRAW.integers(0, 3, 20)
CLASSES[:3] = 0, 1, 2
SHARES = DRAW.random((20, 4, 4, 1)).astype("float32")
MASK = (SHARES > 0.5).astype("uint8")
LABELS = DRAW.integers(0, 2, (20, 3))
LABELS[0] = 0, 1, 1
STEPS = np.stack([CLASSES, CLASSES[::-1]], axis=1)


@pytest.mark.parametrize(
    ("y", "form", "shape"),
    [
        (SHARES, "number", (4, 4, 1)),
        (SHARES, "binary", (4, 4, 1)),
        (SHARES[..., 0].astype("float16"), "binary", (4, 4)),
        (MASK, "binary", (4, 4, 1)),
        (MASK.astype(bool), "binary", (4, 4, 1)),
        (MASK[..., 0], "binary", (4, 4)),
        (np.repeat(MASK, 3, axis=-1), "binary", (4, 4, 3)),
        (MASK[..., 0], "integer", (4, 4)),
        (MASK, "integer", (4, 4)),
        (MASK, "one_hot", (4, 4, 2)),
        (np.eye(3)[STEPS], "one_hot", (2, 3)),
        (np.eye(3, dtype=int)[CLASSES], "integer", ()),
        (np.eye(3, dtype=bool)[CLASSES], "one_hot", (3,)),
        (STEPS, "integer", (2,)),
        (STEPS, "one_hot", (2, 3)),
        (STEPS.astype(float), "number", (2,)),
        (LABELS, "binary", (3,)),
        (CLASSES, "integer", ()),
        (CLASSES.astype("uint64"), "one_hot", (3,)),
        (CLASSES.reshape(-1, 1), "integer", ()),
        (np.array(["a", "b"] * 10), "integer", ()),
        (np.array([b"a", b"b"] * 10), "binary", (1,)),
        (DRAW.normal(size=20), "number", (1,)),
        (DRAW.normal(size=(20, 2, 2, 2, 2)), "number", (2, 2, 2, 2)),
    ],
    ids=map(str, range(24)),
)
def test_check_and_train_know_the_same_of_an_array(
    y: np.ndarray, form: TargetForm, shape: tuple[int, ...], spec, paths, listener
) -> None:
    """Form, task, classes and dimensions are the same before and after loading, and those of the encoded targets."""
    np.savez(paths.config_dir / "a.npz", x=np.zeros((20, 2)), y=y)
    data = spec("npz", file="a.npz")
    facts, findings = infer_facts(data, form=form, paths=paths)
    loaded = load(data, form=form, seed=0, paths=paths, progress=listener)
    assert findings == ()
    for name in ("form", "task", "classes", "class_names", "targets", "positions"):
        assert getattr(facts, name) == getattr(loaded.facts, name), name
    encoded = loaded.train.y.shape[1:]
    assert encoded == (*shape, *([1] if loaded.facts.form == "binary" and len(encoded) > len(shape) else []))


@pytest.mark.parametrize(
    ("y", "form", "text"),
    [
        (MASK * 255, "number", None),
        (np.repeat(MASK, 2, axis=-1) * 255, "binary", "numbers from 0 to 1, but the target holds 255"),
        (SHARES - 1, "binary", "numbers from 0 to 1, but the target holds -"),
        (SHARES, "integer", "the target holds numbers such as 0."),
        (np.arange(20) % 5, "binary", "has 5 classes"),
        (np.array(["a", "b"] * 10), "number", "holds text such as 'a'"),
    ],
    ids=map(str, range(6)),
)
def test_values_that_do_not_suit_the_loss_are_found_before_and_while_loading(
    y: np.ndarray, form: TargetForm, text: str | None, spec, paths, listener
) -> None:
    """What training refuses, `check` has refused, in the same words."""
    np.savez(paths.config_dir / "a.npz", x=np.zeros((20, 2)), y=y)
    data = spec("npz", file="a.npz")
    findings = infer_facts(data, form=form, paths=paths)[1]
    if text is None:
        assert findings == ()
        return
    assert text in findings[0].text
    with pytest.raises(DataError, match=text.replace("(", r"\(")):
        load(data, form=form, seed=0, paths=paths, progress=listener)


def test_text_as_examples_is_refused_before_loading(spec, paths) -> None:
    """Arrays of text are no numbers, even where each is the name of one."""
    np.savez(paths.config_dir / "a.npz", x=np.array([["1", "2"]] * 5), y=np.zeros(5))
    findings = infer_facts(spec("npz", file="a.npz"), form="number", paths=paths)[1]
    assert "expected numbers in x, received text" in findings[0].text


def test_columns_of_a_binary_loss_hold_0_and_1(spec, paths, listener) -> None:
    """Other numbers are refused before and after loading, with one of them."""
    y = np.round(DRAW.random((20, 3)), 2) + 0.001
    np.savez(paths.config_dir / "a.npz", x=np.zeros((20, 2)), y=y)
    (one,) = infer_facts(spec("npz", file="a.npz"), form="binary", paths=paths)[1]
    assert (one.name, one.path) == ("loss-target-mismatch", ("training", "loss"))
    with pytest.raises(DataError) as caught:
        load(spec("npz", file="a.npz"), form="binary", seed=0, paths=paths, progress=listener)
    assert one.text == caught.value.text == f"a binary loss compares with 0 and 1, but the target holds {y[0, 0]:g}"
