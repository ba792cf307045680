"""What Keras computes for the examples of a check, what an exported file computes, and the documents next to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.atomic_files import write_atomically
from nnrun.data.dataset import DataPart
from nnrun.engine.scoring.decision import with_decision
from nnrun.engine.scoring.evaluate import make_predictions
from nnrun.engine.scoring.outputs import class_probabilities
from nnrun.engine.scoring.own_unit import predicted
from nnrun.export import preparation
from nnrun.export.comparison import differences, unsure_rows
from nnrun.export.inference_form import use_float32
from nnrun.export.signature import ModelSignature
from nnrun.export.tensor_preparation import tensor_names
from nnrun.runs.json_files import dumps

if TYPE_CHECKING:
    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.export.comparison import OutputDifference
    from nnrun.export.formats import ExportFormat
    from nnrun.export.samples import Samples
    from nnrun.export.serving import ExportedModel
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class KerasReference:
    """What Keras and nnrun compute for the examples of a check.

    Attributes:
        outputs: The outputs of the model by name.
        results: Labels, probabilities, and numbers in the unit of the target, as nnrun predicts them.
        mixed: The mixed precision of the training, and how far its outputs are from those in float32; None without.
    """

    outputs: dict[str, np.ndarray]
    results: dict[str, np.ndarray]
    mixed: tuple[str, float] | None


def keras_reference(
    served: ExportedModel, experiment: Experiment, facts: Facts, target: TargetPreparation | None
) -> KerasReference:
    """Bring a model to float32, and compute what it makes of the examples.

    Args:
        served: The model and the prepared examples.
        experiment: The experiment.
        facts: The facts of its data.
        target: The steps that prepared its targets, or None.
    """
    own = served.keras_outputs(served.inputs)
    policy = use_float32(served.model)
    outputs = own if policy is None else served.keras_outputs(served.inputs)
    mixed = None
    if policy is not None:
        mixed = (policy, max(one.value for one in differences(own, outputs, None)))
    return KerasReference(outputs, _results(served, outputs, experiment, facts, target), mixed)


def _results(
    served: ExportedModel,
    outputs: dict[str, np.ndarray],
    experiment: Experiment,
    facts: Facts,
    target: TargetPreparation | None,
) -> dict[str, np.ndarray]:
    """Return the meaning of outputs by nnrun's own code, under the names that results of files have."""
    rows = len(next(iter(outputs.values())))
    part = DataPart(np.empty((rows, 0)), np.empty((rows, 0)), np.arange(rows), target_preparation=target)
    by_name: Any = outputs if isinstance(served.model.output, dict) else next(iter(outputs.values()))
    predictions = make_predictions(predicted(part, by_name, experiment), facts, experiment)
    if len(predictions) == 1:
        ((described,), (loss,)) = served.outputs, experiment.losses.values()
        temperature, threshold = described["temperature"], described["decision_threshold"]
        if temperature != 1 or threshold is not None:
            predictions = (with_decision(predictions[0], loss, temperature, threshold),)
    found = served.meaning(outputs)
    for one, prediction, output in zip(served.outputs, predictions, experiment.graph.outputs, strict=True):
        prefix, loss = one["prefix"], experiment.losses[output.name]
        if one["kind"] == "numbers":
            found[f"{prefix}prediction"] = prediction.outputs
        elif one["kind"] in ("class", "two classes") and prediction.predicted is not None:
            found[f"{prefix}class"] = prediction.predicted
            found[f"{prefix}label"] = np.array(one["class_names"], dtype=object)[prediction.predicted]
            probabilities = class_probabilities(prediction.outputs, loss) if prediction.outputs.ndim == 2 else None
            if probabilities is not None and one["probabilities"] is not None:
                found[f"{prefix}probabilities"] = probabilities[:, -prediction.outputs.shape[1] :]
    return found


def compare(
    folder: Path,
    form: ExportFormat,
    served: ExportedModel,
    samples: Samples,
    reference: KerasReference,
    *,
    inside: bool,
    tolerance: float,
) -> list[OutputDifference]:
    """Return how far each result of an exported file is from that of Keras and nnrun.

    A file that takes prepared inputs gets those that `preparation.py` makes of raw rows, where that is possible.
    """
    thresholds = {one["name"]: one["threshold"] for one in served.outputs}
    unsure = unsure_rows(reference.outputs, thresholds, tolerance)
    if inside:
        assert samples.raw is not None, "raw rows are known where a file takes them"  # noqa: S101
        found = form.compute(folder, served.file_inputs(samples.raw, text=form.text))
        return differences(found, reference.results, unsure)
    raw, names = samples.raw, tensor_names(list(served.inputs))
    inputs = samples.inputs if raw is None or served.preparation.outside else served.prepared(raw)
    outputs = form.compute(folder, {names[name]: array for name, array in inputs.items()})
    results = served.meaning(outputs)
    return [*differences(outputs, reference.outputs, unsure), *differences(results, reference.results, unsure)]


def write_documents(folder: Path, form: ExportFormat, served: ExportedModel, run: str, *, inside: bool) -> None:
    """Write `signature.json`, `preparation.json` and `preparation.py` next to a model.

    Raises:
        OSError: The disk refuses.
    """
    if inside:
        spec = served.rows_signature(text=form.text)
        function = lambda inputs: served.from_rows(inputs, text=form.text)  # noqa: E731
    else:
        spec, function = served.prepared_signature(), served.from_prepared
    results = served.tf.function(function, input_signature=[spec], autograph=False).get_concrete_function()
    columns = tensor_names(served.preparation.names) if inside else {}
    signature = ModelSignature(
        run,
        form.name,
        inside,
        {name: (one.dtype.name, one.shape.as_list()) for name, one in spec.items()},
        {name: (one.dtype.name, one.shape.as_list()) for name, one in results.structured_outputs.items()},
        served.outputs,
        {plain: name for name, plain in columns.items() if plain != name},
    )
    documents = {"signature.json": signature.as_json(), "preparation.json": served.preparation.as_json()}
    for name, document in documents.items():
        write_atomically(folder / name, f"{dumps(document)}\n".encode())
    write_atomically(folder / "preparation.py", Path(preparation.__file__).read_bytes())
