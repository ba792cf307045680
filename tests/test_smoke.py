"""The smoke versions of the shipped configs: one for each, without a download, held to a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.config.files import shipped_configs
from nnrun.pipeline.check import examine

CONFIGS = shipped_configs()
SMOKE = sorted(name for name in CONFIGS if name.startswith("smoke/"))
#: Four rows each: they are their own smoke versions, beside smoke/perceptron.
GATES = {"and", "or", "nand", "xor_perceptron", "xor_mlp"}


def test_every_config_has_a_smoke_version() -> None:
    """What is shipped can be tried offline in seconds, architectures by their own name."""
    families = {name.removeprefix("architectures/") for name in CONFIGS if not name.startswith("smoke/")}
    assert families - GATES <= {name.removeprefix("smoke/") for name in SMOKE}


@pytest.mark.parametrize("name", SMOKE)
def test_a_smoke_version_needs_no_data_and_claims_something(name: str, tmp_path: Path) -> None:
    """With an empty data folder nothing is to be downloaded, and `nnrun verify` has something to verify."""
    examined = examine(CONFIGS[name], (), tmp_path)
    assert {problem.name for problem in examined.problems} <= {"test-part-watched"}
    assert examined.experiment.expect
    assert examined.experiment.name == name.replace("/", "_")
