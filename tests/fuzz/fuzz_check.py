"""Run `check` on mutations of shipped configs: `python tests/fuzz/fuzz_check.py SECONDS [SEED]`.

For any text `check` reports findings or a `ConfigError`: no traceback, within 2 s, under 300 MB, and no message has a
place outside of the file.
"""

from __future__ import annotations

import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnrun.config.files import shipped_configs
from nnrun.errors import ConfigError, Problem
from nnrun.pipeline.check import examine

MAX_SECONDS = 2.0
MAX_BYTES = 300 * 1024 * 1024
_TOKEN = re.compile(r"[A-Za-z_$][\w.-]*|-?\d[\d.e-]*|[\[\]{}:,#&*!|>'\"%@`?-]|\s+")
_STRANGE = (
    "null",
    "true",
    "~",
    "[]",
    "{}",
    "''",
    '"',
    "'",
    "*a",
    "&a ",
    "<<: ",
    "!!int ",
    "!x ",
    "---",
    "...",
    "\t",
    "\u0000",
    "\ufeff",
    "\u202e",
    "é",
    "漢",
    "🙂",
    "1e999",
    "-1",
    "0",
    "0x1F",
    "0o17",
    ".nan",
    ".inf",
    "9" * 50,
    "[" * 30,
    "{a: " * 20,
    "- " * 15,
    "$classes",
    "$nonsense",
    "from: [a, b]",
    "extends: base.yaml",
    "repeat: {times: 999, layers: [Flatten]}",
    "use: x",
    "%",
    "@",
    "|",
    ">",
)


def peak_bytes() -> int:
    """Return the peak memory of this process alone; that of getrusage includes the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass
class Tally:
    """The counts of mutants, and their faults."""

    tried: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: tuple[str, ...] = ()

    def line(self) -> str:
        """Return a summary in one line."""
        memory = peak_bytes() // 2**20
        return (f"{self.tried} mutants, {self.refused} refused or warned of, {len(self.faults)} faults, "
                f"slowest {self.slowest:.3f} s, peak memory {memory} MB")  # fmt: skip


def mutants(texts: list[str], chance: random.Random) -> Iterator[bytes]:
    """Yield mutants without end: flipped bytes, swapped tokens, moved lines, inserted words, two configs spliced."""
    while True:
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            text = chance.choice((_tokens, _lines, _words, _splice))(text, texts, chance)
        raw = text.encode("utf-8", "surrogatepass")
        yield _bytes(raw, chance) if chance.random() < 0.2 else raw


def _bytes(raw: bytes, chance: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _tokens(text: str, texts: list[str], chance: random.Random) -> str:
    tokens = _TOKEN.findall(text) or [""]
    at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
    action = chance.randrange(4)
    if action == 0:
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif action == 1:
        tokens[at] = tokens[other]
    elif action == 2:
        del tokens[at]
    else:
        tokens.insert(at, chance.choice(_TOKEN.findall(chance.choice(texts)) or [""]))
    return "".join(tokens)


def _lines(text: str, texts: list[str], chance: random.Random) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    action = chance.randrange(5)
    if action == 0:
        del lines[at]
    elif action == 1:
        lines.insert(chance.randrange(len(lines) + 1), lines[at])
    elif action == 2:
        lines[at] = " " * chance.randint(0, 6) + lines[at].lstrip()
    elif action == 3:
        lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    else:
        chance.shuffle(lines)
    return "\n".join(lines)


def _words(text: str, texts: list[str], chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_STRANGE) + text[at + chance.randrange(3) :]


def _splice(text: str, texts: list[str], chance: random.Random) -> str:
    other = chance.choice(texts)
    return text[: chance.randrange(len(text) + 1)] + other[chance.randrange(len(other) + 1) :]


def outside(problem: Problem, raw: bytes) -> bool:
    """Return whether a problem has a place that does not exist in the file."""
    if problem.mark is None or problem.mark.file != "mutant.yaml":
        return False
    lines = re.split(r"\r\n|\r|\n", raw.decode("utf-8", "replace").removeprefix("\ufeff"))
    mark = problem.mark
    return not (1 <= mark.line <= len(lines) and 1 <= mark.column <= len(lines[mark.line - 1]) + 1)


def fuzz(seconds: float, seed: int, folder: Path) -> Tally:
    """Check mutants for a number of seconds."""
    tally, end = Tally(), time.monotonic() + seconds
    texts = [path.read_text(encoding="utf-8") for path in shipped_configs().values()]
    file = folder / "mutant.yaml"
    for raw in mutants(texts, random.Random(seed)):  # noqa: S311
        if time.monotonic() > end:
            break
        file.write_bytes(raw)
        # The time of this process alone: another one may stop it for seconds.
        start = time.process_time()
        fault = _fault(file, raw, tally)
        taken = time.process_time() - start
        tally.tried += 1
        tally.slowest = max(tally.slowest, taken)
        if fault or taken > MAX_SECONDS:
            saved = folder / f"fault-{len(tally.faults)}.yaml"
            saved.write_bytes(raw)
            tally.faults = (*tally.faults, f"{saved}: {fault or f'{taken:.1f} s'}")
    if peak_bytes() > MAX_BYTES:
        tally.faults = (*tally.faults, "more than 300 MB of memory")
    return tally


def _fault(file: Path, raw: bytes, tally: Tally) -> str | None:
    try:
        problems = examine(file, (), file.parent).problems
    except ConfigError as error:
        problems = error.problems
    except Exception as error:  # noqa: BLE001 - any other exception is a fault
        return f"{type(error).__name__}: {error}"
    tally.refused += bool(problems)
    wrong = [f"{problem.mark}: {problem.text}" for problem in problems if outside(problem, raw)]
    return f"a place outside the file: {wrong[0]}" if wrong else None


if __name__ == "__main__":
    work = Path(tempfile.mkdtemp(prefix="nnrun-fuzz-"))
    done = fuzz(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, work)
    print("\n".join((*done.faults[:40], done.line())))  # noqa: T201
    sys.exit(bool(done.faults))
