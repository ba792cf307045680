"""`nnrun explain` of a finding's name, and `nnrun check --build`."""

from __future__ import annotations

import json

from nnrun.spec.findings.explanations import EXPLANATIONS


def test_a_finding_is_looked_up_by_name(say) -> None:
    """The severity, the meaning, how to silence it, and an example of wrong and right."""
    told = say("explain", "batch-larger-than-data").stdout
    assert told.startswith("batch-larger-than-data  (warning)\n")
    assert "silence: [batch-larger-than-data]" in told
    assert "# wrong" in told
    assert "# right" in told


def test_errors_offer_no_silence(say) -> None:
    """What cannot run cannot be silenced."""
    assert "silence" not in say("explain", "shape-impossible").stdout


def test_a_finding_is_told_as_json(say) -> None:
    """Scripts get the same as the screen."""
    told = json.loads(say("explain", "undecided", "--json").stdout)
    assert (told["name"], told["severity"], told["wrong"]) == ("undecided", "note", EXPLANATIONS["undecided"].wrong)


def test_a_misspelt_finding_is_told_the_nearest(say) -> None:
    """An unknown name is refused with the one that was probably meant."""
    result = say("explain", "monitor-unknwn")
    assert result.exit_code == 1
    assert "Did you mean 'monitor-unknown'?" in result.stderr


def test_build_is_an_option_of_check(say) -> None:
    """Where the rules decide everything, `--build` says what `check` says."""
    plain, built = say("check", "tiny.yaml"), say("check", "--build", "tiny.yaml")
    assert (built.exit_code, built.stdout) == (plain.exit_code, plain.stdout)
