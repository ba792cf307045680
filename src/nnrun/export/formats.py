"""The formats of exports that a runtime computes: what each writes, and how it is computed for the check."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from nnrun.errors import MissingExtraError, RunError
from nnrun.export.inference_form import use_plain_loops

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.export.serving import ExportedModel


class ExportFormat(Protocol):
    """A format of exports.

    Attributes:
        name: Its name.
        text: Whether it computes with text and float64, and not with float32 alone.
        holds_preparation: Whether it can take raw rows.
        packages: The packages of the extra `export` that it needs.
    """

    name: ClassVar[str]
    text: ClassVar[bool]
    holds_preparation: ClassVar[bool]
    packages: ClassVar[tuple[str, ...]]

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write a model's files into a folder that exists.

        Raises:
            RunError: The format cannot hold this model.
        """

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Load the files again and compute what they return."""


def require_packages(form: ExportFormat) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        MissingExtraError: One is missing.
    """
    if any(find_spec(package) is None for package in form.packages):
        raise MissingExtraError("export", f"--to {form.name}")


class SavedModel:
    """TensorFlow's SavedModel, written by Keras' own `ExportArchive`.

    Its signature `serving_default` takes raw rows where operations can express that, `prepared` takes prepared
    inputs, and `next_token` of a text model is the step that generates text.
    """

    name: ClassVar[str] = "saved_model"
    text: ClassVar[bool] = True
    holds_preparation: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ()

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write `saved_model.pb`, `variables/` and what belongs to them."""
        tf = served.tf
        archive = served.keras.export.ExportArchive()
        archive.track(served.model)
        if inside:
            for table in served.tables:
                archive.track(table)
            rows = served.rows_signature(text=True)
            archive.add_endpoint("rows", lambda inputs: served.from_rows(inputs, text=True), [rows])
        archive.add_endpoint("prepared", served.from_prepared, [served.prepared_signature()])
        if served.next_token is not None:
            window = served.model.inputs[0].shape[1]
            spec = [tf.TensorSpec((None, window), tf.int32, name="codes"), tf.TensorSpec((), tf.float32, "temperature")]
            archive.add_endpoint("next_token", served.next_token, spec)
        archive.write_out(str(folder), verbose=False)

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute what `serving_default` returns."""
        from nnrun.engine.backend.start import tensorflow

        tf = tensorflow()
        loaded = tf.saved_model.load(str(folder))
        found = loaded.signatures["serving_default"](**{name: tf.constant(one) for name, one in inputs.items()})
        return {name: _decoded(one.numpy()) for name, one in found.items()}


class LiteRT:
    """A LiteRT (TensorFlow Lite) file of LiteRT's own operations alone, which every interpreter has."""

    name: ClassVar[str] = "litert"
    text: ClassVar[bool] = False
    holds_preparation: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ()
    _FILE = "model.tflite"

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write `model.tflite`, of a SavedModel that is removed again."""
        converter_input = _saved_model(folder, served, inside=inside)
        converter = served.tf.lite.TFLiteConverter.from_saved_model(str(converter_input), signature_keys=["serve"])
        converter.target_spec.supported_ops = [served.tf.lite.OpsSet.TFLITE_BUILTINS]
        (folder / self._FILE).write_bytes(converter.convert())
        shutil.rmtree(converter_input)

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs by TensorFlow's interpreter."""
        from nnrun.engine.backend.start import tensorflow

        runner = tensorflow().lite.Interpreter(str(folder / self._FILE)).get_signature_runner()
        return dict(runner(**inputs))


class Onnx:
    """An ONNX file, converted by tf2onnx as Keras' own export does, with the names of inputs and outputs."""

    name: ClassVar[str] = "onnx"
    text: ClassVar[bool] = False
    holds_preparation: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "tf2onnx")
    _FILE = "model.onnx"
    #: 17 is read by every ONNX Runtime since 1.12 (2022); tf2onnx goes up to 18.
    _OPSET = 17

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write `model.onnx`."""
        import tf2onnx

        # tf2onnx does not know NumPy 2.
        import_module("keras.src.export.tf2onnx_lib").patch_tf2onnx()
        function, spec = _function(served, inside=inside)
        traced = served.tf.function(function, input_signature=[spec], autograph=False)
        tf2onnx.convert.from_function(
            traced, [spec], opset=self._OPSET, output_path=str(folder / self._FILE), large_model=False
        )

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs by ONNX Runtime."""
        import onnxruntime

        session = onnxruntime.InferenceSession(str(folder / self._FILE), providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))


class OpenVino:
    """OpenVINO's intermediate representation, converted by OpenVINO from a SavedModel."""

    name: ClassVar[str] = "openvino"
    text: ClassVar[bool] = False
    holds_preparation: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    _FILE = "model.xml"

    def write(self, folder: Path, served: ExportedModel, *, inside: bool) -> None:
        """Write `model.xml` and `model.bin`, whose weights stay float32."""
        import openvino

        converter_input = _saved_model(folder, served, inside=inside)
        model = openvino.convert_model(str(converter_input))
        openvino.save_model(model, str(folder / self._FILE), compress_to_fp16=False)
        shutil.rmtree(converter_input)

    def compute(self, folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs by OpenVINO on the processor, in float32: by itself it takes half of that."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(str(folder / self._FILE), "CPU", settings)
        found = compiled(dict(inputs))
        return {output.get_any_name(): values for output, values in found.items()}


def _function(served: ExportedModel, *, inside: bool) -> tuple[Any, dict[str, Any]]:
    """Return the function of a file that computes with numbers alone, and the types of what it takes."""
    if inside:
        return (lambda inputs: served.from_rows(inputs, text=False)), served.rows_signature(text=False)
    return served.from_prepared, served.prepared_signature()


def _saved_model(folder: Path, served: ExportedModel, *, inside: bool) -> Path:
    """Write a SavedModel for a converter into a folder inside of `folder`, without TensorFlow's lists of tensors.

    Raises:
        RunError: A layer takes any number of steps.
    """
    try:
        use_plain_loops(served.keras, served.tf, served.model)
        function, spec = _function(served, inside=inside)
        archive = served.keras.export.ExportArchive()
        archive.track(served.model)
        archive.add_endpoint("serve", function, [spec])
        archive.write_out(str(folder / "converted"), verbose=False)
    except ValueError as error:
        raise RunError(str(error), "use another format: --to saved_model") from error
    return folder / "converted"


def _decoded(values: np.ndarray) -> np.ndarray:
    """Return texts as such: TensorFlow has them in UTF-8."""
    if values.dtype != object:
        return values
    texts = [one.decode("utf-8") for one in values.ravel()]
    return np.array(texts, dtype=object).reshape(values.shape)
