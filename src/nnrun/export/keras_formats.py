"""The formats of exports that Keras reads: weights alone, and a script that builds the model."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nnrun.engine.model import checkpoint
from nnrun.errors import RunError
from nnrun.export import preparation
from nnrun.export.keras_code import ModelCode
from nnrun.runs.json_files import dumps
from nnrun.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.export.serving import ExportedModel

#: The file of weights.
_WEIGHTS = "model.weights.h5"


class Weights:
    """The weights in Keras' `.weights.h5`, with their names and shapes, and the model's config."""

    name: ClassVar[str] = "weights"
    text: ClassVar[bool] = True
    holds_preparation: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:  # noqa: ARG002 - it is never inside
        """Write `model.weights.h5`, `weights.json` and `model.json`."""
        checkpoint.save(served.model, folder / _WEIGHTS)
        (folder / "model.json").write_text(served.model.to_json() + "\n", encoding="utf-8")
        weights = [
            {"path": one.path, "shape": list(one.shape), "dtype": str(one.dtype), "trainable": bool(one.trainable)}
            for one in served.model.variables
        ]
        (folder / "weights.json").write_text(f"{dumps({'format': 1, 'weights': weights})}\n", encoding="utf-8")

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Build the model from its config, load the weights, and compute its outputs."""
        keras: Any = sys.modules["keras"]
        model = keras.models.model_from_json((folder / "model.json").read_text(encoding="utf-8"))
        model.load_weights(str(folder / _WEIGHTS))
        takes_names = isinstance(model.input, dict)
        found = model.predict(dict(inputs) if takes_names else next(iter(inputs.values())), verbose=0)
        if isinstance(found, dict):
            return found
        signature = preparation.load(folder / "signature.json")
        return {signature["outputs"][0]["name"]: np.asarray(found)}


class PythonScript:
    """A script of Keras alone that builds the model, loads its weights, and predicts raw rows."""

    name: ClassVar[str] = "python"
    text: ClassVar[bool] = True
    holds_preparation: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ()

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write `model.py` and `model.weights.h5`."""
        code = ModelCode(served.keras)
        built = code.write(served.model)
        definitions = "".join(f"\n\n{one}\n" for one in code.definitions.values())
        names = [one["name"] for one in served.outputs]
        text = _SCRIPT.format(
            imports="from typing import Any\n\n" if definitions else "",
            definitions=definitions,
            built=built,
            outputs=names,
            inputs=list(served.inputs),
            predict=_PREDICT_ROWS if inside else "",
        )
        (folder / "model.py").write_text(text, encoding="utf-8")
        checkpoint.save(served.model, folder / _WEIGHTS)

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute by the script, in a process of its own.

        Raises:
            RunError: The script fails.
        """
        with scratch_folder("export") as scratch:
            texts: dict[str, Any] = {
                name: one.astype("U") if one.dtype == object else one for name, one in inputs.items()
            }
            np.savez(scratch / "inputs.npz", **texts)
            words = [sys.executable, "-c", _COMPUTE, str(folder), str(scratch)]
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise RunError(f"the exported script fails: {last}", "export it to saved_model")
            with np.load(scratch / "outputs.npz") as found:
                arrays = {name: found[name] for name in found.files}
        return {name: one.astype(object) if one.dtype.kind == "U" else one for name, one in arrays.items()}


#: Runs in a process of its own: which function the script has decides what it is given.
_COMPUTE = """
import sys
import numpy as np
folder, scratch = sys.argv[1:]
sys.path.insert(0, folder)
import model
with np.load(scratch + "/inputs.npz") as found:
    inputs = {name: found[name] for name in found.files}
if hasattr(model, "predict"):
    columns = {one["name"]: one["column"] or one["name"] for one in model.SIGNATURE["inputs"]}
    outputs = model.predict({columns[name]: one for name, one in inputs.items()})
else:
    outputs = model.compute(inputs, model.load_model())
np.savez(scratch + "/outputs.npz", **{n: o.astype("U") if o.dtype == object else o for n, o in outputs.items()})
"""

_SCRIPT = '''"""A model that nnrun exported: Keras alone is needed, on any backend.

    from model import load_model, predict
"""

{imports}import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

from preparation import interpret, load, prepare

HERE = Path(__file__).resolve().parent
SIGNATURE, PREPARATION = load(HERE / "signature.json"), load(HERE / "preparation.json")
INPUTS, OUTPUTS = {inputs!r}, {outputs!r}
{definitions}

{built}


def load_model():
    """Return the model with its weights."""
    model = build_model()
    model.load_weights(HERE / "model.weights.h5")
    return model


def compute(inputs, model):
    """Return the model's outputs by name; `inputs` has the prepared array of each input."""
    found = model.predict(inputs if isinstance(model.input, dict) else inputs[INPUTS[0]], verbose=0)
    return found if isinstance(found, dict) else {{OUTPUTS[0]: np.asarray(found)}}
{predict}'''

_PREDICT_ROWS = '''

def predict(rows, model=None):
    """Return labels, probabilities and numbers; `rows` has the values of each column, or is an array."""
    if PREPARATION["columns"] is None and isinstance(rows, dict):
        rows = rows["x"]
    return interpret(compute(prepare(rows, PREPARATION), model or load_model()), SIGNATURE)
'''
