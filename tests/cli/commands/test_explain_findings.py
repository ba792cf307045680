"""The command `nnrun explain` for findings, and `nnrun check --build`."""

from __future__ import annotations

import json

from nnrun.spec.findings.explanations import EXPLANATIONS


def test_a_finding_is_explained(invoke) -> None:
    """The severity, the meaning, how to switch it off, and a wrong and a right example are shown."""
    shown = invoke("explain", "batch-larger-than-data").stdout
    assert shown.startswith("batch-larger-than-data  (warning)\n")
    assert "silence: [batch-larger-than-data]" in shown
    assert "# wrong" in shown
    assert "# right" in shown


def test_errors_cannot_be_switched_off(invoke) -> None:
    """The explanation of an error does not mention `silence`."""
    assert "silence" not in invoke("explain", "shape-impossible").stdout


def test_a_finding_as_json(invoke) -> None:
    """The document holds what the screen shows."""
    document = json.loads(invoke("explain", "undecided", "--json").stdout)
    assert (document["name"], document["severity"], document["wrong"]) == (
        "undecided",
        "note",
        EXPLANATIONS["undecided"].wrong,
    )


def test_a_misspelt_finding_gets_the_nearest(invoke) -> None:
    """An unknown name is refused with the nearest one."""
    result = invoke("explain", "monitor-unknwn")
    assert result.exit_code == 1
    assert "Did you mean 'monitor-unknown'?" in result.stderr


def test_build_is_an_option_of_check(invoke) -> None:
    """Where the rules decide everything, `--build` prints what `check` prints."""
    plain, built = invoke("check", "tiny.yaml"), invoke("check", "--build", "tiny.yaml")
    assert (built.exit_code, built.stdout) == (plain.exit_code, plain.stdout)
