"""The drawing of a model as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.model_svg import draw_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("chain", "branches", "two_inputs", "attention_model")


def _parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.encode())  # noqa: S314 (the text is this package's own)


def _drawn(sample: dict[str, Any]) -> ET.Element:
    return _parsed(draw_model(sample["model"], sample["rows"]))


def _sequential(*layers: dict[str, Any], name: str = "s") -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def _texts(drawing: ET.Element, style: str) -> list[str | None]:
    return [text.text for text in drawing.iter(f"{SVG}text") if style in text.attrib["class"].split()]


def _dense(name: str) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 1}, "name": name}


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_inside_the_drawing(sample: Sample, name: str) -> None:
    """Every box and arrow is inside the drawing, which a light background fills."""
    drawing = _drawn(sample(name))
    width, height = float(drawing.attrib["width"]), float(drawing.attrib["height"])
    background, *boxes = drawing.iter(f"{SVG}rect")
    assert background.attrib == {"width": "100%", "height": "100%", "fill": "#ffffff"}
    for box in boxes:
        x, y = float(box.attrib["x"]), float(box.attrib["y"])
        assert x >= 0
        assert y >= 0
        assert x + float(box.attrib["width"]) <= width
        assert y + float(box.attrib["height"]) <= height
    for path in (path for path in drawing.iter(f"{SVG}path") if path.get("class") == "arrow"):
        points = [float(word.lstrip("MCV")) for word in path.attrib["d"].split()]
        assert max(points) <= max(width, height)
        assert min(points) >= 0


def test_a_box_shows_class_name_arguments_shape_and_parameters(sample: Sample) -> None:
    """Each layer's class, name, arguments, output shape and parameters are shown, and the sum of parameters."""
    drawing = _drawn(sample("chain"))
    assert _texts(drawing, "kind") == ["Input", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dense"]
    assert _texts(drawing, "name")[1:3] == ["edges", "half"]
    assert _texts(drawing, "argument")[:2] == ["filters=32, kernel_size=5\u00d75", "activation=relu"]
    assert _texts(drawing, "shape")[:2] == ["28 \u00d7 28 \u00d7 1", "24 \u00d7 24 \u00d7 32"]
    assert _texts(drawing, "count") == ["832 parameters", "589,952 parameters", "1,290 parameters"]
    assert _texts(drawing, "heading") == ["chain: 592,074 parameters"]


@pytest.mark.parametrize(("name", "arrows"), list(zip(NAMES, (6, 17, 9, 5), strict=True)))
def test_every_connection_is_an_arrow(sample: Sample, name: str, arrows: int) -> None:
    """Each connection of the model is one arrow."""
    paths = [path for path in _drawn(sample(name)).iter(f"{SVG}path") if path.get("class") == "arrow"]
    assert len(paths) == arrows


def test_branches_are_side_by_side(sample: Sample) -> None:
    """Four branches that begin at one layer are at four positions of one row."""
    drawing = _drawn(sample("branches"))
    frames = {group.findtext(f"{SVG}title"): group.find(f"{SVG}rect") for group in drawing.iter(f"{SVG}g")}
    starts = [frames[f"{kind}"] for kind in ("Conv2D one", "Conv2D three_in", "Conv2D five_in", "MaxPooling2D pool")]
    middles = [float(box.attrib["y"]) + float(box.attrib["height"]) / 2 for box in starts if box is not None]
    lefts = {box.attrib["x"] for box in starts if box is not None}
    assert middles == pytest.approx([middles[0]] * 4, abs=0.2)
    assert len(lefts) == 4


def test_outputs_inputs_and_weights_look_different(sample: Sample) -> None:
    """Inputs, layers with parameters and layers without have different colours; outputs have a thick border."""
    drawing = _drawn(sample("two_inputs"))
    frames = {group.findtext(f"{SVG}title"): group.find(f"{SVG}rect") for group in drawing.iter(f"{SVG}g")}
    different = [frames[name] for name in ("Input words", "Embedding embedding", "Concatenate together")]
    assert len({box.get("fill") for box in different if box is not None}) == 3
    thick = {name for name, box in frames.items() if box is not None and box.get("stroke-width") == "2.4"}
    assert thick == {"Dense price", "Dense sold"}


def test_open_and_empty_shapes_are_words() -> None:
    """An open size is shown as `any`, a shape without axes as `one number`."""
    rows = [{"name": "a", "shape": [None, None, 3], "parameters": 1}, {"name": "b", "shape": [None], "parameters": 0}]
    drawing = _parsed(draw_model(_sequential(_dense("a"), _dense("b")), rows))
    assert _texts(drawing, "shape") == ["any \u00d7 3", "one number"]
    assert _texts(drawing, "count") == ["1 parameter"]


def test_an_empty_model_can_be_drawn() -> None:
    """A model without layers gives a drawing of its name."""
    drawing = _parsed(draw_model(_sequential(name="empty")))
    assert _texts(drawing, "heading") == ["empty"]


@given(st.text())
def test_any_name_gives_well_formed_xml(name: str) -> None:
    """Names with markup, quotes, control characters or wide characters give a well-formed document."""
    drawing = _parsed(draw_model(_sequential(_dense(name), name=name)))
    assert _texts(drawing, "kind") == ["Dense"]


def test_names_of_wide_characters_get_wider_boxes() -> None:
    """A Chinese name gets about twice the width of a Latin one of as many characters."""

    def width(name: str) -> float:
        drawing = _parsed(draw_model(_sequential(_dense(name))))
        return float(list(drawing.iter(f"{SVG}rect"))[1].attrib["width"])

    assert width("卷积层" * 12) > width("abc" * 12) * 1.3
