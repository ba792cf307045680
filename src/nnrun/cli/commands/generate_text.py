"""`nnrun generate-text`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.terminal.output import discard_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.cli.terminal.output import Output
    from nnrun.data.text.verbatim_overlap import VerbatimOverlap
    from nnrun.pipeline.generate import GenerateResult


#: Options of sampling; with any of them the temperature is 1 by default.
_SAMPLING = ("temperature", "top_k", "top_p", "min_p")
_DECODING = {
    "state": "recurrent state kept from character to character",
    "cache": "keys and values of attention cached from character to character",
    "window": "the last window recomputed for each character",
}


@click.command("generate-text")
@options.run
@click.option(
    "--length", type=click.IntRange(1), metavar="N", default=1000, show_default=True, help="Characters to generate."
)
@click.option(
    "--seed-text",
    metavar="TEXT",
    help="The text to continue; '' for none. Default: a random part of the training text.",
)
@click.option("--greedy", is_flag=True, help="Choose the most probable character: the default without the next four.")
@click.option(
    "--temperature", type=click.FloatRange(0), metavar="T", help="Sample: below 1 more predictably, above 1 less."
)
@click.option("--top-k", type=click.IntRange(1), metavar="K", help="Sample from the K most probable characters.")
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="P",
    help="Sample from the most probable characters whose probabilities sum to P.",
)
@click.option(
    "--min-p",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Sample from characters at least P times as probable as the most probable one.",
)
@click.option(
    "--repetition-penalty",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    metavar="R",
    help="Above 1: make characters of the last window less probable.",
)
@click.option("--stop", multiple=True, metavar="TEXT", help="Stop before this text. May be repeated.")
@click.option(
    "--random-seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="The same seed gives the same text."
)
@click.option(
    "--samples", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="Texts to generate at once."
)
@click.option(
    "--recompute", is_flag=True, help="Recompute the last window for each character even if state could be kept."
)
@click.option("--check-copy", is_flag=True, help="Report how much of the text is copied from the training text.")
@options.output_file("text.txt", "Also write the text to this file.")
@options.checkpoint("best")
@options.code
@options.trust_run
@options.folders
def generate(*, out: Path | None, quiet: bool, as_json: bool, **settings: Any) -> int:
    """Generate text with the model of a run.

    The model continues the seed text, character by character (word by word, byte by byte, as it was trained), and the
    text is shown while it is generated. Ctrl-C stops and keeps what was generated.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun generate-text last --seed-text 'als gregor samsa ' --temperature 0.7
    nnrun generate-text last --length 1000 --random-seed 7
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.generate import GenerateRequest, generate
    from nnrun.runs.find import warn_if_unfinished

    _refuse_contradictions(settings)
    settings["temperature"] = _temperature(settings)
    del settings["greedy"]
    keys = ("run", "runs_dir", "data_dir", "checkpoint", "code", "trust_run")
    run = EvaluateRequest(**{key: settings.pop(key) for key in keys})
    printer = _TextPrinter(
        Output.stdout(), streams=settings["samples"] == 1, shows_seed=not quiet, silent=as_json, kept=out is not None
    )
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = generate(GenerateRequest(run, **settings), printer, progress)
        printer.end(result)
        if out is not None:
            options.write_output_file(out, join_samples(result.texts))
        progress.say(_summary(result))
        warn_if_unfinished(result.folder, progress)
        for copy in result.copies:
            progress.say(_overlap("longest copy of the training text", copy))
        if result.held_out is not None:
            progress.say(_overlap("for comparison, longest copy in as much held-out text", result.held_out))
    if as_json:
        print_json({**result.as_json(), "checkpoint": run.checkpoint, "out": out})
    return result.exit_code


def _refuse_contradictions(settings: dict[str, Any]) -> None:
    sampling = [key for key in _SAMPLING if settings[key] is not None]
    if settings["greedy"] and sampling:
        raise click.UsageError(f"--greedy cannot be combined with --{sampling[0].replace('_', '-')}.")
    if settings["samples"] > 1 and not _temperature(settings):
        raise click.UsageError("--samples: greedy texts are all the same; add --temperature 1.")
    if "" in settings["stop"]:
        raise click.UsageError("--stop needs a text of at least one character.")


def _temperature(settings: dict[str, Any]) -> float:
    """Return the temperature; 0 where nothing is sampled."""
    if settings["temperature"] is not None:
        return float(settings["temperature"])
    return 1.0 if any(settings[key] is not None for key in _SAMPLING) else 0.0


class _TextPrinter:
    """Prints one text while it is generated, or several once they are done."""

    def __init__(self, output: Output, *, streams: bool, shows_seed: bool, silent: bool, kept: bool) -> None:
        self._output, self._streams, self._shows_seed, self._silent = output, streams, shows_seed, silent
        self._kept = kept

    def on_begin(self, result: GenerateResult) -> None:
        """Print the seed text."""
        if self._shows_seed and result.seed_text:
            self._write(self._output.style(f'"{self._output.shown(result.seed_text)}"', dim=True) + "\n")

    def on_pieces(self, pieces: Sequence[str]) -> None:
        """Print the next piece of a single text."""
        if self._streams and pieces[0]:
            self._write(self._output.shown(pieces[0]))

    def end(self, result: GenerateResult) -> None:
        """End the line of a single text, or print all samples."""
        self._write("\n" if self._streams else self._output.shown(join_samples(result.texts)))

    def _write(self, text: str) -> None:
        if self._silent:
            return
        try:
            self._output.write(text)
            self._output.flush()
        except BrokenPipeError:
            if not self._kept:
                raise
            # The text also goes to a file, which is to be complete.
            self._silent = True
            discard_stdout()


def join_samples(texts: Sequence[str]) -> str:
    """Return a single text as it is, several with a numbered line above each."""
    if len(texts) == 1:
        return texts[0]
    return "".join(f"=== sample {number} of {len(texts)}\n{text}\n" for number, text in enumerate(texts, 1))


def _overlap(what: str, overlap: VerbatimOverlap) -> str:
    from nnrun.formatting import format_count, quoted

    shares = ((overlap.copied_share, "pieces of 20 characters"), (overlap.known_words_share, "words"))
    known = " and ".join(f"{100 * share:.1f} % of the {unit}" for share, unit in shares if share is not None)
    rest = f"; {known} are in the training text" if known else ""
    return f"{what}: {format_count(len(overlap.longest), 'character')}, {quoted(overlap.longest)}{rest}"


def _summary(result: GenerateResult) -> str:
    speed = f"{result.characters / result.seconds:,.0f} characters per second; " if result.seconds else ""
    return f"{speed}{_DECODING[result.how]}; --random-seed {result.random_seed}"
