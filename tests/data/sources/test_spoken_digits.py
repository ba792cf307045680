"""Digits spoken by a synthesizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.io import wavfile

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.spoken_digits import SpokenDigits, speak

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths


def test_every_fact_is_inferred_and_the_same_arguments_give_the_same_sounds(paths: DataPaths, listener, spec) -> None:
    """Facts are known without speaking; the experiment's seed does not matter, the source's does."""
    one, other, third = (
        load(spec("spoken_digits", rows=20, seed=seed), form="integer", seed=run, paths=paths, progress=listener)
        for seed, run in ((0, 1), (0, 2), (1, 1))
    )
    facts, findings = infer_facts(spec("spoken_digits", rows=20), form="integer", paths=paths)
    assert (facts, findings) == (one.facts, ())
    assert (facts.sample_rate, facts.input_shape, facts.class_names) == (8000, (4000,), tuple("0123456789"))
    assert one.digests == other.digests != third.digests
    assert sorted(one.train.y.tolist()) == sorted([*range(10)] * 2)
    assert np.abs(one.train.x).max() <= 1


def test_vowels_have_their_formants() -> None:
    """The spectrum of the end of a two has the formants of its vowel: below 500 Hz, and between 700 and 1,200 Hz."""
    draw = np.random.default_rng(3)
    spectrum = sum(np.abs(np.fft.rfft(speak(2, 0.0, draw)[2000:3000], 8000)) ** 2 for _ in range(30))
    assert isinstance(spectrum, np.ndarray)
    assert spectrum[200:500].sum() > 5 * spectrum[500:700].sum()
    assert spectrum[750:1150].mean() > 2 * spectrum[1300:1900].mean()


def test_more_digits_are_recordings(paths: DataPaths, listener, spec) -> None:
    """A WAV file of another sample rate and length is brought to those of the run, with a class or without."""
    config = spec("spoken_digits", rows=10)
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    for digit in ("3", "7"):
        (paths.config_dir / "new" / digit).mkdir(parents=True)
        wavfile.write(paths.config_dir / "new" / digit / "a.wav", 16000, np.zeros(5000, "int16"))
    for with_target in (False, True):
        part = load_new_data(
            config, done.fitted, file=paths.config_dir / "new", facts=done.facts, with_target=with_target
        )
        assert part.x.shape == (2, 4000)
    assert part.y.tolist() == [3, 7]


def test_arguments_are_checked() -> None:
    """A number that is too small is refused."""
    with pytest.raises(ValueError, match="spoken_digits: rows expected a number of at least 1, received 0"):
        SpokenDigits(rows=0)
