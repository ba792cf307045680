"""A model's config as a graph of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.report.model_graph import LayerBox, LayerGraph, read_layer_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]


def _named(graph: LayerGraph) -> dict[str, LayerBox]:
    return {box.name: box for box in graph.boxes}


def _edges(graph: LayerGraph) -> set[tuple[str, str]]:
    return {(graph.boxes[source].name, graph.boxes[target].name) for source, target in graph.edges}


def test_a_sequential_model_is_a_chain(sample: Sample) -> None:
    """Each layer is connected to the one before; input and output are marked."""
    graph = read_layer_graph(sample("chain")["model"], sample("chain")["rows"])
    kinds = [box.kind for box in graph.boxes]
    assert kinds == ["Input", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dense"]
    assert graph.edges == tuple((number, number + 1) for number in range(6))
    assert [box.is_input for box in graph.boxes] == [True] + [False] * 6
    assert [box.is_output for box in graph.boxes] == [False] * 6 + [True]
    assert graph.name == "chain"


def test_boxes_have_arguments_shapes_and_parameters(sample: Sample) -> None:
    """A box has the arguments that differ from the defaults, the shape without the batch axis, and the parameters."""
    boxes = _named(read_layer_graph(sample("chain")["model"], sample("chain")["rows"]))
    assert boxes["edges"] == LayerBox(
        "Conv2D", "edges", ("filters=32", "kernel_size=5\u00d75", "activation=relu"), (24, 24, 32), 832
    )
    assert boxes["half"].arguments == ("pool_size=2\u00d72",)
    assert boxes["drop"].arguments == ("rate=0.2",)
    assert boxes["digits"].arguments == ("units=10", "activation=softmax")
    assert boxes["input_layer"].shape == (28, 28, 1)


def test_branches_are_found_in_the_calls(sample: Sample) -> None:
    """The edges of a functional model are its calls, the shortcut included."""
    edges = _edges(read_layer_graph(sample("branches")["model"]))
    assert edges == {
        ("picture", "stem"),
        ("stem", "one"),
        ("stem", "three_in"),
        ("stem", "five_in"),
        ("stem", "pool"),
        ("stem", "summed"),
        ("three_in", "three"),
        ("five_in", "five"),
        ("pool", "pool_out"),
        ("one", "joined"),
        ("three", "joined"),
        ("five", "joined"),
        ("pool_out", "joined"),
        ("joined", "squeeze"),
        ("squeeze", "summed"),
        ("summed", "average"),
        ("average", "classes"),
    }


def test_shapes_come_from_the_calls_if_there_are_no_rows(sample: Sample) -> None:
    """Without rows, every shape that another layer uses is still known; parameters are not."""
    boxes = _named(read_layer_graph(sample("branches")["model"]))
    assert boxes["joined"].shape == (32, 32, 64)
    assert boxes["joined"].parameters is None
    assert boxes["classes"].shape is None


def test_a_nested_model_is_one_box_and_a_wrapper_shows_its_layer(sample: Sample) -> None:
    """A model within the model is one box that names its layers; a wrapper has its inner layer's arguments."""
    graph = read_layer_graph(sample("two_inputs")["model"], sample("two_inputs")["rows"])
    boxes = _named(graph)
    assert (boxes["encoder"].kind, boxes["encoder"].arguments) == ("Sequential", ("Conv2D", "GlobalMaxPooling2D"))
    assert (boxes["reader"].kind, boxes["reader"].arguments) == ("Bidirectional(LSTM)", ("units=16",))
    assert sum(box.is_input for box in graph.boxes) == 3
    assert {box.name for box in graph.boxes if box.is_output} == {"price", "sold"}


def test_a_big_nested_model_is_counted(sample: Sample) -> None:
    """A nested model of many layers shows their number."""
    outer = {"class_name": "Sequential", "config": {"name": "outer", "layers": [sample("chain")["model"]]}}
    assert read_layer_graph(outer).boxes[0].arguments == ("6 layers",)
    assert read_layer_graph(outer).boxes[0].name == "chain"


def test_each_call_of_a_shared_layer_is_a_box(sample: Sample) -> None:
    """A layer called twice is two boxes, so the graph is acyclic; a tensor used twice is one edge."""
    graph = read_layer_graph(sample("attention_model")["model"])
    assert _edges(graph) == {
        ("x", "shared (call 1)"),
        ("x", "attention"),
        ("shared (call 1)", "residual"),
        ("attention", "residual"),
        ("residual", "shared (call 2)"),
    }
    assert {box.name for box in graph.boxes if box.is_output} == {"shared (call 2)"}


def test_a_layer_with_several_outputs_has_the_shape_of_the_first() -> None:
    """The shape of a recurrent layer that also returns its states is that of its first output."""

    def tensor(output: int, shape: list[int | None]) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": ["read", 0, output]}}

    def layer(kind: str, name: str, *inputs: dict[str, Any]) -> dict[str, Any]:
        nodes = [{"args": [list(inputs)], "kwargs": {}}] if inputs else []
        return {"class_name": kind, "name": name, "config": {"name": name}, "inbound_nodes": nodes}

    layers = [layer("LSTM", "read"), layer("Join", "join", tensor(0, [None, 5, 4]), tensor(1, [None, 4]))]
    graph = read_layer_graph(
        {
            "class_name": "Functional",
            "config": {"name": "m", "layers": layers, "input_layers": [], "output_layers": [["join", 0, 0]]},
        }
    )
    assert _named(graph)["read"].shape == (5, 4)
    assert _edges(graph) == {("read", "join")}


def test_a_model_without_layers_in_its_config_is_one_box() -> None:
    """A user's subclass of Model, whose config does not list its layers, is a single box."""
    graph = read_layer_graph({"class_name": "MyModel", "config": {"name": "mine", "units": 3}})
    assert graph.boxes == (LayerBox("MyModel", "mine", ("units=3",)),)


def test_values_are_short() -> None:
    """A nested object is shown by its class, a function by its name, booleans in lower case, sizes joined."""
    arguments = {
        "kernel_size": [3, 5],
        "strides": [1, 1],
        "activation": {"class_name": "LeakyReLU", "config": {}},
        "return_sequences": True,
        "axis": [1, 2],
        "padding": "same",
        "rate": 0.1 + 0.2,
    }
    box = read_layer_graph({"class_name": "X", "config": {"name": "x", **arguments}}).boxes[0]
    assert box.arguments == (
        "kernel_size=3\u00d75",
        "padding=same",
        "axis=1\u00d72",
        "rate=0.3",
        "return_sequences=true",
        "activation=LeakyReLU",
    )
    function = {"class_name": "function", "config": "gelu", "module": "builtins"}
    box = read_layer_graph({"class_name": "X", "config": {"name": "x", "activation": function}}).boxes[0]
    assert box.arguments == ("activation=gelu",)
