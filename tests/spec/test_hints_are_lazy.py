"""Hints cost nothing where nothing is wrong."""

from __future__ import annotations

import subprocess
import sys


def test_a_valid_config_loads_no_hints() -> None:
    """`check` of a config without mistakes imports none of the modules of hints."""
    code = (
        "import sys; from pathlib import Path; from nnrun.pipeline.check import examine; "
        "from nnrun.config.files import shipped_configs; "
        "[examine(shipped_configs()[name], (), None) for name in ('digits_mlp', 'iris')]; "
        "names = ('spec.key_hints', 'spec.part_hints', 'spec.value_hints', 'spec.words', 'catalog.other_names'); "
        "print([name for name in names if f'nnrun.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
