"""Impossible and unknown shapes, layers that do something else than intended, and unused layers."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

PICTURE = Facts("classification", "integer", (8, 8, 1), classes=10, targets=1)
CODES = Facts("classification", "integer", (12,), classes=10, targets=1, vocabulary=30)
UNKNOWN = Facts("classification", "integer", None, classes=10, targets=1)
LAST = "- Dense: {units: 10, activation: softmax}"


def test_every_refused_branch_is_reported_at_its_layer(found) -> None:
    """All impossible shapes of a model are found at once, each at the layer that cannot take its input."""
    model = """
    layers:
      - Conv2D: {filters: 2, kernel_size: 3, name: one}
      - LSTM: {from: input, units: 3, name: other}
    outputs: {one: {}, other: {}}
    """
    findings = [one for one in found(model=model) if one.name == "shape-impossible"]
    assert [one.path for one in findings] == [("model", "layers", 0, "Conv2D"), ("model", "layers", 1, "LSTM")]
    assert all(one.hint for one in findings)


def test_a_dense_on_a_picture_is_reported_once(found) -> None:
    """The Dense layers after it have a picture only because the first one has."""
    findings = found(PICTURE, model=f"- Dense: 3\n- Dense: 3\n- Flatten\n{LAST}")
    assert [(one.name, one.path) for one in findings] == [("dense-on-picture", ("model", 0, "Dense"))]


def test_a_dense_on_a_sequence_is_fine(found) -> None:
    """Transformers apply Dense to each step."""
    sequence = Facts("classification", "integer", (8, 4), classes=10, targets=1)
    assert found(sequence, model=f"- Dense: 3\n- Flatten\n{LAST}") == ()


def test_an_input_of_open_sizes_fits_the_data(found) -> None:
    """`null` in Input's shape takes any size; a size or a number of dimensions that differs is refused."""
    assert found(PICTURE, model=f"- Input: {{shape: [null, 8, 1]}}\n- Flatten\n{LAST}")[0].name == "shape-impossible"
    assert found(PICTURE, model=f"- Input: {{shape: [null, 8, 1]}}\n- GlobalMaxPooling2D\n{LAST}") == ()
    (one,) = found(PICTURE, model=f"- Input: {{shape: [8, 8, 3]}}\n- Flatten\n{LAST}")
    assert (one.name, one.path) == ("input-shape-mismatch", ("model", 0, "Input", "shape"))
    assert "[8, 8, 3]" in one.text
    assert "[8, 8, 1]" in one.text


def test_an_unknown_shape_is_reported_once_with_the_reason(found) -> None:
    """One note names the first layer whose shape is not known."""
    (one,) = found(UNKNOWN, model=f"- Dense: 3\n{LAST}")
    assert (one.name, one.severity, one.path) == ("undecided", "note", ("model", 0, "Dense"))
    assert "the shape of input_layer is not known" in one.text


def test_without_any_facts_there_is_no_finding_about_shapes(found) -> None:
    """Where nothing is known of the data, there is a finding about the data already."""
    assert found(None, model=LAST) == ()


def test_a_stack_that_only_an_unused_stack_uses_is_unused(found) -> None:
    """A stack is used by the model, or by a stack that the model uses."""
    define = "outer: [inner]\ninner: [Flatten]\nused: [through]\nthrough: [Flatten]"
    findings = found(define=define, model="- used\n- Dense: {units: 10, activation: softmax}")
    assert [(one.name, one.path) for one in findings] == [
        ("unused-define", ("define", "outer")),
        ("unused-define", ("define", "inner")),
    ]


def test_a_layer_of_a_stack_that_is_used_somewhere_is_used(found) -> None:
    """A layer of a stack is unused only if no use of the stack needs it."""
    model = """
    layers:
      - use: {stack: block, name: lost}
      - use: {stack: block, from: input}
      - Dense: {units: 10, activation: softmax}
    """
    assert found(define="{block: [{Dense: 4}]}", model=model) == ()


def test_tensors_of_a_call_are_needed(found) -> None:
    """A layer whose output is only an argument of another's call is part of the model."""
    model = """
    layers:
      - Dense: {units: 4, activation: tanh, name: state}
      - Reshape: {from: input, target_shape: [8, 8]}
      - GRU: {units: 4, call: {initial_state: state}}
      - Dense: {units: 10, activation: softmax}
    """
    assert found(model=model) == ()


def test_an_embedding_has_a_row_for_every_token(found) -> None:
    """An embedding with fewer rows than token ids is refused, wherever values are only reordered before it."""
    for before in ("", "- Reshape: [3, 4]\n"):
        (one,) = found(CODES, model=f"{before}- Embedding: {{input_dim: 29, output_dim: 2}}\n- Flatten\n{LAST}")
        assert (one.name, one.path[-1]) == ("embedding-too-small", "input_dim")
        assert "token ids go up to 29" in one.text
    for size in ("30", "40", "$vocabulary"):
        assert found(CODES, model=f"- Embedding: {{input_dim: {size}, output_dim: 2}}\n- Flatten\n{LAST}") == ()


def test_an_embedding_takes_token_ids_only(found) -> None:
    """An embedding of scaled or one-hot tokens is refused."""
    for shape in ((12, 1), (12, 30)):
        facts = Facts("classification", "integer", shape, classes=10, targets=1, vocabulary=30)
        findings = found(facts, model=f"- Embedding: {{input_dim: 30, output_dim: 2}}\n- Flatten\n{LAST}")
        assert [(one.name, one.path) for one in findings] == [("embedding-of-numbers", ("model", 0, "Embedding"))]


def test_an_embedding_of_another_column_than_text_takes_no_tokens(found) -> None:
    """Next to a column of text, only the embedding that takes it needs a row for every token."""
    data = "source: {csv: {file: t.csv}}\nprepare: [{TextVectorization: {columns: [note]}}]"
    for name, names in (("note", ["embedding-too-small"]), ("town", [])):
        model = f"""
        inputs: {{note: [note], town: [town]}}
        layers:
          - Embedding: {{from: {name}, input_dim: 5, output_dim: 2}}
          - Flatten: {{name: flat}}
          - Concatenate: {{from: [flat, note, town]}}
        """
        findings = [one.name for one in found(CODES, data=data, model=model)]
        assert [one for one in findings if one.startswith("embedding")] == names


def test_an_embedding_has_a_row_for_every_category(found) -> None:
    """A column of category numbers, alone or among others, is compared with the embedding that takes it."""
    table = Facts(
        "classification", "integer", (2,), classes=10, targets=1, columns=("town", "n"), categories={"town": 4}
    )
    for rows, names in ((3, ["embedding-too-small"]), (4, [])):
        model = f"- Embedding: {{input_dim: {rows}, output_dim: 2}}\n- Flatten\n{LAST}"
        assert [one.name for one in found(table, model=model)] == names


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("{RandomFlip: horizontal}", (64,), "expects an input of (height, width, channels), 3 dimensions"),
        ("{RandomBrightness: 0.1}", (8, 8), "expects an input of (height, width, channels), 3 dimensions"),
        (
            "{RandomCrop: {height: 4, width: 4}}",
            (8, 8, 3),
            "the model takes examples of [8, 8, 3]",
        ),
        ("{RandomFlip: horizontal}", (8, 8, 3), None),
        ("{GaussianNoise: 0.1}", (64,), None),
    ],
)
def test_augmentation_must_take_and_keep_the_shape_of_examples(found, name: str, shape: tuple, text: str) -> None:
    """A random layer of `augment:` is checked like a layer of the model, and examples keep their shape."""
    facts = Facts("classification", "integer", shape, classes=10, targets=1, rows={"train": 100})
    training = f"loss: sparse_categorical_crossentropy\noptimizer: Adam\naugment: [{name}]"
    model = "- Flatten\n- Dense: {units: 10, activation: softmax}"
    findings = [one for one in found(facts, model=model, training=training) if one.path[1] == "augment"]
    assert [one.name for one in findings] == ["shape-impossible"] * (text is not None)
    assert all(text in one.text for one in findings)


@pytest.mark.parametrize("layer", ["{StringLookup: {vocabulary: [a, b]}}", "TextVectorization"])
def test_layers_of_words_are_refused(found, layer: str) -> None:
    """A model receives numbers, so that a layer that looks words up is an error."""
    findings = found(model=f"- {layer}\n- Flatten\n- Dense: {{units: 10, activation: softmax}}")
    assert "layer-of-text" in [one.name for one in findings]


def test_a_random_crop_in_the_model_is_refused(found) -> None:
    """Keras crops in training alone, and the layers after it would get pictures of two sizes."""
    facts = Facts("classification", "integer", (8, 8, 3), classes=10, targets=1, rows={"train": 100})
    model = "- RandomCrop: {height: 4, width: 4}\n- Flatten\n- Dense: {units: 10, activation: softmax}"
    (one,) = found(facts, model=model)
    assert (one.name, one.hint) == ("cannot-combine", "write CenterCrop, or RandomTranslation under augment")


def test_frozen_layers_with_computed_weights_are_fine(found) -> None:
    """The filters of a Fourier transform, and means and variances, are no random weights."""
    sound = Facts("classification", "integer", (400, 1), classes=10, targets=1)
    spectrogram = "STFTSpectrogram: {frame_length: 64, frame_step: 32, fft_length: 64, trainable: false}"
    rest = f"- BatchNormalization: {{trainable: false}}\n- Flatten\n{LAST}"
    assert found(sound, model=f"- {spectrogram}\n{rest}") == ()
    random = found(sound, model=f"- {spectrogram}\n- Dense: {{units: 3, trainable: false}}\n{rest}")
    assert [one.name for one in random] == ["frozen-layer-random"]
