"""Targets of numbers are within reach of the outputs, and of a size that they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.pipeline.check import examine
from nnrun.spec.output_bounds import ACTIVATION_BOUNDS

CODES = ("target-out-of-range", "target-partly-out-of-range", "target-scale")


def check(folder: Path, targets: object, last: str, loss: str = "mse", optimizer: str = "Adam", more: str = "") -> list:
    """Return the findings about the values of the targets of a table whose output ends with these layers."""
    y = np.asarray(targets, dtype="float64")
    np.savez(folder / "d.npz", x=np.zeros((len(y), 2)), y=y)
    (folder / "x.yaml").write_text(
        f"data: {{source: {{npz: {{file: d.npz}}}}}}\nmodel: [{last}]\n"
        f"training: {{loss: {loss}, optimizer: {optimizer}, batch_size: 2{more}}}\n"
    )
    return [one for one in examine(folder / "x.yaml", (), None).problems if one.name in CODES]


PRICES = [1100.0, 9000.0, 63770.0]


@pytest.mark.parametrize(
    ("targets", "activation", "code", "text"),
    [
        (PRICES, "sigmoid", "target-out-of-range", "1100 to 63770, but sigmoid has values between 0 and 1"),
        (PRICES, "tanh", "target-out-of-range", "tanh has values between -1 and 1"),
        ([-3.0, -2.0, -1.0], "relu", "target-out-of-range", "-3 to -1, but relu has no value below 0"),
        ([-3.0, 2.0, 7.0], "relu", "target-partly-out-of-range", "relu has no value below 0"),
        ([-1.5, 0.2, 1.5], "tanh", "target-partly-out-of-range", "tanh has values between -1 and 1"),
        ([3.0, 2.0, 1.0], "log_sigmoid", "target-out-of-range", "log_sigmoid has no value above 0"),
        ([3.0, 7.0, 9.0], "relu6", "target-out-of-range", "relu6 has values between 0 and 6"),
        ([-3.0, 0.0, 4.0], "elu", "target-partly-out-of-range", "elu has no value below -1"),
        ([0.0, 0.5, 1.0], "sigmoid", None, ""),
        ([-1.0, 0.5, 1.0], "tanh", None, ""),
        ([0.0, 2.0, 5.0], "softplus", None, ""),
        ([-3.0, 2.0, 7.0], "linear", None, ""),
        ([-3.0, 2.0, 7.0], "leaky_relu", None, ""),
    ],
)
def test_values_that_an_activation_cannot_reach(
    tmp_path: Path, targets: list, activation: str, code: str | None, text: str
) -> None:
    """An error where the mean is out of reach, a warning where single values are."""
    found = check(tmp_path, targets, f"{{Dense: {{units: 1, activation: {activation}}}}}")
    assert [one.name for one in found] == ([code] if code else [])
    assert text in "".join(one.text for one in found)


@pytest.mark.parametrize(
    "activation", sorted(set(ACTIVATION_BOUNDS) - {"prelu", "softmax", "sparsemax", "glu", "threshold"})
)
@given(st.lists(st.floats(-9, 9), min_size=3, max_size=6, unique=True))
@settings(max_examples=10, deadline=None)
def test_the_rule_over_all_activations(
    tmp_path_factory: pytest.TempPathFactory, activation: str, targets: list[float]
) -> None:
    """A finding stands exactly where a value is outside of the bounds, an error where the mean is."""
    bounds = ACTIVATION_BOUNDS[activation]
    found = check(tmp_path_factory.mktemp("x"), targets, f"{{Dense: {{units: 1, activation: {activation}}}}}")
    names = [one.name for one in found if one.name != "target-scale"]
    if all(bounds.low <= one <= bounds.high for one in targets):
        assert names == []
    elif any(one < bounds.low - 0.1 or one > bounds.high + 0.1 for one in targets):
        inside = bounds.low <= float(np.mean(targets)) <= bounds.high
        assert names == ["target-partly-out-of-range" if inside else "target-out-of-range"]


def test_the_hint_brings_the_target_into_reach(tmp_path: Path) -> None:
    """The `Rescaling` that the hint writes has bounds from the least to the largest target."""
    last = "{Dense: {units: 1, activation: sigmoid}}"
    (found,) = check(tmp_path, PRICES, last)
    assert found.hint == "leave out the activation, or put `Rescaling: {scale: 62670, offset: 1100}` after it"
    line = found.hint.split("`")[1]
    assert check(tmp_path, PRICES, f"{last}, {{{line}}}") == []


@pytest.mark.parametrize("loss", ["cosine_similarity", "CosineSimilarity"])
def test_losses_that_do_not_compare_sizes(tmp_path: Path, loss: str) -> None:
    """A cosine is the same for vectors of any length."""
    y = np.random.default_rng(0).normal(500, 200, (9, 2))
    assert check(tmp_path, y, "{Dense: {units: 2, activation: tanh}}", loss) == []


def test_several_columns_name_the_one_that_is_missed(tmp_path: Path) -> None:
    """Of two columns that one loss compares, the one out of reach is named."""
    y = np.column_stack([np.linspace(0.1, 0.9, 9), np.linspace(5, 9, 9)])
    (found,) = check(tmp_path, y, "{Dense: {units: 2, activation: sigmoid}}")
    assert "the target 'target 1' is 5 to 9" in found.text


@pytest.mark.parametrize(
    ("mean", "deviation", "warned"),
    [
        (2e-4, 1e-4, True),
        (0.0, 0.02, True),
        (0.0, 0.1, False),
        (2.0, 1.0, False),
        (22.0, 9.0, False),
        (150.0, 77.0, False),
        (280.0, 120.0, True),
        (2000.0, 10.0, True),
        (20.0, 0.15, True),
        (1.3e4, 1.2e4, True),
        (1e6, 1e6, True),
        (5.0, 0.0, False),
    ],
)
def test_the_size_of_a_target(tmp_path: Path, mean: float, deviation: float, warned: bool) -> None:
    """Reported are standard deviations outside of 0.05 to 100, and means beyond 1,000 or 100 standard deviations."""
    y = mean + deviation * np.array([-1.0, 1.0] * 5)
    found = check(tmp_path, y, "{Dense: 1}")
    assert [one.name for one in found] == ["target-scale"] * warned
    for one in found:
        assert one.severity == "warning"
        line = one.hint.split("`")[3]
        assert one.hint.startswith("write `prepare_target: [StandardScaler]` under data")
        assert yaml.safe_load(line)["Rescaling"] == pytest.approx({"scale": deviation, "offset": mean}, rel=1e-3)
        assert check(tmp_path, y, f"{{Dense: 1}}, {{{line}}}") == []


def test_an_exponential_output_follows_any_size(tmp_path: Path) -> None:
    """Its input is the logarithm of the target."""
    y = np.array([1e4, 3e4, 5e4])
    assert check(tmp_path, y, "{Dense: {units: 1, activation: exponential}}", "poisson") == []


@pytest.mark.parametrize(
    ("optimizer", "hint"),
    [
        ("Adam", "after the last layer, and write Adam: {epsilon: 1e-12}"),
        ("RMSprop", "after the last layer, and write RMSprop: {epsilon: 1e-12}"),
        ("SGD", "after the last layer, and write optimizer: Adam"),
    ],
)
def test_a_tiny_target_needs_an_optimizer_that_steps_by_its_gradients_sign(
    tmp_path: Path, optimizer: str, hint: str
) -> None:
    """Behind a small scale gradients are as small as Adam's epsilon."""
    (found,) = check(tmp_path, 1e-4 * np.array([-1.0, 1.0] * 5), "{Dense: 1}", optimizer=optimizer)
    assert found.hint.endswith(hint)


AUTOENCODER = """
data: {source: digits, prepare: [PREPARE]}
model:
  inputs: {picture: $image}
  layers:
    - Flatten
    - Dense: {units: 64, activation: sigmoid}
    - Reshape: {target_shape: [8, 8], name: again}
  outputs: {again: {target: $image, loss: mse}}
training: {optimizer: Adam}
"""


@pytest.mark.parametrize(
    ("steps", "codes"),
    [("", ["target-out-of-range"]), ("{Rescale: 16}", []), ("{Rescale: 4}", ["target-out-of-range"])],
)
def test_pictures_that_an_autoencoder_cannot_reach(tmp_path: Path, steps: str, codes: list[str]) -> None:
    """The range of pictures is known from the source and the steps."""
    (tmp_path / "x.yaml").write_text(AUTOENCODER.replace("PREPARE", steps))
    found = [one.name for one in examine(tmp_path / "x.yaml", (), None).problems]
    assert found == codes


@pytest.mark.parametrize(("step", "codes"), [("StandardScaler", ["target-partly-out-of-range"]), ("MinMaxScaler", [])])
def test_arrays_that_an_autoencoder_cannot_reach(tmp_path: Path, step: str, codes: list[str]) -> None:
    """Few numbers are read and prepared, whatever the steps make of them."""
    np.savez(tmp_path / "a.npz", x=np.arange(80.0).reshape(20, 4), y=np.arange(20) % 2)
    config = f"""
data: {{source: {{npz: {{file: a.npz}}}}, prepare: [{step}]}}
model:
  inputs: {{x: $input}}
  layers: [{{Dense: {{units: 4, activation: sigmoid, name: again}}}}]
  outputs: {{again: {{target: $input, loss: mse}}}}
training: {{optimizer: Adam, batch_size: 8}}
"""
    (tmp_path / "x.yaml").write_text(config)
    assert [one.name for one in examine(tmp_path / "x.yaml", (), None).problems] == codes


@pytest.mark.parametrize("window", [None, 2])
def test_steps_of_the_target_are_proposed_for_windows_too(tmp_path: Path, window: int | None) -> None:
    """The hint of a target far from 0 and 1 is a line that can be written."""
    rows = "\n".join(str(1000 + 50 * (row % 7)) for row in range(60))
    (tmp_path / "t.csv").write_text(f"y\n{rows}\n" if window else "x,y\n" + rows.replace("\n", ",1100\n") + ",900\n")
    windows = f", window: {window}" if window else ""
    (tmp_path / "x.yaml").write_text(f"""
data: {{source: {{csv: {{file: t.csv, target: y{windows}}}}}, split: {{test: 0.2}}}}
model: [Flatten, {{Dense: 1}}]
training: {{loss: mse, optimizer: Adam, batch_size: 8}}
""")
    (found,) = [one for one in examine(tmp_path / "x.yaml", (), None).problems if one.name == "target-scale"]
    assert found.hint.startswith("write `prepare_target: [StandardScaler]` under data")
    mended = (tmp_path / "x.yaml").read_text().replace("split:", "prepare_target: [StandardScaler], split:")
    (tmp_path / "x.yaml").write_text(mended)
    assert not examine(tmp_path / "x.yaml", (), None).problems
