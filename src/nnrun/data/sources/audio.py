"""The source `audio`: WAV files, in a folder for each class or listed in a csv file."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Any

from nnrun.data.files.wav import WAV_SUFFIXES, WavHeader, read_wav, wav_header
from nnrun.data.sources.class_folders import FileKind
from nnrun.data.sources.labelled_files import LabelledFiles
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB
from nnrun.errors import DataError
from nnrun.formatting import format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.streaming.recordings import Recordings
    from nnrun.progress import Progress


@dataclass(frozen=True)
class RecordingReader:
    """Reads recordings of one sample rate and length.

    Attributes:
        sample_rate: In Hz.
        samples: The number of samples of each channel.
        channels: The number of channels, which are the last dimension; None averages them, without such a dimension.
        is_fitted: Whether recordings are cut or filled up with silence; else another length is refused.
        is_resampled: Whether recordings are resampled; else another sample rate is refused.
    """

    sample_rate: int
    samples: int
    channels: int | None
    is_fitted: bool
    is_resampled: bool
    dtype: str = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one recording."""
        return (self.samples,) if self.channels is None else (self.samples, self.channels)

    @property
    def layout(self) -> dict[str, Any]:
        """The sample rate and length, as JSON."""
        return {"sample_rate": self.sample_rate, "samples": self.samples}

    def examine(self, file: Path) -> None:
        """Refuse a recording that is broken or does not suit, by its header."""
        header = wav_header(file)
        if header.sample_rate != self.sample_rate and not self.is_resampled:
            raise DataError(
                f"expected a sample rate of {self.sample_rate:,} Hz, received {header.sample_rate:,} Hz",
                file=file,
                hint=f"resample all to one: `sample_rate: {self.sample_rate}, resample: true`",
            )
        if (self.channels or 1) > 1 and header.channels != self.channels:
            text = f"expected {self.channels} channels, received {header.channels}"
            raise DataError(text, file=file, hint="leave out `channels`, so that they are averaged")
        samples = resampled_length(header, self.sample_rate)
        if samples != self.samples and not self.is_fitted:
            seconds = self.samples / self.sample_rate
            raise DataError(
                f"expected {self.samples:,} samples ({seconds:.4g} s), received {samples:,}",
                file=file,
                hint=f"give a length that all are cut or filled up to, in seconds: `duration: {seconds:.4g}`",
            )

    def read(self, file: Path) -> np.ndarray:
        """Return the samples of a recording."""
        import numpy as np

        self.examine(file)
        rate, sound = read_wav(file)
        if self.channels is None or self.channels == 1:
            sound = sound.mean(axis=1, keepdims=True)
        # What is cut off need not be resampled; the filter of `resample_poly` reaches ten periods of the lower rate.
        longest = -(-self.samples * rate // self.sample_rate) + 20 * max(1, rate // self.sample_rate)
        sound = sound[:longest]
        if rate != self.sample_rate:
            from scipy.signal import resample_poly

            common = gcd(rate, self.sample_rate)
            sound = resample_poly(sound, self.sample_rate // common, rate // common).astype("float32")
        fitted = np.zeros((self.samples, sound.shape[1]), dtype="float32")
        fitted[: len(sound)] = sound[: self.samples]
        return fitted[:, 0] if self.channels is None else fitted

    def scan(self, files: Sequence[Path], progress: Progress) -> Recordings:
        """Read the header of every recording."""
        from nnrun.data.streaming.recordings import scan_recordings

        return scan_recordings(files, self, progress)


def resampled_length(header: WavHeader, sample_rate: int) -> int:
    """Return the number of samples of a recording at another sample rate, in Hz."""
    return -(-header.samples * sample_rate // header.sample_rate)


class Audio(LabelledFiles):
    """WAV files in a folder with a subfolder for each class, or listed in a csv file with their classes.

    Uncompressed WAV of 8, 16, 24 or 32 bits or floating-point numbers, with any number of channels; values are -1 to 1,
    an example has the shape (samples,), or (samples, channels) where `channels` is given. `$sample_rate` is a word for
    the model. Subfolders `train`, `val` and `test` (also `training`, `valid`, `validation`, `dev`, `testing`, in any
    case), each with the classes' folders, are used as the parts. Hidden files and `__MACOSX` are left out.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a recording in each row, relative to the csv file's folder.
        path_column: The column of the recordings' names, by name or index.
        target: The column of their classes, by name or index; default: the last.
        sample_rate: The number of samples a second; where not given, that of the first recording. Others are refused.
        resample: Whether recordings of other sample rates are resampled.
        duration: The length in seconds to which every recording is cut or filled up with silence, at its end; where
            not given, all must have one length.
        channels: The number of channels, as a last dimension; 1 averages them. Where not given, they are averaged
            without such a dimension.
        stream: Whether recordings stay on disk and are read batch by batch during training; where not given, they do if
            their arrays would need more than `memory`.
        memory: How much memory the recordings may take, in GB: it decides whether they stream, and how much of a stream
            is in memory at a time.
    """

    kind = FileKind("recording", "audio", WAV_SUFFIXES)

    def __init__(
        self,
        folder: str | None = None,
        file: str | None = None,
        path_column: str | int = 0,
        target: str | int = -1,
        sample_rate: int | None = None,
        resample: bool = False,
        duration: float | None = None,
        channels: int | None = None,
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
    ) -> None:
        super().__init__(folder, file, path_column, target, stream, memory)
        for name, value in (("sample_rate", sample_rate), ("duration", duration), ("channels", channels)):
            if value is not None and value <= 0:
                raise ValueError(f"audio: {name} expected a number above 0, received {value}")
        self.sample_rate, self.resample, self.duration, self.channels = sample_rate, resample, duration, channels

    def reader(self, first: Path) -> RecordingReader:
        """Return the reader of recordings of the rate and length in the config, or of those of the first recording.

        Raises:
            DataError: The first recording cannot be read, or takes more than `memory` allows.
        """
        header = wav_header(first)
        rate = self.sample_rate or header.sample_rate
        stated = None if self.duration is None else max(1, round(self.duration * rate))
        samples = stated or resampled_length(header, rate)
        needed = 4 * samples * (self.channels or 1)
        if needed > self.memory * 1e9:
            text = f"one recording of {samples / rate:,.4g} s takes {format_bytes(needed)}, more than `memory` allows"
            raise DataError(text, file=first, hint="give a shorter `duration`, in seconds")
        return RecordingReader(rate, samples, self.channels, stated is not None, self.resample)

    def new_reader(self, layout: Mapping[str, Any]) -> RecordingReader:
        """Return the reader of more recordings, which have the rate and length of the run's own."""
        rate, samples = int(layout["sample_rate"]), int(layout["samples"])
        return RecordingReader(rate, samples, self.channels, self.duration is not None, self.resample)
