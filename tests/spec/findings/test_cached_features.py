"""`cache_frozen` is refused where the frozen layers would not compute the same in every epoch."""

from __future__ import annotations

import pytest

from nnrun.spec.findings.phases import check_experiment

FLAT = "loss: sparse_categorical_crossentropy\noptimizer: Adam\ncache_frozen: true\nfreeze: [features]"
MODEL = (
    "- {before}\n- Dense: {{units: 8, name: features}}\n- {after}\n- Dense: {{units: $classes, activation: softmax}}"
)


@pytest.fixture
def reasons(context):
    """Return a function that returns what is wrong with `cache_frozen` in a config, with the place of each."""

    def find(**sections: str) -> list[tuple[tuple[object, ...], str]]:
        found = [one for one in check_experiment(context(**sections)) if one.name == "cannot-cache-frozen"]
        return [(one.path, one.text.partition(": ")[2]) for one in found]

    return find


@pytest.mark.parametrize(
    ("before", "after", "changes", "words"),
    [
        ("ReLU", "Dropout: 0.2", "", None),
        ("ReLU", "BatchNormalization", "", None),
        ("Dropout: 0.2", "ReLU", "", "'dropout' draws random numbers in training, and stands before 'features'"),
        ("GaussianNoise: 0.1", "ReLU", "", "'gaussian_noise' draws random numbers"),
        ("BatchNormalization", "ReLU", "", "'batch_normalization' normalizes by the batch in training"),
        ("BatchNormalization: {trainable: false}", "ReLU", "", None),
        ("Dense: 8", "ReLU", "", "no layer at the model's beginning is frozen"),
        ("ReLU", "ReLU", "\nfreeze: []", "no layer at the model's beginning is frozen"),
    ],
)
def test_what_stands_before_frozen_layers_decides(
    reasons, before: str, after: str, changes: str, words: str | None
) -> None:
    """Nothing random and no statistics of a batch; after them everything may stand."""
    training = FLAT.replace("\nfreeze: [features]", changes) if changes else FLAT
    found = reasons(model=MODEL.format(before=before, after=after), training=training)
    assert [text[: len(words or "")] for _, text in found] == ([words] if words else [])
    assert all(path == ("training", "cache_frozen") for path, _ in found)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"training": FLAT + "\naugment: [{GaussianNoise: 0.1}]"}, "augment changes the examples"),
        ({"training": FLAT, "backend": "jax"}, "that is available with TensorFlow only"),
        ({"training": FLAT, "data": "source: digits\nsplit: {k_fold: {folds: 3}}"}, "folds are trained by one program"),
    ],
)
def test_what_forbids_it_for_the_whole_experiment(reasons, sections: dict[str, str], words: str) -> None:
    """Each with words about what it is."""
    ((_, text),) = reasons(model=MODEL.format(before="ReLU", after="ReLU"), **sections)
    assert text.startswith(words)


def test_each_phase_is_examined_with_what_is_frozen_by_then(reasons) -> None:
    """`cache_frozen` is each phase's own; layers stay frozen until they, or layers inside of them, are thawed."""
    model = MODEL.format(before="ReLU", after="ReLU")
    first = "- {loss: sparse_categorical_crossentropy, optimizer: Adam, freeze: [features], cache_frozen: true}"
    for second, is_wrong in (
        ("{epochs: 2}", False),
        ("{epochs: 2, cache_frozen: true}", False),
        ("{thaw: [features]}", False),
        ("{thaw: [features], cache_frozen: true}", True),
        ("{thaw: [features/inner], cache_frozen: true}", True),
    ):
        found = reasons(model=model, training=f"{first}\n- {second}")
        assert [path for path, _ in found] == ([("training", 1, "cache_frozen")] if is_wrong else [])
