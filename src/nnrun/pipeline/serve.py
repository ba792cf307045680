"""Serve the model of a run over HTTP: opened once, warmed up, and asked by the same code as `nnrun predict`."""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.atomic_files import make_folder
from nnrun.errors import DataError, MissingExtraError, NnrunError, RunError
from nnrun.pipeline.evaluate import decided, fitted_preparation, load_file, load_session, open_run_with_code
from nnrun.progress import NullProgress
from nnrun.scratch import scratch_folder
from nnrun.serve.refusals import RefusedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nnrun.data.text.text_source import TextSource
    from nnrun.engine.generation.generate import TextGenerator
    from nnrun.engine.generation.sampling import SamplingOptions
    from nnrun.engine.session import Session
    from nnrun.pipeline.evaluate import EvaluateRequest, LoadedRun
    from nnrun.progress import Progress
    from nnrun.serve.bodies import ServeLimits
    from nnrun.serve.inputs import ServedInput
    from nnrun.serve.openapi import ServedRun

#: The environment variable of the token.
TOKEN_VARIABLE = "NNRUN_SERVE_TOKEN"  # noqa: S105 - its name
_SHORTEST_TOKEN = 16
#: How many ways of sampling keep their compiled programs.
_KEPT_WRITERS = 4
#: The size of a dimension of unknown length in the example that warms a model up.
_ANY_LENGTH = 16
#: A picture of one pixel, a GIF.
_PICTURE = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


@dataclass(frozen=True)
class ServeRequest:
    """What is served, and to whom.

    Attributes:
        run: The run and its model.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        token_file: A file whose first line is the token; None: that of `NNRUN_SERVE_TOKEN`, if any.
        host_names: The names by which the server may be called.
        limits: What is taken on; None: the defaults.
        batch_seconds: How long the first of several requests waits for others.
        batch_examples: How many examples are predicted at once at most.
    """

    run: EvaluateRequest
    host: str = "127.0.0.1"
    port: int = 8000
    token_file: Path | None = None
    host_names: tuple[str, ...] = ()
    limits: ServeLimits | None = None
    batch_seconds: float = 0.002
    batch_examples: int = 256


def serve(request: ServeRequest, progress: Progress, on_ready: Callable[[str, ServedRun], None]) -> None:
    """Serve a run until Ctrl-C or SIGTERM; requests that have come by then are answered.

    Args:
        request: What is served.
        progress: Receives messages about the start and the stop.
        on_ready: Receives the address and the run once requests are answered.

    Raises:
        MissingExtraError: The extra `serve` is not installed.
        RunError: The run cannot be used, the port is in use, or a token is missing or too short.
    """
    require_packages()
    from nnrun.serve.access import AccessRules
    from nnrun.serve.application import Application, ServedModel
    from nnrun.serve.bodies import ServeLimits
    from nnrun.serve.model_queue import ModelQueue
    from nnrun.serve.server import HttpServer, bind, is_loopback, url_of

    limits = request.limits or ServeLimits()
    token = read_token(request.token_file, progress)
    if token is None and not is_loopback(request.host):
        text = f"--host {request.host}: others than this machine reach it, so requests must bring a token"
        raise RunError(text, f"--token-file FILE, or set {TOKEN_VARIABLE}; nnrun serve --help says how to make one")
    names = frozenset(name.lower() for name in (*request.host_names, request.host))
    with bind(request.host, request.port) as bound, open_served(request.run) as (served, model):
        about = model.describe(asks_for_token=token is not None)
        queue = ModelQueue(
            model.predict,
            batch_seconds=request.batch_seconds,
            batch_examples=request.batch_examples,
            is_series=served.is_series,
        )
        writer = model.write if served.kind == "text" else None
        application = Application(ServedModel(about, queue, writer), AccessRules(token, names), limits)
        model.warm_up()
        server = HttpServer(application, bound, limits)
        with interruption.deferred():
            server.start()
            on_ready(url_of(bound), about)

            def is_stopped() -> bool:
                if interruption.pending() is not None:
                    server.stop()
                return not server.is_alive

            queue.run(is_stopped)
            # A server is meant to be stopped: this is no interrupted work.
            interruption.clear()
    progress.say("Stopped; all requests that had come are answered.")


def require_packages() -> None:
    """Raise an error where the extra `serve` is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    try:
        import multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("serve", "nnrun serve") from None


def read_token(file: Path | None, progress: Progress) -> str | None:
    """Return the token of a file, else that of the environment, which then forgets it; None where there is none.

    Raises:
        RunError: The file cannot be read, or the token is too short or holds blanks.
    """
    given = os.environ.pop(TOKEN_VARIABLE, None)
    name = TOKEN_VARIABLE
    if file is not None:
        name = f"--token-file {file}"
        try:
            given = file.read_text(encoding="utf-8").strip()
            if file.stat().st_mode & 0o077 and os.name == "posix":
                progress.warn(f"Other users may read {file}: chmod 600 {file}")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if given is None:
        return None
    if len(given) < _SHORTEST_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
        text = f"{name}: expected a token of at least {_SHORTEST_TOKEN} letters, digits and signs of ASCII, in one word"
        raise RunError(text, "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one")
    return given


@contextmanager
def open_served(request: EvaluateRequest) -> Iterator[tuple[ServedInput, RunModel]]:
    """Open a run, start Keras with its model, and give what examples are and what predicts them.

    Raises:
        RunError: The run or its checkpoint cannot be used.
    """
    from nnrun.serve.inputs import served_input

    with open_run_with_code(request) as loaded:
        fitted = fitted_preparation(loaded)
        served = served_input(loaded.experiment.data, fitted, loaded.facts)
        with scratch_folder("serve") as scratch, load_session(loaded, request.checkpoint) as session:
            folder = scratch / "examples"
            make_folder(folder)
            yield served, RunModel(request, loaded, session, served, fitted, folder)


@dataclass
class RunModel:
    """The model of a run that stays open; used by one thread.

    Attributes:
        request: The run and its checkpoint.
        loaded: The run.
        session: Its model.
        served: What its examples are.
        fitted: What its preparation has learned.
        folder: An empty folder of its own, for files of examples.
    """

    request: EvaluateRequest
    loaded: LoadedRun
    session: Session
    served: ServedInput
    fitted: list[dict[str, Any]]
    folder: Path
    _writers: OrderedDict[SamplingOptions, TextGenerator] = field(default_factory=OrderedDict)

    def describe(self, *, asks_for_token: bool) -> ServedRun:
        """Return the description of what is served."""
        from nnrun.serve.openapi import ServedOutput, ServedRun

        facts, outputs = self.loaded.facts, []
        for one in () if self.served.kind == "text" else self.loaded.experiment.graph.outputs:
            known = facts.of_target(one.target) or facts
            classes = known.class_names if known.task == "classification" else ()
            names = (one.target,) if one.target in facts.target_names else facts.numbered_targets()
            is_only = len(self.loaded.experiment.graph.outputs) == 1
            outputs.append(ServedOutput("" if is_only else one.name, tuple(map(str, names)), classes))
        folder = self.loaded.folder
        return ServedRun(
            folder.id,
            self.loaded.experiment.name,
            Path(self.request.checkpoint).name,
            self.loaded.fold,
            self.served,
            tuple(outputs),
            asks_for_token,
        )

    def warm_up(self) -> None:
        """Predict once, so that no client waits for imports and compilation."""
        import numpy as np

        from nnrun.data.dataset import DataPart

        facts = self.loaded.facts
        if self.served.kind == "text":
            list(self.write({"seed_text": "", "length": 9}))
            return
        if self.served.kind == "rows":
            # An example that the preparation refuses has imported what it needs.
            values = {"number": "0", "text": "text", "date": "2026-01-31", "picture": _PICTURE}
            with suppress(NnrunError, RefusedRequestError):
                self.predict([[values[one.kind] for one in self.served.columns]])
        if facts.input_shape is None:
            return
        # The second number of examples compiles the program for any number.
        for count in (1, 2):
            shape = [count, *(size or _ANY_LENGTH for size in facts.input_shape)]
            x = np.zeros(shape, dtype="int32" if facts.vocabulary else "float32")
            self.session.predict(DataPart(x, np.empty((count, 0), dtype="float32"), np.arange(count)))
            self.session.release_data()

    def predict(self, examples: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the prediction of each example, or the forecasts of a series.

        Args:
            examples: As of `ServedInput.checked`.

        Raises:
            RefusedRequestError: The run's source or preparation refuses one.
        """
        from nnrun.engine.scoring.forecast import forecast_table
        from nnrun.engine.scoring.prediction_objects import prediction_objects
        from nnrun.serve.inputs import refused_data

        try:
            file = self.served.write(examples, self.folder)
            known: dict[str, Any] = {"fitted": self.fitted, "source": self.served.source}
            part = load_file(self.loaded, file, NullProgress(), with_target=False, **known)
            predictions = self.session.predict(part, beam_width=self.request.beam_width)
            predictions = decided(self.loaded, self.request.checkpoint, predictions, NullProgress())
        except DataError as error:
            raise refused_data(error, self.served.first_lines(examples)) from None
        finally:
            self.session.release_data()
            for left in self.folder.iterdir():
                left.unlink()
        if self.served.is_series:
            columns, rows = forecast_table(predictions, part.origin)
            return [dict(zip(columns, row, strict=True)) for row in rows]
        found = prediction_objects(predictions)
        if len(found) != len(examples):
            raise RunError(f"expected predictions of {len(examples)} examples, received {len(found)}")
        return [{"row": row, **one} for row, one in enumerate(found)]

    def write(self, options: dict[str, Any]) -> Iterator[str]:
        """Yield the pieces of a text.

        Args:
            options: The options of a request, checked.

        Raises:
            RefusedRequestError: The seed text has characters that the run's text does not have.
        """
        import numpy as np

        from nnrun.data.text.tokenizer import StreamingDecoder
        from nnrun.engine.generation.sampling import SamplingOptions
        from nnrun.pipeline.text_samples import encode_seed_text, padding_id

        source: Any = self.served.source
        vocabulary = self.loaded.facts.class_names
        try:
            codes = encode_seed_text(options["seed_text"], vocabulary, source)
        except RunError as error:
            raise RefusedRequestError(422, error.text) from None
        before = vocabulary[codes[-1]] if len(codes) else None
        if not len(codes):
            codes = np.array([padding_id(vocabulary)], dtype="int32")
        chosen = {name: options[name] for name in ("top_k", "top_p", "min_p") if options.get(name) is not None}
        temperature = float(options.get("temperature", 1.0 if chosen else 0.0))
        sampling = SamplingOptions(temperature, **chosen, repetition_penalty=options.get("repetition_penalty", 1.0))
        seed = options.get("random_seed")
        seed = secrets.randbelow(2**31) if seed is None else seed
        decoder = StreamingDecoder(source.tokenizer, tuple(options.get("stop", ())), before)
        for (chunk,) in self._writer(sampling, source).generate(codes, options["length"], 1, seed):
            yield decoder.decode([vocabulary[code] for code in chunk])
            if decoder.stopped:
                break
        yield decoder.flush()

    def _writer(self, sampling: SamplingOptions, source: TextSource) -> TextGenerator:
        """Return what writes texts in a way of sampling; the last few keep their programs."""
        from nnrun.pipeline.text_samples import text_model_spec

        if sampling not in self._writers:
            spec = text_model_spec(self.loaded.experiment, self.loaded.facts, source)
            self._writers[sampling] = self.session.text_generator(spec, sampling, seed=0, recompute=False)
        self._writers.move_to_end(sampling)
        while len(self._writers) > _KEPT_WRITERS:
            self._writers.popitem(last=False)
        return self._writers[sampling]
