"""One compiled model, from waking to a checkpoint taken up again, with nothing on the screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.data.dataset import Dataset
from nnrun.engine.session import Session, backend_settings
from nnrun.errors import BuildError, RunError
from nnrun.progress import NullProgress

MODEL = "  - Dense: {units: 8, activation: relu}\n  - Dropout: 0.5\n  - Dense: {units: $classes, activation: softmax}"
TRAINING = "loss: categorical_crossentropy\n  optimizer: Adam\n  metrics: [accuracy]\n  epochs: 2\n  batch_size: 16"


@pytest.fixture
def opened(config, facts, tmp_path: Path) -> Callable[..., Any]:
    """Open a session on a config; the phases it went through are noted in `phases`."""

    @contextmanager
    def run(model: str = MODEL, training: str = TRAINING, rest: str = "seed: 7\n") -> Any:
        experiment, document = config(model, training, rest)
        phases: list[str] = []

        @contextmanager
        def phase(name: str) -> Any:
            phases.append(name)
            yield

        log = tmp_path / "log.txt"
        with Session.open(experiment, facts(), document.key_mark, threads=1, log=log, phase=phase) as session:
            yield SimpleNamespace(session=session, experiment=experiment, document=document, phases=phases)

    return run


@pytest.fixture
def dataset(part, facts) -> Dataset:
    """Give random examples that the model of these tests takes."""
    return Dataset(part(50, (4,)), part(20, (4,), seed=1), part(30, (4,), seed=2), facts())


def fit(session: Session, dataset: Dataset, folder: Path) -> list[dict[str, Any]]:
    """Train a session's model and give the lines kept."""
    lines: list[dict[str, Any]] = []
    session.fit(dataset, folder, folder / "best.keras", NullProgress(), lines.append)
    return lines


def test_what_is_set_comes_from_the_experiment(config) -> None:
    """Seed, backend and number formats are the config's, threads the caller's."""
    rest = "seed: 11\nkeras: {floatx: float64, epsilon: 1.0e-6, image_data_format: channels_first}\n"
    wake = backend_settings(config(MODEL, TRAINING, rest)[0], 3)
    assert (wake.seed, wake.backend, wake.threads, wake.onednn) == (11, "tensorflow", 3, True)
    assert (wake.floatx, wake.epsilon, wake.image_data_format) == ("float64", 1e-6, "channels_first")


RECURRENT = "  - Reshape: {target_shape: [4, 1]}\n  - LSTM: {units: UNITS}\n  - Dense: {units: $classes}"


@pytest.mark.parametrize(
    ("units", "training", "rest", "halved"),
    [
        ("256", "", "", True),
        ("16", "", "", False),
        ("$features", "", "", False),
        ("256", "execution: {halves: false}", "", False),
        ("256", "execution: {xla: true}", "", False),
        ("256", "", "backend: jax\n", False),
    ],
)
def test_large_recurrent_layers_share_the_threads(config, units: str, training: str, rest: str, halved: bool) -> None:
    """If a large recurrent layer splits its batch, as the config shows, each half has half of the threads."""
    about = TRAINING.replace("batch_size: 16", f"batch_size: 64\n  {training}")
    assert backend_settings(config(RECURRENT.replace("UNITS", units), about, f"seed: 7\n{rest}")[0], 2).halved == halved


@pytest.mark.keras
@pytest.mark.parametrize(
    ("execution", "reason"), [("{}", "two halves of a batch"), ("{halves: false}", "the data fit")]
)
def test_a_session_names_the_layers_that_split_their_batch(opened, execution: str, reason: str) -> None:
    """The reason for the executor names the layers; without halves it is the usual one."""
    training = TRAINING.replace("batch_size: 16", f"batch_size: 64\n  execution: {execution}")
    with opened(RECURRENT.replace("UNITS", "256"), training) as held:
        why = held.session.executor_why
        assert reason in why
        assert ("halves" in why) == ("lstm" in why) == (execution == "{}")


@pytest.mark.keras
def test_a_session_describes_its_model(opened) -> None:
    """Parameters, table, layers and architecture are available without training; the phases are timed separately."""
    with opened() as held:
        session = held.session
        assert held.phases == ["wake", "compile"]
        assert session.parameters == 4 * 8 + 8 + 8 * 3 + 3
        assert "Total params: 67" in session.summary()
        assert [(row["shape"], row["parameters"]) for row in session.layer_rows()] == [
            ((None, 4), 0),
            ((None, 8), 40),
            ((None, 8), 0),
            ((None, 3), 27),
        ]
        config = json.loads(json.dumps(session.architecture()))
        assert "compile_config" not in config
        assert len(config["config"]["layers"]) == 4


@pytest.mark.keras
def test_training_is_repeatable_and_scores_what_it_left(opened, dataset: Dataset, tmp_path: Path) -> None:
    """One seed results in the same metrics and weights twice; scoring repeats the last epoch's validation metrics."""
    found = []
    for name in ("one", "two"):
        with opened() as held:
            lines = fit(held.session, dataset, tmp_path / name)
            validation = held.session.evaluate(dataset.validation).scores
            assert (lines[-1]["val_loss"], lines[-1]["val_accuracy"]) == (validation["loss"], validation["accuracy"])
            found.append(([{**line, "seconds": 0} for line in lines], held.session.model.get_weights()))
    assert found[0][0] == found[1][0]
    for left, right in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.keras
def test_a_reopened_model_has_the_same_scores(opened, facts, dataset: Dataset, tmp_path: Path) -> None:
    """`reopen` scores and predicts, to the last digit, what the session scored that saved."""
    with opened() as held:
        fit(held.session, dataset, tmp_path)
        held.session.save(tmp_path / "last.keras")
        scores, outputs = held.session.evaluate(dataset.test).scores, held.session.predict(dataset.test)[0].outputs
        architecture = held.session.architecture()
    arguments = {"threads": 1, "log": tmp_path / "log.txt", "saved": tmp_path / "last.keras"}
    with Session.reopen(
        held.experiment, facts(), held.document.key_mark, architecture=architecture, **arguments
    ) as again:
        assert again.evaluate(dataset.test).scores == scores
        np.testing.assert_array_equal(again.predict(dataset.test)[0].outputs, outputs)
    architecture["config"]["layers"][1]["config"]["units"] = 9
    refused = Session.reopen(held.experiment, facts(), held.document.key_mark, architecture=architecture, **arguments)
    with pytest.raises(RunError, match="of another model"), refused:
        pass


@pytest.mark.keras
def test_nothing_is_printed_on_the_screen(
    opened, dataset: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What Keras and TensorFlow print while a session is open is in the log; afterwards the screen is back."""
    with opened(rest="seed: 7\n") as held:
        print("printed by a library")  # noqa: T201
        fit(held.session, dataset, tmp_path)
    print("printed by nnrun")  # noqa: T201
    assert capfd.readouterr() == ("printed by nnrun\n", "")
    assert "printed by a library" in (tmp_path / "log.txt").read_text()


@pytest.mark.keras
def test_callbacks_of_a_config_take_part(opened, dataset: Dataset, tmp_path: Path) -> None:
    """Callbacks write where they should, and those that act on batches change no metric."""
    listening = "[CSVLogger, ModelCheckpoint, TerminateOnNaN, BackupAndRestore]"
    found = []
    for name, callbacks in (("plain", "[]"), ("listening", listening)):
        with opened(training=f"{TRAINING}\n  callbacks: {callbacks}") as held:
            found.append([{**line, "seconds": 0} for line in fit(held.session, dataset, tmp_path / name)])
    assert found[0] == found[1]
    folder = tmp_path / "listening"
    assert (folder / "epochs.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss")
    assert sorted(file.name for file in (folder / "checkpoints").iterdir()) == ["epoch-01.keras", "epoch-02.keras"]


@pytest.mark.keras
def test_a_loss_that_does_not_fit_is_marked(opened, part, facts, tmp_path: Path) -> None:
    """Outputs that a loss cannot compare with the targets are the config's fault, with both shapes and Keras' words."""
    with opened(model="  - Dense: 2") as held, pytest.raises(BuildError) as caught:
        fit(held.session, Dataset(part(20, (4,)), None, None, facts()), tmp_path)
    (problem,) = caught.value.problems
    assert "outputs of shape [2] with targets of shape [3]" in problem.text
    assert problem.mark.text.strip() == "loss: categorical_crossentropy"


@pytest.mark.keras
def test_without_validation_the_best_is_by_loss(opened, part, facts, tmp_path: Path) -> None:
    """`best.keras` is chosen by `loss` without a validation part; the lines have no validation metrics."""
    with opened() as held:
        lines = fit(held.session, Dataset(part(20, (4,)), None, None, facts()), tmp_path)
    assert set(lines[0]) == {"epoch", "fold", "loss", "accuracy", "learning_rate", "seconds"}
    assert (tmp_path / "best.keras").is_file()


@pytest.mark.keras
def test_an_embedding_of_other_than_row_numbers_is_refused(opened, dataset: Dataset, tmp_path: Path) -> None:
    """Values that are no rows of an embedding's table are an error at its size, before the first step."""
    model = (
        "  - Embedding: {input_dim: 2, output_dim: 2}\n  - Flatten\n  - Dense: {units: $classes, activation: softmax}"
    )
    with (
        opened(model) as run,
        pytest.raises(BuildError, match=r"expects whole numbers from 0 to 1 .*, received") as caught,
    ):
        run.session.fit(dataset, tmp_path, tmp_path / "best.keras", NullProgress(), print)
    assert caught.value.problems[0].mark.line > 1
