"""`nnrun explain-run` on pictures: made ones, of which one region alone carries the class."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.explain_pictures import PictureOptions
from nnrun.pipeline.explain_run import explain_run
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import make_report
from nnrun.runs.explanations import Explanations, maps_name, read_explanations_if_any
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras
CONFIG = """
name: bars
seed: 3
data:
  source: {npz: {file: bars.npz}}
  split: {test: 0.25, validation: 0.1}
model:
  - Conv2D: {filters: 8, kernel_size: 3, padding: same, activation: relu}
  - Conv2D: {filters: 8, kernel_size: 3, padding: same, activation: relu}
  - GlobalMaxPooling2D
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.02}}
  metrics: [accuracy]
  epochs: 8
  batch_size: 32
"""
LENGTH = 5


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Faint noise of 16 x 16 pixels with a bar somewhere, upright or level, and where its upper left end is."""
    folder, rng = tmp_path_factory.mktemp("bars"), np.random.default_rng(0)
    x, y = rng.uniform(0, 0.2, (400, 16, 16, 1)), np.arange(400) % 2
    corners = rng.integers(1, 16 - LENGTH - 1, (400, 2))
    for picture, upright, (top, left) in zip(x, y, corners, strict=True):
        height, width = (LENGTH, 1) if upright else (1, LENGTH)
        picture[top : top + height, left : left + width] = 1
    np.savez(folder / "bars.npz", x=x.astype("float32"), y=y)
    (folder / "bars.yaml").write_text(CONFIG)
    return folder, corners


@pytest.fixture(scope="module")
def run(places: tuple[Path, np.ndarray]) -> RunFolder:
    """A run that tells upright bars from level ones."""
    return train(TrainRequest(places[0] / "bars.yaml", runs_dir=places[0] / "runs"), NullProgress()).folder


def explained(run: RunFolder, **options: object) -> Explanations:
    """Explain pictures of a run."""
    request = EvaluateRequest(str(run.path), run.path.parent)
    found = explain_run(request, NullProgress(), pictures=PictureOptions(**options)).explanations  # type: ignore[arg-type]
    assert found is not None
    return found


def share_near_the_bar(found: Explanations, corners: np.ndarray) -> list[float]:
    """Return for each right example which share of the map's positive part is within two pixels of the bar."""
    shares = []
    for heat, example in zip(found.arrays[maps_name(0, 0)], found.facts["outputs"][0]["examples"], strict=True):
        top, left = corners[example["row"]]
        height, width = (LENGTH, 1) if example["row"] % 2 else (1, LENGTH)
        near = np.zeros(heat.shape, dtype=bool)
        near[max(0, top - 2) : top + height + 2, max(0, left - 2) : left + width + 2] = True
        if example["right"]:
            positive = np.maximum(heat, 0)
            shares.append(float(positive[near].sum() / positive.sum()))
    return shares


@pytest.mark.parametrize(("method", "least"), [("occlusion", 0.8), ("grad-cam", 0.6)])
def test_maps_point_at_what_carries_the_class(
    run: RunFolder, places: tuple[Path, np.ndarray], method: str, least: float
) -> None:
    """The bar, a fourteenth to a tenth of the picture, has most of the map."""
    found = explained(run, method=method, examples=12)
    assert found.facts["method"] == method
    assert len(found.facts["outputs"][0]["examples"]) == 12
    shares = share_near_the_bar(found, places[1])
    assert len(shares) >= 6
    assert np.median(shares) > least


def test_figures_are_those_of_the_model(run: RunFolder) -> None:
    """Probabilities are those of `nnrun eval`, and a map falls by no more than the probability itself."""
    found = explained(run, method="occlusion", patch=4)
    (entry,) = found.facts["inputs"]
    assert (entry["patch"], entry["stride"], entry["layer"]) == (4, 1, None)
    result = evaluate(EvaluateRequest(str(run.path), run.path.parent), NullProgress())
    names = list(result.columns)
    rows = {row[0]: row for row in result.rows}
    for example in found.facts["outputs"][0]["examples"]:
        row = rows[example["row"]]
        assert example["predicted"] == str(row[names.index("prediction")])
        assert example["value"] == pytest.approx(max(float(one) for one in row[-2:]), abs=1e-5)
        assert example["largest"][0] <= example["value"]


def test_what_is_found_is_kept_and_shown(run: RunFolder) -> None:
    """The same seed gives the same files, and the report has a picture with words for each example."""
    first = explained(run)
    kept = run.explanations.read_bytes(), run.explanation_maps.read_bytes()
    explained(run)
    assert (run.explanations.read_bytes(), run.explanation_maps.read_bytes()) == kept
    read = read_explanations_if_any(run)
    assert read is not None
    assert {**first.facts, "maps_sha256": read.facts["maps_sha256"]} == read.facts
    page = make_report(run).page
    section = page[page.index('<section id="explanations"') :]
    section = section[: section.index("</section>")]
    alts = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]+)"', section)
    assert len(alts) == 8
    assert all("What speaks for the prediction most is at the" in alt for alt in alts)
    assert first.facts["selection"] in section
    largest = first.facts["outputs"][0]["examples"][0]["largest"][0]
    assert f"falls by at most {100 * largest:.1f} percentage points where covered" in section
    assert "2 x 2 pixels" not in section
    assert "3 x 3 pixels" in section


@pytest.mark.parametrize("damage", ["figures", "maps", "no maps"])
def test_damaged_files_break_no_report(run: RunFolder, damage: str) -> None:
    """The report says what cannot be read, and has all other sections."""
    explained(run, examples=1)
    if damage == "figures":
        run.explanations.write_text('{"checkpoint": 1}')
    elif damage == "maps":
        run.explanation_maps.write_bytes(run.explanation_maps.read_bytes()[:-20])
    else:
        run.explanation_maps.unlink()
    page = make_report(run).page
    assert "explanations.json" in page
    assert "Scores of each part" in page
    assert '<section id="explanations"' not in page


def test_a_model_without_such_a_layer_is_explained_by_occlusion(places: tuple[Path, np.ndarray]) -> None:
    """Grad-CAM of a flat network, asked for, gives way to occlusion and says why; a number has an error instead."""
    folder, _ = places
    text = CONFIG[: CONFIG.index("  - Conv2D")] + "  - Flatten\n  - Dense: 1\n" + CONFIG[CONFIG.index("training:") :]
    text = text.replace("sparse_categorical_crossentropy", "mean_squared_error").replace("[accuracy]", "[mae]")
    (folder / "flat.yaml").write_text(text.replace("epochs: 8", "epochs: 1"))
    flat = train(TrainRequest(folder / "flat.yaml", runs_dir=folder / "runs"), NullProgress()).folder
    facts = explained(flat, method="grad-cam", examples=3).facts
    assert facts["method"] == "occlusion"
    assert facts["reason"] == ("Grad-CAM was asked for, but no layer with weights has an output with height and width")
    (output,) = facts["outputs"]
    assert output["quantity"] == "number"
    assert facts["selection"] == "1 with the largest errors, and 2 of the others, drawn with seed 0"
    for example in output["examples"]:
        assert example["predicted"] is None
        assert example["error"] == pytest.approx(abs(example["value"] - example["true_value"]), abs=1e-5)
    assert json.loads(flat.explanations.read_text())["inputs"][0]["name"] == ""


def test_predictions_at_each_pixel_are_refused(places: tuple[Path, np.ndarray]) -> None:
    """Pictures to pictures have no class or number of which a part could be the reason; nothing is written."""
    folder, _ = places
    with np.load(folder / "bars.npz") as bars:
        np.savez(folder / "masks.npz", x=bars["x"], y=(bars["x"][..., 0] > 0.5).astype("int32"))
    text = CONFIG[: CONFIG.index("  - GlobalMax")] + "  - Dense: {units: 2, activation: softmax}\n"
    text = (
        (text + CONFIG[CONFIG.index("training:") :]).replace("bars.npz", "masks.npz").replace("epochs: 8", "epochs: 1")
    )
    (folder / "masks.yaml").write_text(text)
    masks = train(TrainRequest(folder / "masks.yaml", runs_dir=folder / "runs"), NullProgress()).folder
    with pytest.raises(RunError, match="several for each example: one a step, or one a pixel"):
        explained(masks)
    assert not masks.explanations.exists()
