"""Which parts of some pictures a run's predictions go by: occlusion sensitivity or Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.streaming.table_arrays import in_memory
from nnrun.pipeline.run_files import image_shape, to_pixels
from nnrun.runs.explanations import Explanations, maps_name, pictures_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nnrun.data.dataset import DataPart
    from nnrun.engine.explanation.grad_cam import SpatialLayer
    from nnrun.engine.explanation.occlusion import SlidingPatch
    from nnrun.engine.explanation.quantities import Explained
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.engine.session import Session
    from nnrun.pipeline.evaluate import LoadedRun
    from nnrun.progress import Progress
    from nnrun.spec.facts import Facts

    #: By picture and output, the maps of the predictions and those of the true classes.
    _Maps = dict[tuple[int, int], tuple[NDArray[Any], NDArray[Any]]]

Method = Literal["occlusion", "grad-cam"]
#: The examples that are predicted, at most, to choose some of them; and those whose mean colour covers pictures.
MOST_ROWS, _ROWS_OF_COLOUR = 1000, 200
#: Pictures with a longer side are explained by Grad-CAM by default: occlusion predicts each some 170 times.
_LARGE = 128
#: The longest side of pictures and of maps that are kept.
_PICTURE_SIDE, _MAP_SIDE = 160, 80


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are explained.

    Attributes:
        method: The method; None chooses.
        examples: How many pictures.
        patch: The side of the patch of occlusion in pixels; None: a fifth of the shorter side.
    """

    method: Method | None = None
    examples: int = 8
    patch: int | None = None


@dataclass(frozen=True)
class PicturePlace:
    """Where the numbers of a picture are in an example.

    Attributes:
        name: The name of the array next to the columns; empty where the example is the picture.
        start: Its first number, in C order.
        stop: The number after its last.
        shape: Height, width and channels.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, int, int]

    def taken_from(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the pictures of examples, shape (examples, height, width, channels)."""
        return x.reshape(len(x), -1)[:, self.start : self.stop].reshape(len(x), *self.shape)


def picture_places(facts: Facts, source: str) -> list[PicturePlace]:
    """Return where the pictures of an example are; none where there are none.

    Args:
        facts: The facts of the data.
        source: The name of the data's source.
    """
    if facts.arrays:
        shapes = {name: image_shape(shape, source) for name, shape in facts.arrays.items()}
        return [PicturePlace(name, *facts.array_place(name), one) for name, one in shapes.items() if one is not None]
    shape = None if facts.columns or facts.horizon is not None else image_shape(facts.input_shape, source)
    return [] if shape is None else [PicturePlace("", 0, prod(shape), shape)]


def explain_pictures(
    loaded: LoadedRun, session: Session, part: DataPart, options: PictureOptions, seed: int, progress: Progress
) -> Explanations:
    """Explain the predictions of some pictures.

    Args:
        loaded: The run, whose examples have pictures.
        session: Its model.
        part: The examples that some are chosen from; pictures are explained as they are prepared.
        options: The method and the number of examples.
        seed: The seed by which examples are chosen.
        progress: Shows how far it is.

    Returns:
        Arrays and figures, without the names of checkpoint and part.

    Raises:
        RunError: The predictions are not of a kind that is explained.
    """
    import numpy as np

    from nnrun.engine.explanation.quantities import explained

    generator = np.random.default_rng(seed)
    places = picture_places(loaded.facts, loaded.experiment.data.source.name)
    if len(part) > MOST_ROWS:
        part = part.take(np.sort(generator.permutation(len(part))[:MOST_ROWS]))
    losses = list(loaded.experiment.losses.values())
    all_rows = [explained(*pair) for pair in zip(predict_examples(session, part, scored=True), losses, strict=True)]
    chosen, selection = choose_examples(all_rows[0], options.examples, generator, seed)
    few = [one.take(chosen) for one in all_rows]
    rows_of_colour = np.arange(min(len(part), _ROWS_OF_COLOUR))
    colour, taken = (replace(one, x=in_memory(one.x)) for one in (part.take(rows_of_colour), part.take(chosen)))
    method, reason, spatial = _choose_method(session, places, few, options)
    progress.say(f"Method: {method}: {reason}.")
    maps: _Maps = {}
    if spatial is not None:
        inputs = [_input_facts(places[0], layer=spatial.path)]
        maps = {(0, at): pair for at, pair in enumerate(_grad_cam(loaded, session, taken, spatial, few))}
    else:
        inputs = []
        for number, place in enumerate(places):
            patch, found = _occlusion(loaded, session, taken, place, few, colour, options.patch, progress)
            inputs.append(_input_facts(place, patch=patch))
            maps |= {(number, at): pair for at, pair in enumerate(found)}
    outputs = [
        {"name": one.name, "quantity": one.quantity, "examples": list(_examples(one, at, taken, maps, len(inputs)))}
        for at, one in enumerate(few)
    ]
    facts = {
        "rows": len(part),
        "method": method,
        "reason": reason,
        "seed": seed,
        "selection": selection,
        "inputs": inputs,
        "outputs": outputs,
        "notes": list(_notes(outputs, method)),
    }
    return Explanations(facts, _arrays(places, taken, maps))


def _arrays(places: Sequence[PicturePlace], part: DataPart, maps: _Maps) -> dict[str, NDArray[Any]]:
    """Return the pictures and their maps as they are kept."""
    import numpy as np

    arrays: dict[str, NDArray[Any]] = {
        pictures_name(number): np.array([to_pixels(one, _PICTURE_SIDE) for one in place.taken_from(part.x)])
        for number, place in enumerate(places)
    }
    for (number, output), pair in maps.items():
        for of_truth, one in zip((False, True), pair, strict=True):
            arrays[maps_name(number, output, of_truth=of_truth)] = _kept_map(one)
    return arrays


def predict_examples(session: Session, part: DataPart, *, scored: bool = False) -> tuple[Predictions, ...]:
    """Return the predictions of examples, with the truth where they are scored, and release their tensors."""
    try:
        return session.evaluate(part, detailed=False).predictions if scored else session.predict(part)
    finally:
        session.release_data()


def choose_examples(
    one: Explained, count: int, generator: np.random.Generator, seed: int
) -> tuple[NDArray[np.int64], str]:
    """Choose examples, the wrong ones or those with the largest errors first; return why these in words."""
    import numpy as np

    assert one.wrong is not None, "the examples of a run's own parts have targets"  # noqa: S101
    drawn = generator.permutation(len(one.wrong))
    if one.quantity in ("number", "numbers"):
        order = np.argsort(-one.wrong, kind="stable")
        worst = order[: count // 2]
        others = drawn[~np.isin(drawn, worst)][: count - len(worst)]
        text = f"{len(worst)} with the largest errors, and {len(others)} of the others, drawn with seed {seed}"
        return np.concatenate([worst, others]), text
    is_wrong = one.wrong[drawn] > 0
    wrong, right = drawn[is_wrong], drawn[~is_wrong]
    of_wrong = min(len(wrong), max(count // 2, count - len(right)))
    of_right = min(len(right), count - of_wrong)
    text = f"{of_wrong} of {len(wrong):,} wrong and {of_right} of {len(right):,} right ones, drawn with seed {seed}"
    return np.concatenate([wrong[:of_wrong], right[:of_right]]), text


def _choose_method(
    session: Session, places: Sequence[PicturePlace], few: Sequence[Explained], options: PictureOptions
) -> tuple[Method, str, SpatialLayer | None]:
    """Return the method, why, and the layer of Grad-CAM."""
    from nnrun.engine.explanation.grad_cam import find_spatial_layer

    spatial = find_spatial_layer(session.model, session.settings.image_data_format)
    obstacle = None
    if len(places) > 1:
        obstacle = f"an example has {len(places)} pictures"
    elif any(one.quantity == "numbers" for one in few):
        obstacle = "a prediction is several numbers"
    elif spatial is None:
        obstacle = "no layer with weights has an output with height and width"
    if obstacle is not None:
        asked = options.method == "grad-cam"
        why = f"Grad-CAM was asked for, but {obstacle}" if asked else f"Grad-CAM does not suit it: {obstacle}"
        return "occlusion", why, None
    assert spatial is not None, "without a layer there is an obstacle"  # noqa: S101
    if options.method is not None:
        return options.method, "as asked", spatial if options.method == "grad-cam" else None
    if spatial.attention is not None:
        why = f"{spatial.attention} mixes places after {spatial.path}, the last layer of Grad-CAM"
        return "occlusion", why, None
    if max(places[0].shape[:2]) > _LARGE:
        why = f"pictures have more than {_LARGE} pixels a side, and occlusion would predict each some 170 times"
        return "grad-cam", why, spatial
    return "occlusion", "it says what the prediction itself loses, for every model", None


def _grad_cam(
    loaded: LoadedRun, session: Session, part: DataPart, spatial: SpatialLayer, few: Sequence[Explained]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield for each output the maps of the predictions and those of the true classes."""
    import numpy as np

    from nnrun.data.model_inputs import select
    from nnrun.engine.backend.start import tensor_library
    from nnrun.engine.explanation.grad_cam import ExplainedScore, grad_cam

    x = select(part.x, loaded.facts, loaded.experiment.graph.inputs)
    scores = []
    for one, output in zip(few, loaded.experiment.graph.outputs, strict=True):
        is_class = one.quantity != "number"
        for columns in (one.predicted, one.predicted if one.truth is None else one.truth):
            signs = np.where((columns == 0) & is_class, -1, 1).astype("float32")
            scores.append(ExplainedScore(output.name, columns.astype("int32"), signs, is_class))
    tensors = tensor_library(session.settings.backend, session.model)
    maps = grad_cam(tensors, session.model, spatial, x, scores)
    yield from zip(maps[::2], maps[1::2], strict=True)


def _occlusion(
    loaded: LoadedRun,
    session: Session,
    part: DataPart,
    place: PicturePlace,
    few: Sequence[Explained],
    colour: DataPart,
    size: int | None,
    progress: Progress,
) -> tuple[SlidingPatch, list[tuple[NDArray[Any], NDArray[Any]]]]:
    """Return the patch, and for each output the maps of the predictions and those of the true classes."""
    import numpy as np

    from nnrun.engine.explanation.occlusion import SlidingPatch, occluded
    from nnrun.engine.explanation.quantities import values_of

    height, width, _ = place.shape
    patch = SlidingPatch.over(height, width, size)
    fill = place.taken_from(colour.x).mean(axis=(0, 1, 2), dtype=np.float64).astype(part.x.dtype)
    flat = part.x.reshape(len(part), -1)
    values: list[list[NDArray[Any]]] = [[] for _ in few]
    with progress.bar("occlusion", len(flat) * len(patch.corners), "predictions") as bar:
        for block in occluded(flat, (place.start, place.stop), patch, fill):
            targets = np.empty((len(block), 0), dtype="float32")
            x = block.reshape(len(block), *part.x.shape[1:])
            copies = type(part)(x, targets, np.arange(len(x)), target_preparation=part.target_preparation)
            losses = loaded.experiment.losses.values()
            for known, prediction, loss in zip(values, predict_examples(session, copies), losses, strict=True):
                known.append(values_of(prediction, loss)[1])
            bar.advance(len(block))
    return patch, [_drops(one, np.concatenate(known), patch) for one, known in zip(few, values, strict=True)]


def _drops(one: Explained, covered: NDArray[Any], patch: SlidingPatch) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return by how much values fall where each pixel is covered, for the predictions and for the true classes.

    Args:
        one: The values of the pictures as they are.
        covered: Those of the covered ones, shape (examples times positions, columns).
        patch: The patch.
    """
    import numpy as np

    drops = one.values[:, None, :] - covered.reshape(len(one.values), len(patch.corners), -1)
    if one.quantity == "numbers":
        changes = patch.mean_over_positions(np.abs(drops).mean(axis=2))
        return changes, changes
    columns = (one.predicted, one.predicted if one.truth is None else one.truth)
    first, second = (np.take_along_axis(drops, each[:, None, None], axis=2)[..., 0] for each in columns)
    return patch.mean_over_positions(first), patch.mean_over_positions(second)


def _input_facts(place: PicturePlace, patch: SlidingPatch | None = None, layer: str | None = None) -> dict[str, Any]:
    size, stride = (None, None) if patch is None else (patch.size, patch.stride)
    return {"name": place.name, "size": list(place.shape), "patch": size, "stride": stride, "layer": layer}


def _examples(
    one: Explained,
    output: int,
    part: DataPart,
    maps: _Maps,
    inputs: int,
) -> Iterator[dict[str, Any]]:
    files = part.origin.get("file")
    for at, row in enumerate(part.rows.tolist()):
        has_class, truth = one.quantity not in ("number", "numbers"), None if one.truth is None else int(one.truth[at])
        value = None if one.quantity == "numbers" else float(one.values[at, one.predicted[at]])
        true_value = None if one.true_values is None else float(one.true_values[at])
        assert one.wrong is not None, "the examples of a run's own parts have targets"  # noqa: S101
        yield {
            "row": row,
            "file": None if files is None else str(files[at]),
            "right": bool(one.wrong[at] == 0) if has_class else None,
            "predicted": one.names[one.predicted[at]] if has_class else None,
            "truth": None if truth is None else one.names[truth],
            "value": value,
            "true_value": true_value,
            "error": None if has_class else float(one.wrong[at]),
            "largest": [float(maps[number, output][0][at].max()) for number in range(inputs)],
        }


def _notes(outputs: Sequence[dict[str, Any]], method: Method) -> Iterator[str]:
    for one in outputs:
        none = [str(each["row"]) for each in one["examples"] if max(each["largest"]) <= 0]
        if not none:
            continue
        rows = f"row{'s' * (len(none) > 1)} {', '.join(none)}{' of ' + one['name'] if one['name'] else ''}"
        if method == "occlusion":
            yield f"no part of the picture speaks for the prediction in {rows}"
        else:
            yield f"the map of Grad-CAM is empty in {rows}: no place raises the score; try --method occlusion"


def _kept_map(maps: NDArray[Any]) -> NDArray[Any]:
    """Return maps as they are kept: float32, of large ones every second, third, ... place."""
    step = -(-max(maps.shape[1:]) // _MAP_SIDE)
    return maps[:, ::step, ::step].astype("float32")
