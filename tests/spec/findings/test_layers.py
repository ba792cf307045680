"""Shapes that cannot be, layers that act otherwise than meant, and what is not decided."""

from __future__ import annotations

from nnrun.spec.facts import Facts

PICTURE = Facts("classification", "integer", (8, 8, 1), classes=10, targets=1)
UNKNOWN = Facts("classification", "integer", None, classes=10, targets=1)
LAST = "- Dense: {units: 10, activation: softmax}"


def test_every_refused_branch_is_told_at_its_layer(found) -> None:
    """All impossible shapes of a model are told at once, each at the layer that cannot take its input."""
    model = """
    layers:
      - Conv2D: {filters: 2, kernel_size: 3, name: one}
      - LSTM: {from: input, units: 3, name: other}
    outputs: {one: {}, other: {}}
    """
    told = [one for one in found(model=model) if one.name == "shape-impossible"]
    assert [one.path for one in told] == [("model", "layers", 0, "Conv2D"), ("model", "layers", 1, "LSTM")]
    assert all(one.hint for one in told)


def test_a_dense_on_a_picture_is_told_once(found) -> None:
    """The Denses that follow have a picture only because the first one has."""
    told = found(PICTURE, model=f"- Dense: 3\n- Dense: 3\n- Flatten\n{LAST}")
    assert [(one.name, one.path) for one in told] == [("dense-on-picture", ("model", 0, "Dense"))]


def test_a_dense_on_a_sequence_is_fine(found) -> None:
    """Step by step is how Transformers use it."""
    sequence = Facts("classification", "integer", (8, 4), classes=10, targets=1)
    assert found(sequence, model=f"- Dense: 3\n- Flatten\n{LAST}") == ()


def test_an_input_of_open_sizes_fits_the_data(found) -> None:
    """`null` in Input's shape takes any size; a size or a number of dimensions that differs is refused."""
    assert found(PICTURE, model=f"- Input: {{shape: [null, 8, 1]}}\n- Flatten\n{LAST}")[0].name == "shape-impossible"
    assert found(PICTURE, model=f"- Input: {{shape: [null, 8, 1]}}\n- GlobalMaxPooling2D\n{LAST}") == ()
    (one,) = found(PICTURE, model=f"- Input: {{shape: [8, 8, 3]}}\n- Flatten\n{LAST}")
    assert (one.name, one.path) == ("input-shape-mismatch", ("model", 0, "Input"))
    assert "[8, 8, 3]" in one.text
    assert "[8, 8, 1]" in one.text


def test_what_is_undecided_is_told_once_with_the_reason(found) -> None:
    """One note names the first layer whose shape is not known."""
    (one,) = found(UNKNOWN, model=f"- Dense: 3\n{LAST}")
    assert (one.name, one.severity, one.path) == ("undecided", "note", ("model", 0, "Dense"))
    assert "the shape of input_layer is not known" in one.text


def test_without_any_facts_no_shapes_are_missed(found) -> None:
    """Where the data themselves are not known, that is said of them and of nothing else."""
    assert found(None, model=LAST) == ()
