"""`nnrun explain-run` on texts: made ones, of which one word carries the class."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.explain_pictures import PictureOptions
from nnrun.pipeline.explain_run import explain_run
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import make_report
from nnrun.runs.folder import RunFolder
from nnrun.runs.importance import strongest_words

pytestmark = pytest.mark.keras
CONFIG = """
name: words
data:
  source: {csv: {file: notes.csv, target: wanted, types: {note: category}}}
  prepare: [{TfidfVectorizer: {columns: [note]}}, {OneHotEncoder: [town]}]
  split: {test: 0.25}
model: [{Dense: {units: 1, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: {Adam: {learning_rate: 0.1}}, epochs: 10, batch_size: 16}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on notes of five words, which are wanted where `quiet` is among them."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    lines = ["note,town,wanted"]
    for number in range(160):
        words = [*rng.choice(["old", "large", "near", "garden", "stairs", "lake"], 4)]
        words.insert(int(rng.integers(5)), "quiet" if number % 2 else "loud")
        lines.append(f"{' '.join(words)},{'New York' if number % 3 else 'Bern'},{'yes' if number % 2 else 'no'}")
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    (folder / "words.yaml").write_text(CONFIG)
    return train(TrainRequest(folder / "words.yaml", runs_dir=folder / "runs"), NullProgress()).folder


def test_the_word_that_carries_the_class_is_the_strongest(run: RunFolder) -> None:
    """Each drop is what `nnrun predict` says of the text without the word; a column of categories has no words."""
    request = EvaluateRequest(str(run.path), run.path.parent)
    found = explain_run(request, NullProgress(), repeats=1, pictures=PictureOptions(examples=6)).importance
    assert found is not None
    assert len(found["texts"]) == 6
    lines = (run.path.parents[1] / "notes.csv").read_text().splitlines()
    for one in found["texts"]:
        assert one["column"] == "note"
        strongest = max(one["words"], key=lambda word: word["drop"])
        assert strongest["word"] == ("quiet" if one["row"] % 2 else "loud")
        assert strongest_words(one)[0].startswith(strongest["word"])
    first = found["texts"][0]
    note, town, _ = lines[first["row"] + 1].split(",")
    words = note.split()
    assert [one["word"] for one in first["words"]] == words
    shorter = [" ".join(words[:at] + words[at + 1 :]) for at in range(len(words))]
    file = run.path.parents[1] / "new.csv"
    file.write_text("\n".join(["note,town", *(f"{text},{town}" for text in [note, *shorter])]) + "\n")
    result = predict(request, file)
    of_yes = np.array([float(str(row[-1])) for row in result.rows])
    whole, *without = of_yes if first["predicted"] == "yes" else 1 - of_yes
    assert whole == pytest.approx(first["value"], abs=1e-5)
    np.testing.assert_allclose([one["drop"] for one in first["words"]], whole - np.array(without), atol=1e-5)
    page = make_report(run).page
    assert "What predictions of texts lose without a word" in page
    assert found["texts_selection"] in page
