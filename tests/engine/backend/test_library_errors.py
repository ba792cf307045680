"""What errors of Keras, TensorFlow and JAX say."""

from __future__ import annotations

from nnrun.engine.backend.library_errors import library_message


def test_messages_of_a_graph_are_its_own_sentences() -> None:
    """Terminal codes, places inside TensorFlow and names of operations are left out."""
    text = (
        "Graph execution error:\n\nDetected at node m_1/e/GatherV2 defined at (most recent call last):\n"
        "<stack traces unavailable>\n\x1b[1mindices[0,0] = 6 is not in [0, 2)\x1b[0m\n"
        "\t [[{{node m_1/e/GatherV2}}]] [Op:__inference_program_8520]"
    )
    assert library_message(ValueError(text)) == "indices[0,0] = 6 is not in [0, 2)"
