"""`nnrun sweep` as a user types it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from held_training import HeldTrainings, held_options

from nnrun.cli.commands.sweep import _sweep_options
from nnrun.pipeline.sweep import require_same_threads
from nnrun.runs.record import now
from nnrun.sweep.folder import SweepFolder, list_sweeps
from nnrun.sweep.ledger import Trial

Invoke = Callable[..., Result]


def made(
    name: str,
    trials: Sequence[tuple[Any, int, float]],
    *,
    score: str = "loss",
    runs: Path = Path("runs"),
    **fields: Any,
) -> SweepFolder:
    """Create a sweep of one parameter: a value, a seed and a score of the validation part for each trial."""
    folder = SweepFolder.create(runs, name)
    values = list(dict.fromkeys(value for value, _, _ in trials))
    listed = [
        Trial(number, values.index(value), seed, {"training.batch_size": value})
        for number, (value, seed, _) in enumerate(trials)
    ]
    ledger = folder.create_ledger("sqlite", {"name": name, "start": now(), "mode": "auto", **fields}, listed)
    for _, _, figure in trials:
        claimed = ledger.claim()
        assert claimed is not None
        ledger.finish(claimed, {"validation": {score: figure, "rows": 100}, "test": {score: figure + 1}})
    return folder


def test_a_sweep_needs_a_config_or_the_name_of_one_that_is_there(invoke: Invoke) -> None:
    """Not both; what is wrong with an option is said before anything begins."""
    for words, text in (
        (("--seeds", "2"), "expected a config, or --resume SWEEP, received neither"),
        (("tiny.yaml", "--resume", "last"), "received tiny.yaml and --resume last"),
        (("--resume", "last", "--seeds", "2"), "a sweep that is resumed keeps its config and trials"),
        (("tiny.yaml", "--grid", "training.batch_size"), "expected --grid PATH=VALUES"),
        (("tiny.yaml", "--random", "9", "--trials", "9"), "--random 9 is --method random --trials 9"),
        (("tiny.yaml", "--method", "bayes"), "'bayes' is not one of"),
        (("--resume", "last", "--pruning", "median"), "a sweep that is resumed keeps its config and trials"),
        (("tiny.yaml", "--jobs", "many"), "expected a number of processes or auto, received many"),
    ):
        done = invoke("sweep", *words)
        assert (done.exit_code, text in done.output) == (2, True), done.output


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("training.batch_sise=1,2", "'training' has no key 'batch_sise'"),
        ("training.batch_size=8,none", "expected an integer from 1"),
        ("training.batch_size=8,8", "8 stands twice"),
        ("training.batch_size={low: 9, high: 1}", "write {low: 1, high: 9}"),
        ("training.batch_size={low: 9, high: 9}", "write a larger high, or the value alone in a list: [9]"),
        ("model.0=[Dense: {units: 4}, Danse]", "Danse"),
    ],
)
def test_a_mistake_in_an_option_is_shown_where_it_is(invoke: Invoke, workdir: Path, option: str, text: str) -> None:
    """With the option's text under it; no folder is made."""
    done = invoke("sweep", "tiny.yaml", "--grid", option)
    assert done.exit_code == 2
    assert text in done.output
    assert "--set:1:" in done.output
    assert list_sweeps(workdir / "runs") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("16,32", [16, 32]),
        (" [16, 32]", [16, 32]),
        ("[3,3],[5,5]", [[3, 3], [5, 5]]),
        ("[[3,3],[5,5]]", [[3, 3], [5, 5]]),
        ("{SGD: {momentum: 0.9}}, Adam", [{"SGD": {"momentum": 0.9}}, "Adam"]),
        ("{Dropout: 0.2}", [{"Dropout": 0.2}]),
        ("Dropout: 0.2", [{"Dropout": 0.2}]),
        ("{low: 1, high: 9}", {"low": 1, "high": 9}),
        ("{ high: 9, low: 1 }", {"low": 1, "high": 9}),
        ("'a, b', \"]\"", ["a, b", "]"]),
        ("['[', x]", ["[", "x"]),
    ],
)
def test_values_of_an_option_are_a_list_a_range_or_words_with_commas(words: str, found: object) -> None:
    """Whatever a value begins with: a layer, an optimizer and a list are values as numbers are."""
    settings = dict.fromkeys(("random", "method", "trials", "seeds", "choose_by", "pruning", "mapped"))
    (option,) = _sweep_options({"grid": [f"model.0={words}"], **settings})
    prefix, _, value = option.partition("=")
    assert prefix == 'sweep.parameters."model.0"'
    assert yaml.safe_load(value) == found


def test_a_sweep_without_a_result_says_so(invoke: Invoke, workdir: Path) -> None:
    """Its exit code is that of a training that failed, and what is hinted at can be typed."""
    folder = SweepFolder.create(Path("runs"), "swept")
    fields = {"name": "swept", "start": now(), "mode": "auto", "choose_by": None, "threads": 1}
    ledger = folder.create_ledger("sqlite", fields, [Trial(0, 0, 7, {})])
    assert "nnrun sweep --resume" in invoke("sweep", "best", "last").output
    claimed = ledger.claim()
    assert claimed is not None
    ledger.fail(claimed, "it diverged")
    done = invoke("sweep", "best", "last")
    assert "--resume" not in done.output
    assert "says how its trials ended" in done.output
    assert invoke("sweep", "--resume", "last").exit_code == 1
    (workdir / "empty").mkdir()
    assert "./empty is not the folder of a sweep: it has no ledger" in invoke("sweep", "show", "./empty").output


def test_without_a_sweep_there_is_nothing_to_show(invoke: Invoke) -> None:
    """The message says how to make one."""
    for words in (("list",), ("show", "last"), ("best", "last")):
        assert "There is no sweep in runs" in invoke("sweep", *words).output


@pytest.mark.parametrize("words", [(), ("--runs-dir", "my runs")])
def test_what_to_type_next_leads_to_the_sweep(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """With the folder of runs where it is not the default one, and the path of a sweep that is in none."""
    folder = made("swept", [(0, 7, 0.5), (1, 7, 0.25)], runs=Path(words[1] if words else "runs"))
    option = " --runs-dir 'my runs'" if words else ""
    assert f"nnrun sweep best {folder.short_id}{option} > best.yaml" in invoke("sweep", "show", "last", *words).output
    monkeypatch.setenv("NNRUN_RUNS_DIR", words[1] if words else "runs")
    assert f"nnrun sweep best {folder.short_id} > best.yaml" in invoke("sweep", "show", "last").output
    moved = folder.path.rename("moved")
    assert "nnrun sweep best moved > best.yaml" in invoke("sweep", "show", str(moved)).output


TRIALS = [(8, 1, 0.30), (8, 2, 0.50), (8, 3, 0.40), (16, 1, 0.22), (16, 2, 0.41), (16, 3, 0.30)]
WORSE = [(32, seed, 0.9 + seed / 100) for seed in (1, 2, 3)]


def test_the_best_is_compared_with_the_others_and_corrected(invoke: Invoke, workdir: Path) -> None:
    """For being the best of many; the edge of a range that it is at is a finding."""
    folder = made("swept", [*TRIALS, *WORSE], parameters={"training.batch_size": [8, 16, 32]})
    shown = invoke("sweep", "show", "last").output
    assert "combination  trial  training.batch_size  validation.loss" in shown
    assert "corrected" in shown
    assert "for being the best of 3 combinations: chosen by all seeds but one" in shown
    assert "combination 0, +0.09" in shown
    document = json.loads(invoke("sweep", "show", "last", "--json").stdout)
    assert document["corrected"]["by"] == "seeds"
    assert document["corrected"]["value"] >= document["combinations"][0]["value"] - 1e-12
    assert (document["second"]["combination"], document["second"]["seeds"]) == (0, 3)
    assert document["second"]["seeds_needed"] == 2 or document["second"]["more_seeds"] >= 0
    assert document["result"]["score"] == "test.loss"
    assert document["findings"] == []
    made("edge", [*WORSE, *TRIALS[:3], *[(4, seed, 0.1) for seed in (1, 2, 3)]])
    shown = invoke("sweep", "show", "last").output
    assert "the best training.batch_size is 4, at the lower end of what was tried" in shown
    assert "--grid training.batch_size=2,4,8" in shown
    assert folder.path.is_dir()


def test_values_of_a_config_steer_no_terminal(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the table nor in the terms; a file or pipe gets them as they are."""
    from nnrun.cli.commands import sweep
    from nnrun.cli.terminal.output import Output
    from nnrun.sweep.result import read_sweep

    folder = made("swept", [("\x1b[31mred", 1, 0.5), ("\u202eturned", 1, 0.4), ("plain", 1, 0.6)])
    written = io.StringIO()
    monkeypatch.setattr(Output, "stdout", lambda: Output(written, is_terminal=True))
    sweep._print(read_sweep(folder), as_json=False)
    assert "plain" in written.getvalue()
    assert "\x1b[31m" not in written.getvalue()
    assert "\u202e" not in written.getvalue()


def test_combinations_of_sweeps_are_compared_by_seed(invoke: Invoke, workdir: Path) -> None:
    """Within a sweep or across two; a run and a combination, and a combination that is not there, are messages."""
    made("swept", TRIALS)
    shown = invoke("compare", "swept:0", "swept:1").output
    assert [line.split()[0] for line in shown.splitlines()[4:9]] == ["seed", "1", "2", "3", "mean"]
    assert "The second combination's loss is 0.09 lower, which is better; that is more than chance" in shown
    made("other", [(8, 1, 0.30), (8, 9, 0.50)])
    document = json.loads(invoke("compare", "swept:1", "other:0", "--json", "--metric", "test.loss").stdout)
    assert document["metric"] == "test.loss"
    assert document["test"].endswith("(Welch 1947)")
    assert document["seeds"]["more_seeds"] == document["seeds"]["seeds_needed"] - 2
    assert [line["seed"] for line in document["each"]] == [1, 2, 3, 9]
    for words, text in (
        (("swept:0", "swept:5"), "has no combination 5: they are numbered from 0 to 1"),
        (("swept:0", "last"), "'last' names no combination of a sweep, as the other one does"),
        (("nothing:0", "swept:0"), "No sweep in runs"),
        (("swept:0", "swept:1", "--metric", "acuracy"), "has a finite score 'validation.acuracy'"),
    ):
        done = invoke("compare", *words)
        assert (done.exit_code, text in done.output) == (1, True), done.output


@pytest.mark.keras
def test_a_sweep_is_trained_shown_and_its_best_config_printed(invoke: Invoke, workdir: Path) -> None:
    """From two commands: the table has the best first, and the config can be checked."""
    done = invoke("sweep", "tiny.yaml", "--grid", "training.batch_size=8,16", "--seeds", "2", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [one["status"] for one in document["trials"]] == ["done"] * 4
    assert document["choose_by"] == "validation.error_percent"
    values = [one["value"] for one in document["combinations"]]
    assert values == sorted(values)
    assert all(Path(one["run"], "scores.json").is_file() for one in document["trials"])
    shown = invoke("sweep", "show", "last").output
    assert "validation.error_percent" in shown
    assert "4 done" in invoke("sweep", "list").output
    best = invoke("sweep", "best", "last").output
    (workdir / "best.yaml").write_text(best)
    assert invoke("check", "best.yaml").exit_code == 0
    size = document["combinations"][0]["parameters"]["training.batch_size"]
    assert f"batch_size: {size}\n" in best
    assert "nothing" not in invoke("sweep", "--resume", "last", "--quiet").output


@pytest.mark.keras
def test_a_time_limit_leaves_a_sweep_that_goes_on(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 75 and the command to type, as for a run."""
    # The first trial waits for the end of the time.
    for name, value in HeldTrainings(workdir).environment.items():
        monkeypatch.setenv(name, value)
    words = ("tiny.yaml", "--seeds", "3", "--set", "training.epochs=10", *held_options(workdir))
    done = invoke("sweep", *words, "--time-limit", "20s")
    assert done.exit_code == 75, done.output
    (folder,) = list_sweeps(workdir / "runs")
    assert f"nnrun sweep --resume {folder.path.relative_to(workdir)}" in done.output
    assert folder.open_ledger().counts().get("running") is None


def test_the_words_of_the_options_are_those_of_the_config() -> None:
    """They are written twice so that `--help` imports nothing for them."""
    from nnrun.cli.commands import sweep
    from nnrun.spec.sweep import METHODS
    from nnrun.spec.sweep_pruning import PRUNING

    assert (METHODS, tuple(PRUNING)) == (sweep.METHODS, sweep.PRUNING)


def test_parameters_that_not_every_trial_has_are_shown_where_they_are(invoke: Invoke) -> None:
    """A combination without one has an empty cell; trials of later rounds are still to be trained."""
    folder = SweepFolder.create(Path("runs"), "rounds")
    parameters: list[dict[str, Any]] = [{"optimizer": "Adam"}, {"optimizer": "SGD", "optimizer.SGD.momentum": 0.9}]
    fields = {"name": "rounds", "start": now(), "mode": "auto", "seeds": [7], "rounds": {"size": 2, "combinations": 4}}
    ledger = folder.create_ledger("sqlite", fields, [Trial(at, at, 7, one) for at, one in enumerate(parameters)])
    first, second = ledger.claim(), ledger.claim()
    assert first is not None
    assert second is not None
    ledger.finish(first, {"validation": {"loss": 0.5}})
    ledger.prune(second, "pruned after epoch 2 of 9: val_loss 0.7", [0.8, 0.7])
    shown = invoke("sweep", "show", "last").output
    lines = shown.splitlines()
    (heading,) = (line for line in lines if line.startswith("combination"))
    assert heading.split() == [
        "combination",
        "trial",
        "optimizer",
        "optimizer.SGD.momentum",
        "validation.loss",
        "status",
    ]
    assert ["0", "0", "Adam", "0.5", "done"] in [line.split() for line in lines]
    assert ["1", "1", "SGD", "0.9", "pruned"] in [line.split() for line in lines]
    assert "nnrun sweep --resume" in shown


def test_the_report_of_a_sweep_has_two_names(invoke: Invoke) -> None:
    """`nnrun report` makes it where the word names a sweep and no run; the last one is always a run."""
    folder = made("pages", [(8, 1, 0.5)], seeds=[1])
    document = json.loads(invoke("report", folder.short_id, "--json", "--out", "page.html").stdout)
    assert (document["sweep"], document["report"]) == (folder.id, "page.html")
    assert "nnrun sweep report" in Path("page.html").read_text()
    assert invoke("report", "last").exit_code != 0
    assert invoke("report", "elsewhere").exit_code != 0


def test_a_sweep_that_goes_on_keeps_its_threads(invoke: Invoke) -> None:
    """Its figures depend on them: another number is refused before anything is trained."""
    folder = made("threads", [(8, 1, 0.5)], threads=2, seeds=[1])
    done = invoke("sweep", "--resume", str(folder.path), "--threads", "1")
    assert done.exit_code != 0
    assert "began with --threads 2" in f"{done.output}{done.exception}"
    require_same_threads(folder, 2)
    require_same_threads(folder, None)
