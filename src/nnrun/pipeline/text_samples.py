"""How a model of a text takes and gives characters, and what it is to write on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.all_sources import SOURCES
from nnrun.data.text.text_source import TextSource
from nnrun.errors import RunError
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


#: What stands before a text shorter than the window, the first of these that the run's text has.
_PADDING = (" ", "\n")


def text_model_spec(experiment: Experiment, facts: Facts, source: TextSource) -> TextModelSpec:
    """How an experiment's model takes and gives characters."""
    from nnrun.engine.generation.decoding import TextModelSpec

    loss = next(iter(experiment.losses.values()))
    names = facts.class_names
    return TextModelSpec(
        source.window,
        len(names),
        source.encode,
        source.predict == "every",
        loss.arguments.get("from_logits") is True,
        padding_id(names),
    )


def padding_id(vocabulary: Sequence[str]) -> int:
    """The code that stands before a text shorter than the window."""
    return next((vocabulary.index(one) for one in _PADDING if one in vocabulary), 0)


def encode_seed_text(text: str, vocabulary: tuple[str, ...], source: TextSource) -> np.ndarray:
    """The codes of a seed text, int32 of shape (tokens,).

    Raises:
        RunError: It has tokens that the run's text has not; they are named, with the nearest ones.
    """
    from nnrun.data.text.tokenizer import encode_tokens

    refused = refusal(text, vocabulary, source)
    if refused is not None:
        raise RunError(*refused)
    return encode_tokens(source.tokenizer.tokenize_input(text), vocabulary).astype("int32")


def refusal(text: str, vocabulary: Sequence[str], source: TextSource) -> tuple[str, str] | None:
    """Say what is wrong with a seed text, and what to type next; None where nothing is."""
    from nnrun.data.text.tokenizer import describe_unknown_tokens, unknown_tokens

    unknown = unknown_tokens(source.tokenizer.tokenize_input(text), vocabulary)
    if not unknown:
        return None
    what = f"{source.tokenizer.level}s" if len(unknown) > 1 else f"a {source.tokenizer.level}"
    return (
        f"the seed text has {what} that the run's text has not: {describe_unknown_tokens(unknown, vocabulary)}",
        "write the seed text without them, or with the nearest ones",
    )


#: TensorFlow's seeds are signed.
_SEEDS = 2**31
#: How much of the seed text's end the log repeats.
_SHOWN = 40


def findings(experiment: Experiment, facts: Facts | None) -> Iterator[Finding]:
    """Find a seed text that the data's text cannot say, as far as its characters are known."""
    wanted = experiment.training.samples
    if wanted is None or wanted.seed_text is None or facts is None or not facts.class_names:
        return
    source = _text_of(experiment)
    refused = None if source is None else refusal(wanted.seed_text, facts.class_names, source)
    if refused is not None:
        yield Finding(("training", "samples", "seed_text"), *refused, "seed-text-unknown")


class SampleWriter:
    """Writes a text after every so many epochs, into the log and `samples.jsonl`.

    The draws are named by the experiment's seed and by nothing else: whether samples are written changes no weight.

    Args:
        session: The model while it is trained.
        experiment: What the config says; it has `training.samples`, and its data are a text.
        dataset: The data.
        folder: The run's folder.
        progress: Who is told.

    Raises:
        RunError: The seed text has characters that the data's text has not.
    """

    def __init__(
        self, session: Session, experiment: Experiment, dataset: Dataset, folder: RunFolder, progress: Progress
    ) -> None:
        from nnrun.engine.generation.sampling import Sampling

        source, wanted = _text_of(experiment), experiment.training.samples
        if source is None or wanted is None:
            raise ValueError("samples are of a config that asks for them and whose data are a text")
        self._tokens, self._vocabulary, self._wanted = source.tokenizer, dataset.facts.class_names, wanted
        self._folder, self._progress = folder, progress
        codes = _seed(wanted.seed_text, dataset, source)
        self._said = self._tokens.render(self._vocabulary[code] for code in codes)
        self._codes = _never_empty(codes, self._vocabulary)
        self._writer = session.text_generator(
            text_model_spec(experiment, dataset.facts, source),
            Sampling(wanted.temperature),
            seed=experiment.seed % _SEEDS,
            recompute=False,
        )

    def after(self, epoch: int) -> None:
        """Write, if epoch `epoch`, counted from 1, is one after which to write."""
        if epoch % self._wanted.every:
            return
        from nnrun.data.text.tokenizer import StreamingDecoder

        text = StreamingDecoder(self._tokens, (), self._vocabulary[self._codes[-1]] if self._said else None)
        for made in self._writer.generate(self._codes, self._wanted.length, 1):
            text.decode([self._vocabulary[code] for code in made[0]])
        text.flush()
        metrics.write_sample(self._folder, epoch, self._said, text.text)
        lines = [f"    {line}" for line in text.text.split("\n")]
        self._progress.say("\n".join([f"After epoch {epoch}, written on from {self._said[-_SHOWN:]!r}:", *lines]))


def _text_of(experiment: Experiment) -> TextSource | None:
    part = experiment.data.source
    kind = SOURCES.get(part.name)
    return kind(**part.arguments) if kind is not None and issubclass(kind, TextSource) else None


def _seed(text: str | None, dataset: Dataset, source: TextSource) -> np.ndarray:
    if text is not None:
        return encode_seed_text(text, dataset.facts.class_names, source)
    part = dataset.train if dataset.validation is None else dataset.validation
    x: Any = part.x
    first: np.ndarray = x.token_ids[x.starts[0] : x.starts[0] + x.width].astype("int32")
    return first


def _never_empty(codes: np.ndarray, vocabulary: tuple[str, ...]) -> np.ndarray:
    import numpy as np

    return codes if len(codes) else np.array([padding_id(vocabulary)], dtype="int32")
