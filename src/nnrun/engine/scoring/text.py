"""A trained model against a part of a text: nats and bits for each character, without keeping all outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.compiled_steps import test_and_answer
from nnrun.engine.executors.resident import plain
from nnrun.engine.scoring.decisions import decide
from nnrun.engine.scoring.score import Answers, Outcome, error_figures

if TYPE_CHECKING:
    from nnrun.data.dataset import DataPart
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.jax.compiled_steps import JaxPrograms
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


#: Rows of `predictions.csv`: outputs for every character of a text would fill the disk.
SHOWN = 1000
#: Steps between two moments at which Ctrl-C is heard.
_CHUNK = 50
#: Below this a probability is 0 by rounding; its logarithm would be infinite.
_TINY = 1e-30


@dataclass(frozen=True)
class Counted:
    """What was counted over a part of a text.

    Attributes:
        nats: The sum of the negative logarithms of what the model gave to the characters that came.
        errors: How often another character had more.
        characters: How many characters were compared.
        figures: Loss and metrics by Keras' names.
    """

    nats: float
    errors: int
    characters: int
    figures: dict[str, float]


def score_text(
    tf: Any,
    model: Any,
    tensors: Tensors,
    part: DataPart,
    facts: Facts,
    experiment: Experiment,
    programs: JaxPrograms | None = None,
) -> Outcome:
    """Score the model on all windows of a part of a text; the answers are of the first `SHOWN` windows alone."""
    name = experiment.graph.outputs[0].name
    loss = experiment.losses[name]
    logits = loss.arguments.get("from_logits") is True
    reading = _Reading(facts.form == "one_hot", logits)
    counted = (
        _count(tf, model, tensors, experiment.training.batch_size, reading)
        if programs is None
        else _count_on_jax(tf, programs, tensors, reading)
    )
    nats = counted.nats / counted.characters
    scores: dict[str, Any] = {
        "rows": len(part.rows),
        **counted.figures,
        "nats_per_character": nats,
        "bits_per_character": nats / math.log(2),
        # Beyond 700 nats, e to their power is no number any more.
        "perplexity": math.exp(min(nats, 700.0)),
        **error_figures(counted.errors, counted.characters),
    }
    return Outcome(scores, (_first_answers(tf, model, tensors, facts, experiment),))


@dataclass(frozen=True)
class _Reading:
    """How targets and outputs are to be read."""

    one_hot: bool
    logits: bool

    def log_probabilities(self, tf: Any, outputs: Any) -> Any:
        outputs = tf.cast(outputs, tf.float32)
        return tf.nn.log_softmax(outputs) if self.logits else tf.math.log(tf.maximum(outputs, _TINY))

    def classes(self, tf: Any, y: Any) -> Any:
        return tf.argmax(y, axis=-1, output_type=tf.int32) if self.one_hot else tf.cast(y, tf.int32)


def _count(tf: Any, model: Any, tensors: Tensors, batch: int, reading: _Reading) -> Counted:
    @tf.function(autograph=False, input_signature=[tf.TensorSpec((), tf.int32)] * 2)  # type: ignore[untyped-decorator]
    def count(start: Any, stop: Any) -> Any:
        def body(step: Any, nats: Any, errors: Any, characters: Any) -> Any:
            rows = tf.range(step * batch, tf.minimum((step + 1) * batch, tensors.rows))
            x, y = tensors.take(tf, tensors.fields, rows)
            outputs = test_and_answer(model, (x, y))
            more = _judge(tf, reading, y, outputs)
            return step + 1, nats + more[0], errors + more[1], characters + more[2]

        nothing = tf.constant(0, tf.int64)
        began = (start, tf.constant(0.0, tf.float64), nothing, nothing)
        return tf.while_loop(lambda step, *_: step < stop, body, began, parallel_iterations=1)[1:]

    model.reset_metrics()
    steps = -(-tensors.rows // batch)
    sums = np.zeros(3)
    for start in range(0, steps, _CHUNK):
        sums += [float(one) for one in count(tf.constant(start), tf.constant(min(start + _CHUNK, steps)))]
    figures = {name: plain(value) for name, value in model.get_metrics_result().items()}
    return Counted(float(sums[0]), int(sums[1]), int(sums[2]), figures)


@dataclass(frozen=True)
class _Judge:
    """What `_judge` says of a batch, as one row; equal judges share one compiled program."""

    tf: Any
    reading: _Reading

    def __call__(self, y: Any, outputs: Any) -> Any:
        tf = self.tf
        return tf.stack([tf.cast(one, tf.float32) for one in _judge(tf, self.reading, y, outputs)])[None]


def _count_on_jax(tf: Any, programs: JaxPrograms, tensors: Tensors, reading: _Reading) -> Counted:
    sums = np.zeros(3)
    figures: dict[str, Any] = {}
    for rows, figures in programs.judged(tensors, _Judge(tf, reading)):  # noqa: B007 - the last are those of all
        # JAX has 32 bits; of a few batches that is enough, of a whole text it would not be.
        sums += np.asarray(rows, "float64").sum(axis=0)
    told = {name: plain(value) for name, value in figures.items()}
    return Counted(float(sums[0]), int(sums[1]), int(sums[2]), told)


def _judge(tf: Any, reading: _Reading, y: Any, outputs: Any) -> tuple[Any, Any, Any]:
    """Give a batch's nats, errors and characters."""
    truth, likely = reading.classes(tf, _lone(y)), reading.log_probabilities(tf, _lone(outputs))
    given = tf.gather(likely, truth, batch_dims=len(truth.shape))
    wrong = tf.argmax(likely, axis=-1, output_type=tf.int32) != truth
    return -tf.reduce_sum(tf.cast(given, tf.float64)), tf.math.count_nonzero(wrong), tf.size(truth, out_type=tf.int64)


def _lone(values: Any) -> Any:
    """The one array of a structure."""
    return next(iter(values.values())) if isinstance(values, dict) else values


def _first_answers(tf: Any, model: Any, tensors: Tensors, facts: Facts, experiment: Experiment) -> Answers:
    """What the model says after each of the first windows, of which the last character counts where it says more."""
    rows = np.arange(min(SHOWN, tensors.rows), dtype="int32")
    batches = [tensors.take(tf, tensors.fields, part) for part in np.array_split(rows, -(-len(rows) // 100))]
    outputs = np.concatenate([np.asarray(_lone(model(x, training=False))) for x, _ in batches])
    reading = _Reading(facts.form == "one_hot", logits=False)
    truth = np.concatenate([np.asarray(reading.classes(tf, _lone(y))) for _, y in batches]).astype("int64")
    if facts.positions:
        outputs, truth = outputs[:, -1], truth[:, -1]
    return Answers("", facts, outputs, decide(outputs, facts, next(iter(experiment.losses.values()))), truth)
