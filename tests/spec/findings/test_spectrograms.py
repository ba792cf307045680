"""Checks of the layers that make spectrograms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .conftest import FACTS

MODEL = "[{MelSpectrogram: {sampling_rate: RATE, fft_length: 16, top_db: TOP}}, Flatten, {Dense: {units: 10}}]"


@pytest.mark.parametrize(
    ("rate", "top", "own", "names"),
    [
        ("8000", "200", 8000, []),
        ("$sample_rate", "200.5", 8000, []),
        ("16000", "200", None, []),
        ("16000", "200", 8000, ["sample-rate-mismatch"]),
        ("16000", "80", 8000, ["sample-rate-mismatch", "batch-relative-decibels"]),
        ("8000, power_to_db: false", "80", 8000, []),
    ],
)
def test_the_sample_rate_and_the_decibels_are_compared_with_the_data(found, rate, top, own, names) -> None:
    """Another rate than the recordings', and decibels that depend on the batch, are warnings at their argument."""
    model = MODEL.replace("RATE", rate).replace("TOP", top)
    facts = replace(FACTS, sample_rate=own)
    seen = [one for one in found(facts, model=model) if one.name in {"sample-rate-mismatch", "batch-relative-decibels"}]
    assert [one.name for one in seen] == names
    assert [one.path[-1] for one in seen] == ["sampling_rate", "top_db"][: len(names)]


def test_the_defaults_of_keras_are_known(found) -> None:
    """An argument that is left out has Keras' default: 16 kHz, and 80 dB."""
    facts = replace(FACTS, sample_rate=8000)
    names = {one.name for one in found(facts, model="[{MelSpectrogram: {fft_length: 16}}, Flatten, {Dense: 10}]")}
    assert {"sample-rate-mismatch", "batch-relative-decibels"} <= names
