"""Evaluation of a language model on a part of a text: nats and bits per character, without keeping all outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.compiled_steps import test_and_predict
from nnrun.engine.executors.logs import scalar_logs
from nnrun.engine.executors.resident import StepCalls
from nnrun.engine.scoring.evaluate import Evaluation, error_scores
from nnrun.engine.scoring.outputs import log_probabilities, only_output, predicted_classes
from nnrun.engine.scoring.predictions import Predictions
from nnrun.spec.compared_output import has_logits
from nnrun.spec.figures import figure_labels

if TYPE_CHECKING:
    from nnrun.data.dataset import DataPart
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


#: Rows of `predictions.csv`: outputs for every character of a text would fill the disk.
MAX_ROWS = 1000
#: Steps whose nats are added up before they are added to those of all steps: the order of additions decides the bits.
_STEPS_PER_SUM = 50


@dataclass(frozen=True)
class _BatchTotals:
    """Computes the nats, errors and characters of a batch; equal ones share one compiled program.

    Attributes:
        tf: The TensorFlow module, or JAX under TensorFlow's names.
        one_hot: Whether targets are one-hot encoded.
        logits: Whether outputs are logits.
    """

    tf: Any
    one_hot: bool
    logits: bool

    def totals(self, y: Any, outputs: Any) -> tuple[Any, Any, Any]:
        """Return the sum of negative log probabilities, and the numbers of wrong and of all characters."""
        tf = self.tf
        truth = self.classes(only_output(y))
        predicted = log_probabilities(tf, tf.cast(only_output(outputs), tf.float32), logits=self.logits)
        of_truth = tf.gather(predicted, truth, batch_dims=len(truth.shape))
        wrong = tf.argmax(predicted, axis=-1, output_type=tf.int32) != truth
        nats = -tf.reduce_sum(tf.cast(of_truth, tf.float64))
        return nats, tf.math.count_nonzero(wrong), tf.size(truth, out_type=tf.int64)

    def __call__(self, y: Any, outputs: Any) -> Any:
        """Return the totals as one row of numbers."""
        tf = self.tf
        return tf.stack([tf.cast(one, tf.float32) for one in self.totals(y, outputs)])[None]

    def classes(self, y: Any) -> Any:
        """Return the class numbers of encoded targets."""
        tf = self.tf
        return tf.argmax(y, axis=-1, output_type=tf.int32) if self.one_hot else tf.cast(y, tf.int32)


def evaluate_text(
    tf: Any,
    model: Any,
    tensors: Tensors,
    part: DataPart,
    facts: Facts,
    experiment: Experiment,
    jax_steps: JaxSteps | None,
) -> Evaluation:
    """Evaluate a model on all windows of a part of a text; predictions are of the first `MAX_ROWS` windows."""
    loss = experiment.losses[experiment.graph.outputs[0].name]
    batch_totals = _BatchTotals(tf, facts.form == "one_hot", has_logits(loss))
    if jax_steps is None:
        sums, logs = _sums(tf, model, tensors, experiment.training.batch_size, batch_totals)
    else:
        sums, logs = _sums_on_jax(jax_steps, tensors, batch_totals)
    errors, characters = int(sums[1]), int(sums[2])
    nats = float(sums[0]) / characters
    scores: dict[str, Any] = {
        "rows": len(part.rows),
        **scalar_logs(logs, figure_labels(experiment, facts)),
        "nats_per_character": nats,
        "bits_per_character": nats / math.log(2),
        # Beyond 700 nats, the exponential overflows.
        "perplexity": math.exp(min(nats, 700.0)),
        **error_scores(errors, characters),
    }
    return Evaluation(scores, (_first_predictions(batch_totals, model, tensors, facts, experiment),))


def _sums(
    tf: Any, model: Any, tensors: Tensors, batch_size: int, batch_totals: _BatchTotals
) -> tuple[np.ndarray, dict[str, Any]]:
    """Sum the totals of all batches inside TensorFlow; return them, and the model's loss and metrics."""
    of_steps, of_sums = tf.TensorSpec((), tf.int32), (tf.float64, tf.int64, tf.int64)
    signature = [of_steps, of_steps, *(tf.TensorSpec((), dtype) for dtype in of_sums)]

    @tf.function(autograph=False, input_signature=signature)  # type: ignore[untyped-decorator]
    def run(start: Any, stop: Any, *before: Any) -> Any:
        def body(step: Any, nats: Any, errors: Any, characters: Any) -> Any:
            rows = tf.range(step * batch_size, tf.minimum((step + 1) * batch_size, tensors.rows))
            x, y = tensors.take(tf, tensors.fields, rows)
            outputs = test_and_predict(model, (x, y))
            more = batch_totals.totals(y, outputs)
            return step + 1, nats + more[0], errors + more[1], characters + more[2]

        return tf.while_loop(lambda step, *_: step < stop, body, (start, *before), parallel_iterations=1)[1:]

    model.reset_metrics()
    steps = -(-tensors.rows // batch_size)
    sums, calls = np.zeros(3), StepCalls()
    for first in range(0, steps, _STEPS_PER_SUM):
        some = tuple(tf.constant(0, dtype) for dtype in of_sums)
        # Bounded in time, so that a request to stop is noticed between calls.
        for start, stop in calls.split("text", first, min(first + _STEPS_PER_SUM, steps)):
            some = run(tf.constant(start), tf.constant(stop), *some)
        sums += [float(one) for one in some]
    return sums, model.get_metrics_result()


def _sums_on_jax(
    jax_steps: JaxSteps, tensors: Tensors, batch_totals: _BatchTotals
) -> tuple[np.ndarray, dict[str, Any]]:
    sums = np.zeros(3)
    logs: dict[str, Any] = {}
    for rows, logs in jax_steps.reduce_outputs(tensors, batch_totals):  # noqa: B007 - the last are those of all
        # JAX has 32 bits; of a few batches that is enough, of a whole text it would not be.
        sums += np.asarray(rows, "float64").sum(axis=0)
    return sums, logs


def _first_predictions(
    batch_totals: _BatchTotals, model: Any, tensors: Tensors, facts: Facts, experiment: Experiment
) -> Predictions:
    """Predict what follows each of the first windows; of a prediction at each character, the last one counts."""
    rows = np.arange(min(MAX_ROWS, tensors.rows), dtype="int32")
    batches = [
        tensors.take(batch_totals.tf, tensors.fields, part) for part in np.array_split(rows, -(-len(rows) // 100))
    ]
    outputs = np.concatenate([np.asarray(only_output(model(x, training=False))) for x, _ in batches])
    truth = np.concatenate([np.asarray(batch_totals.classes(only_output(y))) for _, y in batches]).astype("int64")
    if facts.positions:
        outputs, truth = outputs[:, -1], truth[:, -1]
    predicted = predicted_classes(outputs, facts, next(iter(experiment.losses.values())))
    return Predictions("", facts, outputs, predicted, truth)
