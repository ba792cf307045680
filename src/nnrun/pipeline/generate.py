"""A kept run writes on from a text."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import asked, load_session
from nnrun.pipeline.text_samples import encode_seed_text, padding_id, text_model_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nnrun.data.text.text_source import TextSource
    from nnrun.data.text.tokenizer import StreamingDecoder
    from nnrun.data.text.verbatim_overlap import VerbatimOverlap
    from nnrun.engine.generation.generate import Writer
    from nnrun.pipeline.evaluate import EvaluateRequest, LoadedRun
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class GenerateRequest:
    """What `nnrun generate-text` was asked for.

    Attributes:
        question: Which model.
        length: How many characters (words, bytes) to write.
        seed_text: What to write on from; None: a random window of the training part.
        temperature: See `nnrun.engine.generation.sampling.Sampling`, as all up to `repetition_penalty`.
        stop: Texts before which a sample ends.
        random_seed: Names the draws; None draws one.
        samples: How many texts to write at once.
        recompute: Whether the window is read anew for each character even where memory could be carried.
        check_copy: Whether to look the texts up in the training text.
    """

    question: EvaluateRequest
    length: int = 1000
    seed_text: str | None = None
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    random_seed: int | None = None
    samples: int = 1
    recompute: bool = False
    check_copy: bool = False


@dataclass
class GenerateResult:
    """What was written.

    Attributes:
        folder: The run's folder.
        seed_text: What was written on from.
        random_seed: What names the draws.
        how: How the text was read: `state`, `cache` or `window`, see `nnrun.engine.generation.decoding`.
        texts: Every sample's text.
        ended: Why each ended: `length`, `stop` or `interrupted`.
        characters: How many characters (words, bytes) were made, all samples together.
        seconds: How long that took, without the time to wake and compile.
        copies: What of each sample stands in the training text, where that was asked for.
        held_out: The same of a piece of the held-out text, as long as the longest sample; None where there is none.
    """

    folder: RunFolder
    seed_text: str
    random_seed: int
    how: str
    texts: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    characters: int = 0
    seconds: float = 0.0
    copies: list[VerbatimOverlap] = field(default_factory=list)
    held_out: VerbatimOverlap | None = None

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return "interrupted" in self.ended

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        samples: list[dict[str, Any]] = [
            {"text": text, "ended": end} for text, end in zip(self.texts, self.ended, strict=True)
        ]
        for sample, copy in zip(samples, self.copies, strict=False):
            sample["copy"] = copy.as_json()
        held_out = {} if self.held_out is None else {"held_out": self.held_out.as_json()}
        return {
            "run": self.folder.id,
            "folder": str(self.folder.path),
            "seed_text": self.seed_text,
            "random_seed": self.random_seed,
            "how": self.how,
            "characters_per_second": round(self.characters / self.seconds, 1) if self.seconds else None,
            "samples": samples,
            **held_out,
        }


class Reader(Protocol):
    """Who reads along."""

    def begin(self, told: GenerateResult) -> None:
        """Hear what is written on from, and how."""

    def read(self, pieces: Sequence[str]) -> None:
        """Read the next piece of each sample; a piece may be empty."""


def generate(wish: GenerateRequest, reader: Reader, progress: Progress) -> GenerateResult:
    """Let a run's model write on from a text; Ctrl-C ends it with what was written.

    Raises:
        RunError: Where the run is none of a text, or has no such checkpoint, or the seed text has unknown characters.
        DataError: Where a random window is wanted and the run's text cannot be read.
    """
    seed = secrets.randbelow(2**31) if wish.random_seed is None else wish.random_seed
    with asked(wish.question) as kept:
        source = _text_of(kept)
        vocabulary = kept.facts.class_names
        codes, seed_text = _seed(wish, kept, source, seed, progress)
        with load_session(kept, wish.question.checkpoint) as session:
            from nnrun.data.text.tokenizer import StreamingDecoder
            from nnrun.engine.generation.sampling import Sampling

            sampling = Sampling(wish.temperature, wish.top_k, wish.top_p, wish.min_p, wish.repetition_penalty)
            voice = text_model_spec(kept.experiment, kept.facts, source)
            writer = session.writer(voice, sampling, seed=seed, recompute=wish.recompute)
            told = GenerateResult(kept.folder, seed_text, seed, writer.reading_of(codes, wish.length).how)
            reader.begin(told)
            before = vocabulary[codes[-1]] if wish.seed_text != "" else None
            samples = [StreamingDecoder(source.tokenizer, wish.stop, before) for _ in range(wish.samples)]
            _write(writer, codes, wish, samples, [vocabulary, told], reader)
        if wish.check_copy:
            from nnrun.data.text.verbatim_overlap import verbatim_overlap

            corpus, held_out = _texts(kept, source, progress)
            told.copies = [verbatim_overlap(text, corpus) for text in told.texts]
            # As long as what was written, since longer texts have longer pieces in common.
            held_out = held_out[: max(map(len, told.texts))]
            told.held_out = verbatim_overlap(held_out, corpus) if held_out else None
    return told


def _write(
    writer: Writer,
    codes: np.ndarray,
    wish: GenerateRequest,
    samples: list[StreamingDecoder],
    about: list[Any],
    reader: Reader,
) -> None:
    vocabulary, told = about
    began, interrupted = 0.0, False
    try:
        for made in writer.write(codes, wish.length, wish.samples):
            # The first call compiles, which is not writing.
            told.characters += made.size if began else 0
            began = began or time.perf_counter()
            told.seconds = time.perf_counter() - began
            reader.read(
                [one.decode([vocabulary[code] for code in row]) for one, row in zip(samples, made, strict=True)]
            )
            if all(one.stopped for one in samples):
                break
    except KeyboardInterrupt:
        interrupted = True
    reader.read([one.flush() for one in samples])
    told.texts = [one.text for one in samples]
    usual = "interrupted" if interrupted else "length"
    told.ended = ["stop" if one.stopped else usual for one in samples]


def _text_of(kept: LoadedRun) -> TextSource:
    from nnrun.data.load import make_source
    from nnrun.data.text.text_source import TextSource

    source = make_source(kept.experiment.data.source)
    if not isinstance(source, TextSource) or len(kept.experiment.graph.outputs) != 1:
        text = f"{kept.folder.id} was not trained to continue a text: its data are {kept.experiment.data.source.name}"
        raise RunError(text, "name a run of a config whose source is a text, such as smoke/metamorphosis_fast")
    return source


def _seed(
    wish: GenerateRequest, kept: LoadedRun, source: TextSource, seed: int, progress: Progress
) -> tuple[np.ndarray, str]:
    """The codes to write on from, at least one, and the text that they say."""
    import numpy as np

    if wish.seed_text is None:
        codes = _random_window(kept, seed, progress)
    else:
        codes = encode_seed_text(wish.seed_text, kept.facts.class_names, source)
    shown = source.tokenizer.render(kept.facts.class_names[code] for code in codes)
    if not len(codes):
        codes = np.array([padding_id(kept.facts.class_names)], dtype="int32")
    return codes, shown


def _texts(kept: LoadedRun, source: TextSource, progress: Progress) -> tuple[str, str]:
    """The training part of the run's text, and what was held out of it, prepared, as they are shown."""
    from nnrun.data.text.windows import split_ranges

    text, _ = source.read(source.fetch(kept.places, progress))
    tokens = source.tokenizer.tokenize(text)
    end = split_ranges(len(tokens), kept.experiment.data.split)["train"].stop
    return source.tokenizer.render(tokens[:end]), source.tokenizer.render(tokens[end:])


def _random_window(kept: LoadedRun, seed: int, progress: Progress) -> np.ndarray:
    import numpy as np

    from nnrun.data.load import load
    from nnrun.spec.targets import target_forms

    experiment = kept.experiment
    dataset = load(
        experiment.data, form=target_forms(experiment), seed=experiment.seed, paths=kept.places, progress=progress
    )
    if dataset.facts.class_names != kept.facts.class_names:
        raise RunError("the text is not that of the run: it has other characters", "write --seed-text")
    x: Any = dataset.train.x
    drawn = x.starts[int(np.random.default_rng(seed).integers(len(x)))]
    window: np.ndarray = x.token_ids[drawn : drawn + x.width].astype("int32")
    return window
