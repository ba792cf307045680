"""`nnrun generate-text`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.screen import Screen
    from nnrun.data.text.verbatim_overlap import VerbatimOverlap
    from nnrun.pipeline.generate import GenerateResult


#: Options that draw; each alone means a temperature of 1.
_DRAWING = ("temperature", "top_k", "top_p", "min_p")


@click.command("generate-text")
@options.run
@click.option("--length", type=click.IntRange(1), default=1000, show_default=True, help="Characters to write.")
@click.option(
    "--seed-text",
    metavar="TEXT",
    help="What to write on from, of any length; '' for nothing. Default: a random window of the training text.",
)
@click.option("--greedy", is_flag=True, help="Always the most probable character: the default without the next four.")
@click.option(
    "--temperature", type=click.FloatRange(0), metavar="T", help="Draw: below 1 more surely, above 1 more freely."
)
@click.option("--top-k", type=click.IntRange(1), metavar="K", help="Draw from the K most probable alone.")
@click.option(
    "--top-p", type=click.FloatRange(0, 1, min_open=True), metavar="P", help="Draw from the most probable that have P."
)
@click.option(
    "--min-p", type=click.FloatRange(0, 1), metavar="P", help="Leave out what has less than P times the most probable."
)
@click.option(
    "--repetition-penalty",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    metavar="R",
    help="Above 1: characters of the last window become less probable.",
)
@click.option("--stop", multiple=True, metavar="TEXT", help="End before this text. May be given again.")
@click.option(
    "--random-seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="The same seed gives the same text."
)
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="Texts to write at once.")
@click.option(
    "--recompute", is_flag=True, help="Read the last window anew for each character even where memory could be carried."
)
@click.option("--check-copy", is_flag=True, help="Say how much stands in the training text word for word.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the text here too.")
@click.option(
    "--checkpoint",
    default="best",
    show_default=True,
    metavar="last|best|PATH",
    shell_complete=completion.checkpoint,
    help="Which saved model.",
)
@options.code
@options.trust_run
@options.runs_dir
@options.data_dir
@options.quiet
@options.as_json
def generate(*, run: str, out: Path | None, quiet: bool, as_json: bool, **asked: Any) -> int:
    """Let the model of a run write a text.

    It writes on from the seed text, character by character (word by word, byte by byte, as it was trained), as they
    are made. Ctrl-C ends it with what was written.

    \b
    nnrun generate-text last --seed-text 'als gregor samsa ' --temperature 0.7
    nnrun generate-text last --length 1000 --random-seed 7
    """  # noqa: D301
    from nnrun.cli.options import require_place, write
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.generate import GenerateRequest
    from nnrun.pipeline.generate import generate as ask

    _refuse_contradictions(asked)
    if out is not None:
        require_place(out, "text.txt")
    keys = ("runs_dir", "data_dir", "checkpoint", "code", "trust_run")
    question = EvaluateRequest(run, **{key: asked.pop(key) for key in keys})
    asked["temperature"] = _temperature(asked)
    asked.pop("greedy")
    reader = _Reader(Screen.out(), samples=asked["samples"], seed_shown=not quiet, muted=as_json)
    with open_progress(quiet=quiet, json=as_json) as progress:
        told = ask(GenerateRequest(question, **asked), reader, progress)
        reader.end(told)
        if out is not None:
            write(out, together(told.texts))
        progress.say(_summary(told))
        for copy in told.copies:
            progress.say(_copied("longest copy of the training text", copy))
        if told.held_out is not None:
            progress.say(_copied("beside it, of as much of the held-out text", told.held_out))
    if as_json:
        put_json({**told.as_json(), "checkpoint": question.checkpoint, "out": out})
    return EXIT_INTERRUPTED if told.interrupted else 0


def _refuse_contradictions(asked: dict[str, Any]) -> None:
    drawing = [key for key in _DRAWING if asked[key] is not None]
    if asked["greedy"] and drawing:
        text = f"--greedy takes the most probable character, so --{drawing[0].replace('_', '-')} cannot be"
        raise click.UsageError(f"{text}; leave out one of the two.")
    if asked["samples"] > 1 and not _temperature(asked):
        raise click.UsageError("--samples needs something to draw: greedy texts are all the same; add --temperature 1.")
    if "" in asked["stop"]:
        raise click.UsageError("--stop needs a text of at least one character.")


def _temperature(asked: dict[str, Any]) -> float:
    """How freely to draw; 0 where nothing is drawn."""
    if asked["temperature"] is not None:
        return float(asked["temperature"])
    return 1.0 if any(asked[key] is not None for key in _DRAWING) else 0.0


class _Reader:
    """Shows one text as it is made, or several once they are done."""

    def __init__(self, screen: Screen, *, samples: int, seed_shown: bool, muted: bool) -> None:
        self._screen, self._streams, self._seed_shown, self._muted = screen, samples == 1, seed_shown, muted

    def on_begin(self, told: GenerateResult) -> None:
        """Show what is written on from."""
        from nnrun.cli.terminal.screen import visible

        if self._seed_shown and not self._muted and told.seed_text:
            self._screen.put(self._screen.style(f'"{visible(told.seed_text)}"', dim=True))
            self._screen.flush()

    def on_pieces(self, pieces: Sequence[str]) -> None:
        """Show the next piece."""
        from nnrun.cli.terminal.screen import visible

        if self._streams and not self._muted and pieces[0]:
            self._screen.write(visible(pieces[0]))
            self._screen.flush()

    def end(self, told: GenerateResult) -> None:
        """End the line, or show all samples."""
        from nnrun.cli.terminal.screen import visible

        if not self._muted:
            self._screen.put("" if self._streams else visible(together(told.texts)).removesuffix("\n"))
            self._screen.flush()


def together(texts: Sequence[str]) -> str:
    """Give one text as it is, several under a line that counts them."""
    if len(texts) == 1:
        return texts[0]
    heads = (f"=== sample {number} of {len(texts)}\n{text}" for number, text in enumerate(texts, 1))
    return "\n".join(heads) + "\n"


def _copied(what: str, copy: VerbatimOverlap) -> str:
    shares = [
        f"{100 * share:.1f} % of its {what}"
        for share, what in ((copy.copied_share, "pieces of 20 characters"), (copy.known_words_share, "words"))
        if share is not None
    ]
    there = f"; {' and '.join(shares)} stand there" if shares else ""
    return f"{what}: {len(copy.longest)} characters, {copy.longest!r}{there}"


def _summary(told: GenerateResult) -> str:
    ways = {
        "state": "memory carried from character to character",
        "cache": "keys and values of attention carried from character to character",
        "window": "the last window read anew for each character",
    }
    pace = f"{told.characters / told.seconds:,.0f} characters a second; " if told.seconds else ""
    return f"{pace}{ways[told.how]}; --random-seed {told.random_seed}"
