"""The source `spoken_digits`: digits spoken by a synthesizer, made where they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnrun.data.dataset import DataFacts, Examples, SourceData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding

_RATE = 8000
#: The longest a digit lasts, in seconds, with the silence at both ends.
_SECONDS = 0.5
_CLASSES = tuple("0123456789")


class _Sound(NamedTuple):
    """A sound of speech.

    Attributes:
        formants: The frequencies of the first three resonances of the vocal tract, in Hz.
        voice: How loud the voice is, 0 to 1.
        hiss: How loud the noise of the breath is, 0 to 1.
        sharpness: Of what part of that noise only high frequencies are left, 0 to 1.
    """

    formants: tuple[float, float, float]
    voice: float = 1.0
    hiss: float = 0.0
    sharpness: float = 0.0


#: The formants of vowels are men's means of G. E. Peterson, H. L. Barney: Control methods used in a study of the
#: vowels, J. Acoust. Soc. Am. 24, 1952; those of consonants are rounded to where the tongue moves from or to.
_SOUNDS = {
    "i": _Sound((270, 2290, 3010)),
    "I": _Sound((390, 1990, 2550)),
    "E": _Sound((530, 1840, 2480)),
    "A": _Sound((730, 1090, 2440)),
    "O": _Sound((570, 840, 2410)),
    "u": _Sound((300, 870, 2240)),
    "V": _Sound((640, 1190, 2390)),
    "r": _Sound((310, 1060, 1380), 0.7),
    "w": _Sound((290, 610, 2150), 0.6),
    "n": _Sound((250, 1600, 2600), 0.4),
    "v": _Sound((250, 1100, 2300), 0.3, 0.1),
    "z": _Sound((250, 1700, 2600), 0.3, 0.2, 1.0),
    "s": _Sound((300, 1800, 2600), 0.0, 0.4, 1.0),
    "f": _Sound((300, 1100, 2300), 0.0, 0.15),
    "T": _Sound((300, 1300, 2500), 0.0, 0.1),
    "t": _Sound((300, 1800, 2600), 0.0, 0.3, 0.7),
    "k": _Sound((300, 2000, 2300), 0.0, 0.2, 0.2),
    "-": _Sound((300, 1500, 2500), 0.0),
}
#: The sounds of each digit; `-` is silence, before a stop.
_DIGITS = ("zIrOu", "wVn", "-tuu", "Trii", "fOOr", "fAIv", "sI-ks", "sEvVn", "EI-t", "nAIn")
#: The bandwidth of a formant, in Hz, and the highest frequency of the voice that is made.
_BANDWIDTH, _HIGHEST = 120.0, 3400.0


class SpokenDigits:
    """Digits in English, spoken by a formant synthesizer, of 0.5 s at 8,000 Hz: an example has the shape (4000,).

    Every example has a voice of its own (pitch, size of the vocal tract), speed, loudness and noise. The same options
    give the same sounds. `predict` and `eval` read WAV files of any sample rate and length. They are made for tests
    and first steps: a network that has learned them does not understand people.

    Args:
        rows: The number of digits, as many of each as possible.
        noise: The standard deviation of the noise; that of the voice is 0.06 to 0.14.
        seed: The seed that they are drawn with.
    """

    def __init__(self, rows: int = 1000, noise: float = 0.1, seed: int = 0) -> None:
        for name, value, minimum in (("rows", rows, 1), ("noise", noise, 0), ("seed", seed, 0)):
            if value < minimum:
                raise ValueError(f"spoken_digits: {name} expected a number of at least {minimum}, received {value}")
        self.rows, self.noise, self.seed = rows, noise, seed

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Speak the digits."""
        draw = np.random.default_rng(self.seed)
        digits = draw.permutation(np.arange(self.rows, dtype=np.int64) % 10)
        x = np.stack([speak(int(digit), self.noise, draw) for digit in digits])
        facts, _ = self.facts(paths, ())
        return SourceData(
            Examples(x, np.array(_CLASSES, dtype=object)[digits]),
            class_names=_CLASSES,
            target_names=facts.target_names,
            layout={"sample_rate": _RATE, "samples": x.shape[1]},
            sample_rate=_RATE,
            task="classification",
        )

    def load_targets(self, paths: DataPaths) -> None:  # noqa: ARG002
        """Return None: every digit occurs as often as the others."""
        return

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:  # noqa: ARG002
        """Return the facts, all of which the arguments give."""
        known: dict[str, Any] = {"task": "classification", "class_names": _CLASSES, "target_names": ("digit",)}
        return DataFacts((round(_RATE * _SECONDS),), self.rows, sample_rate=_RATE, **known), []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read recordings: a WAV file, a folder of them (with a subfolder for each digit), or a csv that lists them."""
        from nnrun.data.sources.audio import Audio

        recordings = Audio(folder="", resample=True, duration=_SECONDS)
        return recordings.load_new(file, layout, with_target=with_target)


def speak(digit: int, noise: float, draw: np.random.Generator) -> np.ndarray:
    """Return a digit as sound: float32 of shape (samples,), -1 to 1.

    The voice is a sum of harmonics, each as loud as the resonances (Lorentz curves around the formants) let it through;
    formants move on straight lines from sound to sound.

    Args:
        digit: 0 to 9.
        noise: The standard deviation of the noise.
        draw: Draws the voice, the speed and the noise.
    """
    size = round(_RATE * _SECONDS)
    sounds = [_SOUNDS[name] for name in _DIGITS[digit]]
    length = int(size * draw.uniform(0.7, 0.9))
    places = (np.arange(len(sounds)) + 0.5) * length / len(sounds)
    at = np.arange(length)

    def course(values: list[float]) -> np.ndarray:
        return np.interp(at, places, values).astype("float32")

    tract, pitch = draw.uniform(0.9, 1.2), draw.uniform(100, 220) * np.linspace(1.05, 0.95, length, dtype="float32")
    phase = (2 * np.pi / _RATE * np.cumsum(pitch)).astype("float32")
    # float32 halves the time of what is most of it: the curves and the sines of all harmonics.
    harmonics = np.arange(1, int(_HIGHEST / pitch.max()) + 1, dtype="float32")[:, None]
    shift = draw.uniform(0, 2 * np.pi, harmonics.shape).astype("float32")
    loudness = sum(
        weight
        / (
            1
            + ((harmonics * pitch - np.float32(tract) * course([one.formants[index] for one in sounds])) / _BANDWIDTH)
            ** 2
        )
        for index, weight in enumerate((1.0, 0.6, 0.3))
    )
    voice = (loudness * np.sin(harmonics * phase + shift)).sum(axis=0)
    breath = draw.normal(0, 1, length + 1)
    sharp = np.diff(breath) / np.sqrt(2)
    hiss = breath[1:] + (sharp - breath[1:]) * course([one.sharpness for one in sounds])
    sound = voice * course([one.voice for one in sounds]) + hiss * course([one.hiss for one in sounds])
    sound *= np.interp(at, (0, 200, length - 200, length), (0, 1, 1, 0)) * draw.uniform(0.06, 0.14) / sound.std()
    found = draw.normal(0, noise, size)
    start = draw.integers(0, size - length)
    found[start : start + length] += sound
    return found.clip(-1, 1).astype("float32")
