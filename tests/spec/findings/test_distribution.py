"""What cannot be divided over several devices is refused at `distribution:`."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("BatchNormalization", "BatchNormalization computes with the whole batch"),
        ("BatchNormalization: {trainable: false}", None),
        ("BatchNormalization: {call: {training: false}}", None),
        ("Dense: {units: 4, activity_regularizer: l2}", "Dense adds a mean over the batch to the loss"),
        ("Dense: {units: 4, kernel_regularizer: l2}", None),
        ("Dropout: 0.2", None),
    ],
)
def test_layers_that_need_the_whole_batch_are_refused_on_tensorflow(found, layer: str, words: str | None) -> None:
    """Only where they are trained or add a loss, and not on JAX."""
    model = f"- {layer}\n- Dense: {{units: $classes, activation: softmax}}"
    for backend in ("tensorflow", "jax"):
        findings = found(model=model, backend=backend, distribution="{data_parallel: 2}")
        texts = [one.text for one in findings if one.name == "cannot-distribute"]
        assert [text[: len(words)] for text in texts] == [words] if words and backend == "tensorflow" else not texts
