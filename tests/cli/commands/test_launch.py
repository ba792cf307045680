"""`nnrun launch`: what is refused before a process starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

CONFIG = """\
backend: jax
data: {source: digits, split: {validation: 0.1}}
model: [Flatten, {Dense: 10}]
training: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}, optimizer: SGD, batch_size: 32}
"""


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (CONFIG, ["--workers", "1"], "1 is not in the range x>=2"),
        (CONFIG, ["--workers", "2", "--resume", "last"], "expected a config, or --resume RUN"),
        (CONFIG, ["--workers", "3"], "a batch of 32 rows cannot be divided evenly over 3 devices"),
        (CONFIG.replace("jax", "tensorflow"), ["--workers", "2"], "several processes need JAX"),
        (
            CONFIG + "distribution: {data_parallel: 4}\n",
            ["--workers", "3"],
            "tiny.yaml:5:16: error: 4 devices cannot be divided over 3 processes",
        ),
        (CONFIG + "distribution: {data_parallel: 1}\n", ["--workers", "2"], "expected an integer of at least 2"),
    ],
)
def test_what_cannot_be_launched_is_refused(
    invoke: Callable[..., Result], workdir: Path, text: str, words: list[str], message: str
) -> None:
    """The config is checked before any process starts, and each mistake has its place."""
    (workdir / "tiny.yaml").write_text(text)
    done = invoke("launch", "tiny.yaml", *words)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert not (workdir / "runs").exists()
