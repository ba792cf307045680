"""WAV files: their header by the standard library, their samples by SciPy, as numbers from -1 to 1."""

from __future__ import annotations

import struct
import warnings
import wave
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.data.files.digests import unreadable_file
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

#: The suffixes of WAV files.
WAV_SUFFIXES = frozenset({".wav", ".wave"})
#: The lowest and highest sample rate that is read, in Hz: others are a broken header.
_MIN_RATE, _MAX_RATE = 100, 1_000_000


class WavHeader(NamedTuple):
    """The header of a WAV file.

    Attributes:
        sample_rate: In Hz.
        channels: 1 for mono, 2 for stereo.
        samples: The number of samples of each channel.
    """

    sample_rate: int
    channels: int
    samples: int


def wav_header(file: Path) -> WavHeader:
    """Return the header of a WAV file; samples are not read, except those of a rare format.

    Raises:
        DataError: It is no WAV file, is compressed, cut short or without samples.
    """
    try:
        with wave.open(str(file), "rb") as opened:
            header = WavHeader(opened.getframerate(), opened.getnchannels(), opened.getnframes())
            bytes_needed = header.samples * header.channels * opened.getsampwidth()
    except OSError as error:
        raise unreadable_file(file, error) from None
    except (wave.Error, EOFError, RuntimeError, struct.error):
        # Floating-point numbers, which `wave` does not read, and everything that is no WAV file.
        rate, samples = _read_by_scipy(file, mmap=True)
        header, bytes_needed = WavHeader(rate, samples.shape[1], len(samples)), 0
    if bytes_needed > file.stat().st_size:
        text = f"the file is cut short: its header promises {header.samples:,} samples"
        raise DataError(text, file=file, hint="is the file whole? write it again, or remove it")
    return _checked(file, header)


def read_wav(file: Path) -> tuple[int, np.ndarray]:
    """Return the sample rate of a WAV file, in Hz, and its samples: float32 of shape (samples, channels), -1 to 1.

    Integers of 8, 16, 24 or 32 bits are divided by their largest value; floating-point numbers are kept.

    Raises:
        DataError: It is no WAV file, is compressed, cut short or without samples.
    """
    import numpy as np

    header = wav_header(file)
    rate, samples = _read_by_scipy(file)
    _checked(file, WavHeader(rate, samples.shape[1], len(samples)))
    if len(samples) < header.samples:
        text = f"the file is cut short: expected {header.samples:,} samples, received {len(samples):,}"
        raise DataError(text, file=file, hint="is the file whole? write it again, or remove it")
    if samples.dtype == np.uint8:
        return rate, (samples.astype("float32") - 128) / 128
    if samples.dtype.kind == "f":
        # What float32 cannot hold is refused with the finished array.
        with np.errstate(over="ignore"):
            return rate, samples.astype("float32")
    # SciPy moves 24 bits to the upper bytes of 32.
    return rate, (samples / -float(np.iinfo(samples.dtype).min)).astype("float32")


def _read_by_scipy(file: Path, *, mmap: bool = False) -> tuple[int, Any]:
    """Return the sample rate and the samples as the file has them, of shape (samples, channels).

    With `mmap` the samples are not read yet, and a file that is cut short is refused.
    """
    import numpy as np
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(file, mmap)
    except OSError as error:
        raise unreadable_file(file, error) from None
    # SciPy fails in any of these ways on a broken file.
    except (
        ValueError,
        ArithmeticError,
        EOFError,
        LookupError,
        TypeError,
        NameError,
        MemoryError,
        struct.error,
    ) as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        if mmap and "3-byte" in reason:
            return _read_by_scipy(file)
        if "mmap length is greater" in reason:
            hint = "is the file whole? write it again, or remove it"
            raise DataError("the file is cut short", file=file, hint=hint) from None
        if "Unknown wave file format" in reason:
            text = f"expected uncompressed samples (PCM or floating point), but the file is compressed: {reason}"
            hint = "convert it: ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav"
        else:
            text = f"expected a WAV file, but it cannot be read: {reason}"
            hint = "is the file whole? other formats are converted by: ffmpeg -i IN -c:a pcm_s16le OUT.wav"
        raise DataError(text, file=file, hint=hint) from None
    return int(rate), np.atleast_2d(samples.T).T


def _checked(file: Path, header: WavHeader) -> WavHeader:
    if header.samples < 1 or header.channels < 1:
        raise DataError("the file has no samples", file=file, hint="write it again, or remove it")
    if not _MIN_RATE <= header.sample_rate <= _MAX_RATE:
        text = f"expected a sample rate of {_MIN_RATE} to {_MAX_RATE:,} Hz, received {header.sample_rate:,}"
        raise DataError(text, file=file, hint="its header is broken: write it again, or remove it")
    return header
