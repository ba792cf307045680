"""The smoke versions of the shipped configs: one for each, without a download, with a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.config.files import shipped_configs
from nnrun.pipeline.check import examine

CONFIGS = shipped_configs()
SMOKE = sorted(name for name in CONFIGS if name.startswith("smoke/"))
#: Configs with four rows, which need no smoke version.
GATES = {"and", "or", "nand", "xor_perceptron", "xor_mlp"}
#: Configs of generated data or data of packages, each with one of the same kind that has a smoke version.
ALIKE = {
    # Its extra has an environment of its own, where tests train such models.
    "digits_vit": "digits_cnn",
    "film_reviews": "sms_spam",
    "order_prices": "insurance",
    "order_tags": "tagger",
    "shape_denoising": "unet",
    "shape_enlarging": "unet",
    "unusual_beats": "autoencoder",
}


def test_every_config_has_a_smoke_version() -> None:
    """Every shipped config, or one of the same kind, has a version that runs offline in seconds."""
    families = {name.removeprefix("architectures/") for name in CONFIGS if not name.startswith("smoke/")}
    smoke = {name.removeprefix("smoke/") for name in SMOKE}
    assert families - GATES - ALIKE.keys() <= smoke
    assert {*ALIKE.values()} <= smoke
    assert not ALIKE.keys() & smoke
    assert all(examine(CONFIGS[name], (), None).experiment.expect for name in ALIKE)


@pytest.mark.parametrize("name", SMOKE)
def test_a_smoke_version_needs_no_data_and_claims_something(name: str, tmp_path: Path) -> None:
    """A smoke config needs no download, and has an `expect:` for `nnrun verify`."""
    examined = examine(CONFIGS[name], (), tmp_path)
    assert {problem.name for problem in examined.problems} <= {"test-part-watched", "undecided"}
    assert examined.experiment.expect
    assert examined.experiment.name == name.replace("/", "_")
