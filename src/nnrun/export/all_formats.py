"""The table of export formats."""

from __future__ import annotations

from nnrun.export.formats import ExportFormat, LiteRT, Onnx, OpenVino, SavedModel
from nnrun.export.keras_formats import PythonScript, Weights

_FORMATS: tuple[ExportFormat, ...] = (SavedModel(), Onnx(), LiteRT(), OpenVino(), Weights(), PythonScript())
FORMATS = {one.name: one for one in _FORMATS}
