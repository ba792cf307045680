"""Predictions that are pictures: some of them next to the truth, and for masks the scores of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.report.classification import class_scores, confusion_plot
from nnrun.report.elements import EmbeddedImage, ReportSection, ReportTable, format_percent, format_value, png_url
from nnrun.report.panels import side_by_side
from nnrun.report.predictions import scored_part
from nnrun.report.run_contents import as_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.report.run_contents import RunContents
    from nnrun.report.style import Plot
    from nnrun.runs.example_pictures import ExamplePictures

#: The colours of classes over the picture, the first without any: Okabe and Ito's.
COLOURS = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((0, 114, 178), (213, 94, 0), (204, 121, 167)),
)
_COLOUR_NAMES = ("orange", "sky blue", "green", "yellow", "blue", "vermilion", "purple")
#: How much of the colour covers the picture.
_OPACITY = 0.6
#: Classes of which a confusion matrix is drawn.
_MOST_CLASSES = 30


def pictures_section(run: RunContents) -> ReportSection:
    """Return the section of outputs that are pictures: rows of input, truth and prediction, and the scores of masks."""
    shown = run.pictures
    if shown is None:
        return ReportSection("pictures", "Predicted pictures")
    part = _scores(scored_part(run)[1])
    classes = tuple(as_mapping(part.get("per_class")))
    what = "the share of the union that both have, mean over the classes" if shown.are_masks else "its PSNR"
    panels = "input, truth, prediction"
    notes = [f"From the worst prediction to the best, at even ranks; in each: {panels}. Score: {what}."]
    if shown.are_masks and classes:
        named = [f"{name} {colour}" for name, colour in zip(classes[1:], _COLOUR_NAMES, strict=False)]
        notes.append(f"Colours over the picture: {', '.join(named)}; {classes[0]} has none.")
    plots, tables = _class_elements(part, classes) if shown.are_masks else ((), ())
    return ReportSection("pictures", "Predicted pictures", tuple(notes), (), plots, tuple(_images(shown)), tables)


def _scores(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scores of the output that is drawn: the first that has some of pictures."""
    outputs = [as_mapping(one) for one in as_mapping(part.get("outputs")).values()]
    return next((one for one in outputs if "mean_iou" in one or "psnr" in one), part)


def _images(shown: ExamplePictures) -> Iterator[EmbeddedImage]:
    for at, row in enumerate(shown.rows.tolist()):
        picture, score = shown.inputs[at], format_value(float(shown.scores[at]))
        pairs = shown.truth[at], shown.predicted[at]
        panels = [picture, *(_overlay(picture, one) if shown.are_masks else one for one in pairs)]
        text = f"Row {row}: input, truth and prediction, score {score}"
        yield EmbeddedImage(png_url(side_by_side(panels)), text, f"row {row}, score {score}")


def _overlay(picture: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """Return a picture with the classes of a mask over it, in colours; the first class has none."""
    import numpy as np

    rows = np.arange(mask.shape[0]) * picture.shape[0] // mask.shape[0]
    columns = np.arange(mask.shape[1]) * picture.shape[1] // mask.shape[1]
    grey = picture[rows][:, columns].mean(axis=2, keepdims=True).repeat(3, axis=2)
    table = np.array([(0, 0, 0), *(COLOURS[number % len(COLOURS)] for number in range(255))], dtype=float)
    opacity = np.where(mask > 0, _OPACITY, 0.0)[..., None]
    return np.asarray((grey * (1 - opacity) + table[mask] * opacity).round().astype("uint8"))


def _class_elements(part: Mapping[str, Any], names: Sequence[str]) -> tuple[tuple[Plot, ...], tuple[ReportTable, ...]]:
    """Return the confusion matrix of the pixels of masks, and a table of the scores of each class."""
    import numpy as np

    matrix = np.array(part.get("confusion_matrix") or [], dtype=np.int64)
    if matrix.shape != (len(names), len(names)) or not len(names):
        return (), ()
    found = as_mapping(part.get("per_class"))
    rows = []
    for one in class_scores(matrix, names):
        share = as_mapping(found.get(one.name)).get("iou")
        error = format_percent(one.error_rate) if one.support else "-"
        rows.append((one.name, *(format_value(value) for value in (share, one.precision, one.recall)), error))
    headings = ("class", "IoU", "precision", "recall", "error rate of its pixels")
    plots = (confusion_plot(matrix, names, "pixels_"),) if len(names) <= _MOST_CLASSES else ()
    return plots, (ReportTable("Scores of each class, over all pixels", headings, tuple(rows)),)
