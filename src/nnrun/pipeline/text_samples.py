"""Text models in the pipeline: encoding seed texts, and writing samples during training."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.data.all_sources import SOURCES
from nnrun.data.text.text_source import TextSource
from nnrun.errors import RunError
from nnrun.formatting import quoted
from nnrun.runs import metrics
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from nnrun.data.dataset import Dataset
    from nnrun.engine.generation.decoding import TextModelSpec
    from nnrun.engine.session import Session
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


#: The tokens that may pad a text shorter than the window; the first one in the vocabulary is used.
_PADDING = (" ", "\n")
#: TensorFlow's seeds are signed.
_SEEDS = 2**31
#: The number of characters at the end of a seed text that the log repeats.
_SHOWN_CHARACTERS = 40
_NOTHING_LEFT = "write the seed text in characters of the run's text"


def text_model_spec(experiment: Experiment, facts: Facts, source: TextSource) -> TextModelSpec:
    """Return how an experiment's model encodes its input and output."""
    from nnrun.engine.generation.decoding import TextModelSpec

    loss = next(iter(experiment.losses.values()))
    return TextModelSpec(
        source.window,
        len(facts.class_names),
        source.encode,
        source.predict == "every",
        loss.arguments.get("from_logits") is True,
        padding_id(facts.class_names),
    )


def padding_id(vocabulary: Sequence[str]) -> int:
    """Return the id of the token that pads a text shorter than the window."""
    return next((vocabulary.index(token) for token in _PADDING if token in vocabulary), 0)


def encode_seed_text(text: str, vocabulary: tuple[str, ...], source: TextSource) -> np.ndarray:
    """Return the token ids of a seed text, int32 of shape (tokens,).

    Raises:
        RunError: It has tokens that the run's text does not have; they are named, with the nearest ones.
    """
    from nnrun.data.text.seed_text import describe_unknown, seed_tokens
    from nnrun.data.text.tokenizer import encode_tokens

    unknown = describe_unknown(text, vocabulary, source.tokenizer)
    if unknown is not None:
        text, instead = unknown
        raise RunError(text, f"--seed-text {shlex.quote(instead)}" if instead else _NOTHING_LEFT)
    return encode_tokens(seed_tokens(text, vocabulary, source.tokenizer), vocabulary).astype("int32")


def findings(experiment: Experiment, facts: Facts | None) -> Iterator[Finding]:
    """Find unknown tokens in the seed text of `training.samples`, if the vocabulary is known."""
    samples = experiment.training.samples
    if samples is None or samples.seed_text is None or facts is None or not facts.class_names:
        return
    from nnrun.data.text.seed_text import describe_unknown

    source = _text_source(experiment)
    unknown = None if source is None else describe_unknown(samples.seed_text, facts.class_names, source.tokenizer)
    if unknown is not None:
        text, instead = unknown
        hint = f"write seed_text: {dump_inline(instead)}" if instead else _NOTHING_LEFT
        yield Finding(("training", "samples", "seed_text"), text, hint, "seed-text-unknown")


def _text_source(experiment: Experiment) -> TextSource | None:
    part = experiment.data.source
    source = SOURCES.get(part.name)
    return source(**part.arguments) if source is not None and issubclass(source, TextSource) else None


class SampleWriter:
    """Writes a text to the log and `samples.jsonl` after every few epochs.

    The random numbers depend on the experiment's seed alone, and writing samples changes no weight.

    Args:
        session: The model in training.
        experiment: The experiment; it has `training.samples`, and its data are a text.
        dataset: The data.
        folder: The run's folder.
        progress: Receives the text.

    Raises:
        RunError: The seed text has tokens that the data's text does not have.
    """

    def __init__(
        self, session: Session, experiment: Experiment, dataset: Dataset, folder: RunFolder, progress: Progress
    ) -> None:
        import numpy as np

        from nnrun.engine.generation.sampling import SamplingOptions

        source, samples = _text_source(experiment), experiment.training.samples
        if source is None or samples is None:
            raise ValueError("only a text model whose config has training.samples writes samples")
        self._tokenizer, self._vocabulary, self._samples = source.tokenizer, dataset.facts.class_names, samples
        self._folder, self._progress = folder, progress
        if samples.seed_text is None:
            ids = _first_window(dataset)
        else:
            ids = encode_seed_text(samples.seed_text, self._vocabulary, source)
        self._seed_text = self._tokenizer.render(self._vocabulary[token_id] for token_id in ids)
        self._ids = ids if len(ids) else np.array([padding_id(self._vocabulary)], dtype="int32")
        self._generator = session.text_generator(
            text_model_spec(experiment, dataset.facts, source),
            SamplingOptions(samples.temperature),
            seed=experiment.seed % _SEEDS,
            recompute=False,
        )

    def after_epoch(self, epoch: int) -> None:
        """Write a sample after epoch `epoch`, counted from 1, if one is due."""
        if epoch % self._samples.every:
            return
        from nnrun.data.text.tokenizer import StreamingDecoder

        last_token = self._vocabulary[self._ids[-1]] if self._seed_text else None
        decoder = StreamingDecoder(self._tokenizer, (), last_token)
        for ids in self._generator.generate(self._ids, self._samples.length, 1):
            decoder.decode([self._vocabulary[token_id] for token_id in ids[0]])
        decoder.flush()
        metrics.write_sample(self._folder, epoch, self._seed_text, decoder.text)
        lines = [f"    {line}" for line in decoder.text.split("\n")]
        shown = self._seed_text[-_SHOWN_CHARACTERS:]
        self._progress.say("\n".join([f"Sample after epoch {epoch}, continuing {quoted(shown)}:", *lines]))


def _first_window(dataset: Dataset) -> np.ndarray:
    """Return the token ids of the first window of the validation part, or of the training part without one."""
    part = dataset.train if dataset.validation is None else dataset.validation
    x: Any = part.x
    ids: np.ndarray = x.token_ids[x.starts[0] : x.starts[0] + x.width].astype("int32")
    return ids
