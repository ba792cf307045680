"""Keras models as configs that compile to the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.config import document as documents
from nnrun.config.dump import dump
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model.to_config.calls import Ref
from nnrun.engine.model.to_config.compare import ModelComparison
from nnrun.engine.model.to_config.convert import convert, prove
from nnrun.engine.model.to_config.repeats import Block, WrittenLayer, fold
from nnrun.errors import RunError
from nnrun.spec.experiment import validate

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def keras() -> Any:
    """Start Keras once for all models."""
    return start_keras(BackendSettings(seed=7))


def _written(keras: Any, model: Any) -> tuple[dict[str, Any], ModelComparison]:
    """Write a model, and compare what the config compiles to with it."""
    compiled = model.get_compile_config() if model.compiled else None
    converted = convert(keras, model, compiled)
    training = {"loss": "mean_squared_error", "optimizer": "Adam", **converted.training}
    prepare = {"prepare": converted.prepare} if converted.texts else {}
    source = {"csv": {"file": "x.csv"}} if converted.texts else "digits"
    data = {"name": "x", "data": {"source": source, **prepare}, **converted.sections, "training": training}
    document = documents.parse(dump(data), "x.yaml")
    return document.data, prove(keras, model, converted, validate(document), document.key_mark)


def _residual(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(start)
    for _ in range(3):
        y = layers.BatchNormalization()(x)
        y = layers.Conv2D(4, (3, 3), padding="same", kernel_regularizer=keras.regularizers.L2(1e-4))(y)
        x = layers.Add()([x, y])
    return keras.Model(start, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def _siamese(keras: Any) -> Any:
    layers = keras.layers
    tower = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3)], name="tower")
    last = layers.Dense(2, name="last")
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    one, other = tower(a), tower(b)
    x = layers.Concatenate()([layers.Subtract()([one, other]), last(one), last(other)])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid", name="same")(x))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def _two_by_two(keras: Any) -> Any:
    layers = keras.layers
    picture, facts = keras.Input((6, 6, 1), name="picture"), keras.Input((5,), name="facts")
    x = layers.Flatten()(layers.Conv2D(2, 3)(picture))
    x = layers.Concatenate()([x, layers.Dense(4)(facts)])
    outputs = [layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, name="price")(x)]
    model = keras.Model([picture, facts], outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "price": keras.losses.MeanSquaredError(reduction="sum")}
    model.compile("rmsprop", losses, metrics={"kind": ["accuracy"]}, loss_weights={"price": 0.5})
    return model


def _transformer(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((10,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(start)
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
        x = x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
    return keras.Model(start, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def _translation(keras: Any) -> Any:
    layers = keras.layers
    source, target = keras.Input((None,), name="source"), keras.Input((None,), name="target")
    _, *states = layers.LSTM(5, return_state=True)(layers.Embedding(20, 4)(source))
    x = layers.LSTM(5, return_sequences=True)(layers.Embedding(20, 4)(target), initial_state=states)
    return keras.Model([source, target], layers.Dense(20, activation="softmax")(x))


def _operations(keras: Any) -> Any:
    ops, start = keras.ops, keras.Input((6, 4))
    x = ops.where(start > 0.1, start * 2.0, 1.0 / (1.0 + ops.exp(start)))
    y = ops.concatenate([x[:, 1:-1], x[:, ::2], x[:, -1:]], axis=1)
    y = ops.einsum("bij,bkj->bik", y, y)
    y = ops.expand_dims(y[:, 0], 1) + ops.mean(y, axis=2, keepdims=False)[:, None]
    return keras.Model(start, keras.layers.Dense(2)(ops.max(y, axis=1)))


def _video(keras: Any) -> Any:
    layers = keras.layers
    frame = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    stack = [keras.Input((3, 6, 6, 1)), layers.TimeDistributed(frame), layers.Bidirectional(layers.GRU(3))]
    return keras.Sequential([*stack, layers.Dense(2)])


def _transfer(keras: Any) -> Any:
    layers = keras.layers
    base = keras.Sequential([keras.Input((4,)), layers.Dense(6), layers.BatchNormalization()], name="base")
    base.trainable = False
    start = keras.Input((4,))
    return keras.Model(start, layers.Dense(1, name="head")(layers.Dropout(0.2)(base(start, training=False))))


def _texts(keras: Any) -> Any:
    layers = keras.layers
    words = layers.TextVectorization(output_sequence_length=5)
    words.adapt(["a red fox", "the blue dog runs", "the fox"])
    return keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(12, 3), layers.LSTM(2)])


def _mixed(keras: Any) -> Any:
    dense = keras.layers.Dense
    stack = [dense(4, dtype="mixed_bfloat16"), dense(4, dtype="mixed_bfloat16"), dense(2, dtype="float32")]
    return keras.Sequential([keras.Input((6,)), *stack])


def _scaled_sum(keras: Any) -> Any:
    private = keras.src.applications.inception_resnet_v2.CustomScaleLayer
    start = keras.Input((4,))
    x = keras.layers.Dense(4)(start)
    x = private(0.17)([x, keras.layers.Dense(4)(x)])
    return keras.Model(start, keras.layers.Dense(1)(private(scale=0.2)([x, start])))


MODELS = [
    _scaled_sum,
    _residual,
    _siamese,
    _two_by_two,
    _transformer,
    _translation,
    _operations,
    _video,
    _transfer,
    _texts,
    _mixed,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__.strip("_"))
def test_a_config_compiles_to_the_same_model(keras: Any, make: Any) -> None:
    """With as many parameters, and with the same weights the same outputs to the last bit."""
    data, comparison = _written(keras, make(keras))
    assert comparison.difference == 0
    assert comparison.scale > 0
    assert comparison.parameters == comparison.compiled
    assert comparison.equal
    keras.config.set_dtype_policy("float32")
    assert "kernel_initializer" not in dump(data)


@pytest.mark.parametrize("shapes", [((5, 3), (6, 3)), ((15,), (6, 3)), ((6, 3), (15,)), ((2, 3), (2, 3), (2, 3))])
@pytest.mark.parametrize("first", [0, 1])
def test_inputs_of_any_shapes_are_taken_in_any_order(keras: Any, shapes: Any, first: int) -> None:
    """Whichever input is taken first, and whichever gets its shape from a layer of its own; repeated layers too."""
    layers = keras.layers
    inputs = [keras.Input(shape) for shape in shapes]
    taken = [*inputs[first:], *inputs[:first]]
    ends = []
    for one in taken:
        x = one
        for _ in range(3):
            x = layers.Dense(x.shape[-1], activation="tanh")(x)
        ends.append(layers.Flatten()(x))
    _, comparison = _written(keras, keras.Model(inputs, layers.Dense(2)(layers.Concatenate()(ends))))
    assert (comparison.difference, comparison.equal) == (0, True)


def test_states_of_fixed_inputs_start_another_layer(keras: Any) -> None:
    """An encoder's states start the decoder, as in keras.io's example of translation, with inputs of fixed sizes."""
    layers = keras.layers
    source, target = keras.Input((5, 3)), keras.Input((6, 3))
    _, *states = layers.LSTM(4, return_state=True)(source)
    x = layers.LSTM(4, return_sequences=True)(target, initial_state=states)
    _, comparison = _written(keras, keras.Model([source, target], layers.Dense(3, activation="softmax")(x)))
    assert (comparison.difference, comparison.equal) == (0, True)


@pytest.mark.parametrize("stateful", [False, True])
def test_a_batch_size_stays_only_where_it_matters(keras: Any, stateful: bool) -> None:
    """A stack that was first called on one row has one as its batch size by chance; a stateful layer needs one."""
    model = keras.Sequential([keras.layers.GRU(3, stateful=stateful), keras.layers.Dense(2)])
    model(np.ones((4, 5, 2), "float32"))
    converted = convert(keras, model, None)
    assert converted.sections["model"][0]["Input"].get("batch_size") == (4 if stateful else None)


def test_a_small_backbone_of_keras(keras: Any) -> None:
    """A model of `keras.applications` is taken apart."""
    model = keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25, classes=5)
    _, comparison = _written(keras, model)
    assert (comparison.difference, comparison.equal) == (0, True)


def test_what_repeats_itself_is_written_once(keras: Any) -> None:
    """Blocks that differ in nothing become a `repeat`."""
    data, _ = _written(keras, _residual(keras))
    (repeat,) = [one["repeat"] for one in data["model"] if isinstance(one, dict) and "repeat" in one]
    assert repeat["times"] == 3
    assert repeat["layers"][0] == "BatchNormalization"
    assert repeat["layers"][-1]["Add"]["from"][0] == "input"


def test_layers_that_are_taken_from_outside_are_not_folded() -> None:
    """A block whose inside another layer takes stays as it is."""
    layers = [WrittenLayer(index, "Dense", {"units": 8 + index % 2}, (Ref(index - 1),)) for index in range(8)]
    users = {index: [index + 1] for index in range(7)}
    (block,) = fold(layers, users)
    assert isinstance(block, Block)
    assert (block.times, len(block.items)) == (4, 2)
    users[2] = [3, 7]
    assert all(not isinstance(one, Block) or one.times < 4 for one in fold(layers, users))


def test_shared_layers_are_stacks_that_share_their_weights(keras: Any) -> None:
    """A model and a layer that are applied twice are in `define:`."""
    data, _ = _written(keras, _siamese(keras))
    assert data["define"] == {"tower": [{"Dense": {"units": 4, "activation": "relu"}}, {"Dense": 3}],
                              "last": [{"Dense": 2}]}  # fmt: skip
    assert sum("use" in one for one in data["model"]["layers"]) == 4
    assert data["training"] == {"loss": "binary_crossentropy", "optimizer": {"Adam": {"learning_rate": 0.01}},
                                "metrics": ["accuracy"]}  # fmt: skip


def test_outputs_have_their_losses_weights_and_metrics(keras: Any) -> None:
    """Several outputs say what each is compared with; a picture among several inputs is made of columns."""
    data, _ = _written(keras, _two_by_two(keras))
    assert data["model"]["outputs"] == {
        "kind": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        "price": {"loss": {"MeanSquaredError": {"reduction": "sum"}}, "weight": 0.5},
    }
    assert data["model"]["layers"][0]["Reshape"]["target_shape"] == [6, 6, 1]
    assert data["training"]["optimizer"] == "RMSprop"


def test_adapted_state_becomes_arguments(keras: Any) -> None:
    """The mean and the variance of Normalization, and the words of TextVectorization."""
    layers = keras.layers
    scale = layers.Normalization()
    scale.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32"))
    data, comparison = _written(keras, keras.Sequential([keras.Input((4,)), scale, layers.Dense(1)]))
    assert len(data["model"][1]["Normalization"]["mean"]) == 4
    assert (comparison.parameters, comparison.adapted, comparison.equal) == (14, 9, True)
    stack = [keras.Input((2,)), layers.Discretization([0.0, 1.5]), layers.CategoryEncoding(3), layers.Dense(1)]
    data, comparison = _written(keras, keras.Sequential(stack))
    assert (data["model"][1]["Discretization"], comparison.equal) == ([0.0, 1.5], True)
    codes = layers.IntegerLookup(vocabulary=[3, 5, 9])
    data, comparison = _written(
        keras, keras.Sequential([keras.Input((1,), dtype="int32"), codes, layers.Embedding(4, 2)])
    )
    assert (data["model"][1]["IntegerLookup"], comparison.equal) == ({"vocabulary": [3, 5, 9]}, True)


def _lambda(keras: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2, name="double")])


def _subclassed(keras: Any) -> Any:
    class Mine(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    return keras.Sequential([keras.Input((4,)), Mine(name="double")])


def _never_built(keras: Any) -> Any:
    return keras.Sequential([keras.layers.Dense(2)], name="double")


def _shared_attention(keras: Any) -> Any:
    attention = keras.layers.MultiHeadAttention(1, 2, name="double")
    a, b = keras.Input((3, 2)), keras.Input((3, 2))
    return keras.Model([a, b], [attention(a, b), attention(b, a)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_lambda, r"layer 'double' \(Lambda\) is Python code"),
        (_subclassed, r"layer 'double' \(Mine\) is Python code"),
        (_never_built, "'double' was never built"),
        (_shared_attention, r"layer 'double' \(MultiHeadAttention\) is applied several times and takes several"),
    ],
)
def test_what_no_config_can_say_is_refused_by_name(keras: Any, make: Any, message: str) -> None:
    """The layer is named, and what is wrong with it."""
    with pytest.raises(RunError, match=message):
        convert(keras, make(keras), None)


def test_another_model_is_not_taken_for_the_same(keras: Any) -> None:
    """A config with another activation, which has as many parameters, is found out by its outputs."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(2)])
    converted = convert(keras, model, None)
    text = dump({"name": "x", "data": {"source": "digits"}, **converted.sections, "training": {"loss": "mse",
                 "optimizer": "Adam"}}).replace("tanh", "relu")  # fmt: skip
    document = documents.parse(text, Path("x.yaml"))
    comparison = prove(keras, model, converted, validate(document), document.key_mark)
    assert comparison.parameters == comparison.compiled
    assert not comparison.equal
