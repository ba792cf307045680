"""What is read of the JSON files of a run folder."""

from __future__ import annotations

from nnrun.runs.documents import score_at


def test_figures_are_found_by_dotted_paths() -> None:
    """A path goes through mappings and lists, also through a class whose name contains dots, to a number."""
    scores = {"test": {"errors": 3, "loss": "nan", "ok": True, "per_class": {"1.5": {"f1": 0.5}}, "interval": [1, 2]}}
    assert score_at(scores, "test.errors") == 3
    assert score_at(scores, "test.per_class.1.5.f1") == 0.5
    assert score_at(scores, "test.interval.1") == 2
    for path in ("test", "test.loss", "test.ok", "test.interval.2", "test.interval.x", "none.errors", "test.errors.x"):
        assert score_at(scores, path) is None, path
