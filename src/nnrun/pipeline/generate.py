"""Generate text with the model of a run."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from nnrun.errors import EXIT_INTERRUPTED, RunError
from nnrun.pipeline.evaluate import load_session, open_run_with_code
from nnrun.pipeline.text_samples import encode_seed_text, padding_id, text_model_spec
from nnrun.runs.find import run_as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nnrun.data.text.text_source import TextSource
    from nnrun.data.text.tokenizer import StreamingDecoder
    from nnrun.data.text.verbatim_overlap import VerbatimOverlap
    from nnrun.engine.generation.generate import TextGenerator
    from nnrun.pipeline.evaluate import EvaluateRequest, LoadedRun
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class GenerateRequest:
    """The request of `nnrun generate-text`.

    Attributes:
        run: The run and checkpoint whose model generates.
        length: The number of characters (words, bytes) to generate.
        seed_text: The text to continue; None: a random window of the training part.
        temperature: See `nnrun.engine.generation.sampling.SamplingOptions`, as all up to `repetition_penalty`.
        stop: Texts before which a sample ends.
        random_seed: The seed of the draws; None draws one.
        samples: The number of texts to generate at once.
        recompute: Whether the window is recomputed for each character even if state or keys and values could be loaded.
        check_copy: Whether to search the texts in the training text.
    """

    run: EvaluateRequest
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
    """The generated texts.

    Attributes:
        folder: The run's folder.
        seed_text: The continued text.
        random_seed: The seed of the draws.
        how: The way of decoding: `state`, `cache` or `window`, see `nnrun.engine.generation.decoding`.
        texts: The text of each sample.
        ended: Why each ended: `length`, `stop` or `interrupted`.
        characters: The number of generated characters (words, bytes) of all samples together.
        seconds: The time for them, without starting Keras and compiling.
        copies: The overlap of each sample with the training text, if `check_copy`.
        held_out: The same of held-out text, as long as the longest sample; None if nothing is held out.
        exit_code: The exit code of a command that ends with this text.
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
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        samples: list[dict[str, Any]] = [
            {"text": text, "ended": end} for text, end in zip(self.texts, self.ended, strict=True)
        ]
        for sample, copy in zip(samples, self.copies, strict=False):
            sample["copy"] = copy.as_json()
        held_out = {} if self.held_out is None else {"held_out": self.held_out.as_json()}
        return {
            **run_as_json(self.folder),
            "seed_text": self.seed_text,
            "random_seed": self.random_seed,
            "how": self.how,
            "characters_per_second": round(self.characters / self.seconds, 1) if self.seconds else None,
            "samples": samples,
            **held_out,
        }


class TextListener(Protocol):
    """Receives the texts while they are generated."""

    def on_begin(self, result: GenerateResult) -> None:
        """Receive the seed text and the way of decoding."""

    def on_pieces(self, pieces: Sequence[str]) -> None:
        """Receive the next piece of each sample; a piece may be empty."""


def generate(request: GenerateRequest, listener: TextListener, progress: Progress) -> GenerateResult:
    """Continue a text with a run's model; Ctrl-C ends the generation and keeps what was generated.

    Raises:
        RunError: The run has no text model, or no such checkpoint, or the seed text has unknown characters.
        DataError: A random window is requested, and the run's text cannot be read.
    """
    seed = secrets.randbelow(2**31) if request.random_seed is None else request.random_seed
    with open_run_with_code(request.run) as loaded:
        source = _text_of(loaded)
        vocabulary = loaded.facts.class_names
        codes, seed_text = _seed(request, loaded, source, seed, progress)
        with load_session(loaded, request.run.checkpoint) as session:
            from nnrun.data.text.tokenizer import StreamingDecoder
            from nnrun.engine.generation.sampling import SamplingOptions

            sampling = SamplingOptions(
                request.temperature, request.top_k, request.top_p, request.min_p, request.repetition_penalty
            )
            spec = text_model_spec(loaded.experiment, loaded.facts, source)
            writer = session.text_generator(spec, sampling, seed=seed, recompute=request.recompute)
            result = GenerateResult(loaded.folder, seed_text, seed, writer.decoding_for(codes, request.length).name)
            listener.on_begin(result)
            before = vocabulary[codes[-1]] if request.seed_text != "" else None
            samples = [StreamingDecoder(source.tokenizer, request.stop, before) for _ in range(request.samples)]
            _write(writer, codes, request, samples, vocabulary, result, listener)
        # A request to stop keeps the text, and nothing else is begun.
        if request.check_copy and not result.exit_code:
            from nnrun.data.text.verbatim_overlap import verbatim_overlap

            corpus, held_out = _texts(loaded, source, progress)
            result.copies = [verbatim_overlap(text, corpus) for text in result.texts]
            # As long as the generated text, since longer texts have longer pieces in common.
            held_out = held_out[: max(map(len, result.texts))]
            result.held_out = verbatim_overlap(held_out, corpus) if held_out else None
    return result


def _write(
    writer: TextGenerator,
    codes: np.ndarray,
    request: GenerateRequest,
    samples: list[StreamingDecoder],
    vocabulary: tuple[str, ...],
    result: GenerateResult,
    listener: TextListener,
) -> None:
    began = 0.0
    try:
        for chunk in writer.generate(codes, request.length, request.samples):
            # The first call compiles, which does not count.
            result.characters += chunk.size if began else 0
            began = began or time.perf_counter()
            result.seconds = time.perf_counter() - began
            listener.on_pieces(
                [one.decode([vocabulary[code] for code in row]) for one, row in zip(samples, chunk, strict=True)]
            )
            if all(one.stopped for one in samples):
                break
    except KeyboardInterrupt as stop:
        result.exit_code = getattr(stop, "exit_code", EXIT_INTERRUPTED)
    listener.on_pieces([one.flush() for one in samples])
    result.texts = [one.text for one in samples]
    reason = "interrupted" if result.exit_code else "length"
    result.ended = ["stop" if one.stopped else reason for one in samples]


def _text_of(loaded: LoadedRun) -> TextSource:
    from nnrun.data.load import make_source
    from nnrun.data.text.text_source import TextSource

    source = make_source(loaded.experiment.data.source)
    if not isinstance(source, TextSource) or len(loaded.experiment.graph.outputs) != 1:
        text = f"{loaded.folder.id} is no run of a text model: its data are {loaded.experiment.data.source.name}"
        raise RunError(text, "name a run of a config whose source is a text, such as smoke/metamorphosis_fast")
    return source


def _seed(
    request: GenerateRequest, loaded: LoadedRun, source: TextSource, seed: int, progress: Progress
) -> tuple[np.ndarray, str]:
    """Return the token ids to continue, at least one, and their text."""
    import numpy as np

    if request.seed_text is None:
        codes = _random_window(loaded, seed, progress)
    else:
        codes = encode_seed_text(request.seed_text, loaded.facts.class_names, source)
    shown = source.tokenizer.render(loaded.facts.class_names[code] for code in codes)
    if not len(codes):
        codes = np.array([padding_id(loaded.facts.class_names)], dtype="int32")
    return codes, shown


def _texts(loaded: LoadedRun, source: TextSource, progress: Progress) -> tuple[str, str]:
    """Return the training part of the run's text and the held-out part, both prepared and rendered."""
    from nnrun.data.text.windows import split_ranges

    text, _ = source.read(source.fetch(loaded.places, progress))
    tokens = source.tokenizer.tokenize(text)
    end = split_ranges(len(tokens), loaded.experiment.data.split)["train"].stop
    return source.tokenizer.render(tokens[:end]), source.tokenizer.render(tokens[end:])


def _random_window(loaded: LoadedRun, seed: int, progress: Progress) -> np.ndarray:
    import numpy as np

    from nnrun.data.load import load
    from nnrun.spec.targets import target_forms

    experiment = loaded.experiment
    dataset = load(
        experiment.data, form=target_forms(experiment), seed=experiment.seed, paths=loaded.places, progress=progress
    )
    if dataset.facts.class_names != loaded.facts.class_names:
        raise RunError("the text is not that of the run: it has other characters", "write --seed-text")
    x: Any = dataset.train.x
    drawn = x.starts[int(np.random.default_rng(seed).integers(len(x)))]
    window: np.ndarray = x.token_ids[drawn : drawn + x.width].astype("int32")
    return window
