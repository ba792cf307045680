"""Recordings from folders and lists: one sample rate, one length, and others named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import current_file_digests, file_digests, load
from nnrun.data.sources.audio import Audio
from nnrun.errors import DataError


def save(file: Path, *, rate: int = 8000, samples: int = 400, channels: int = 1, pitch: float = 500) -> None:
    """Write a tone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(samples) / rate)
    wavfile.write(file, rate, np.stack([tone * (one + 1) / channels for one in range(channels)], 1).astype("float32"))


@pytest.fixture
def words(paths) -> Path:
    """A folder with two classes of recordings, and a file of another kind."""
    folder = paths.config_dir / "words"
    for name in ("no/a.wav", "no/b.WAV", "yes/c.wav", "yes/deep/d.wave"):
        save(folder / name)
    (folder / "yes" / "notes.mp3").write_text("not read")
    return folder


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("channels", "shape"), [(None, (400,)), (1, (400, 1))])
def test_a_folder_for_each_class_is_read(paths, listener, spec, split, words, stream, channels, shape) -> None:
    """Classes are the folders' names; inferred facts are those of the data, in memory and on disk."""
    config = spec("audio", folder="words", channels=channels, stream=stream, split=split(test=0.5))
    facts, findings = infer_facts(config, form="integer", paths=paths)
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.class_names, facts.input_shape, facts.sample_rate) == (("no", "yes"), shape, 8000)
    assert facts.value("$sample_rate") == 8000
    expected = 0.5 * np.sin(2 * np.pi * 500 * np.arange(400) / 8000)
    assert np.abs(np.asarray(done.train.x[0]).reshape(-1) - expected).max() < 1e-6
    names = ["no/a.wav", "no/b.WAV", "yes/c.wav", "yes/deep/d.wave"]
    assert done.test.origin["file"].tolist() == [names[row] for row in done.test.rows]


@pytest.mark.parametrize("stream", [False, True])
def test_digests_see_every_change(paths, listener, words, stream) -> None:
    """A run keeps digests of names and contents, which are those of the same files later, until one changes."""
    source = Audio("words", stream=stream)
    kept = file_digests(source.load(paths, listener))
    assert list(kept) == ["file:recordings of words (names)", "file:recordings of words (contents)"]
    assert current_file_digests(source, paths, listener) == kept
    save(words / "no" / "a.wav", pitch=600)
    now = current_file_digests(source, paths, listener)
    assert [now[name] == kept[name] for name in kept] == [True, False]


def test_folders_of_parts_are_the_parts(paths, listener) -> None:
    """`train`, `val` and `test` with the classes' folders inside are the parts."""
    for name in ("train/no/a", "train/yes/b", "val/no/c", "test/yes/d"):
        save(paths.config_dir / "set" / f"{name}.wav")
    data = Audio("set").load(paths, listener)
    assert (len(data.train), len(data.validation), len(data.test)) == (2, 1, 1)


def test_recordings_listed_in_a_csv_are_read(paths, listener, words) -> None:
    """A csv file names a recording and its class in each row; predictions have its line and name."""
    (paths.config_dir / "list.csv").write_text("kind,name\nno,words/no/a.wav\nyes,words/yes/c.wav\n")
    data = Audio(file="list.csv", path_column="name", target="kind").load(paths, listener)
    assert data.train.y.tolist() == ["no", "yes"]
    assert data.train.origin["line"].tolist() == [2, 3]


def test_a_duration_cuts_and_fills_up(paths, listener, words) -> None:
    """Shorter recordings end in silence, longer ones are cut."""
    save(words / "no" / "a.wav", samples=100)
    save(words / "no" / "b.WAV", samples=900)
    x = Audio("words", duration=0.04).load(paths, listener).train.x
    assert x.shape == (4, 320)
    assert not x[0, 100:].any()
    assert np.array_equal(x[0, :100], x[1, :100])
    assert np.array_equal(x[1], x[2])


def test_resampled_recordings_sound_the_same(paths, listener, words) -> None:
    """A tone of another sample rate becomes the same tone, whether it is cut before or not."""
    for rate in (16000, 11025, 4000):
        save(words / "no" / "a.wav", rate=rate, samples=rate)
        for duration in (0.05, 0.5):
            x = Audio("words", sample_rate=8000, resample=True, duration=duration).load(paths, listener).train.x
            inside = slice(40, 360)
            assert np.abs(x[0, inside] - x[1, inside]).max() < 0.01
    whole = Audio("words", sample_rate=8000, resample=True, duration=0.9).load(paths, listener).train.x
    cut = Audio("words", sample_rate=8000, resample=True, duration=0.5).load(paths, listener).train.x
    assert np.array_equal(whole[0, :4000], cut[0])


def test_channels_are_averaged_or_kept(paths, listener, words) -> None:
    """Without `channels`, stereo is averaged; with 2, mono is refused."""
    save(words / "no" / "a.wav", channels=2)
    save(words / "no" / "b.WAV", channels=2)
    x = Audio("words").load(paths, listener).train.x
    assert np.abs(x[0] - 0.75 * x[2]).max() < 1e-6
    with pytest.raises(DataError, match=r"c\.wav: expected 2 channels, received 1"):
        Audio("words", channels=2).load(paths, listener)


OTHERS = {
    "rate": ({"rate": 16000, "samples": 400}, {}, r"z\.wav: expected a sample rate of 8,000 Hz, received 16,000 Hz"),
    "length": ({"samples": 300}, {}, r"z\.wav: expected 400 samples \(0\.05 s\), received 300"),
    "stated rate": ({}, {"sample_rate": 16000}, r"a\.wav: expected a sample rate of 16,000 Hz, received 8,000 Hz"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("other", OTHERS)
def test_others_are_refused_by_check_and_by_loading(paths, listener, spec, words, other, stream) -> None:
    """Another sample rate or length is named with the file, and with what to write."""
    saved, arguments, text = OTHERS[other]
    save(words / "yes" / "z.wav", **saved)
    (finding,) = infer_facts(spec("audio", folder="words", **arguments), form="integer", paths=paths)[1]
    assert (finding.name, finding.path[-1]) == ("unreadable-data", "folder")
    assert "resample: true" in finding.hint or "`duration: 0.05`" in finding.hint
    with pytest.raises(DataError, match=text):
        Audio("words", stream=stream, **arguments).load(paths, listener)


def test_arguments_are_checked() -> None:
    """Numbers are above 0, and one of a folder and a file is given."""
    for name in ("sample_rate", "duration", "channels"):
        with pytest.raises(ValueError, match=f"audio: {name} expected a number above 0"):
            Audio("a", **{name: 0})
    with pytest.raises(ValueError, match="audio: expected one of a `folder`"):
        Audio()


def test_a_recording_beyond_the_memory_is_refused(paths, listener, words) -> None:
    """A duration of years is a mistake, which is found before anything is read."""
    with pytest.raises(DataError, match=r"one recording of 1e\+09 s takes .* more than `memory` allows"):
        Audio("words", duration=1e9).load(paths, listener)


def test_an_empty_folder_is_refused(paths, spec) -> None:
    """A folder without recordings is an error of `check`."""
    (paths.config_dir / "none" / "no").mkdir(parents=True)
    (finding,) = infer_facts(spec("audio", folder="none"), form="integer", paths=paths)[1]
    assert "expected a subfolder with recordings for each class" in finding.text
    assert "`audio: {file: list.csv}`" in finding.hint
