"""WAV files: samples of every width, and files that are broken, empty or compressed."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.io import wavfile

from nnrun.data.files.wav import WavHeader, read_wav, wav_header
from nnrun.errors import DataError

WAVE = np.sin(np.arange(80) / 5) * 0.5
DTYPES = {"uint8": 1 / 128, "int16": 1 / 32768, "int24": 2 / 8388608, "int32": 1e-7, "float32": 1e-7, "float64": 1e-7}


def wav_bytes(samples: bytes, *, tag: int = 1, bits: int = 16, channels: int = 1, rate: int = 8000) -> bytes:
    """Return a WAV file of these samples."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_of_every_width_are_numbers_from_minus_one_to_one(tmp_path: Path, dtype: str, channels: int) -> None:
    """8, 16, 24 and 32 bits and floating point, mono and stereo; the header says rate, channels and samples."""
    sound = np.stack([WAVE] * channels, axis=1)
    file = tmp_path / "a.wav"
    if dtype == "int24":
        values = (sound * 8388607).astype("<i4").reshape(-1, 1).view("u1").reshape(-1, 4)[:, :3]
        file.write_bytes(wav_bytes(values.tobytes(), bits=24, channels=channels))
    elif dtype == "uint8":
        wavfile.write(file, 8000, (sound * 127 + 128).round().astype("uint8"))
    elif dtype.startswith("int"):
        wavfile.write(file, 8000, (sound * np.iinfo(dtype).max).round().astype(dtype))
    else:
        wavfile.write(file, 8000, sound.astype(dtype))
    assert wav_header(file) == WavHeader(8000, channels, 80)
    rate, samples = read_wav(file)
    assert (rate, samples.dtype, samples.shape) == (8000, np.float32, (80, channels))
    assert np.abs(samples - sound).max() <= DTYPES[dtype]


PCM = wav_bytes((WAVE * 32767).astype("<i2").tobytes())
FLOAT = wav_bytes(WAVE.astype("<f4").tobytes(), tag=3, bits=32)
BROKEN = {
    "nothing": (b"", "expected a WAV file"),
    "text": (b"this is no sound at all", "expected a WAV file"),
    "mp3": (b"ID3\x03" + PCM[4:], "expected a WAV file"),
    "header only": (PCM[:20], "expected a WAV file"),
    "no samples": (wav_bytes(b""), "the file has no samples"),
    "cut short": (PCM[:-90], "the file is cut short"),
    "cut a little": (PCM[:-2], "the file is cut short"),
    "cut floats": (FLOAT[:-90], "the file is cut short"),
    "endless": (PCM[:40] + b"\xff\xff\xff\xff" + PCM[44:], "the file is cut short"),
    "A-law": (wav_bytes(bytes(80), tag=6, bits=8), "expected uncompressed samples .*: Unknown wave file format: ALAW"),
    "ADPCM": (wav_bytes(bytes(80), tag=0x11, bits=4), "expected uncompressed samples"),
    "no rate": (wav_bytes(bytes(80), rate=0), "expected a sample rate of"),
    "no channels": (wav_bytes(bytes(80), channels=0), "expected a WAV file"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, broken: str) -> None:
    """A file that is broken, empty or compressed is refused with its path, by reading if not by its header already."""
    content, text = BROKEN[broken]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.wav: {text}"):
        read_wav(tmp_path / "a.wav")
    if broken != "cut a little":
        with pytest.raises(DataError, match=rf"a\.wav: {text}"):
            wav_header(tmp_path / "a.wav")


@given(
    some.sampled_from([PCM, FLOAT]), some.lists(some.tuples(some.integers(0, 60), some.integers(0, 255)), max_size=4)
)
def test_any_damage_to_a_header_is_refused_or_harmless(content: bytes, changes: list[tuple[int, int]]) -> None:
    """A file whose header was changed at random is read or refused, and never another error."""
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place] = value
    with TemporaryDirectory() as folder:
        file = Path(folder, "a.wav")
        file.write_bytes(damaged)
        try:
            _, samples = read_wav(file)
        except DataError:
            return
        assert samples.dtype == np.float32


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is reported with its path."""
    with pytest.raises(DataError, match=r"none\.wav: the file cannot be read"):
        wav_header(tmp_path / "none.wav")
