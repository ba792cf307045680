"""Drawing a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.drawing import draw

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("chain", "branches", "two_inputs", "attention_model")


def _parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.encode())  # noqa: S314 (the text is this package's own)


def _drawn(sample: dict[str, Any]) -> ET.Element:
    return _parsed(draw(sample["model"], sample["rows"]))


def _sequential(*layers: dict[str, Any], name: str = "s") -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def _texts(picture: ET.Element, style: str) -> list[str | None]:
    return [text.text for text in picture.iter(f"{SVG}text") if style in text.attrib["class"].split()]


def _dense(name: str) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 1}, "name": name}


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_inside_the_picture(sample: Sample, name: str) -> None:
    """Every box and every arrow lies within the picture's own size, and a light background fills it."""
    picture = _drawn(sample(name))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    background, *boxes = picture.iter(f"{SVG}rect")
    assert background.attrib == {"width": "100%", "height": "100%", "fill": "#ffffff"}
    for box in boxes:
        x, y = float(box.attrib["x"]), float(box.attrib["y"])
        assert x >= 0
        assert y >= 0
        assert x + float(box.attrib["width"]) <= width
        assert y + float(box.attrib["height"]) <= height
    for path in (path for path in picture.iter(f"{SVG}path") if path.get("class") == "arrow"):
        points = [float(word.lstrip("MCV")) for word in path.attrib["d"].split()]
        assert max(points) <= max(width, height)
        assert min(points) >= 0


def test_a_chain_tells_classes_names_shapes_and_parameters(sample: Sample) -> None:
    """Each layer's class, name, arguments, output shape and parameters can be read, and the sum of parameters."""
    picture = _drawn(sample("chain"))
    assert _texts(picture, "kind") == ["Input", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dense"]
    assert _texts(picture, "name")[1:3] == ["edges", "half"]
    assert _texts(picture, "argument")[:2] == ["filters=32, kernel_size=5\u00d75", "activation=relu"]
    assert _texts(picture, "shape")[:2] == ["28 \u00d7 28 \u00d7 1", "24 \u00d7 24 \u00d7 32"]
    assert _texts(picture, "count") == ["832 parameters", "589,952 parameters", "1,290 parameters"]
    assert _texts(picture, "heading") == ["chain: 592,074 parameters"]


@pytest.mark.parametrize(("name", "arrows"), list(zip(NAMES, (6, 17, 9, 5), strict=True)))
def test_every_connection_is_an_arrow(sample: Sample, name: str, arrows: int) -> None:
    """There is one arrow for each connection."""
    paths = [path for path in _drawn(sample(name)).iter(f"{SVG}path") if path.get("class") == "arrow"]
    assert len(paths) == arrows


def test_branches_lie_side_by_side(sample: Sample) -> None:
    """Four branches that begin at one layer stand at four places of one row."""
    picture = _drawn(sample("branches"))
    frames = {group.findtext(f"{SVG}title"): group.find(f"{SVG}rect") for group in picture.iter(f"{SVG}g")}
    starts = [frames[f"{kind}"] for kind in ("Conv2D one", "Conv2D three_in", "Conv2D five_in", "MaxPooling2D pool")]
    middles = [float(box.attrib["y"]) + float(box.attrib["height"]) / 2 for box in starts if box is not None]
    lefts = {box.attrib["x"] for box in starts if box is not None}
    assert middles == pytest.approx([middles[0]] * 4, abs=0.2)
    assert len(lefts) == 4


def test_outputs_inputs_and_weights_are_told_apart(sample: Sample) -> None:
    """Inputs, layers with parameters and layers without have a colour each; outputs have a strong border."""
    picture = _drawn(sample("two_inputs"))
    frames = {group.findtext(f"{SVG}title"): group.find(f"{SVG}rect") for group in picture.iter(f"{SVG}g")}
    different = [frames[name] for name in ("Input words", "Embedding embedding", "Concatenate together")]
    assert len({box.get("fill") for box in different if box is not None}) == 3
    strong = {name for name, box in frames.items() if box is not None and box.get("stroke-width") == "2.4"}
    assert strong == {"Dense price", "Dense sold"}


def test_open_dimensions_and_scalars_have_words() -> None:
    """A dimension without a size is `any`, a shape without dimensions one number."""
    rows = [{"name": "a", "shape": [None, None, 3], "parameters": 1}, {"name": "b", "shape": [None], "parameters": 0}]
    picture = _parsed(draw(_sequential(_dense("a"), _dense("b")), rows))
    assert _texts(picture, "shape") == ["any \u00d7 3", "one number"]
    assert _texts(picture, "count") == ["1 parameter"]


def test_an_empty_model_is_a_picture_too() -> None:
    """A model without layers gives a picture with its name."""
    picture = _parsed(draw(_sequential(name="empty")))
    assert _texts(picture, "heading") == ["empty"]


@given(st.text())
def test_any_name_gives_well_formed_xml(name: str) -> None:
    """Names with markup, quotes, control characters or wide letters still give a picture that can be read."""
    picture = _parsed(draw(_sequential(_dense(name), name=name)))
    assert _texts(picture, "kind") == ["Dense"]


def test_names_of_wide_letters_get_the_room_they_need() -> None:
    """A Chinese name needs about twice the width of a Latin one of as many letters."""

    def width(name: str) -> float:
        picture = _parsed(draw(_sequential(_dense(name))))
        return float(list(picture.iter(f"{SVG}rect"))[1].attrib["width"])

    assert width("卷积层" * 12) > width("abc" * 12) * 1.3
