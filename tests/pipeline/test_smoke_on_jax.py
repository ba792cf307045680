"""Tests of shipped configs on JAX: each reaches the claims that were measured on TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from nnrun.config.files import shipped_configs

pytestmark = [
    pytest.mark.keras,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'"),
]

#: The tests have one config of each kind of model; all configs take six minutes of a core instead of two.
#: Left out are further convolutions like those of digits_cnn and unet, which are slow on a CPU with XLA, texts, and
#: networks of Dense layers on tables like those of boston_baseline, iris and pima_kfold. transfer_digits has
#: `cache_frozen`, which is of TensorFlow alone.
LEFT_OUT = frozenset(
    """
    autoencoder boston_deeper boston_shuffled boston_standardized boston_wider cifar10_cnn dates energy fashion_cnn
    inception insurance metamorphosis_lstm metamorphosis_lstm_large mnist_best mnist_cnn mnist_cnn_large mnist_mlp
    order_toppings pima pima_holdout resnet20 same_person shakespeare_lstm shakespeare_transformer shape_masks sonar
    transfer_digits
    """.split()  # noqa: SIM905 - names are read more easily as words
)
GATES = ("and", "or", "nand", "xor_perceptron", "xor_mlp")
NAMES = [
    *GATES,
    *sorted(
        name for name in shipped_configs() if name.startswith("smoke/") and name.removeprefix("smoke/") not in LEFT_OUT
    ),
]


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Verify all configs in one process, which starts JAX once, with no other data than those of the packages."""
    home, shipped = tmp_path_factory.mktemp("jax"), shipped_configs()
    for name in NAMES:
        text = f"extends: {shipped[name]}\nbackend: jax\n"
        (home / f"{name.replace('/', '_')}.yaml").write_text(text, encoding="utf-8")
    files = sorted(path.name for path in home.glob("*.yaml"))
    done = subprocess.run(
        [sys.executable, "-m", "nnrun", "verify", "--json", "--data-dir", str(home / "none"), *files],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {Path(config["file"]).stem: config for config in json.loads(done.stdout)["configs"]}


@pytest.mark.parametrize("name", NAMES)
def test_claims_hold_on_jax(verified: dict[str, Any], name: str) -> None:
    """Trained on JAX, with its own random numbers, the figures of a config are within its claims."""
    result = verified[name.replace("/", "_")]
    assert result["status"] == "holds", (result["reason"], result["claims"])
    assert result["claims"]
