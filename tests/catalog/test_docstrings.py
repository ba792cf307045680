"""Reading Google-style docstrings as Keras writes them."""

from __future__ import annotations

from nnrun.catalog import docstrings

TYPICAL = """A layer that does a thing. It does more.

    Text with a colon: not an argument.

    Args:
        units: Positive integer, e.g. 8. The size
            of the output.
        beta_1, beta_2: Decay rates.
        axis (int): Which axis.
        `mode`: One of `"a"`, `"b"`. Default: `"a"`.
        **kwargs: Passed on.

    Call arguments:
        mask: Which steps count. The rest is ignored.

    Example:

    not_an_argument: 3
    """


def test_the_summary_is_the_first_sentence() -> None:
    """The summary is one sentence on one line."""
    assert docstrings.summary(TYPICAL) == "A layer that does a thing."
    assert docstrings.summary("One paragraph\n    over two lines.\n\n    More.") == "One paragraph over two lines."
    assert docstrings.summary(None) == ""


def test_arguments_are_read_with_their_first_sentence() -> None:
    """Continued lines belong to the argument, abbreviations do not end its sentence, types in brackets are skipped."""
    assert docstrings.arguments(TYPICAL, "Args") == {
        "units": "Positive integer, e.g. 8.",
        "beta_1": "Decay rates.",
        "beta_2": "Decay rates.",
        "axis": "Which axis.",
        "mode": 'One of `"a"`, `"b"`.',
        "kwargs": "Passed on.",
    }


def test_each_heading_has_its_own_arguments() -> None:
    """Arguments of the call are kept apart from those of the layer."""
    assert docstrings.arguments(TYPICAL, "Call arguments") == {"mask": "Which steps count."}


def test_a_heading_counts_wherever_the_docstring_is_indented() -> None:
    """Keras pastes examples without indentation into docstrings; the arguments under `Args:` are still found."""
    pasted = "    First.\n\n    Args:\n        factor: A number.\n\nexample = 1\n"
    assert docstrings.arguments(pasted, "Args") == {"factor": "A number."}


def test_a_docstring_without_the_heading_has_no_arguments() -> None:
    """Without the heading there are no arguments."""
    assert docstrings.arguments("Only a line.", "Args") == {}
    assert docstrings.arguments(None, "Args") == {}
